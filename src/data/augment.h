/* What becomes of a picture on its way into a batch. Everything random is drawn from a tl_random of its own, so a
 * picture depends on seed, epoch and index alone. */
#ifndef TL_DATA_AUGMENT_H
#define TL_DATA_AUGMENT_H

#include <stdbool.h>

#include "core/random.h"
#include "data/resample.h"

/* One of augment_choices, or several names of single ones joined by commas. */
tl_status tl_augment_parse(const char *text, uint32_t *augment, tl_error *err);
/* The same in words; returns them. */
enum { TL_AUGMENT_TEXT = 40 };
char *tl_augment_name(uint32_t augment, char text[TL_AUGMENT_TEXT]);

/* ---- one picture --------------------------------------------------------------------------------- */

/* RandomResizedCrop: .08 to 1 of the area, sides 3:4 to 4:3, ten tries, then the largest such part in the
 * middle. */
tl_resize tl_resize_random(tl_random *r, uint32_t width, uint32_t height, uint32_t size);
/* The shorter side becomes 256/224 of `size`, and the middle size x size is kept. */
tl_resize tl_resize_centre(uint32_t width, uint32_t height, uint32_t size);

void tl_flip(tl_image *image); /* left becomes right */

/* ImageNet's, of red, green and blue between 0 and 1. */
extern const float tl_image_mean[3], tl_image_deviation[3];
/* (v / 255 - mean) / deviation, into out[3][height][width]. */
void tl_normalise(const tl_image *image, float *out);

/* ---- a batch ------------------------------------------------------------------------------------- */

/* How the pictures of a batch are mixed, each with the one before it, the first with the last: by shares (MixUp), or
 * with a rectangle [left, right) x [top, bottom) from the other (CutMix). `own` is the share that stays. */
typedef struct tl_mix {
    enum { TL_MIX_NONE, TL_MIX_SHARES, TL_MIX_RECTANGLE } kind;
    float own;
    uint32_t left, top, right, bottom;
} tl_mix;

/* MixUp with a share from Beta(.8, .8), CutMix with one from Beta(1, 1), or either at random when both are on. */
tl_mix tl_mix_draw(uint32_t augment, tl_random *r, uint32_t size);
/* images [count][channels][size][size]; `spare` holds one picture. */
void tl_mix_images(const tl_mix *mix, float *images, uint32_t count, uint32_t channels, uint32_t size,
                   float *spare);
/* soft [count][classes], overwritten: probabilities from the labels. */
void tl_mix_labels(const tl_mix *mix, const int32_t *labels, uint32_t count, uint32_t classes, float *soft);

/* Beta(a, b) for a and b up to 1. */
double tl_random_beta(tl_random *r, double a, double b);

#endif
