/* The orientation that cameras note in Exif. */
#ifndef TL_DATA_IMAGE_EXIF_H
#define TL_DATA_IMAGE_EXIF_H

#include <stdbool.h>

#include "data/image_decode.h"

/* Whether a JPEG, PNG or WebP file says that its picture is to be turned or mirrored before it is shown. */
bool tl_image_is_oriented(const tl_bytes *file);

#endif
