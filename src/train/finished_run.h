/* OUT/result.json: the result of a finished run, so that resuming it prints the same and computes nothing. */
#ifndef TRAIN_FINISHED_RUN_H
#define TRAIN_FINISHED_RUN_H

#include "tasks/settings.h"

/* Written last, under a temporary name, then renamed. `best` is the best score of all evaluations. */
tl_status tli_finished_save(const char *out, const tl_result *result, double best, tl_error *err);

/* False: there is no readable result of a run of `steps` steps. result->out is unchanged. */
bool tli_finished_load(const char *out, uint64_t steps, tl_result *result, double *best);

#endif
