/* Antialiased bilinear resizing of 8-bit RGB, as PIL's Image.resize(..., BILINEAR): a triangle filter as wide as
 * the shrinking asks for, columns before rows, 8 bits in between. */
#ifndef DATA_RESAMPLE_H
#define DATA_RESAMPLE_H

#include "data/image_decode.h"

/* Whole pixels of an image. */
typedef struct tli_rect {
    uint32_t left, top, width, height;
} tli_rect;

/* What to make of an image: its part `from` becomes width x height pixels, of which `window` is kept. */
typedef struct tli_resize {
    tli_rect from;
    uint32_t width, height;
    tli_rect window;
} tli_resize;

/* Buffers that grow and are used again. Begin with {0}. */
typedef struct tli_resampler {
    int32_t *weights;          /* owned, [window side][taps] in units of 2^-22 */
    uint32_t *first, *count;   /* owned, [window side]: input pixels under the filter */
    tli_image columns;         /* the rows that count, resized along x */
    size_t weight_room, sides; /* what the buffers hold */
} tli_resampler;

void tli_resampler_free(tli_resampler *resampler);

/* `image` may be a smaller copy, decoded with `shrink`, of the image of full_width x full_height pixels that `plan`
 * speaks of. `out` gets the window's size. */
tl_status tli_resample(const tli_image *image, uint32_t full_width, uint32_t full_height,
                       const tli_resize *plan, tli_resampler *resampler, tli_image *out, tl_error *err);

/* The largest of 1, 2, 4 and 8 by which a JPEG may be shrunk in decoding so that `from` still has twice the pixels a side
 * that the plan makes of it: the antialiased resizing that follows then hides most of the difference. */
uint32_t tli_resize_shrink(const tli_resize *plan);

#endif
