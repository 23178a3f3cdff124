#include "train/grad_slices.h"

#include <stdio.h>
#include <stdlib.h>

#include "ops/add.h"

int tli_grad_slices_levels(uint32_t slices, int ranks)
{
    int levels = 0;
    while (1u << levels < slices) levels++;
    for (; ranks > 1 && levels >= 0; ranks /= 2) levels = ranks % 2 == 0 ? levels - 1 : -1;
    return levels;
}

tli_batch_part tli_grad_slices_part(uint32_t slices, const tl_ranks *ranks)
{
    const int levels = tli_grad_slices_levels(slices, tl_ranks_size(ranks));
    const uint32_t leaves = levels > 0 ? 1u << levels : 1;
    return (tli_batch_part){
        .slices = slices, .first = (uint32_t)tl_ranks_rank(ranks) * leaves, .count = leaves};
}

static tl_status create_level(tl_context *ctx, const tli_registry *registry, int level, tli_grad_slices *s)
{
    for (int i = 0; i < s->count; i++) {
        const tl_tensor *gradient = registry->items[i].gradient;
        char name[128];
        snprintf(name, sizeof name, "slices' %s", gradient->name);
        TLI_TRY(tli_tensor_create_uninitialized(ctx, name, TL_MEMORY_GRADIENT, gradient->lead, gradient->row,
                                                &s->sums[level * s->count + i]));
    }
    return tli_tensor_create_uninitialized(ctx, "slices' loss", TL_MEMORY_GRADIENT, 1, 1, &s->losses[level]);
}

tl_status tli_grad_slices_create(tl_context *ctx, const tli_registry *registry, uint32_t slices,
                                 const tl_ranks *ranks, tli_grad_slices *s)
{
    const int levels = tli_grad_slices_levels(slices, tl_ranks_size(ranks));
    *s = (tli_grad_slices){
        .part = tli_grad_slices_part(slices, ranks), .levels = levels, .count = registry->count};
    if (levels <= 0) return TL_OK;
    s->sums = calloc((size_t)levels * (size_t)s->count, sizeof *s->sums);
    s->losses = calloc((size_t)levels, sizeof *s->losses);
    if (s->sums == NULL || s->losses == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "out of host memory for the sums of %u slices", slices);
    for (int level = 0; level < levels; level++) TLI_TRY(create_level(ctx, registry, level, s));
    return TL_OK;
}

void tli_grad_slices_destroy(tl_context *ctx, tli_grad_slices *s)
{
    for (int i = 0; s->sums != NULL && i < s->levels * s->count; i++) tl_tensor_destroy(ctx, s->sums[i]);
    for (int level = 0; s->losses != NULL && level < s->levels; level++)
        tl_tensor_destroy(ctx, s->losses[level]);
    free(s->sums);
    free(s->losses);
    *s = (tli_grad_slices){0};
}

enum { CURRENT = -1 }; /* the registry's gradients and the loss of the slice, in the place of a level's sum */

/* target = sum of level `left` + current, or for `left` CURRENT a copy of current; of parameters [from, to). */
static tl_status combine_gradients(tl_context *ctx, const tli_grad_slices *s, const tli_registry *registry,
                                   int from, int to, int left, int target)
{
    for (int i = from; i < to; i++) {
        const tl_tensor *own = registry->items[i].gradient,
                        *kept = left == CURRENT ? NULL : s->sums[left * s->count + i],
                        *into = target == CURRENT ? own : s->sums[target * s->count + i];
        for (int shard = 0; shard < own->shards; shard++) {
            const uint64_t count = tli_shard_count(own, shard);
            const tli_view source = tli_shard_view(own, shard), sum = tli_shard_view(into, shard);
            TLI_TRY(kept == NULL ? tli_copy(ctx, source, sum, count)
                                 : tli_add(ctx, tli_shard_view(kept, shard), source, sum, count));
        }
    }
    return TL_OK;
}

/* The same of all parameters and the loss. */
static tl_status combine(tl_context *ctx, const tli_grad_slices *s, const tli_registry *registry,
                         tli_view loss, int left, int target)
{
    TLI_TRY(combine_gradients(ctx, s, registry, 0, s->count, left, target));
    const tli_view to = target == CURRENT ? loss : tli_at(s->losses[target], 0);
    return left == CURRENT ? tli_copy(ctx, loss, to, 1)
                           : tli_add(ctx, tli_at(s->losses[left], 0), loss, to, 1);
}

/* Behind the last slice all that is kept is added. */
tl_status tli_grad_slices_complete(tl_context *ctx, const tli_grad_slices *s, const tli_registry *registry,
                                   uint32_t slice, int from, int to)
{
    for (int level = 0; slice >> level != 0; level++)
        if ((slice >> level & 1) != 0) TLI_TRY(combine_gradients(ctx, s, registry, from, to, level, CURRENT));
    return TL_OK;
}

tl_status tli_grad_slices_complete_loss(tl_context *ctx, const tli_grad_slices *s, tli_view loss,
                                        uint32_t slice)
{
    for (int level = 0; slice >> level != 0; level++)
        if ((slice >> level & 1) != 0) TLI_TRY(tli_add(ctx, tli_at(s->losses[level], 0), loss, loss, 1));
    return TL_OK;
}

/* A 1 among the bits of the slice's number says that this level's left half is complete, and kept: the slice
 * completes the right halves of the lowest 1s in a row. */
tl_status tli_grad_slices_add(tl_context *ctx, const tli_grad_slices *s, const tli_registry *registry,
                              tli_view loss, uint32_t slice, bool last)
{
    if (last) {
        TLI_TRY(tli_grad_slices_complete(ctx, s, registry, slice, 0, s->count));
        return tli_grad_slices_complete_loss(ctx, s, loss, slice);
    }
    for (int level = 0; (slice >> level & 1) != 0; level++) {
        const bool more = (slice >> (level + 1) & 1) != 0;
        TLI_TRY(combine(ctx, s, registry, loss, level, more ? CURRENT : level + 1));
    }
    return (slice & 1) != 0 ? TL_OK : combine(ctx, s, registry, loss, CURRENT, 0);
}
