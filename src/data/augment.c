#include "data/augment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/choices.h"

const float tli_image_mean[3] = {0.485f, 0.456f, 0.406f}, tli_image_deviation[3] = {0.229f, 0.224f, 0.225f};

static bool is_one_bit(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static tl_status fail_name(const char *name, size_t length, tl_error *err)
{
    char list[CHOICE_LIST_CAPACITY];
    return tli_fail(
        err, TL_ERROR_USAGE, "there is no augmentation '%.*s': give one of %s, or several, joined by commas",
        (int)(length < 100 ? length : 100), name, tli_choice_list(&tli_augment_choices, ", ", list));
}

tl_status tli_augment_parse(const char *text, uint32_t *augment, tl_error *err)
{
    uint32_t found = 0;
    int bits = 0;
    if (tli_choice_find(&tli_augment_choices, text, strlen(text),
                        &bits)) { /* a single name may mean none or all */
        *augment = (uint32_t)bits;
        return TL_OK;
    }
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ",");
        if (!tli_choice_find(&tli_augment_choices, at, length, &bits) || !is_one_bit((uint32_t)bits))
            return fail_name(at, length, err);
        found |= (uint32_t)bits;
        at += length;
        if (*at == '\0') break;
    }
    *augment = found;
    return TL_OK;
}

char *tli_augment_name(uint32_t augment, char text[TLI_AUGMENT_TEXT])
{
    size_t used = 0;
    snprintf(text, TLI_AUGMENT_TEXT, "%s", augment == 0 ? tli_choice_name(&tli_augment_choices, 0) : "");
    for (int i = 0; i < tli_augment_choices.count; i++) {
        const choice *c = &tli_augment_choices.items[i];
        if (is_one_bit((uint32_t)c->value) && (augment & (uint32_t)c->value) != 0 && used < TLI_AUGMENT_TEXT)
            used += (size_t)snprintf(text + used, TLI_AUGMENT_TEXT - used, "%s%s", used > 0 ? "," : "",
                                     c->name);
    }
    return text;
}

/* ---- one picture --------------------------------------------------------------------------------- */

static tli_resize augment_whole(tli_rect from, uint32_t size)
{
    return (tli_resize){.from = from, .width = size, .height = size, .window = {0, 0, size, size}};
}

tli_resize tli_resize_random(tli_random *r, uint32_t width, uint32_t height, uint32_t size)
{
    static const double least = 3.0 / 4.0, most = 4.0 / 3.0;
    const double area = (double)width * height;
    for (int tries = 0; tries < 10; tries++) {
        const double part = area * (0.08 + (1.0 - 0.08) * (double)tli_random_uniform(r));
        const double aspect = exp(log(least) + (log(most) - log(least)) *
                                                   (double)tli_random_uniform(r)); /* width / height */
        const double w = rint(sqrt(part * aspect)), h = rint(sqrt(part / aspect));
        if (w < 1 || w > width || h < 1 || h > height) continue;
        tli_rect from = {.width = (uint32_t)w, .height = (uint32_t)h};
        from.top = tli_random_below(r, height - from.height + 1);
        from.left = tli_random_below(r, width - from.width + 1);
        return augment_whole(from, size);
    }
    tli_rect from = {.width = width, .height = height};
    const double aspect = (double)width / height;
    if (aspect < least) from.height = (uint32_t)rint(width / least);
    if (aspect > most) from.width = (uint32_t)rint(height * most);
    from.top = (height - from.height) / 2;
    from.left = (width - from.width) / 2;
    return augment_whole(from, size);
}

/* Python's round((long - size) / 2): halves go to the even side. */
static uint32_t augment_middle(uint32_t side, uint32_t size)
{
    return (uint32_t)rint((side - size) / 2.0);
}

tli_resize tli_resize_centre(uint32_t width, uint32_t height, uint32_t size)
{
    const uint32_t shorter = (uint32_t)((uint64_t)size * 256 / 224);
    tli_resize plan = {.from = {0, 0, width, height}, .width = shorter, .height = shorter};
    if (width < height) plan.height = (uint32_t)((uint64_t)shorter * height / width);
    if (height < width) plan.width = (uint32_t)((uint64_t)shorter * width / height);
    plan.window = (tli_rect){augment_middle(plan.width, size), augment_middle(plan.height, size), size, size};
    return plan;
}

