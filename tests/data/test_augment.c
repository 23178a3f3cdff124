/* Augmentations against torchvision's (0.14.1, on pictures of Pillow 9.4): checksums of whole results, and values by
 * hand. The checksums are zlib.crc32 of the bytes, of a picture of 61 x 47 pixels whose channel c at (x, y) is
 * (5 x + 3 y (c + 1) + x y // 4 + 31 c) % 200 + 20. */
#include "test.h"

#include <zlib.h>

#include "data/augment.h"
#include "data/randaugment.h"

#define DOES(call)                                                                                           \
    do {                                                                                                     \
        tl_error must_ = {0};                                                                                \
        if ((call) != TL_OK) fail_msg("%s", must_.text);                                                     \
    } while (0)

enum { WIDTH = 61, HEIGHT = 47 };

/* The part of the picture above that begins at its top left corner. */
static tli_image picture(uint32_t width, uint32_t height)
{
    tli_image image = {0};
    DOES(tli_image_reserve(&image, width, height, &must_));
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                image.pixels[(y * width + x) * 3 + c] =
                    (uint8_t)((5 * x + 3 * y * (c + 1) + x * y / 4 + 31 * c) % 200 + 20);
    return image;
}

static uint32_t sum_of(const tli_image *image)
{
    return (uint32_t)crc32(0, image->pixels, image->width * image->height * 3);
}

/* ---- RandAugment --------------------------------------------------------------------------------- */

/* torchvision.transforms.autoaugment._apply_op at magnitudes 9 and 30 of 31, as they are and negated. */
static void test_operations(void **state)
{
    static const uint32_t want[TLI_RAND_OPS][4] = {
        {0x6ca6de6f, 0x6ca6de6f, 0x6ca6de6f, 0x6ca6de6f}, /* Identity */
        {0xe5945419, 0x3b65f1e6, 0x7bb3a7a1, 0x1ee9154e}, /* ShearX */
        {0xa692af31, 0x2f9b5d49, 0x061bc18b, 0xf686f152}, /* ShearY */
        {0xd9ace0c5, 0xfcdc53ba, 0xfe26299c, 0x9cec0a52}, /* TranslateX */
        {0x88b6a122, 0xc92222d0, 0x657b6d22, 0x6890a8d1}, /* TranslateY */
        {0x596c4310, 0x34f247e1, 0x1ad3cb7a, 0x4bd8c090}, /* Rotate */
        {0xb535f45e, 0x40346128, 0xcb21155a, 0xadc4a22c}, /* Brightness */
        {0x55cfd85b, 0xb99e7fe1, 0x046ae55c, 0xdc4cdfab}, /* Color */
        {0x77076969, 0xe7d39bab, 0x81e27fe7, 0x7503de23}, /* Contrast */
        {0xed9e30fc, 0x53b4a1cd, 0x5fbf1f00, 0xbed7b5bb}, /* Sharpness */
        {0x1748dd7b, 0x1748dd7b, 0x9aea08bd, 0x9aea08bd}, /* Posterize */
        {0x99f0b75e, 0x99f0b75e, 0xea6f4576, 0xea6f4576}, /* Solarize */
        {0xc50b2620, 0xc50b2620, 0xc50b2620, 0xc50b2620}, /* AutoContrast */
        {0xe857b2e2, 0xe857b2e2, 0xe857b2e2, 0xe857b2e2}, /* Equalize */
    };
    for (int op = 0; op < TLI_RAND_OPS; op++)
        for (int i = 0; i < 4; i++) {
            tli_image image = picture(WIDTH, HEIGHT), spare = {0};
            const bool signed_op = want[op][0] != want[op][1];
            DOES(tli_rand_apply((tli_rand_op)op, i < 2 ? 9 : 30, signed_op && i % 2 == 1, &image, &spare,
                                &must_));
            if (sum_of(&image) != want[op][i])
                fail_msg("operation %d, case %d: 0x%08x", op, i, sum_of(&image));
            tli_image_free(&image);
            tli_image_free(&spare);
        }
}

