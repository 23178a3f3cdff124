/* What evaluation and prediction see of a large JPEG is what torchvision on Pillow sees, to the last bit; training may decode
 * at a reduced size, down to twice what it needs, unless it must be exact. */
#include "image_tree.h"
#include "pillow_resize.h"

#include "data/loader.h"

static const struct {
    uint32_t width, height;
} sizes[] = {{800, 611}, {4000, 3000}}; /* an image a class */
enum { IMAGES = sizeof sizes / sizeof *sizes };

static void path_of(char path[256], const char *split, int image)
{
    snprintf(path, 256, "%s/%s/class%d/scene.jpg", folder, split, image);
}

static int make_scenes(void **state)
{
    char path[256];
    if (make_folder(state) != 0) return -1;
    for (int split = 0; split < 2; split++)
        for (int i = 0; i < IMAGES; i++) {
            snprintf(path, sizeof path, "%s/%s", folder, split ? "val" : "train");
            mkdir(path, 0755);
            snprintf(path, sizeof path, "%s/%s/class%d", folder, split ? "val" : "train", i);
            mkdir(path, 0755);
            path_of(path, split ? "val" : "train", i);
            uint8_t *pixels = draw_scene(sizes[i].width, sizes[i].height);
            write_jpeg(path, pixels, sizes[i].width, sizes[i].height, 3, 92, 0, 0);
            free(pixels);
        }
    return 0;
}

/* The first pass over a split without augmentation, in the set's order: images [IMAGES][3][side][side], owned. */
static float *load(uint32_t side, bool train, bool exact)
{
    const size_t values = (size_t)3 * side * side;
    float *images = malloc(IMAGES * values * sizeof *images);
    tli_image_folder found;
    tli_loader *loader = NULL;
    tli_loader_batch batch;
    tl_error err = {0};
    assert_non_null(images);
    assert_int_equal(tli_image_folder_open(folder, train ? "train" : "val", 0, &found, &err), TL_OK);
    const tli_loader_options options = {.folder = &found,
                                        .classes = found.classes,
                                        .size = side,
                                        .batch = IMAGES,
                                        .train = train,
                                        .exact_decode = exact,
                                        .workers = 1};
    assert_int_equal(tli_loader_create(&options, &loader, &err), TL_OK);
    assert_int_equal(tli_loader_get(loader, 0, &batch, &err), TL_OK);
    assert_int_equal(batch.count, IMAGES);
    for (uint32_t i = 0; i < IMAGES; i++)
        memcpy(images + (size_t)batch.labels[i] * values, batch.images + i * values, values * sizeof *images);
    tli_loader_destroy(loader);
    tli_image_folder_free(&found);
    return images;
}
#define load(...) VALUE_FROM_HERE(load(__VA_ARGS__))

/* The same by libjpeg's whole decoding and the plain resizing of pillow_resize.h. */
static void expected(int image, uint32_t side, float *out)
{
    char path[256];
    tli_image picture = {.width = side, .height = side, .pixels = malloc((size_t)side * side * 3)};
    uint32_t width, height;
    path_of(path, "val", image);
    uint8_t *pixels = decode_whole_jpeg(path, &width, &height);
    assert_non_null(picture.pixels);
    pillow_resize_centre(pixels, width, height, side, picture.pixels);
    tli_normalise(&picture, out);
    free(pixels);
    free(picture.pixels);
}
#define expected(...) FROM_HERE(expected(__VA_ARGS__))

static void test_whole_decoding(void **state)
{
    const uint32_t sides[] = {224, 192, 32};
    for (int i = 0; i < 3; i++) {
        const size_t values = (size_t)3 * sides[i] * sides[i];
        float *tested = load(sides[i], false, false), *exact = load(sides[i], true, true),
              *want = malloc(values * sizeof *want);
        for (int image = 0; image < IMAGES; image++) {
            expected(image, sides[i], want);
            assert_memory_equal(tested + (size_t)image * values, want, values * sizeof *want);
            assert_memory_equal(exact + (size_t)image * values, want, values * sizeof *want);
        }
        free(tested), free(exact), free(want);
    }
}

/* Where a large image may be reduced it is, and what comes of it is close: some levels of 255, of which one is about .017. */
static void test_reduced_decoding(void **state)
{
    enum { SIDE = 192, VALUES = 3 * SIDE * SIDE };
    float *reduced = load(SIDE, true, false), *want = malloc(VALUES * sizeof *want);
    for (int image = 0; image < IMAGES; image++) {
        double sum = 0;
        expected(image, SIDE, want);
        for (size_t k = 0; k < VALUES; k++)
            sum += fabs((double)(reduced[(size_t)image * VALUES + k] - want[k]));
        /* 611 / 2 rows are less than twice the 219 that are needed, 3000 / 4 are more */
        if (image == 0) assert_true(sum == 0);
        if (image == 1 && (sum == 0 || sum / VALUES > 4 * 0.0175))
            fail_msg("a reduced image is off by %g levels on average", sum / VALUES / 0.0175);
    }
    free(reduced), free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole_decoding),
                                       cmocka_unit_test(test_reduced_decoding)};
    return cmocka_run_group_tests(tests, make_scenes, remove_folder);
}
