#include "data/randaugment.h"

#include <math.h>
#include <string.h>

/* ---- magnitudes ---------------------------------------------------------------------------------- */

/* Element `bin` of torch.linspace(from, to, 31), in single precision as there. */
static float randaugment_spaced(float from, float to, uint32_t bin)
{
    const float step = (to - from) / (TLI_RAND_BINS - 1);
    return bin < TLI_RAND_BINS / 2 ? from + step * (float)bin : to - step * (float)(TLI_RAND_BINS - 1 - bin);
}

static float randaugment_magnitude(tli_rand_op op, uint32_t bin, uint32_t width, uint32_t height)
{
    switch (op) {
    case TLI_RAND_SHEAR_X:
    case TLI_RAND_SHEAR_Y: return randaugment_spaced(0.0f, 0.3f, bin);
    case TLI_RAND_TRANSLATE_X: return randaugment_spaced(0.0f, (float)(150.0 / 331.0 * width), bin);
    case TLI_RAND_TRANSLATE_Y: return randaugment_spaced(0.0f, (float)(150.0 / 331.0 * height), bin);
    case TLI_RAND_ROTATE: return randaugment_spaced(0.0f, 30.0f, bin);
    case TLI_RAND_BRIGHTNESS:
    case TLI_RAND_COLOR:
    case TLI_RAND_CONTRAST:
    case TLI_RAND_SHARPNESS: return randaugment_spaced(0.0f, 0.9f, bin);
    case TLI_RAND_POSTERIZE: return 8.0f - rintf((float)bin / ((TLI_RAND_BINS - 1) / 4.0f));
    case TLI_RAND_SOLARIZE: return randaugment_spaced(255.0f, 0.0f, bin);
    case TLI_RAND_IDENTITY:
    case TLI_RAND_AUTO_CONTRAST:
    case TLI_RAND_EQUALIZE:
    case TLI_RAND_OPS: break;
    }
    return 0.0f;
}

/* ---- geometry ------------------------------------------------------------------------------------ */

static int64_t randaugment_fixed(double value)
{
    return (int64_t)floor(value * 65536.0 + 0.5);
}

/* Output pixel (x, y) is the input pixel that contains m (x + 1/2, y + 1/2, 1), computed in 16.16 fixed
 * point; black outside the input. m is [2][3]. */
static tl_status randaugment_transform(const double m[6], tli_image *image, tli_image *spare, tl_error *err)
{
    const uint32_t width = image->width, height = image->height;
    TLI_TRY(tli_image_reserve(spare, width, height, err));
    const int64_t xx = randaugment_fixed(m[0]), xy = randaugment_fixed(m[1]), yx = randaugment_fixed(m[3]),
                  yy = randaugment_fixed(m[4]);
    int64_t row_x = randaugment_fixed(m[2] + 0.5 * m[0] + 0.5 * m[1]),
            row_y = randaugment_fixed(m[5] + 0.5 * m[3] + 0.5 * m[4]);
    uint8_t *target = spare->pixels;
    for (uint32_t y = 0; y < height; y++, row_x += xy, row_y += yy) {
        int64_t from_x = row_x, from_y = row_y;
        for (uint32_t x = 0; x < width; x++, target += 3, from_x += xx, from_y += yx) {
            if (from_x < 0 || from_y < 0 || from_x >> 16 >= width || from_y >> 16 >= height)
                memset(target, 0, 3);
            else
                memcpy(target, image->pixels + ((from_y >> 16) * width + (from_x >> 16)) * 3, 3);
        }
    }
    const tli_image swapped = *image;
    *image = *spare;
    *spare = swapped;
    return TL_OK;
}

/* Rotates by `degrees` counterclockwise around the centre. */
static tl_status randaugment_rotate(double degrees, tli_image *image, tli_image *spare, tl_error *err)
{
    const double angle = -degrees * (3.14159265358979323846 / 180.0), c = cos(angle), s = sin(angle);
    const double x = image->width / 2.0, y = image->height / 2.0;
    const double m[6] = {c, s, x - c * x - s * y, -s, c, y + s * x - c * y};
    return randaugment_transform(m, image, spare, err);
}