static tli_image one_row(const uint8_t *values, uint32_t width)
{
    tli_image image = {0};
    DOES(tli_image_reserve(&image, width, 1, &must_));
    for (uint32_t i = 0; i < 3 * width; i++) image.pixels[i] = values[i / 3];
    return image;
}

static void expect_row(tli_rand_op op, uint32_t bin, bool negative, const uint8_t *before,
                       const uint8_t *after, uint32_t width)
{
    tli_image image = one_row(before, width), spare = {0};
    DOES(tli_rand_apply(op, bin, negative, &image, &spare, &must_));
    for (uint32_t i = 0; i < 3 * width; i++)
        if (image.pixels[i] != after[i / 3])
            fail_msg("operation %d: pixel %u is %d, not %d", op, i / 3, image.pixels[i], after[i / 3]);
    tli_image_free(&image);
    tli_image_free(&spare);
}
#define expect_row(...) FROM_HERE(expect_row(__VA_ARGS__))

static void test_by_hand(void **state)
{
    const uint8_t row[] = {10, 100, 180, 255};
    /* brightness 1 + 9 .9/30 = 1.27: 12.7, 127, 228.6, 323.85; the other way .73: 7.3, 73, 131.4, 186.15 */
    expect_row(TLI_RAND_BRIGHTNESS, 9, false, row, (const uint8_t[]){12, 127, 228, 255}, 4);
    expect_row(TLI_RAND_BRIGHTNESS, 9, true, row, (const uint8_t[]){7, 73, 131, 186}, 4);
    /* contrast about the mean 136.25, which counts as 136: 136 + 1.27 (v - 136) */
    expect_row(TLI_RAND_CONTRAST, 9, false, row, (const uint8_t[]){0, 90, 191, 255}, 4);
    /* grey has no colour to change */
    expect_row(TLI_RAND_COLOR, 30, false, row, row, 4);
    /* 7 bits at magnitude 9, 4 at 30 */
    expect_row(TLI_RAND_POSTERIZE, 9, false, row, (const uint8_t[]){10, 100, 180, 254}, 4);
    expect_row(TLI_RAND_POSTERIZE, 30, false, row, (const uint8_t[]){0, 96, 176, 240}, 4);
    /* threshold 255 - 9 8.5 = 178.5; 0 at 30 */
    expect_row(TLI_RAND_SOLARIZE, 9, false, row, (const uint8_t[]){10, 100, 75, 0}, 4);
    expect_row(TLI_RAND_SOLARIZE, 30, false, row, (const uint8_t[]){245, 155, 75, 0}, 4);
    /* 255 (v - 10) / 245, cut: 0, 93.67, 176.94, 255; a flat picture stays */
    expect_row(TLI_RAND_AUTO_CONTRAST, 9, false, row, (const uint8_t[]){0, 93, 176, 255}, 4);
    expect_row(TLI_RAND_AUTO_CONTRAST, 9, false, (const uint8_t[]){7, 7}, (const uint8_t[]){7, 7}, 2);
    expect_row(TLI_RAND_EQUALIZE, 9, false, row, row, 4); /* fewer than 255 pixels: nothing to spread */
    /* 150/331 of 4 pixels is 1.81, of which 30/30 moves by 1: right, or left */
    expect_row(TLI_RAND_TRANSLATE_X, 30, false, row, (const uint8_t[]){0, 10, 100, 180}, 4);
    expect_row(TLI_RAND_TRANSLATE_X, 30, true, row, (const uint8_t[]){100, 180, 255, 0}, 4);
    expect_row(TLI_RAND_SHARPNESS, 9, false, row, row, 4); /* all border */
    const uint8_t one[] = {77};
    for (int op = 0; op < TLI_RAND_OPS; op++) /* one pixel goes through all of them */
        for (int negative = 0; negative < 2; negative++) {
            tli_image image = one_row(one, 1), spare = {0};
            DOES(tli_rand_apply((tli_rand_op)op, 9, negative, &image, &spare, &must_));
            assert_true(image.width == 1);
            assert_true(image.height == 1);
            tli_image_free(&image);
            tli_image_free(&spare);
        }
}

