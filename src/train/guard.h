/* The norm of all gradients, for clipping, and the search for what is not finite. */
#ifndef TRAIN_GUARD_H
#define TRAIN_GUARD_H

#include "models/registry.h"

typedef struct tli_guard {
    tl_tensor *partial;  /* partial sums of squares of all gradients; NULL: not created */
    tl_tensor *verdicts; /* two values a slot, see ops/clip.h */
    uint32_t count;      /* of partial sums */
} tli_guard;

/* What was decided on a step. */
typedef struct tli_verdict {
    bool left_out;      /* loss or gradients were not finite: the step changed no weight */
    const char *broken; /* the first parameter whose gradient was not finite; NULL: all were */
} tli_verdict;

/* With room for the verdicts on `slots` steps. */
tl_status tli_guard_create(tl_context *ctx, const tli_registry *registry, uint32_t slots, tli_guard *guard);
void tli_guard_destroy(tl_context *ctx, tli_guard *guard);

/* Enqueued: decides on a step with these gradients and this loss. *verdict is what the optimizer then takes. `clip`: the
 * largest norm over all parameters, 0: any. */
tl_status tli_guard_judge(tl_context *ctx, const tli_guard *guard, const tli_registry *registry,
                          tli_view loss, float clip, uint32_t slot, tli_view *verdict);
/* Blocking: the verdicts in slots 0 to count - 1. */
tl_status tli_guard_read(tl_context *ctx, const tli_guard *guard, const tli_registry *registry,
                         uint32_t count, tli_verdict *verdicts);

/* Reads gradients and weights until one is found that is not finite: "the gradient of NAME", "the weight NAME", or "the
 * loss alone". Slow: for the message of a run that ends. */
tl_status tli_guard_find(tl_context *ctx, const tli_registry *registry, char *text, size_t room);

#endif
