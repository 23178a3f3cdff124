/* The norm of all gradients, for clipping, and the search for what is not finite. */
#ifndef TL_TRAIN_GUARD_H
#define TL_TRAIN_GUARD_H

#include "models/registry.h"

typedef struct tl_guard {
    tl_tensor *partial;  /* partial sums of squares of all gradients; NULL: not created */
    tl_tensor *verdicts; /* two values a slot, see ops/clip.h */
    uint32_t count;      /* of partial sums */
} tl_guard;

/* What was decided on a step. */
typedef struct tl_verdict {
    bool left_out;      /* loss or gradients were not finite: the step changed no weight */
    const char *broken; /* the first parameter whose gradient was not finite; NULL: all were */
} tl_verdict;

/* With room for the verdicts on `slots` steps. */
tl_status tl_guard_create(tl_context *ctx, const tl_registry *registry, uint32_t slots, tl_guard *guard);
void tl_guard_destroy(tl_context *ctx, tl_guard *guard);

/* Enqueued: decides on a step with these gradients and this loss. *verdict is what the optimizer then takes. `clip`: the
 * largest norm over all parameters, 0: any. */
tl_status tl_guard_judge(tl_context *ctx, const tl_guard *guard, const tl_registry *registry, tl_view loss,
                         float clip, uint32_t slot, tl_view *verdict);
/* Blocking: the verdicts in slots 0 to count - 1. */
tl_status tl_guard_read(tl_context *ctx, const tl_guard *guard, const tl_registry *registry, uint32_t count,
                        tl_verdict *verdicts);

/* Reads gradients and weights until one is found that is not finite: "the gradient of NAME", "the weight NAME", or "the
 * loss alone". Slow: for the message of a run that ends. */
tl_status tl_guard_find(tl_context *ctx, const tl_registry *registry, char *text, size_t room);

#endif
