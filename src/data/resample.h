/* Antialiased bilinear resizing of 8-bit RGB, as PIL's Image.resize(..., BILINEAR): a triangle filter as wide as
 * the shrinking asks for, columns before rows, 8 bits in between. */
#ifndef TL_DATA_RESAMPLE_H
#define TL_DATA_RESAMPLE_H

#include "data/image_decode.h"

/* Whole pixels of an image. */
typedef struct tl_rect {
    uint32_t left, top, width, height;
} tl_rect;

/* What to make of an image: its part `from` becomes width x height pixels, of which `window` is kept. */
typedef struct tl_resize {
    tl_rect from;
    uint32_t width, height;
    tl_rect window;
} tl_resize;

/* Buffers that grow and are used again. Begin with {0}. */
typedef struct tl_resampler {
    int32_t *weights;          /* owned, [window side][taps] in units of 2^-22 */
    uint32_t *first, *count;   /* owned, [window side]: input pixels under the filter */
    tl_image columns;          /* the rows that count, resized along x */
    size_t weight_room, sides; /* what the buffers hold */
} tl_resampler;

void tl_resampler_free(tl_resampler *resampler);

/* `image` may be a smaller copy, decoded with `shrink`, of the image of full_width x full_height pixels that `plan`
 * speaks of. `out` gets the window's size. */
tl_status tl_resample(const tl_image *image, uint32_t full_width, uint32_t full_height, const tl_resize *plan,
                      tl_resampler *resampler, tl_image *out, tl_error *err);

/* The largest of 1, 2, 4 and 8 by which a JPEG may be shrunk in decoding so that `from` still has twice the pixels a side
 * that the plan makes of it: the antialiased resizing that follows then hides most of the difference. */
uint32_t tl_resize_shrink(const tl_resize *plan);

#endif
