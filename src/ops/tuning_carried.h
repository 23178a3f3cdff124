/* The tables of tuned tiles that the program carries, devices/tuned, which serve devices that were not tuned. */
#ifndef OPS_TUNING_CARRIED_H
#define OPS_TUNING_CARRIED_H

#include "ops/tuning_table.h"

/* The one whose device is nearest to the context's; false: none is of its form, platform and vector width. */
bool tli_tuning_carried(tl_context *ctx, tli_tuning_table *table);

#endif
