/* Generated digits: strokes on a unit square, bent, slanted, scaled and moved a little at random, drawn with a
 * pen of random width on black, so that a linear model cannot classify them all. docs/results.md says
 * what their sizes, places and noise do to what models learn of positions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "data/dataset.h"

enum { SIZE = 28, MAX_POINTS = 16, MAX_STROKES = 3, CLASSES = 10, TRAIN_COUNT = 60000, TEST_COUNT = 10000 };

typedef struct point {
    float x, y; /* 0..1, y downwards */
} point;

typedef struct stroke {
    int points; /* 0: no stroke */
    point at[MAX_POINTS];
} stroke;

/* One or two shapes per class. */
enum { STYLES = 2 };
static const stroke glyphs[CLASSES][STYLES][MAX_STROKES] = {
    {{{11,
       {{.5f, .05f},
        {.3f, .1f},
        {.17f, .3f},
        {.15f, .55f},
        {.25f, .85f},
        {.48f, .95f},
        {.72f, .87f},
        {.84f, .6f},
        {.83f, .32f},
        {.7f, .1f},
        {.5f, .05f}}}},
     {{10,
       {{.62f, .08f},
        {.4f, .06f},
        {.25f, .25f},
        {.2f, .6f},
        {.35f, .92f},
        {.6f, .92f},
        {.76f, .7f},
        {.78f, .35f},
        {.66f, .12f},
        {.45f, .1f}}}}},
    {{{2, {{.52f, .05f}, {.48f, .95f}}}},
     {{3, {{.3f, .28f}, {.55f, .06f}, {.52f, .95f}}}, {2, {{.3f, .94f}, {.74f, .94f}}}}},
    {{{9,
       {{.2f, .25f},
        {.32f, .08f},
        {.58f, .05f},
        {.77f, .2f},
        {.74f, .42f},
        {.5f, .66f},
        {.18f, .93f},
        {.5f, .92f},
        {.83f, .92f}}}},
     {{11,
       {{.22f, .2f},
        {.45f, .05f},
        {.7f, .14f},
        {.72f, .38f},
        {.5f, .65f},
        {.28f, .88f},
        {.17f, .85f},
        {.25f, .72f},
        {.45f, .82f},
        {.65f, .93f},
        {.85f, .82f}}}}},
    {{{11,
       {{.2f, .14f},
        {.45f, .04f},
        {.7f, .12f},
        {.72f, .33f},
        {.43f, .46f},
        {.74f, .56f},
        {.82f, .74f},
        {.68f, .91f},
        {.42f, .96f},
        {.25f, .9f},
        {.17f, .8f}}}},
     {{7, {{.2f, .07f}, {.76f, .07f}, {.45f, .4f}, {.75f, .5f}, {.8f, .75f}, {.55f, .95f}, {.18f, .86f}}}}},
    {{{4, {{.6f, .05f}, {.15f, .65f}, {.5f, .65f}, {.86f, .63f}}}, {2, {{.64f, .35f}, {.6f, .96f}}}},
     {{4, {{.22f, .08f}, {.2f, .48f}, {.45f, .52f}, {.78f, .46f}}}, {2, {{.76f, .06f}, {.7f, .95f}}}}},
    {{{10,
       {{.78f, .06f},
        {.3f, .07f},
        {.25f, .44f},
        {.5f, .38f},
        {.75f, .48f},
        {.82f, .68f},
        {.7f, .88f},
        {.47f, .96f},
        {.28f, .92f},
        {.17f, .82f}}}},
     {{8,
       {{.28f, .1f},
        {.24f, .45f},
        {.55f, .42f},
        {.78f, .58f},
        {.76f, .8f},
        {.55f, .94f},
        {.3f, .94f},
        {.18f, .84f}}},
      {2, {{.28f, .09f}, {.8f, .06f}}}}},
    {{{11,
       {{.68f, .05f},
        {.42f, .2f},
        {.24f, .48f},
        {.2f, .74f},
        {.34f, .93f},
        {.6f, .94f},
        {.78f, .76f},
        {.7f, .55f},
        {.5f, .48f},
        {.3f, .58f},
        {.21f, .72f}}}},
     {{9,
       {{.5f, .04f},
        {.3f, .35f},
        {.25f, .7f},
        {.42f, .95f},
        {.68f, .88f},
        {.74f, .66f},
        {.58f, .54f},
        {.38f, .6f},
        {.27f, .74f}}}}},
    {{{4, {{.16f, .08f}, {.82f, .07f}, {.55f, .45f}, {.38f, .95f}}}},
     {{5, {{.18f, .2f}, {.2f, .08f}, {.8f, .09f}, {.6f, .5f}, {.5f, .95f}}},
      {2, {{.34f, .5f}, {.78f, .48f}}}}},
    {{{14,
       {{.7f, .16f},
        {.5f, .04f},
        {.28f, .14f},
        {.28f, .34f},
        {.52f, .48f},
        {.76f, .64f},
        {.76f, .86f},
        {.5f, .96f},
        {.24f, .86f},
        {.24f, .66f},
        {.5f, .48f},
        {.72f, .34f},
        {.72f, .18f},
        {.66f, .1f}}}},
     {{7, {{.5f, .05f}, {.27f, .2f}, {.36f, .42f}, {.6f, .44f}, {.74f, .24f}, {.62f, .07f}, {.5f, .05f}}},
      {7, {{.48f, .45f}, {.22f, .65f}, {.3f, .9f}, {.58f, .96f}, {.8f, .78f}, {.68f, .54f}, {.48f, .45f}}}}},
    {{{11,
       {{.78f, .3f},
        {.64f, .45f},
        {.42f, .5f},
        {.24f, .38f},
        {.25f, .18f},
        {.45f, .05f},
        {.68f, .1f},
        {.79f, .28f},
        {.78f, .55f},
        {.66f, .8f},
        {.42f, .96f}}}},
     {{9,
       {{.72f, .2f},
        {.5f, .06f},
        {.28f, .16f},
        {.27f, .38f},
        {.48f, .48f},
        {.7f, .36f},
        {.74f, .15f},
        {.7f, .55f},
        {.66f, .95f}}}}},
};

