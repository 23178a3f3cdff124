/* The norm of all gradients, for clipping, and the search for what is not finite. */
#ifndef TRAIN_GRAD_CLIP_H
#define TRAIN_GRAD_CLIP_H

#include "models/registry.h"

typedef struct tli_grad_clip {
    tl_tensor *partial;  /* partial sums of squares of all gradients; NULL: not created */
    tl_tensor *verdicts; /* two values a slot, see ops/clip.h */
    uint32_t count;      /* of partial sums */
} tli_grad_clip;

/* What was decided on a step. */
typedef struct tli_grad_verdict {
    bool left_out;      /* loss or gradients were not finite: the step changed no weight */
    const char *broken; /* the first parameter whose gradient was not finite; NULL: all were */
} tli_grad_verdict;

/* With room for the verdicts on `slots` steps. */
tl_status tli_grad_clip_create(tl_context *ctx, const tli_registry *registry, uint32_t slots,
                               tli_grad_clip *guard);
void tli_grad_clip_destroy(tl_context *ctx, tli_grad_clip *guard);

/* Enqueued: decides on a step with these gradients and this loss. *verdict is what the optimizer then takes. `clip`: the
 * largest norm over all parameters, 0: any. */
tl_status tli_grad_clip_decide(tl_context *ctx, const tli_grad_clip *guard, const tli_registry *registry,
                               tli_view loss, float clip, uint32_t slot, tli_view *verdict);
/* Blocking: the verdicts in slots 0 to count - 1. */
tl_status tli_grad_clip_read(tl_context *ctx, const tli_grad_clip *guard, const tli_registry *registry,
                             uint32_t count, tli_grad_verdict *verdicts);

/* Reads gradients and weights until one is found that is not finite: "the gradient of NAME", "the weight NAME", or "the
 * loss alone". Slow: for the message of a run that ends. */
tl_status tli_grad_clip_find(tl_context *ctx, const tli_registry *registry, char *text, size_t capacity);

#endif
