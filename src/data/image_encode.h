/* PNG files, for people to look at. */
#ifndef TL_DATA_IMAGE_ENCODE_H
#define TL_DATA_IMAGE_ENCODE_H

#include "data/image_decode.h"

/* TL_ERROR_IO names the file when it cannot be written; nothing half-written is left. */
tl_status tl_image_write_png(const char *path, const tl_image *image, tl_error *err);

/* The inverse of tl_normalise, of pixels [3][height][width], into a part of `image` whose top left corner is at
 * (left, top); what lies outside is cut. */
void tl_image_paint(tl_image *image, uint32_t left, uint32_t top, const float *values, uint32_t width,
                    uint32_t height);

#endif
