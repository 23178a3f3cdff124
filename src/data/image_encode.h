/* Writes PNG files. */
#ifndef DATA_IMAGE_ENCODE_H
#define DATA_IMAGE_ENCODE_H

#include "data/image_decode.h"

/* TL_ERROR_IO names the file when it cannot be written; a partial file is removed. */
tl_status tli_image_write_png(const char *path, const tli_image *image, tl_error *err);

/* The inverse of tli_normalise for pixels [3][height][width], written into `image` with top left corner
 * (left, top), clipped. */
void tli_image_paint(tli_image *image, uint32_t left, uint32_t top, const float *values, uint32_t width,
                     uint32_t height);

#endif
