/* Images to patch rows: every element at its place. */
#include "rows.h"

#include "ops/image.h"

static void check_at(const char *file, int line, tl_context *ctx, uint32_t batch, uint32_t channels,
                     tli_extent i, tli_extent p)
{
    const uint64_t count = (uint64_t)batch * channels * i.depth * i.height * i.width;
    const uint32_t across = i.width / p.width, down = i.height / p.height;
    const uint64_t length = (uint64_t)p.depth * p.height * p.width * channels;
    float *images = malloc(count * sizeof *images);
    assert_non_null(images);
    for (uint64_t e = 0; e < count; e++) images[e] = (float)e;
    place vi = put(ctx, images, count), vp = put(ctx, NULL, count);
    MUST(ctx, tli_patches_forward(ctx, vi.view, vp.view, batch, channels, i, p));
    float *got = get(ctx, vp);
    for (uint64_t e = 0; e < count; e++) { /* by the image's order */
        const uint32_t x = (uint32_t)(e % i.width), y = (uint32_t)(e / i.width % i.height),
                       z = (uint32_t)(e / i.width / i.height % i.depth);
        const uint64_t plane = e / i.width / i.height / i.depth, b = plane / channels, c = plane % channels;
        const uint64_t token = ((uint64_t)(z / p.depth) * down + y / p.height) * across + x / p.width;
        const uint64_t in_patch = ((uint64_t)(z % p.depth) * p.height + y % p.height) * p.width + x % p.width;
        const float is = got[(token * batch + b) * length + in_patch * channels + c];
        if (is != images[e])
            fail_at(file, line, "image %u channel %u (%u, %u, %u): %g, not %g", (unsigned)b, (unsigned)c, z,
                    y, x, is, images[e]);
    }
    free(images), free(got);
    drop(ctx, vi), drop(ctx, vp);
}
#define check(...) check_at(HERE, __VA_ARGS__)

static void every_element_at_its_place(tl_context *ctx)
{
    check(ctx, 1, 1, (tli_extent){1, 1, 1}, (tli_extent){1, 1, 1});
    check(ctx, 3, 1, (tli_extent){1, 84, 84}, (tli_extent){1, 12, 12});
    check(ctx, 2, 3, (tli_extent){1, 32, 32}, (tli_extent){1, 16, 16});
    check(ctx, 5, 3, (tli_extent){1, 6, 15}, (tli_extent){1, 3, 3});
    check(ctx, 2, 13, (tli_extent){1, 10, 5}, (tli_extent){1, 5, 5});
    check(ctx, 2, 2, (tli_extent){1, 12, 10}, (tli_extent){1, 3, 5});
    check(ctx, 3, 2, (tli_extent){4, 6, 8}, (tli_extent){2, 3, 2});
    check(ctx, 1, 3, (tli_extent){5, 2, 9}, (tli_extent){1, 2, 3});
}
ON_BOTH_PATHS(every_element_at_its_place)

static void wrong_patches_are_refused(tl_context *ctx)
{
    place p = put(ctx, NULL, 100);
    const tli_extent image = {1, 10, 10}, patches[] = {{1, 3, 5}, {1, 5, 0}, {2, 5, 5}, {0, 5, 5}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tli_patches_forward(ctx, p.view, p.view, 1, 1, image, patches[i]), TL_ERROR_USAGE);
        assert_non_null(strstr(tl_context_error(ctx)->text, "1x10x10"));
    }
    drop(ctx, p);
}
ON_BOTH_PATHS(wrong_patches_are_refused)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(every_element_at_its_place),
                                       BOTH_PATHS(wrong_patches_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