/* ---- colour -------------------------------------------------------------------------------------- */

/* ITU-R 601 luma, in 16 bits of fixed point. */
static uint8_t randaugment_luma(const uint8_t *p)
{
    return (uint8_t)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
}

/* Interpolates from `plain` (factor 0) to `value` (factor 1) and beyond, truncated and clipped. */
static uint8_t randaugment_blend(int plain, int value, float factor)
{
    const float mixed = (float)plain + factor * (float)(value - plain);
    return mixed <= 0.0f ? 0 : mixed >= 255.0f ? 255 : (uint8_t)mixed;
}

static void randaugment_brightness(tli_image *image, float factor)
{
    const size_t count = (size_t)image->width * image->height * 3;
    for (size_t i = 0; i < count; i++) image->pixels[i] = randaugment_blend(0, image->pixels[i], factor);
}

static void randaugment_color(tli_image *image, float factor)
{
    uint8_t *p = image->pixels;
    for (size_t left = (size_t)image->width * image->height; left > 0; left--, p += 3) {
        const int grey = randaugment_luma(p);
        for (int c = 0; c < 3; c++) p[c] = randaugment_blend(grey, p[c], factor);
    }
}

static void randaugment_contrast(tli_image *image, float factor)
{
    const size_t pixels = (size_t)image->width * image->height;
    uint64_t sum = 0;
    for (size_t i = 0; i < pixels; i++) sum += randaugment_luma(image->pixels + 3 * i);
    const int mean = (int)((double)sum / (double)pixels + 0.5);
    for (size_t i = 0; i < 3 * pixels; i++)
        image->pixels[i] = randaugment_blend(mean, image->pixels[i], factor);
}

/* Blends with the image smoothed by [1 1 1; 1 5 1; 1 1 1] / 13; the border is unchanged. */
static tl_status randaugment_sharpness(tli_image *image, tli_image *spare, float factor, tl_error *err)
{
    const uint32_t width = image->width, height = image->height;
    const size_t row = (size_t)width * 3;
    TLI_TRY(tli_image_reserve(spare, width, height, err));
    memcpy(spare->pixels, image->pixels, row * height);
    for (uint32_t y = 1; y + 1 < height; y++)
        for (size_t i = 3; i + 3 < row; i++) {
            const uint8_t *p = spare->pixels + y * row + i;
            int sum = 4 * p[0];
            for (int dy = -1; dy <= 1; dy++) {
                const uint8_t *q = dy < 0 ? p - row : dy > 0 ? p + row : p;
                sum += q[-3] + q[0] + q[3];
            }
            image->pixels[y * row + i] = randaugment_blend((2 * sum + 13) / 26, p[0], factor);
        }
    return TL_OK;
}

/* ---- tables -------------------------------------------------------------------------------------- */

static void look_up(tli_image *image, int channel, const uint8_t table[256])
{
    uint8_t *p = image->pixels + channel;
    for (size_t left = (size_t)image->width * image->height; left > 0; left--, p += 3) *p = table[*p];
}

static void count_values(const tli_image *image, int channel, uint32_t counts[256])
{
    memset(counts, 0, 256 * sizeof *counts);
    const uint8_t *p = image->pixels + channel;
    for (size_t left = (size_t)image->width * image->height; left > 0; left--, p += 3) counts[*p]++;
}

static void randaugment_posterize(tli_image *image, int bits)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++) table[i] = (uint8_t)(i >> (8 - bits) << (8 - bits));
    for (int c = 0; c < 3; c++) look_up(image, c, table);
}

static void randaugment_solarize(tli_image *image, float threshold)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++) table[i] = (uint8_t)((float)i < threshold ? i : 255 - i);
    for (int c = 0; c < 3; c++) look_up(image, c, table);
}

