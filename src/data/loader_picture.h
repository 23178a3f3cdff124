/* Prepares one image for the model: read, crop, resize, augment. A function of the loader's options, the
 * epoch and the sample. */
#ifndef DATA_LOADER_PICTURE_H
#define DATA_LOADER_PICTURE_H

#include "core/random.h"
#include "data/image_decode.h"
#include "data/loader.h"
#include "data/resample.h"

/* Per-thread buffers, kept between images; initially all zero. */
typedef struct tli_picture_maker {
    tli_bytes bytes;
    tli_image decoded, picture, spare;
    tli_resampler resampler;
} tli_picture_maker;

void tli_picture_maker_free(tli_picture_maker *maker);

/* out [3][size][size]. maker->decoded.remarks says what the decoder had to remark on a file. TL_ERROR_INPUT: it is no readable
 * image. */
tl_status tli_picture_make(const tli_loader_options *o, tli_picture_maker *maker, uint64_t epoch,
                           uint32_t sample, float *out, tl_error *err);

/* Random words reserved per image, or batch, and epoch: more than any augmentation draws. */
tli_random tli_picture_random(const tli_loader_options *o, const char *stream, uint64_t epoch,
                              uint32_t index);

#endif
