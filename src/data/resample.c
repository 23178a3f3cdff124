#include "data/resample.h"

#include <math.h>
#include <stdlib.h>

enum { PRECISION = 22 }; /* fraction bits: with 8 for the pixel and a sign they fit 32 */

/* One axis: input pixels [start, start + length) of `pixels` become `total` output pixels, of which
 * [window, window + count) are computed. */
typedef struct axis {
    uint32_t pixels, total, window, count;
    double start, length;
} axis;

void tli_resampler_free(tli_resampler *r)
{
    free(r->weights);
    free(r->first);
    free(r->count);
    tli_image_free(&r->columns);
    *r = (tli_resampler){0};
}

static tl_status no_memory(tl_error *err)
{
    return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory to resize an image");
}

static tl_status resample_reserve(tli_resampler *r, size_t sides, size_t weights, tl_error *err)
{
    if (sides > r->sides) {
        free(r->first);
        free(r->count);
        r->first = malloc(sides * sizeof *r->first);
        r->count = malloc(sides * sizeof *r->count);
        r->sides = r->first != NULL && r->count != NULL ? sides : 0;
        if (r->sides == 0) return no_memory(err);
    }
    if (weights > r->weight_room) {
        free(r->weights);
        r->weights = malloc(weights * sizeof *r->weights);
        r->weight_room = r->weights != NULL ? weights : 0;
        if (r->weights == NULL) return no_memory(err);
    }
    return TL_OK;
}

/* Weights of the computed output pixels, with stride *taps. */
static tl_status resample_weigh(tli_resampler *r, const axis *a, uint32_t *taps, tl_error *err)
{
    const double scale = a->length / a->total, support = scale > 1.0 ? scale : 1.0;
    *taps = 2 * (uint32_t)ceil(support) + 1;
    TLI_TRY(resample_reserve(r, a->count, (size_t)a->count * *taps, err));
    for (uint32_t i = 0; i < a->count; i++) {
        const double centre = a->start + (a->window + i + 0.5) * scale;
        const double low = centre - support + 0.5, high = centre + support + 0.5;
        const uint32_t first = low > 0 ? (uint32_t)low : 0;
        const uint32_t end = high < a->pixels ? (uint32_t)high : a->pixels;
        const uint32_t count = end - first < *taps ? end - first : *taps;
        int32_t *weights = r->weights + (size_t)i * *taps;
        double sum = 0.0;
        for (uint32_t k = 0; k < count; k++)
            sum += fmax(0.0, 1.0 - fabs((first + k - centre + 0.5) / support));
        for (uint32_t k = 0; k < count; k++) {
            const double share = fmax(0.0, 1.0 - fabs((first + k - centre + 0.5) / support)) / sum;
            weights[k] = (int32_t)(0.5 + share * (1 << PRECISION));
        }
        r->first[i] = first;
        r->count[i] = count;
    }
    return TL_OK;
}

/* Clips only a last unit of rounding: the weights are positive and sum to one. */
static uint8_t resample_rounded(int32_t sum)
{
    const int32_t value = sum >> PRECISION;
    return (uint8_t)(value > 255 ? 255 : value);
}

/* Along x: row y of the part of `image` at `source`, starting at pixel `left`. */
static void resize_row(const tli_resampler *r, uint32_t taps, const uint8_t *source, uint8_t *target,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, target += 3) {
        const int32_t *weights = r->weights + (size_t)i * taps;
        const uint8_t *p = source + (size_t)r->first[i] * 3;
        int32_t red = 1 << (PRECISION - 1), green = red, blue = red;
        for (uint32_t k = 0; k < r->count[i]; k++, p += 3) {
            red += weights[k] * p[0];
            green += weights[k] * p[1];
            blue += weights[k] * p[2];
        }
        target[0] = resample_rounded(red);
        target[1] = resample_rounded(green);
        target[2] = resample_rounded(blue);
    }
}

/* Along y: `width` pixels of output row i from the rows of `columns`, the first of which is input row
 * `top`. */
static void resize_column(const tli_resampler *r, uint32_t taps, uint32_t i, uint32_t top, uint8_t *target,
                          uint32_t width)
{
    const size_t row = (size_t)width * 3;
    const int32_t *weights = r->weights + (size_t)i * taps;
    const uint8_t *source = r->columns.pixels + (r->first[i] - top) * row;
    for (size_t x = 0; x < row; x++) {
        int32_t sum = 1 << (PRECISION - 1);
        for (uint32_t k = 0; k < r->count[i]; k++) sum += weights[k] * source[k * row + x];
        target[x] = resample_rounded(sum);
    }
}

/* Maps [begin, begin + length) of `full` pixels to a copy of `pixels` pixels, enlarged to whole pixels. */
static axis axis_of(uint32_t begin, uint32_t length, uint32_t full, uint32_t pixels, uint32_t *first)
{
    const double scale = (double)pixels / full, low = begin * scale, high = (begin + (double)length) * scale;
    const double whole_low = floor(low), whole_high = fmin(ceil(high), pixels);
    *first = (uint32_t)whole_low;
    return (axis){
        .pixels = (uint32_t)(whole_high - whole_low), .start = low - whole_low, .length = high - low};
}

tl_status tli_resample(const tli_image *image, uint32_t full_width, uint32_t full_height,
                       const tli_resize *plan, tli_resampler *r, tli_image *out, tl_error *err)
{
    uint32_t left, top, taps;
    axis x = axis_of(plan->from.left, plan->from.width, full_width, image->width, &left);
    axis y = axis_of(plan->from.top, plan->from.height, full_height, image->height, &top);
    x.total = plan->width, x.window = plan->window.left, x.count = plan->window.width;
    y.total = plan->height, y.window = plan->window.top, y.count = plan->window.height;

    /* Only rows that the window's filter needs are resized along x. */
    TLI_TRY(resample_weigh(r, &y, &taps, err));
    const uint32_t begin = r->first[0], end = r->first[y.count - 1] + r->count[y.count - 1];
    TLI_TRY(tli_image_reserve(&r->columns, x.count, end - begin, err));
    TLI_TRY(resample_weigh(r, &x, &taps, err));
    for (uint32_t row = begin; row < end; row++)
        resize_row(r, taps, image->pixels + ((size_t)(top + row) * image->width + left) * 3,
                   r->columns.pixels + (size_t)(row - begin) * x.count * 3, x.count);
    TLI_TRY(resample_weigh(r, &y, &taps, err));
    TLI_TRY(tli_image_reserve(out, x.count, y.count, err));
    for (uint32_t i = 0; i < y.count; i++)
        resize_column(r, taps, i, begin, out->pixels + (size_t)i * x.count * 3, x.count);
    return TL_OK;
}

uint32_t tli_resize_shrink(const tli_resize *plan)
{
    uint32_t shrink = 8;
    while (shrink > 1 &&
           (plan->from.width / shrink < 2 * plan->width || plan->from.height / shrink < 2 * plan->height))
        shrink /= 2;
    return shrink;
}
