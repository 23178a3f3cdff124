/* Which programs the models take. */
#ifndef TRAIN_EVERY_PROGRAM_H
#define TRAIN_EVERY_PROGRAM_H

#include "device/device.h"

/* Asks a dry context for every program: the families of kernels that have no shapes of their own, and what one training
 * step of a model of one block takes, for each task's inputs, each operation with the roles and the positions that it
 * may have, and each size of models/presets.h. */
tl_status tli_every_program(tl_context *ctx);

#endif