/* Two operations, each of the 14 about equally often, each direction as often: by replaying the draws. */
static void test_drawing(void **state)
{
    enum { ROUNDS = 1400 };
    int seen[TLI_RAND_OPS] = {0}, negatives = 0, directed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        tli_random r = tli_random_make(3, (uint64_t)i), again = r;
        tli_image image = picture(20, 20), spare = {0}, other = picture(20, 20), other_spare = {0};
        DOES(tli_rand_augment(&r, &image, &spare, &must_));
        for (int k = 0; k < 2; k++) {
            const tli_rand_op op = (tli_rand_op)tli_random_below(&again, 14);
            const bool two_ways = op >= TLI_RAND_SHEAR_X && op <= TLI_RAND_SHARPNESS;
            const bool negative = two_ways && tli_random_below(&again, 2) == 1;
            seen[op]++, directed += two_ways, negatives += negative;
            DOES(tli_rand_apply(op, 9, negative, &other, &other_spare, &must_));
        }
        assert_int_equal(sum_of(&image), sum_of(&other));
        assert_true(r.index == again.index);
        tli_image_free(&image), tli_image_free(&spare), tli_image_free(&other), tli_image_free(&other_spare);
    }
    for (int op = 0; op < TLI_RAND_OPS; op++) assert_true(abs(seen[op] - ROUNDS / 7) < 60); /* 4 deviations */
    assert_true(abs(2 * negatives - directed) < 180);
}

/* ---- geometry ------------------------------------------------------------------------------------ */

static void test_resize(void **state)
{
    /* functional.resized_crop(..., BILINEAR) */
    static const struct {
        tli_rect from;
        uint32_t width, height, sum;
    } cases[] = {
        {{0, 0, 61, 47}, 64, 64, 0x4306c37f}, {{3, 5, 50, 40}, 24, 24, 0xd04669ce},
        {{10, 2, 7, 45}, 32, 32, 0xc80de614}, {{0, 0, 61, 47}, 7, 9, 0xba39f503},
        {{60, 46, 1, 1}, 5, 5, 0x87e5cb27},   {{0, 0, 61, 47}, 61, 47, 0x6ca6de6f},
    };
    tli_image image = picture(WIDTH, HEIGHT), out = {0};
    tli_resampler resampler = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tli_resize plan = {
            cases[i].from, cases[i].width, cases[i].height, {0, 0, cases[i].width, cases[i].height}};
        DOES(tli_resample(&image, WIDTH, HEIGHT, &plan, &resampler, &out, &must_));
        assert_true(out.width == cases[i].width);
        assert_true(out.height == cases[i].height);
        if (sum_of(&out) != cases[i].sum) fail_msg("case %zu: 0x%08x", i, sum_of(&out));
    }
    tli_image_free(&image);
    /* functional.resize(size 256 // 224) and center_crop(size) */
    static const uint32_t centres[][4] = {{61, 47, 32, 0xcba77e26},
                                          {61, 47, 64, 0xdb6531ac},
                                          {20, 47, 14, 0x6e688567},
                                          {61, 3, 28, 0xa1268980},
                                          {1, 1, 7, 0xae58637a}};
    for (size_t i = 0; i < sizeof centres / sizeof *centres; i++) {
        const uint32_t *c = centres[i];
        image = picture(c[0], c[1]);
        const tli_resize plan = tli_resize_centre(c[0], c[1], c[2]);
        DOES(tli_resample(&image, c[0], c[1], &plan, &resampler, &out, &must_));
        assert_true(out.width == c[2]);
        assert_true(out.height == c[2]);
        if (sum_of(&out) != c[3]) fail_msg("centre %zu: 0x%08x", i, sum_of(&out));
        tli_image_free(&image);
    }
    /* 1 x 16,000 would become 256 x 4,096,000 pixels: only the window is ever made */
    image = picture(1, 16000);
    const tli_resize thin = tli_resize_centre(1, 16000, 224);
    DOES(tli_resample(&image, 1, 16000, &thin, &resampler, &out, &must_));
    assert_true(resampler.columns.capacity < 1000000);
    assert_true(out.width == 224);
    tli_image_free(&image), tli_image_free(&out), tli_resampler_free(&resampler);
}

