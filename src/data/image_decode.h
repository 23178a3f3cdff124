/* Decodes image files to 8-bit RGB with the same result as Pillow's Image.open(...).convert("RGB"): JPEG,
 * PNG, WebP, TIFF, BMP, PBM, PGM and PPM. The format is recognised by the first bytes, not the name.
 * Transparency is dropped, not composited; Exif orientation is ignored (but applied in TIFF files), as in
 * torchvision and Pillow. */
#ifndef DATA_IMAGE_DECODE_H
#define DATA_IMAGE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* Larger images are refused by their header, before memory is allocated. */
#define TLI_IMAGE_SIDE_LIMIT  UINT32_C(16384)
#define TLI_IMAGE_PIXEL_LIMIT UINT64_C(100000000)

/* A file's bytes in a growing, reusable buffer. Initialise with {0}. */
typedef struct tli_bytes {
    uint8_t *data; /* owned */
    size_t count, capacity;
} tli_bytes;

void tli_bytes_free(tli_bytes *bytes);
/* Reads a whole regular file. TL_ERROR_INPUT names it when it cannot be read or is empty. */
tl_status tli_bytes_read(tli_bytes *bytes, const char *path, tl_error *err);

/* Pixels in a growing, reusable buffer. Initialise with {0}. */
typedef struct tli_image {
    uint32_t width, height;
    uint8_t *pixels; /* [height][width][3], owned */
    size_t capacity;
    uint32_t remarks; /* set by tli_image_decode: OR of tli_image_remark */
} tli_image;

/* Remarks about a decoded file, an OR of these. */
typedef enum tli_image_remark {
    TLI_IMAGE_ORIENTED = 1, /* the Exif orientation is not applied */
    TLI_IMAGE_DEEP_GREY = 2 /* greyscale of more than 8 bits: values above 255 are clipped to white */
} tli_image_remark;

void tli_image_free(tli_image *image);
/* Allocates width x height pixels, uninitialised. */
tl_status tli_image_reserve(tli_image *image, uint32_t width, uint32_t height, tl_error *err);

/* `status`, naming `name`, when a side is 0 or above the limits. */
tl_status tli_image_check_size(const char *name, uint32_t width, uint32_t height, tl_status status,
                               tl_error *err);

/* Whether a file in a folder counts as an image, by its suffix in any case; the list is that of
 * torchvision's ImageFolder. */
bool tli_image_is_name(const char *name);
/* ".jpg, .jpeg, .png, ..."; returns `text`. */
enum { TLI_IMAGE_SUFFIX_TEXT = 100 };
char *tli_image_suffix_list(char text[TLI_IMAGE_SUFFIX_TEXT]);

/* Reads the size from the header only. `name` is for messages. */
tl_status tli_image_size(const tli_bytes *file, const char *name, uint32_t *width, uint32_t *height,
                         tl_error *err);
/* Decodes. `shrink` 2, 4 or 8 allows decoding a JPEG at 1/shrink of its size, ceil(size / shrink), which
 * is faster; other formats ignore it. TL_ERROR_INPUT names a file that is not an image, is damaged or
 * truncated, or is too large. */
tl_status tli_image_decode(const tli_bytes *file, const char *name, uint32_t shrink, tli_image *image,
                           tl_error *err);

#endif
