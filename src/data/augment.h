/* Augmentation of images. Each image has its own random stream (tli_random), so the result depends on
 * seed, epoch and index only. */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include <stdbool.h>

#include "core/random.h"
#include "data/batch_part.h"
#include "data/resample.h"

/* Parses one of tli_augment_choices, or several names of single ones joined by commas. */
tl_status tli_augment_parse(const char *text, uint32_t *augment, tl_error *err);
/* Writes the names; returns `text`. */
enum { TLI_AUGMENT_TEXT = 40 };
char *tli_augment_name(uint32_t augment, char text[TLI_AUGMENT_TEXT]);

/* ---- one image -------------------------------------------------------------------------------------- */

/* RandomResizedCrop: area .08 to 1, aspect ratio 3:4 to 4:3, ten attempts, then the largest centred crop
 * with such a ratio. */
tli_resize tli_resize_random(tli_random *r, uint32_t width, uint32_t height, uint32_t size);
/* Resizes the shorter side to 256/224 of `size`, then centre-crops size x size. */
tli_resize tli_resize_centre(uint32_t width, uint32_t height, uint32_t size);

void tli_flip(tli_image *image); /* horizontal */

/* ImageNet's mean and deviation of red, green and blue in 0..1. */
extern const float tli_image_mean[3], tli_image_deviation[3];
/* (v / 255 - mean) / deviation, into out[3][height][width]. */
void tli_normalise(const tli_image *image, float *out);

/* ---- a batch ------------------------------------------------------------------------------------- */

/* Mixing of a batch, each image with the one before it, the first with the last: weighted sum (MixUp), or
 * a rectangle [left, right) x [top, bottom) of the other (CutMix). `own` is the weight of the image
 * itself. */
typedef struct tli_mix {
    enum { TLI_MIX_NONE, TLI_MIX_SHARES, TLI_MIX_RECTANGLE } kind;
    float own;
    uint32_t left, top, right, bottom;
} tli_mix;

/* Draws MixUp with lambda from Beta(.8, .8), CutMix with lambda from Beta(1, 1), or one of them at random
 * when both are on. */
tli_mix tli_mix_draw(uint32_t augment, tli_random *r, uint32_t size);
/* Mixes those of `range` of the images [count][channels][size][size]; `spare`: buffer for one image. */
void tli_mix_images(const tli_mix *mix, float *images, uint32_t count, tli_batch_range range,
                    uint32_t channels, uint32_t size, float *spare);
/* The rows of `range` of soft targets [count][classes] from the labels, overwritten. */
void tli_mix_labels(const tli_mix *mix, const int32_t *labels, uint32_t count, tli_batch_range range,
                    uint32_t classes, float *soft);

#endif
