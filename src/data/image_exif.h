/* Exif orientation. */
#ifndef DATA_IMAGE_EXIF_H
#define DATA_IMAGE_EXIF_H

#include <stdbool.h>

#include "data/image_decode.h"

/* Whether the Exif data of a JPEG, PNG or WebP file ask for a rotation or mirroring. */
bool tli_image_is_oriented(const tli_bytes *file);

#endif
