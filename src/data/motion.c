#include "data/motion.h"

#include <stdio.h>
#include <string.h>

#include "core/random.h"

void tli_motion_position(tl_motion motion, uint64_t seed, const char *purpose, uint64_t epoch, uint32_t index,
                         uint32_t field_height, uint32_t field_width, uint32_t height, uint32_t width,
                         uint32_t *y, uint32_t *x)
{
    uint32_t spare_y = field_height > height ? field_height - height : 0;
    uint32_t spare_x = field_width > width ? field_width - width : 0;
    if (motion == TL_MOTION_STATIC) {
        *y = spare_y / 2;
        *x = spare_x / 2;
        return;
    }
    tli_random r = tli_random_make(seed, tli_random_stream(purpose));
    r.index = (epoch << 32 | index) << 2; /* four words per image: two, and two in case a draw is rejected */
    *y = tli_random_below(&r, spare_y + 1);
    *x = tli_random_below(&r, spare_x + 1);
}

/* Step `frame` of frames - 1 equal steps from a to b, rounded to nearest. */
static uint32_t motion_between(uint32_t a, uint32_t b, uint32_t frame, uint32_t frames)
{
    const uint64_t steps = frames - 1;
    return (uint32_t)((2 * (a * (steps - frame) + (uint64_t)b * frame) + steps) / (2 * steps));
}

void tli_motion_frame(tl_motion motion, uint64_t seed, const char *purpose, uint64_t epoch, uint32_t index,
                      uint32_t frame, uint32_t frames, uint32_t field_height, uint32_t field_width,
                      uint32_t height, uint32_t width, uint32_t *y, uint32_t *x)
{
    char end[64];
    uint32_t end_y, end_x;
    tli_motion_position(motion, seed, purpose, epoch, index, field_height, field_width, height, width, y, x);
    if (frames < 2) return;
    snprintf(end, sizeof end, "%s/end", purpose);
    tli_motion_position(motion, seed, end, epoch, index, field_height, field_width, height, width, &end_y,
                        &end_x);
    *y = motion_between(*y, end_y, frame, frames);
    *x = motion_between(*x, end_x, frame, frames);
}

void tli_motion_place(const tli_dataset *set, uint32_t index, uint32_t y, uint32_t x, uint32_t field_height,
                      uint32_t field_width, float *field)
{
    memset(field, 0, (size_t)field_height * field_width * sizeof *field);
    if (y >= field_height || x >= field_width) return;
    /* Clips what is outside the field. */
    uint32_t rows = set->height < field_height - y ? set->height : field_height - y;
    uint32_t columns = set->width < field_width - x ? set->width : field_width - x;
    const uint8_t *image = set->pixels + (size_t)index * set->height * set->width;
    for (uint32_t row = 0; row < rows; row++) {
        const uint8_t *from = image + (size_t)row * set->width;
        float *to = field + (size_t)(y + row) * field_width + x;
        for (uint32_t column = 0; column < columns; column++) to[column] = (float)from[column] / 255.0f;
    }
}

void tli_epoch_order(uint64_t seed, uint64_t epoch, uint32_t count, uint32_t *order)
{
    tli_random r = tli_random_make(seed, tli_random_stream("order/train"));
    r.index = epoch << 34; /* a permutation uses one word per image: epochs never share words */
    tli_random_permutation(&r, order, count);
}
