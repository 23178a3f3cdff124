/* Interface of the image decoders. A format is one file, image_<format>.c, with one tli_image_format;
 * image_decode.c has the list and selects by a file's first bytes. */
#ifndef DATA_IMAGE_FORMAT_H
#define DATA_IMAGE_FORMAT_H

#include <stdbool.h>

#include "data/image_decode.h"

/* One decoding: request and result. */
typedef struct tli_decoding {
    const tli_bytes *file;
    const char *name; /* for messages */
    tl_error *err;
    bool header_only;       /* only width and height are wanted */
    uint32_t shrink;        /* 1, 2, 4 or 8; formats other than JPEG ignore it */
    uint32_t width, height; /* from the header */
    tli_image *image;       /* without header_only */
} tli_decoding;

typedef struct tli_image_format {
    const char *name; /* "JPEG" */
    /* File name suffixes with dot, lower case; the rest NULL. */
    const char *suffixes[3];
    bool (*matches)(const tli_bytes *file);
    /* Sets width and height, checks them with tli_decoding_check_size, and unless header_only decodes. */
    tl_status (*decode)(tli_decoding *decoding);
} tli_image_format;

extern const tli_image_format tli_image_jpeg, tli_image_png, tli_image_webp, tli_image_tiff, tli_image_bmp,
    tli_image_pnm;

/* Whether the file begins with these bytes. */
bool tli_bytes_begin(const tli_bytes *file, const char *magic, size_t count);

/* TL_ERROR_INPUT for a size of 0 or above the limits of image_decode.h. */
tl_status tli_decoding_check_size(const tli_decoding *decoding);
/* Error message: the file is truncated. */
tl_status tli_decoding_truncated(const tli_decoding *decoding);
tl_status tli_decoding_no_memory(const tli_decoding *decoding);

/* Pillow's conversion of a CMYK pixel (0: no ink) to RGB. */
void tli_rgb_from_inks(const uint8_t inks[4], uint8_t rgb[3]);
/* Pillow's conversion of a grey sample of more than 8 bits: clipped at 255. */
uint8_t tli_grey_from_deep(uint32_t sample);

#endif
