/* Image files of every kind for the tests, written by libjpeg and libpng themselves. */
#ifndef TESTS_IMAGE_FILES_H
#define TESTS_IMAGE_FILES_H

#include "files.h"

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

/* `pixels` [height][width][components]: 1 grey, 3 RGB, 4 CMYK as Adobe keeps it (255: no ink), written as
 * YCCK when `ycck`. */
void write_jpeg(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height, int components,
                int quality, int progressive, int ycck);

/* `rows` as libpng wants them: packed for depths below 8, big-endian for 16. The palette's entry i is
 * (i, 2 i, 255 - i); `transparent` adds a tRNS chunk to greyscale, RGB and palettes. */
void write_png(const char *path, const uint8_t *rows, uint32_t width, uint32_t height, int depth, int type,
               int interlaced, int transparent);

#endif
