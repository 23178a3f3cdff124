/* Gradient clipping by the global norm, and finding values that are not finite. */
#ifndef TRAIN_GRAD_CLIP_H
#define TRAIN_GRAD_CLIP_H

#include "models/registry.h"

typedef struct tli_grad_clip {
    tl_tensor *partial;      /* partial sums of squares of all gradients; NULL: not created */
    tl_tensor *clip_results; /* two values per slot, see ops/clip.h */
    uint32_t count;          /* number of partial sums */
} tli_grad_clip;

/* Result of the finite check of one step. */
typedef struct tli_clip_result {
    bool skipped;       /* step skipped: loss or gradients were not finite */
    const char *broken; /* first parameter with a gradient that is not finite; NULL: none */
} tli_clip_result;

/* Bytes of the device that tli_grad_clip_create takes (of the kind TL_MEMORY_WORKSPACE) where one buffer
 * holds `max_alloc_bytes`; the registry need not be allocated. */
uint64_t tli_grad_clip_bytes(const tli_registry *registry, uint32_t slots, uint64_t max_alloc_bytes);
/* With clip results for `slots` steps. */
tl_status tli_grad_clip_create(tl_context *ctx, const tli_registry *registry, uint32_t slots,
                               tli_grad_clip *grad_clip);
void tli_grad_clip_destroy(tl_context *ctx, tli_grad_clip *grad_clip);

/* Partial sums of squares are of fixed pieces of the registry's elements, whoever computes them, so that the norm's bits
 * do not depend on how the registry is shared out. */
/* Number of those of the elements before `element`, at which one begins. */
uint64_t tli_grad_clip_sums(const tli_registry *registry, uint64_t element, uint64_t max_alloc_bytes);
/* The first element from `element` on at which one begins, or the end of the registry. */
uint64_t tli_grad_clip_next(const tli_registry *registry, uint64_t element, uint64_t max_alloc_bytes);

/* Enqueued: the partial sums of the registry's share. */
tl_status tli_grad_clip_measure(tl_context *ctx, const tli_grad_clip *grad_clip,
                                const tli_registry *registry);
/* Enqueued, when all partial sums are there: checks gradients and loss of a step and computes the gradient scale.
 * *clip_result is passed to the optimizer. `clip`: maximum global norm, 0: no clipping. */
tl_status tli_grad_clip_decide(tl_context *ctx, const tli_grad_clip *grad_clip, tli_view loss, float clip,
                               uint32_t slot, tli_view *clip_result);
/* Blocking: reads the clip results in slots 0 to count - 1. */
tl_status tli_grad_clip_read(tl_context *ctx, const tli_grad_clip *grad_clip, const tli_registry *registry,
                             uint32_t count, tli_clip_result *clip_results);

/* Reads gradients and weights until one is found that is not finite: "the gradient of NAME", "the weight
 * NAME", or "the loss alone". Slow: for the error message of a run that ends. */
tl_status tli_grad_clip_find(tl_context *ctx, const tli_registry *registry, char *text, size_t capacity);

#endif
