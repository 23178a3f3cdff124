/* Labelled greyscale images in host memory: MNIST from IDX files, or generated digits. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef struct tli_dataset {
    uint32_t count, height, width;
    uint8_t *pixels; /* [count][height][width], owned */
    uint8_t *labels; /* [count], owned */
} tli_dataset;

void tli_dataset_free(tli_dataset *set); /* zeroes it; allowed on an empty one */

/* IDX files {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz] of `folder`; `train` selects the pair. Keeps
 * the first `limit` images (0: all). TL_ERROR_INPUT names the file and the error: missing (with the names
 * tried), wrong magic, truncated, trailing bytes, corrupt .gz, label count != image count, zero images,
 * absurd sizes. Labels are not checked against a number of classes. */
tl_status tli_idx_load(const char *folder, int train, uint32_t limit, tli_dataset *set, tl_error *err);

/* What identifies generated digits as a run's data: another name whenever they are drawn otherwise. */
#define TLI_DIGITS_NAME "digits/2"

/* Generated digits (strokes with random slant, thickness, scale and noise), 28 x 28, classes 0..9. A pure
 * function of (seed, train, index): the first n of a longer set are the set of n. count 0: 60,000 for
 * train, 10,000 for test. */
tl_status tli_digits_draw(uint64_t seed, int train, uint32_t count, tli_dataset *set, tl_error *err);

#endif
