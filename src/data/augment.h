/* What becomes of a picture on its way into a batch. Everything random is drawn from a tli_random of its own, so a
 * picture depends on seed, epoch and index alone. */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include <stdbool.h>

#include "core/random.h"
#include "data/resample.h"

/* One of tli_augment_choices, or several names of single ones joined by commas. */
tl_status tli_augment_parse(const char *text, uint32_t *augment, tl_error *err);
/* The same in words; returns them. */
enum { TLI_AUGMENT_TEXT = 40 };
char *tli_augment_name(uint32_t augment, char text[TLI_AUGMENT_TEXT]);

/* ---- one picture --------------------------------------------------------------------------------- */

/* RandomResizedCrop: .08 to 1 of the area, sides 3:4 to 4:3, ten tries, then the largest such part in the
 * middle. */
tli_resize tli_resize_random(tli_random *r, uint32_t width, uint32_t height, uint32_t size);
/* The shorter side becomes 256/224 of `size`, and the middle size x size is kept. */
tli_resize tli_resize_centre(uint32_t width, uint32_t height, uint32_t size);

void tli_flip(tli_image *image); /* left becomes right */

/* ImageNet's, of red, green and blue between 0 and 1. */
extern const float tli_image_mean[3], tli_image_deviation[3];
/* (v / 255 - mean) / deviation, into out[3][height][width]. */
void tli_normalise(const tli_image *image, float *out);

/* ---- a batch ------------------------------------------------------------------------------------- */

/* How the pictures of a batch are mixed, each with the one before it, the first with the last: by shares (MixUp), or
 * with a rectangle [left, right) x [top, bottom) from the other (CutMix). `own` is the share that stays. */
typedef struct tli_mix {
    enum { TLI_MIX_NONE, TLI_MIX_SHARES, TLI_MIX_RECTANGLE } kind;
    float own;
    uint32_t left, top, right, bottom;
} tli_mix;

/* MixUp with a share from Beta(.8, .8), CutMix with one from Beta(1, 1), or either at random when both are on. */
tli_mix tli_mix_draw(uint32_t augment, tli_random *r, uint32_t size);
/* images [count][channels][size][size]; `spare` holds one picture. */
void tli_mix_images(const tli_mix *mix, float *images, uint32_t count, uint32_t channels, uint32_t size,
                    float *spare);
/* soft [count][classes], overwritten: probabilities from the labels. */
void tli_mix_labels(const tli_mix *mix, const int32_t *labels, uint32_t count, uint32_t classes, float *soft);

/* Beta(a, b) for a and b up to 1. */
double tli_random_beta(tli_random *r, double a, double b);

#endif