/* A copy at half the size, as a JPEG decodes to, gives about the same as the whole. */
static void test_shrink(void **state)
{
    const tli_resize big = {{100, 50, 960, 800}, 224, 100, {0, 0, 224, 100}};
    assert_int_equal(tli_resize_shrink(&big), 2);
    const tli_resize huge = {{0, 0, 3584, 3584}, 224, 224, {0, 0, 224, 224}};
    assert_int_equal(tli_resize_shrink(&huge), 8);
    const tli_resize just_not = {{0, 0, 3583, 3584}, 224, 224, {0, 0, 224, 224}};
    assert_int_equal(tli_resize_shrink(&just_not), 4);
    const tli_resize small = {{0, 0, 895, 4000}, 224, 224, {0, 0, 224, 224}};
    assert_int_equal(tli_resize_shrink(&small), 1);
    tli_image whole = {0}, half = {0}, a = {0}, b = {0};
    tli_resampler resampler = {0};
    DOES(tli_image_reserve(&whole, 101, 60, &must_));
    DOES(tli_image_reserve(&half, 51, 30, &must_));
    for (uint32_t y = 0; y < 60; y++) /* slopes, sampled at the middle of pixels */
        for (uint32_t x = 0; x < 101; x++)
            for (uint32_t c = 0; c < 3; c++)
                whole.pixels[(y * 101 + x) * 3 + c] = (uint8_t)(2 * x + c * y / 2);
    for (uint32_t y = 0; y < 30; y++)
        for (uint32_t x = 0; x < 51; x++)
            for (uint32_t c = 0; c < 3; c++)
                half.pixels[(y * 51 + x) * 3 + c] = (uint8_t)(4 * x + 1 + c * y + c / 4);
    const tli_resize plan = {{7, 11, 81, 43}, 19, 13, {2, 1, 15, 11}};
    DOES(tli_resample(&whole, 101, 60, &plan, &resampler, &a, &must_));
    DOES(tli_resample(&half, 101, 60, &plan, &resampler, &b, &must_));
    for (uint32_t i = 0; i < 15 * 11 * 3; i++)
        if (abs(a.pixels[i] - b.pixels[i]) > 4) fail_msg("%u: %d and %d", i, a.pixels[i], b.pixels[i]);
    tli_image_free(&whole), tli_image_free(&half), tli_image_free(&a), tli_image_free(&b);
    tli_resampler_free(&resampler);
}

static void test_random_crop(void **state)
{
    enum { ROUNDS = 20000 };
    double share = 0, ratio = 0;
    uint32_t lefts = 0, tops = 0;
    for (int i = 0; i < ROUNDS; i++) {
        tli_random r = tli_random_make(9, (uint64_t)i);
        const tli_rect f = tli_resize_random(&r, 400, 300, 224).from;
        assert_true(f.left + f.width <= 400);
        assert_true(f.top + f.height <= 300);
        const double area = (double)f.width * f.height / 120000, aspect = (double)f.width / f.height;
        assert_true(area > 0.079);
        assert_true(area <= 1.0);
        assert_true(aspect > 0.74);
        assert_true(aspect < 1.35);
        share += area / ROUNDS, ratio += log(aspect) / ROUNDS;
        lefts += f.left == 0, tops += f.left + f.width == 400;
    }
    /* RandomResizedCrop.get_params over 20,000 draws of torch: mean area .436, mean log aspect .032 */
    assert_true(fabs(share - 0.436) < 0.01);
    assert_true(fabs(ratio - 0.032) < 0.01);
    assert_true(lefts > 100);
    assert_true(tops > 100);
    /* Too thin for any part: the largest in the middle. */
    tli_random r = tli_random_make(0, 0);
    tli_rect f = tli_resize_random(&r, 3, 100, 8).from;
    assert_true(f.width == 3);
    assert_true(f.height == 4);
    assert_true(f.left == 0);
    assert_true(f.top == 48);
    f = tli_resize_random(&r, 1000, 6, 8).from;
    assert_true(f.width == 8);
    assert_true(f.height == 6);
    assert_true(f.left == 496);
    assert_true(f.top == 0);
    f = tli_resize_random(&r, 1, 1, 8).from;
    assert_true(f.width == 1);
    assert_true(f.height == 1);
}

