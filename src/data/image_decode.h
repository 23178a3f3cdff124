/* Image files as 8-bit RGB, as Pillow's Image.open(...).convert("RGB") makes it of them: JPEG, PNG, WebP, TIFF, BMP, PBM, PGM
 * and PPM. What a file is, its first bytes say, not its name. Transparency is dropped, not composed with a background; an
 * orientation noted in Exif is ignored (but that of a TIFF file applied), as torchvision and Pillow have it. */
#ifndef DATA_IMAGE_DECODE_H
#define DATA_IMAGE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* Larger images are refused by what their header says, before anything is allocated for them. */
#define TLI_IMAGE_SIDE_LIMIT  UINT32_C(16384)
#define TLI_IMAGE_PIXEL_LIMIT UINT64_C(100000000)

/* The bytes of a file; the buffer grows and is used again. Begin with {0}. */
typedef struct tli_bytes {
    uint8_t *data; /* owned */
    size_t count, capacity;
} tli_bytes;

void tli_bytes_free(tli_bytes *bytes);
/* A whole regular file. TL_ERROR_INPUT names it when it cannot be read or is empty. */
tl_status tli_bytes_read(tli_bytes *bytes, const char *path, tl_error *err);

/* The pixels; the buffer grows and is used again. Begin with {0}. */
typedef struct tli_image {
    uint32_t width, height;
    uint8_t *pixels; /* [height][width][3], owned */
    size_t capacity;
    uint32_t remarks; /* by tli_image_decode: a tli_image_remark */
} tli_image;

/* What a user should know of a file that was decoded, an OR of these. */
typedef enum tli_image_remark {
    TLI_IMAGE_ORIENTED = 1, /* it is to be turned or mirrored, which is not done */
    TLI_IMAGE_DEEP_GREY =
        2 /* it is greyscale of more than 8 bits, of which all values above 255 become white */
} tli_image_remark;

void tli_image_free(tli_image *image);
/* Makes room for width x height pixels, uninitialised. */
tl_status tli_image_reserve(tli_image *image, uint32_t width, uint32_t height, tl_error *err);

/* Whether a file of this name is taken for an image in a folder, by its suffix in any case: those of torchvision's
 * ImageFolder. */
bool tli_image_is_name(const char *name);
/* ".jpg, .jpeg, .png, ..."; returns `text`. */
enum { TLI_IMAGE_SUFFIX_TEXT = 100 };
char *tli_image_suffix_list(char text[TLI_IMAGE_SUFFIX_TEXT]);

/* The size from the header alone. `name` stands in messages. */
tl_status tli_image_size(const tli_bytes *file, const char *name, uint32_t *width, uint32_t *height,
                         tl_error *err);
/* Decodes. `shrink` 2, 4 or 8 lets a JPEG come that many times smaller, ceil(size / shrink), which is quicker
 * than decoding all of it; other formats come as they are. TL_ERROR_INPUT names a file that is no image, is damaged or
 * truncated, or is too large. */
tl_status tli_image_decode(const tli_bytes *file, const char *name, uint32_t shrink, tli_image *image,
                           tl_error *err);

#endif
