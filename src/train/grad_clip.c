#include "train/grad_clip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/clip.h"

/* Number of partial sums of a parameter's gradient, shard by shard. */
static uint64_t squares_of(const tli_parameter *p, uint64_t max_alloc_bytes)
{
    const uint64_t lead = tli_parameter_lead(p), row = tli_parameter_count(p) / lead;
    uint64_t per_shard = tli_tensor_lead_per_shard(p->dtype, lead, row, max_alloc_bytes);
    if (per_shard == 0) per_shard = lead; /* fits no buffer: the plan says so */
    return lead / per_shard * tli_squares_count(per_shard * row) + tli_squares_count(lead % per_shard * row);
}

static uint64_t squares_of_all(const tli_registry *registry, uint64_t max_alloc_bytes)
{
    uint64_t count = 0;
    for (int i = 0; i < registry->count; i++) count += squares_of(&registry->items[i], max_alloc_bytes);
    return count;
}

/* Elements of clip_results. */
static uint64_t results_count(uint32_t slots)
{
    return 2 * (uint64_t)slots;
}

uint64_t tli_grad_clip_bytes(const tli_registry *registry, uint32_t slots, uint64_t max_alloc_bytes)
{
    return (squares_of_all(registry, max_alloc_bytes) + results_count(slots)) *
           tli_element_bytes(TLI_DTYPE_F32);
}

tl_status tli_grad_clip_create(tl_context *ctx, const tli_registry *registry, uint32_t slots,
                               tli_grad_clip *grad_clip)
{
    const uint64_t count = squares_of_all(registry, tli_context_limits(ctx)->max_alloc_bytes);
    if (count >= 1 << 24) /* indices of partial sums must be exact as floats */
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the model is too large for gradient clipping");
    grad_clip->count = (uint32_t)count;
    TLI_TRY(tli_tensor_create_uninitialized(ctx, "gradient norm", TL_MEMORY_WORKSPACE, 1, count,
                                            &grad_clip->partial));
    return tl_tensor_create(ctx, "clip results", TL_MEMORY_WORKSPACE, 1, results_count(slots),
                            &grad_clip->clip_results);
}

void tli_grad_clip_destroy(tl_context *ctx, tli_grad_clip *grad_clip)
{
    tl_tensor_destroy(ctx, grad_clip->partial);
    tl_tensor_destroy(ctx, grad_clip->clip_results);
    *grad_clip = (tli_grad_clip){0};
}

tl_status tli_grad_clip_decide(tl_context *ctx, const tli_grad_clip *grad_clip, const tli_registry *registry,
                               tli_view loss, float clip, uint32_t slot, tli_view *clip_result)
{
    uint64_t at = 0;
    for (int i = 0; i < registry->count; i++) {
        const tl_tensor *g = registry->items[i].gradient;
        for (int s = 0; s < g->shards; s++) {
            const uint64_t count = tli_shard_count(g, s);
            TLI_TRY(tli_squares(ctx, tli_shard_view(g, s), count, tli_at(grad_clip->partial, at)));
            at += tli_squares_count(count);
        }
    }
    *clip_result = tli_at(grad_clip->clip_results, 2 * (uint64_t)slot);
    return tli_clip_decide(ctx, tli_at(grad_clip->partial, 0), grad_clip->count, loss, clip, *clip_result);
}

/* The parameter whose gradient has the partial sum with this index. */
static const char *grad_clip_owner(const tl_context *ctx, const tli_registry *registry, uint64_t at)
{
    const uint64_t max_alloc_bytes = tli_context_limits(ctx)->max_alloc_bytes;
    for (int i = 0; i < registry->count; i++) {
        const uint64_t count = squares_of(&registry->items[i], max_alloc_bytes);
        if (at < count) return registry->items[i].name;
        at -= count;
    }
    return NULL;
}

tl_status tli_grad_clip_read(tl_context *ctx, const tli_grad_clip *grad_clip, const tli_registry *registry,
                             uint32_t count, tli_clip_result *clip_results)
{
    enum { PIECE = 64 };
    float values[2 * PIECE];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = i % PIECE, left = count - i;
        if (at == 0)
            TLI_TRY(tl_tensor_read(ctx, grad_clip->clip_results, 2 * (uint64_t)i,
                                   2 * (uint64_t)(left < PIECE ? left : PIECE), values));
        clip_results[i] = (tli_clip_result){
            .skipped = values[2 * at] < 0.0f,
            .broken = grad_clip_owner(ctx, registry, (uint64_t)values[2 * at + 1])};
    }
    return TL_OK;
}

static tl_status is_finite(tl_context *ctx, const tl_tensor *t, float *piece, uint64_t most, bool *finite)
{
    const uint64_t count = t->lead * t->row;
    *finite = true;
    for (uint64_t at = 0; at < count && *finite; at += most) {
        const uint64_t n = count - at < most ? count - at : most;
        TLI_TRY(tl_tensor_read(ctx, t, at, n, piece));
        for (uint64_t i = 0; i < n && *finite; i++) *finite = isfinite(piece[i]);
    }
    return TL_OK;
}

tl_status tli_grad_clip_find(tl_context *ctx, const tli_registry *registry, char *text, size_t capacity)
{
    enum { PIECE = 1 << 20 };
    float *piece = malloc(PIECE * sizeof *piece);
    if (piece == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a search");
    tl_status status = TL_OK;
    bool finite = true;
    snprintf(text, capacity, "the loss alone");
    for (int k = 0; k < 2 * registry->count && finite && status == TL_OK; k++) {
        const tli_parameter *p = &registry->items[k % registry->count];
        const bool gradient = k < registry->count;
        status = is_finite(ctx, gradient ? p->gradient : p->value, piece, PIECE, &finite);
        if (!finite) snprintf(text, capacity, "the %s %s", gradient ? "gradient of" : "weight", p->name);
    }
    free(piece);
    return status;
}
