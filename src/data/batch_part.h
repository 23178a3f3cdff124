/* The part of every training batch that this process computes, where several share batches out by slices
 * (train/grad_slices.h): it makes no other samples. A batch has slices of samples / slices, rounded up; the last ones may be
 * smaller or missing. */
#ifndef DATA_BATCH_PART_H
#define DATA_BATCH_PART_H

#include <stdint.h>

typedef struct tli_batch_part {
    uint32_t slices;       /* of a batch; 0: the part is all of it */
    uint32_t first, count; /* slices of the part */
} tli_batch_part;

/* Samples [from, to) of a batch. */
typedef struct tli_batch_range {
    uint32_t from, to;
} tli_batch_range;

uint32_t tli_batch_slice(uint32_t slices, uint32_t samples); /* samples of a slice */
tli_batch_range tli_batch_part_range(const tli_batch_part *part, uint32_t samples);

#endif
