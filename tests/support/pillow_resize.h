/* torchvision's Resize and CenterCrop on PIL images, written from Pillow's algorithm in the plainest way, as a judge for
 * the loader's: whole images, columns before rows, weights in units of 2^-22, 8 bits in between. */
#ifndef TESTS_PILLOW_RESIZE_H
#define TESTS_PILLOW_RESIZE_H

#include "image_files.h"

/* [height][width][3] of any size; the shorter side becomes `side` * 256 / 224 and the middle side x side is kept. */
void pillow_resize_centre(const uint8_t *pixels, long width, long height, long side, uint8_t *out);

/* A photograph of sorts: slopes, edges and noise, the same for the same size. */
uint8_t *draw_scene(uint32_t width, uint32_t height);

/* The whole of a JPEG file, by libjpeg's own defaults. */
uint8_t *decode_whole_jpeg(const char *path, uint32_t *width, uint32_t *height);

#endif
