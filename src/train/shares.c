#include "train/shares.h"

#include <stdlib.h>

#include "core/arithmetic.h"
#include "train/grad_clip.h"

tl_status tli_shares_create(const tli_registry *registry, int count, uint64_t max_alloc_bytes, tli_shares *s,
                            tl_error *err)
{
    const uint64_t all = tli_registry_count(registry), each = all / (uint64_t)count,
                   rest = all % (uint64_t)count;
    *s = (tli_shares){.count = count,
                      .cuts = calloc((size_t)count + 1, sizeof *s->cuts),
                      .sums = calloc((size_t)count + 1, sizeof *s->sums)};
    if (s->cuts == NULL || s->sums == NULL) {
        tli_shares_free(s);
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the shares of %d ranks", count);
    }
    for (int k = 0; k <= count; k++) {
        const uint64_t even = (uint64_t)k * each + (uint64_t)k * rest / (uint64_t)count;
        s->cuts[k] = tli_grad_clip_next(registry, even, max_alloc_bytes);
        s->sums[k] = tli_grad_clip_sums(registry, s->cuts[k], max_alloc_bytes);
    }
    return TL_OK;
}

void tli_shares_free(tli_shares *s)
{
    free(s->cuts);
    free(s->sums);
    *s = (tli_shares){0};
}

tli_held_shares tli_shares_held(int ranks, int rank, int width)
{
    tli_held_shares held = {0, ranks};
    for (int below = 1; below < width; below *= 2) {
        held.count /= 2;
        if ((rank & below) != 0) held.first += held.count;
    }
    return held;
}

int tli_shares_of(int ranks, int rank)
{
    return tli_shares_held(ranks, rank, ranks).first;
}

uint64_t tli_shares_largest(const tli_shares *s)
{
    uint64_t most = 0;
    for (int k = 0; k < s->count; k++) most = tli_larger(most, s->cuts[k + 1] - s->cuts[k]);
    return most;
}
