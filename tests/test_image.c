/* Images to patch rows: every element at its place. */
#include "rows.h"

#include "ops/image.h"

static void check(tl_context *ctx, uint32_t batch, uint32_t channels, uint32_t height, uint32_t width,
                  uint32_t patch)
{
    const uint64_t count = (uint64_t)batch * channels * height * width;
    const uint32_t across = width / patch;
    const uint64_t length = (uint64_t)patch * patch * channels;
    float *images = malloc(count * sizeof *images);
    assert_non_null(images);
    for (uint64_t i = 0; i < count; i++) images[i] = (float)i;
    place vi = put(ctx, images, count), vp = put(ctx, NULL, count);
    MUST(ctx, tl_patches_forward(ctx, vi.view, vp.view, batch, channels, height, width, patch));
    float *got = get(ctx, vp);
    for (uint32_t b = 0; b < batch; b++)
        for (uint32_t c = 0; c < channels; c++)
            for (uint32_t y = 0; y < height; y++)
                for (uint32_t x = 0; x < width; x++) {
                    const uint64_t token = (uint64_t)(y / patch) * across + x / patch;
                    const uint64_t element = ((uint64_t)(y % patch) * patch + x % patch) * channels + c;
                    const float want = images[(((uint64_t)b * channels + c) * height + y) * width + x];
                    const float is = got[(token * batch + b) * length + element];
                    if (is != want)
                        fail_msg("image %u channel %u (%u, %u): %g, not %g", b, c, y, x, is, want);
                }
    free(images), free(got);
    drop(ctx, vi), drop(ctx, vp);
}

static void all(tl_context *ctx)
{
    check(ctx, 1, 1, 1, 1, 1);
    check(ctx, 3, 1, 84, 84, 12);
    check(ctx, 2, 3, 32, 32, 16);
    check(ctx, 5, 3, 6, 15, 3);
    check(ctx, 2, 13, 10, 5, 5);
}
ON_BOTH_PATHS(all)

static void refusals(tl_context *ctx)
{
    place p = put(ctx, NULL, 100);
    assert_int_equal(tl_patches_forward(ctx, p.view, p.view, 1, 1, 10, 10, 3), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(ctx)->text, "10x10"));
    assert_int_equal(tl_patches_forward(ctx, p.view, p.view, 1, 1, 10, 10, 0), TL_ERROR_USAGE);
    drop(ctx, p);
}
ON_BOTH_PATHS(refusals)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(all), BOTH_PATHS(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