static void test_flip_and_normalise(void **state)
{
    tli_image image = picture(5, 2), same = picture(5, 2);
    tli_flip(&image);
    for (uint32_t y = 0; y < 2; y++)
        for (uint32_t x = 0; x < 5; x++)
            assert_memory_equal(image.pixels + (y * 5 + x) * 3, same.pixels + (y * 5 + 4 - x) * 3, 3);
    tli_flip(&image);
    assert_memory_equal(image.pixels, same.pixels, 30);
    tli_image_free(&image), tli_image_free(&same);

    /* functional.normalize(to_tensor(...)) at (20, 10): pixel (200 61 122) */
    image = picture(WIDTH, HEIGHT);
    float *out = malloc(sizeof(float) * 3 * WIDTH * HEIGHT);
    assert_non_null(out);
    tli_normalise(&image, out);
    const float want[] = {0x1.4e9a9ep+0f, -0x1.ef81cap-1f, 0x1.49a4aep-2f};
    for (int c = 0; c < 3; c++) assert_true(out[(c * HEIGHT + 10) * WIDTH + 20] == want[c]);
    free(out);
    tli_image_free(&image);
}

/* ---- mixing -------------------------------------------------------------------------------------- */

static void test_mixing(void **state)
{
    enum { COUNT = 3, CHANNELS = 2, SIZE = 4, VALUES = CHANNELS * SIZE * SIZE };
    float images[COUNT * VALUES], spare[VALUES], soft[COUNT * 5];
    const int32_t labels[] = {4, 1, 1};
    const tli_batch_range all = {0, COUNT};
    for (int i = 0; i < COUNT * VALUES; i++) images[i] = (float)i;
    const tli_mix shares = {.kind = TLI_MIX_SHARES, .own = 0.75f};
    tli_mix_images(&shares, images, COUNT, all, CHANNELS, SIZE, spare);
    for (int i = 0; i < COUNT; i++)
        for (int v = 0; v < VALUES; v++) {
            const int before = (i + COUNT - 1) % COUNT;
            assert_true(images[i * VALUES + v] == 0.75f * (i * VALUES + v) + 0.25f * (before * VALUES + v));
        }
    tli_mix_labels(&shares, labels, COUNT, all, 5, soft);
    const float want[] = {0, 0.25f, 0, 0, 0.75f, 0, 0.75f, 0, 0, 0.25f, 0, 1, 0, 0, 0};
    assert_memory_equal(soft, want, sizeof soft);

    for (int i = 0; i < COUNT * VALUES; i++) images[i] = (float)i;
    const tli_mix cut = {
        .kind = TLI_MIX_RECTANGLE, .own = 1 - 6 / 16.0f, .left = 1, .top = 0, .right = 3, .bottom = 3};
    tli_mix_images(&cut, images, COUNT, all, CHANNELS, SIZE, spare);
    for (int at = 0; at < COUNT * VALUES; at++) {
        const int i = at / VALUES, y = at / SIZE % SIZE, x = at % SIZE;
        const bool other = x >= 1 && x < 3 && y < 3;
        assert_true(images[at] == (float)(other ? (i + COUNT - 1) % COUNT * VALUES + at % VALUES : at));
    }
    /* one picture is its own neighbour */
    float alone[VALUES], was[VALUES];
    for (int i = 0; i < VALUES; i++) alone[i] = was[i] = (float)(i * i);
    tli_mix_images(&cut, alone, 1, (tli_batch_range){0, 1}, CHANNELS, SIZE, spare);
    assert_memory_equal(alone, was, sizeof was);
    tli_mix_labels(&cut, labels, 1, (tli_batch_range){0, 1}, 5, soft);
    assert_true(soft[4] == 1.0f);
}

