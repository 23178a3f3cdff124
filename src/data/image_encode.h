/* Pixels from a model's inputs. The file's other function is public: tl_picture_write_png. */
#ifndef DATA_IMAGE_ENCODE_H
#define DATA_IMAGE_ENCODE_H

#include "data/image_decode.h"

/* The inverse of tli_normalise for pixels [3][height][width], written into `image` with top left corner
 * (left, top), clipped. */
void tli_image_paint(tli_image *image, uint32_t left, uint32_t top, const float *values, uint32_t width,
                     uint32_t height);

#endif
