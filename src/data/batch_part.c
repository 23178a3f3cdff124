#include "data/batch_part.h"

#include "core/arithmetic.h"

uint32_t tli_batch_slice(uint32_t slices, uint32_t samples)
{
    return (uint32_t)tli_ceil_div(tli_larger(samples, 1), slices);
}

tli_batch_range tli_batch_part_range(const tli_batch_part *part, uint32_t samples)
{
    if (part->slices == 0) return (tli_batch_range){0, samples};
    const uint64_t each = tli_batch_slice(part->slices, samples), from = part->first * each,
                   to = (part->first + (uint64_t)part->count) * each;
    return (tli_batch_range){from < samples ? (uint32_t)from : samples,
                             to < samples ? (uint32_t)to : samples};
}
