/* Which programs the models take. */
#ifndef TRAIN_EVERY_PROGRAM_H
#define TRAIN_EVERY_PROGRAM_H

#include "device/device.h"
#include "tasks/task.h"

/* Asks a dry context for every program: the families of kernels that have no shapes of their own, and what one training
 * step of a model of one block takes, for each task's inputs, each operation with the roles and the positions that it
 * may have, and each size of models/presets.h. */
tl_status tli_every_program(tl_context *ctx);

/* Takes a dry context through training steps of a model, optimizer and all: one with the full batch, one with its half, ...
 * down to `smallest` samples, at least 1. */
tl_status tli_dry_steps(tl_context *ctx, const tl_settings *s, uint32_t smallest);

#endif
