/* What the ranks of a run check among themselves before its first step. */
#ifndef TRAIN_RUN_RANKS_H
#define TRAIN_RUN_RANKS_H

#include "tasks/offset_share.h"
#include "train/training_run.h"

/* Gives a run as many slices as its ranks need, unless it has a number of its own. TL_ERROR_USAGE when that many
 * ranks cannot share them, or not the matrices by offset. */
tl_status tli_share_slices(tl_settings *settings, int ranks, tl_error *err);
/* The groups of this rank: tl_ranks that share the matrices out, one behind the other, and those that have the same share and
 * different slices. NULL where it is alone. */
tl_status tli_run_group_ranks(training_run *r);
/* Called by all ranks alike. TL_ERROR_USAGE in a rank whose version or settings are not those of rank 0, naming
 * what differs. */
tl_status tli_run_compare_ranks(training_run *r);
/* Called by all ranks alike, with r->identity; `unit`: what samples are, as "images". TL_ERROR_INPUT in a rank whose data are not those of
 * rank 0. */
tl_status tli_run_compare_data(training_run *r, const char *unit);
/* Tells all ranks rank 0's folder, and fails with TL_ERROR_USAGE where one of them does not see it. */
tl_status tli_run_share_folder(training_run *r);

#endif
