/* Antialiased bilinear resizing of 8-bit RGB, equal to PIL's Image.resize(..., BILINEAR): a triangle
 * filter scaled by the downsampling factor, columns before rows, rounded to 8 bits in between. */
#ifndef DATA_RESAMPLE_H
#define DATA_RESAMPLE_H

#include "data/image_decode.h"

/* A rectangle in whole pixels. */
typedef struct tli_rect {
    uint32_t left, top, width, height;
} tli_rect;

/* A resize: the part `from` of the image becomes width x height pixels, of which only `window` is
 * computed. */
typedef struct tli_resize {
    tli_rect from;
    uint32_t width, height;
    tli_rect window;
} tli_resize;

/* Growing, reusable buffers. Initialise with {0}. */
typedef struct tli_resampler {
    int32_t *weights;          /* owned, [window side][taps] in units of 2^-22 */
    uint32_t *first, *count;   /* owned, [window side]: input pixels under the filter */
    tli_image columns;         /* the needed rows, resized along x */
    size_t weight_room, sides; /* allocated elements */
} tli_resampler;

void tli_resampler_free(tli_resampler *resampler);

/* `image` may be a smaller copy (decoded with `shrink`) of the full_width x full_height image that `plan`
 * refers to. `out` gets the window's size. */
tl_status tli_resample(const tli_image *image, uint32_t full_width, uint32_t full_height,
                       const tli_resize *plan, tli_resampler *resampler, tli_image *out, tl_error *err);

/* The largest of 1, 2, 4 and 8 by which a JPEG may be shrunk in decoding such that `from` still has twice
 * the plan's pixels per side; the antialiased resizing then hides most of the difference. */
uint32_t tli_resize_shrink(const tli_resize *plan);

#endif