/* Stretches each channel to 0..255. */
static void auto_contrast(tli_image *image)
{
    for (int c = 0; c < 3; c++) {
        uint32_t counts[256];
        uint8_t table[256];
        int low = 0, high = 255;
        count_values(image, c, counts);
        while (low < 255 && counts[low] == 0) low++;
        while (high > 0 && counts[high] == 0) high--;
        if (high <= low) continue;
        const double scale = 255.0 / (high - low), offset = -low * scale;
        for (int i = 0; i < 256; i++) {
            const double value = i * scale + offset;
            table[i] = (uint8_t)(value < 0.0 ? 0.0 : value > 255.0 ? 255.0 : value);
        }
        look_up(image, c, table);
    }
}

/* Equalises each channel's histogram. */
static void randaugment_equalize(tli_image *image)
{
    for (int c = 0; c < 3; c++) {
        uint32_t counts[256];
        uint8_t table[256];
        int high = 255;
        count_values(image, c, counts);
        while (high > 0 && counts[high] == 0) high--;
        const uint32_t pixels = image->width * image->height, step = (pixels - counts[high]) / 255;
        if (step == 0) continue;
        uint32_t sum = step / 2;
        for (int i = 0; i < 256; sum += counts[i++])
            table[i] = (uint8_t)(sum / step < 255 ? sum / step : 255);
        look_up(image, c, table);
    }
}

/* ---- all ----------------------------------------------------------------------------------------- */

tl_status tli_rand_apply(tli_rand_op op, uint32_t bin, bool negative, tli_image *image, tli_image *spare,
                         tl_error *err)
{
    float m = randaugment_magnitude(op, bin, image->width, image->height);
    if (negative) m = -m;
    switch (op) {
    case TLI_RAND_SHEAR_X: return randaugment_transform((double[6]){1, m, 0, 0, 1, 0}, image, spare, err);
    case TLI_RAND_SHEAR_Y: return randaugment_transform((double[6]){1, 0, 0, m, 1, 0}, image, spare, err);
    case TLI_RAND_TRANSLATE_X:
        return randaugment_transform((double[6]){1, 0, -(int)m, 0, 1, 0}, image, spare, err);
    case TLI_RAND_TRANSLATE_Y:
        return randaugment_transform((double[6]){1, 0, 0, 0, 1, -(int)m}, image, spare, err);
    case TLI_RAND_ROTATE: return randaugment_rotate(m, image, spare, err);
    case TLI_RAND_BRIGHTNESS: randaugment_brightness(image, 1.0f + m); break;
    case TLI_RAND_COLOR: randaugment_color(image, 1.0f + m); break;
    case TLI_RAND_CONTRAST: randaugment_contrast(image, 1.0f + m); break;
    case TLI_RAND_SHARPNESS: return randaugment_sharpness(image, spare, 1.0f + m, err);
    case TLI_RAND_POSTERIZE: randaugment_posterize(image, (int)m); break;
    case TLI_RAND_SOLARIZE: randaugment_solarize(image, m); break;
    case TLI_RAND_AUTO_CONTRAST: auto_contrast(image); break;
    case TLI_RAND_EQUALIZE: randaugment_equalize(image); break;
    case TLI_RAND_IDENTITY:
    case TLI_RAND_OPS: break;
    }
    return TL_OK;
}

static bool has_two_directions(tli_rand_op op)
{
    return op >= TLI_RAND_SHEAR_X && op <= TLI_RAND_SHARPNESS;
}

tl_status tli_rand_augment(tli_random *r, tli_image *image, tli_image *spare, tl_error *err)
{
    for (int i = 0; i < TLI_RAND_DRAWN; i++) {
        const tli_rand_op op = (tli_rand_op)tli_random_below(r, TLI_RAND_OPS);
        const bool negative = has_two_directions(op) && tli_random_below(r, 2) == 1;
        TLI_TRY(tli_rand_apply(op, TLI_RAND_BIN, negative, image, spare, err));
    }
    return TL_OK;
}
