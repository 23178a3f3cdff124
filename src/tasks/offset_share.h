/* Ranks that share a model's matrices by offset out: what they refuse, and each one's share. */
#ifndef TASKS_OFFSET_SHARE_H
#define TASKS_OFFSET_SHARE_H

#include "comm/ranks.h"

/* How many of a run's ranks share the matrices by offset out, and compute the same slices. */
int tli_offset_ranks(const tl_settings *settings);
/* TL_ERROR_USAGE unless `sharing` of so many ranks can share the model's matrices by offset out. */
tl_status tli_check_offset_ranks(const tl_model_config *model, uint64_t sharing, uint64_t ranks,
                                 tl_error *err);
/* TL_ERROR_USAGE unless all ranks share the matrices of a model out that they run together, without training. */
tl_status tli_check_all_share(const tl_model_config *model, uint64_t sharing, const tl_ranks *ranks,
                              tl_error *err);
/* The configuration of this rank's share of a model that all of `ranks` (NULL: this process) share out. */
tl_model_config tli_own_share(const tl_model_config *model, const tl_ranks *ranks);

#endif