static void test_mix_draws(void **state)
{
    enum { ROUNDS = 20000, SIZE = 64 };
    double sum = 0, squares = 0, cut_sum = 0;
    int mixed = 0, cut = 0, whole = 0;
    for (int i = 0; i < ROUNDS; i++) {
        tli_random r = tli_random_make(4, (uint64_t)i);
        const tli_mix m = tli_mix_draw(TL_AUGMENT_ALL, &r, SIZE);
        assert_true(m.own >= 0);
        assert_true(m.own <= 1);
        if (m.kind == TLI_MIX_SHARES) {
            mixed++, sum += m.own, squares += m.own * m.own;
        } else {
            assert_true(m.kind == TLI_MIX_RECTANGLE);
            assert_true(m.left <= m.right);
            assert_true(m.right <= SIZE);
            assert_true(m.top <= m.bottom);
            assert_true(m.bottom <= SIZE);
            assert_true(m.own == 1.0f - (float)((m.right - m.left) * (m.bottom - m.top)) / (SIZE * SIZE));
            cut++, cut_sum += m.own, whole += m.left == m.right;
        }
    }
    assert_true(abs(mixed - cut) < 600);
    const double mean = sum / mixed, variance = squares / mixed - mean * mean;
    assert_true(fabs(mean - 0.5) < 0.012);
    assert_true(fabs(variance - 0.25 / 2.6) < 0.002); /* of Beta(.8, .8) */
    /* Uniform shares, of whose rectangle a part falls off the picture: a Monte Carlo run of torchvision's
     * RandomCutmix formula gives a mean own share of .690. */
    assert_true(fabs(cut_sum / cut - 0.690) < 0.008);
    assert_true(whole < cut / 100);
    tli_random r = tli_random_make(4, 0);
    assert_true(tli_mix_draw(TL_AUGMENT_CROP | TL_AUGMENT_FLIP, &r, SIZE).kind == TLI_MIX_NONE);
    for (int i = 0; i < 20; i++) {
        assert_true(tli_mix_draw(TL_AUGMENT_MIXUP, &r, SIZE).kind == TLI_MIX_SHARES);
        assert_true(tli_mix_draw(TL_AUGMENT_CUTMIX, &r, SIZE).kind == TLI_MIX_RECTANGLE);
    }
}

static void test_names(void **state)
{
    static const struct {
        const char *text;
        uint32_t bits;
        const char *name;
    } good[] = {{"none", 0, "none"},
                {"default", TL_AUGMENT_ALL, "crop,flip,randaugment,mixup,cutmix"},
                {"flip", TL_AUGMENT_FLIP, "flip"},
                {"cutmix,crop", TL_AUGMENT_CROP | TL_AUGMENT_CUTMIX, "crop,cutmix"}};
    uint32_t bits;
    char name[64];
    tl_error err = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tli_augment_parse(good[i].text, &bits, &err), TL_OK);
        assert_int_equal(bits, good[i].bits);
        assert_string_equal(tli_augment_name(bits, name), good[i].name);
    }
    static const char *const bad[] = {"",      "crop,",     ",crop",      "cro",
                                      "crops", "crop,none", "flip,,crop", "FLIP"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(tli_augment_parse(bad[i], &bits, &err), TL_ERROR_USAGE);
        assert_non_null(strstr(err.text, "no augmentation"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations), cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_drawing),    cmocka_unit_test(test_resize),
        cmocka_unit_test(test_shrink),     cmocka_unit_test(test_random_crop),
        cmocka_unit_test(test_mixing),     cmocka_unit_test(test_mix_draws),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_flip_and_normalise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
