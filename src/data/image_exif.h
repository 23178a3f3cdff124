/* The orientation that cameras note in Exif. */
#ifndef DATA_IMAGE_EXIF_H
#define DATA_IMAGE_EXIF_H

#include <stdbool.h>

#include "data/image_decode.h"

/* Whether a JPEG, PNG or WebP file says that its picture is to be turned or mirrored before it is shown. */
bool tli_image_is_oriented(const tli_bytes *file);

#endif
