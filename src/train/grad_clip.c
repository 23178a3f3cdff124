#include "train/grad_clip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/clip.h"

/* Elements of a parameter's shards, of which the last may be shorter. */
static uint64_t shard_elements(const tli_parameter *p, uint64_t max_alloc_bytes)
{
    const uint64_t lead = tli_parameter_lead(p), row = tli_parameter_count(p) / lead,
                   per_shard = tli_tensor_lead_per_shard(p->dtype, lead, row, max_alloc_bytes);
    return (per_shard > 0 ? per_shard : lead) * row; /* 0: fits no buffer, as the plan says */
}

/* Number of partial sums of the first `count` elements of a parameter's gradient, shard by shard. */
static uint64_t squares_of(const tli_parameter *p, uint64_t count, uint64_t max_alloc_bytes)
{
    const uint64_t shard = shard_elements(p, max_alloc_bytes);
    return count / shard * tli_squares_count(shard) + tli_squares_count(count % shard);
}

uint64_t tli_grad_clip_sums(const tli_registry *registry, uint64_t element, uint64_t max_alloc_bytes)
{
    uint64_t sums = 0;
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        const uint64_t count = tli_parameter_count(p);
        if (element <= p->at) break;
        sums += squares_of(p, element - p->at < count ? element - p->at : count, max_alloc_bytes);
    }
    return sums;
}

uint64_t tli_grad_clip_next(const tli_registry *registry, uint64_t element, uint64_t max_alloc_bytes)
{
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        const uint64_t count = tli_parameter_count(p), inside = element - p->at;
        if (inside >= count) continue;
        const uint64_t shard = shard_elements(p, max_alloc_bytes),
                       begun = tli_squares_count(inside % shard) * TLI_SQUARES_PIECE,
                       next = inside / shard * shard + (begun < shard ? begun : shard);
        return p->at + (next < count ? next : count);
    }
    return tli_registry_count(registry);
}

static uint64_t squares_of_all(const tli_registry *registry, uint64_t max_alloc_bytes)
{
    return tli_grad_clip_sums(registry, tli_registry_count(registry), max_alloc_bytes);
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

tl_status tli_grad_clip_measure(tl_context *ctx, const tli_grad_clip *grad_clip, const tli_registry *registry)
{
    uint64_t sum = tli_grad_clip_sums(registry, registry->share_begin,
                                      tli_context_limits(ctx)->max_alloc_bytes);
    for (int i = 0; i < registry->count; i++) {
        uint64_t at, here;
        const uint64_t count = tli_registry_shared(registry, i, &at), end = at + count;
        for (; count > 0 && at < end; at += here) {
            const tli_view view = tli_element(registry->items[i].gradient, at, &here);
            if (end - at < here) here = end - at;
            TLI_TRY(tli_squares(ctx, view, here, tli_at(grad_clip->partial, sum)));
            sum += tli_squares_count(here);
        }
    }
    return TL_OK;
}

tl_status tli_grad_clip_decide(tl_context *ctx, const tli_grad_clip *grad_clip, tli_view loss, float clip,
                               uint32_t slot, tli_view *clip_result)
{
    *clip_result = tli_at(grad_clip->clip_results, 2 * (uint64_t)slot);
    return tli_clip_decide(ctx, tli_at(grad_clip->partial, 0), grad_clip->count, loss, clip, *clip_result);
}

/* The parameter whose gradient has the partial sum with this index. */
static const char *grad_clip_owner(const tl_context *ctx, const tli_registry *registry, uint64_t at)
{
    const uint64_t max_alloc_bytes = tli_context_limits(ctx)->max_alloc_bytes;
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        const uint64_t count = squares_of(p, tli_parameter_count(p), max_alloc_bytes);
        if (at < count) return p->name;
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
