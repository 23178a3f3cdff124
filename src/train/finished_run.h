/* OUT/result.json: what a run that is done has found, so that resuming it again says the same and computes nothing. */
#ifndef TRAIN_FINISHED_RUN_H
#define TRAIN_FINISHED_RUN_H

#include "tasks/settings.h"

/* Written last of all, under a temporary name that is renamed. `best` is the best score of all evaluations. */
tl_status tli_finished_save(const char *out, const tl_result *result, double best, tl_error *err);

/* False: there is none of a run of `steps` steps that can be read. result->out stays as it is. */
bool tli_finished_load(const char *out, uint64_t steps, tl_result *result, double *best);

#endif