static float digits_between(tli_random *r, float low, float high)
{
    return low + (high - low) * tli_random_uniform(r);
}

/* Adds a segment drawn with a pen of radius `pen`: ink falls from 1 to 0 over one pixel at the edge. */
static void draw_segment(float *ink, point a, point b, float pen)
{
    const float reach = pen + 1.0f, dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
    int x0 = (int)floorf(fminf(a.x, b.x) - reach), x1 = (int)ceilf(fmaxf(a.x, b.x) + reach);
    int y0 = (int)floorf(fminf(a.y, b.y) - reach), y1 = (int)ceilf(fmaxf(a.y, b.y) + reach);
    if (x0 < 0) x0 = 0;
    if (y0 < 0) y0 = 0;
    if (x1 > SIZE - 1) x1 = SIZE - 1;
    if (y1 > SIZE - 1) y1 = SIZE - 1;
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            const float px = (float)x - a.x, py = (float)y - a.y;
            float t = length2 > 0.0f ? (px * dx + py * dy) / length2 : 0.0f;
            t = t < 0.0f ? 0.0f : t > 1.0f ? 1.0f : t;
            const float ex = px - t * dx, ey = py - t * dy, d2 = ex * ex + ey * ey;
            if (d2 >= reach * reach) continue;
            const float value = fminf(1.0f, reach - sqrtf(d2));
            if (value > ink[y * SIZE + x]) ink[y * SIZE + x] = value;
        }
    }
}

/* `pixels` are black before. */
static void draw_digit(tli_random *r, int class, uint8_t *pixels)
{
    float ink[SIZE * SIZE] = {0};
    const stroke *strokes = glyphs[class][tli_random_below(r, STYLES)];
    const float angle = digits_between(r, -.15f, .15f), slant = digits_between(r, -.25f, .25f);
    const float width = digits_between(r, 11.0f, 16.0f), height = digits_between(r, 14.0f, 19.0f);
    const float cx = 13.5f + digits_between(r, -3.0f, 3.0f), cy = 13.5f + digits_between(r, -3.0f, 3.0f);
    const float pen = digits_between(r, .8f, 1.8f), wobble = digits_between(r, .01f, .04f);
    const float c = cosf(angle), s = sinf(angle);
    for (int k = 0; k < MAX_STROKES && strokes[k].points > 0; k++) {
        point last = {0};
        for (int i = 0; i < strokes[k].points; i++) {
            const float u = strokes[k].at[i].x - .5f + wobble * tli_random_normal(r);
            const float v = strokes[k].at[i].y - .5f + wobble * tli_random_normal(r);
            const float x = (u - slant * v) * width, y = v * height;
            const point at = {cx + c * x - s * y, cy + s * x + c * y};
            if (i > 0) draw_segment(ink, last, at, pen);
            last = at;
        }
    }
    const float contrast = digits_between(r, 150.0f, 255.0f), noise = digits_between(r, 0.0f, 10.0f);
    for (int i = 0; i < SIZE * SIZE; i++) {
        if (ink[i] <= 0.0f) continue;
        const float value = ink[i] * contrast + digits_between(r, -noise, noise);
        pixels[i] = (uint8_t)(fminf(fmaxf(value, 0.0f), 255.0f) + .5f);
    }
}

tl_status tli_digits_draw(uint64_t seed, int train, uint32_t count, tli_dataset *set, tl_error *err)
{
    if (count == 0) count = train ? TRAIN_COUNT : TEST_COUNT;
    *set = (tli_dataset){.count = count, .height = SIZE, .width = SIZE};
    set->pixels = calloc(count, (size_t)SIZE * SIZE);
    set->labels = malloc(count);
    if (set->pixels == NULL || set->labels == NULL) {
        tli_dataset_free(set);
        return tli_fail(err, TL_ERROR_MEMORY,
                        "out of host memory for %u synthetic digits: use a smaller `training.limit_%s`",
                        count, train ? "train" : "test");
    }
    const uint64_t stream = tli_random_stream(train ? "digits/train" : "digits/test");
    for (uint32_t i = 0; i < count; i++) {
        /* Each image has its own part of the random stream, so that image i does not depend on the others. */
        tli_random r = tli_random_make(seed, stream);
        r.index = (uint64_t)i << 12;
        set->labels[i] = (uint8_t)tli_random_below(&r, CLASSES);
        draw_digit(&r, set->labels[i], set->pixels + (size_t)i * SIZE * SIZE);
    }
    return TL_OK;
}