void tli_flip(tli_image *image)
{
    for (uint32_t y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + (size_t)y * image->width * 3;
        uint8_t *right = left + ((size_t)image->width - 1) * 3;
        for (; left < right; left += 3, right -= 3)
            for (int c = 0; c < 3; c++) {
                const uint8_t kept = left[c];
                left[c] = right[c];
                right[c] = kept;
            }
    }
}

void tli_normalise(const tli_image *image, float *out)
{
    const size_t pixels = (size_t)image->width * image->height;
    for (int c = 0; c < 3; c++, out += pixels) {
        float table[256];
        for (int v = 0; v < 256; v++)
            table[v] = ((float)v / 255.0f - tli_image_mean[c]) / tli_image_deviation[c];
        for (size_t i = 0; i < pixels; i++) out[i] = table[image->pixels[3 * i + (size_t)c]];
    }
}

/* ---- a batch ------------------------------------------------------------------------------------- */

/* Samples Beta(a, b) for a and b up to 1 by Johnk's method: of two powers of uniform numbers with a sum of at
 * most one, the first's share of the sum. */
static double random_beta(tli_random *r, double a, double b)
{
    for (;;) {
        const double x = pow(((double)tli_random_u32(r) + 0.5) * 0x1p-32, 1.0 / a);
        const double y = pow(((double)tli_random_u32(r) + 0.5) * 0x1p-32, 1.0 / b);
        if (x + y <= 1.0 && x + y > 0.0) return x / (x + y);
    }
}

tli_mix tli_mix_draw(uint32_t augment, tli_random *r, uint32_t size)
{
    const uint32_t kinds = augment & (TL_AUGMENT_MIXUP | TL_AUGMENT_CUTMIX);
    const bool both = kinds == (TL_AUGMENT_MIXUP | TL_AUGMENT_CUTMIX);
    tli_mix mix = {.kind = TLI_MIX_NONE, .own = 1.0f};
    if (kinds == 0) return mix;
    if (both ? tli_random_below(r, 2) == 0 : kinds == TL_AUGMENT_MIXUP) {
        mix.kind = TLI_MIX_SHARES;
        mix.own = (float)random_beta(r, 0.8, 0.8);
        return mix;
    }
    mix.kind = TLI_MIX_RECTANGLE;
    const double share = random_beta(r, 1.0, 1.0);
    const uint32_t x = tli_random_below(r, size), y = tli_random_below(r, size);
    const uint32_t half = (uint32_t)(0.5 * sqrt(1.0 - share) * size);
    mix.left = x > half ? x - half : 0;
    mix.top = y > half ? y - half : 0;
    mix.right = x + half < size ? x + half : size;
    mix.bottom = y + half < size ? y + half : size;
    const double cut = (double)(mix.right - mix.left) * (mix.bottom - mix.top);
    mix.own = (float)(1.0 - cut / ((double)size * size));
    return mix;
}

static void mix_one(const tli_mix *mix, float *image, const float *other, uint32_t channels, uint32_t size)
{
    if (mix->kind == TLI_MIX_SHARES) {
        const size_t values = (size_t)channels * size * size;
        for (size_t i = 0; i < values; i++) image[i] = mix->own * image[i] + (1.0f - mix->own) * other[i];
        return;
    }
    const size_t width = mix->right - mix->left;
    for (uint32_t c = 0; c < channels; c++)
        for (uint32_t y = mix->top; y < mix->bottom; y++) {
            const size_t at = ((size_t)c * size + y) * size + mix->left;
            memcpy(image + at, other + at, width * sizeof *image);
        }
}

void tli_mix_images(const tli_mix *mix, float *images, uint32_t count, tli_batch_range range,
                    uint32_t channels, uint32_t size, float *spare)
{
    if (mix->kind == TLI_MIX_NONE || count == 0) return;
    const size_t values = (size_t)channels * size * size;
    /* From the last to the first, so that each is mixed with its unmodified predecessor; a copy of the
     * last is kept for the first. */
    if (range.from == 0) memcpy(spare, images + (count - 1) * values, values * sizeof *images);
    for (uint32_t i = range.to; i-- > range.from;)
        mix_one(mix, images + i * values, i > 0 ? images + (i - 1) * values : spare, channels, size);
}

void tli_mix_labels(const tli_mix *mix, const int32_t *labels, uint32_t count, tli_batch_range range,
                    uint32_t classes, float *soft)
{
    for (uint32_t i = range.from; i < range.to; i++) {
        float *row = soft + (size_t)i * classes;
        memset(row, 0, classes * sizeof *row);
        row[labels[i]] += mix->own;
        row[labels[i > 0 ? i - 1 : count - 1]] += 1.0f - mix->own;
    }
}
