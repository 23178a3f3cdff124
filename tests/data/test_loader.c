/* The loader: the same batches whatever the number of workers and wherever one begins, damaged files skipped
 * in a way that does not depend on time either. */
#include "image_tree.h"

#include "data/loader.h"
#include "data/motion.h"

enum {
    CLASSES = 3,
    TRAIN = 9,
    VAL = 4,
    COUNT = CLASSES * TRAIN,
    SIZE = 24,
    BATCH = 8,
    VALUES = 3 * SIZE * SIZE
};

static char said[16384];

static int make_tree(void **state)
{
    if (make_folder(state) != 0) return -1;
    put_tree(folder, CLASSES, TRAIN, VAL);
    return 0;
}

static void hear(void *user, tl_log_level level, const char *line)
{
    strncat(said, line, sizeof said - strlen(said) - 2);
    strcat(said, "\n");
}

static const tl_log hearing = {.level = TL_LOG_NOTICE, .write = hear};

static tli_image_folder open_split(const char *split)
{
    tli_image_folder f;
    tl_error err = {0};
    if (tli_image_folder_open(folder, split, 0, &f, &err) != TL_OK) fail_msg("%s", err.text);
    return f;
}
#define open_split(...) VALUE_FROM_HERE(open_split(__VA_ARGS__))

static tli_loader_options options_for(const tli_image_folder *f, bool train, uint32_t workers)
{
    return (tli_loader_options){.folder = f,
                                .classes = CLASSES,
                                .size = SIZE,
                                .batch = BATCH,
                                .train = train,
                                .augment = TL_AUGMENT_ALL,
                                .seed = 5,
                                .workers = workers,
                                .log = &hearing};
}

static tli_loader *start(const tli_loader_options *o)
{
    tli_loader *l;
    tl_error err = {0};
    if (tli_loader_create(o, &l, &err) != TL_OK) fail_msg("%s", err.text);
    return l;
}
#define start(...) VALUE_FROM_HERE(start(__VA_ARGS__))

static tli_loader_batch get(tli_loader *l, uint64_t number)
{
    tli_loader_batch b;
    tl_error err = {0};
    if (tli_loader_get(l, number, &b, &err) != TL_OK) fail_msg("%s", err.text);
    return b;
}
#define get(...) VALUE_FROM_HERE(get(__VA_ARGS__))

/* A checksum of everything in a batch. */
static uint64_t mark(const tli_loader_batch *b)
{
    uLong sum = crc32(0, (const Bytef *)b->images, (uInt)(b->count * VALUES * sizeof(float)));
    sum = crc32(sum, (const Bytef *)b->labels, (uInt)(b->count * sizeof *b->labels));
    if (b->soft != NULL) sum = crc32(sum, (const Bytef *)b->soft, (uInt)(b->count * CLASSES * sizeof(float)));
    return sum | (uint64_t)b->count << 32;
}

static void test_workers(void **state)
{
    enum { STEPS = 11 }; /* nearly three epochs of 8 + 8 + 8 + 3 */
    tli_image_folder f = open_split("train");
    uint64_t marks[STEPS];
    for (uint32_t workers = 1; workers <= 6; workers++) {
        const tli_loader_options o = options_for(&f, true, workers);
        tli_loader *l = start(&o);
        assert_int_equal(tli_loader_workers(l), workers);
        assert_int_equal(tli_loader_batches(l), 4);
        for (int i = 0; i < STEPS; i++) {
            const tli_loader_batch b = get(l, (uint64_t)i);
            assert_int_equal(b.count, i % 4 == 3 ? 3 : 8);
            assert_non_null(b.soft);
            if (workers == 1)
                marks[i] = mark(&b);
            else
                assert_true(marks[i] == mark(&b));
            if (i % 2 == 0) tli_loader_release(l);
        }
        tli_loader_destroy(l);
    }
    for (int i = 0; i < STEPS; i++)
        for (int k = 0; k < i; k++) assert_true(marks[i] != marks[k]);
    /* from the middle, back, twice, far ahead */
    const uint64_t places[] = {6, 7, 2, 3, 3, 10, 0, 1, 400000, 5};
    const tli_loader_options o = options_for(&f, true, 3);
    tli_loader *l = start(&o);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const tli_loader_batch b = get(l, places[i]);
        if (places[i] < STEPS) assert_true(mark(&b) == marks[places[i]]);
        if (i % 3 == 0) tli_loader_release(l);
    }
    tli_loader_destroy(l);
    tli_loader_destroy(NULL);
    /* other seeds, other pictures; and stopping at once is fine */
    tli_loader_options other = o;
    other.seed = 6;
    l = start(&other);
    const tli_loader_batch b = get(l, 0);
    assert_true(mark(&b) != marks[0]);
    tli_loader_destroy(l);
    tli_loader_destroy(start(&o));
    tli_image_folder_free(&f);
}

/* Those of the part [from, to) of a batch, and what they are mixed with. */
static bool is_needed(uint32_t position, uint32_t count, tli_batch_range part)
{
    const uint32_t next = (position + 1) % count;
    return (position >= part.from && position < part.to) || (next >= part.from && next < part.to);
}

/* A part of a batch has the images and soft targets that the whole has there, and opens no other files: they are missing. */
static void test_parts(void **state)
{
    enum { SLICES = 4 };
    static char missing[] = "missing";
    tli_image_folder f = open_split("train"), cut = f;
    tli_loader_options o = options_for(&f, true, 2), own = o;
    uint32_t order[COUNT];
    own.folder = &cut;
    own.strict = true;
    tli_epoch_order(o.seed, 0, COUNT, order);
    for (uint64_t number = 0; number < 4; number += 3) { /* of 8 images, and the last one of 3 */
        tli_loader *l = start(&o);
        const tli_loader_batch whole = get(l, number);
        for (uint32_t ranks = 2; ranks <= SLICES; ranks *= 2)
            for (uint32_t rank = 0; rank < ranks; rank++) {
                const uint32_t slices = SLICES / ranks;
                own.part = (tli_batch_part){SLICES, rank * slices, slices};
                const tli_batch_range part = tli_batch_part_range(&own.part, whole.count);
                cut.paths = calloc(COUNT, sizeof *cut.paths);
                assert_non_null(cut.paths);
                for (uint32_t i = 0; i < COUNT; i++) cut.paths[i] = missing;
                for (uint32_t i = 0; i < whole.count; i++) {
                    const uint32_t sample = order[number * BATCH + i];
                    if (is_needed(i, whole.count, part)) cut.paths[sample] = f.paths[sample];
                }
                tli_loader *parted = start(&own);
                const tli_loader_batch b = get(parted, number);
                assert_int_equal(b.count, whole.count);
                const size_t images = part.to - part.from;
                assert_memory_equal(b.images + part.from * VALUES, whole.images + part.from * VALUES,
                                    images * VALUES * sizeof(float));
                assert_memory_equal(b.soft + part.from * CLASSES, whole.soft + part.from * CLASSES,
                                    images * CLASSES * sizeof(float));
                tli_loader_destroy(parted);
                free(cut.paths);
            }
        tli_loader_destroy(l);
    }
    tli_image_folder_free(&f);
}

/* Every sample of a batch is in one part, whatever the number of slices and samples. */
static void test_ranges(void **state)
{
    for (uint32_t slices = 1; slices <= 9; slices++)
        for (uint32_t samples = 1; samples <= 20; samples++)
            for (uint32_t own = 1; own <= 16; own *= 2) {
                uint32_t next = 0;
                for (uint32_t first = 0; first < 16; first += own) {
                    const tli_batch_part part = {slices, first, own};
                    const tli_batch_range range = tli_batch_part_range(&part, samples);
                    assert_int_equal(range.from, next);
                    assert_true(range.to >= range.from);
                    next = range.to;
                }
                assert_int_equal(next, samples);
            }
    const tli_batch_part all = {0};
    const tli_batch_range range = tli_batch_part_range(&all, 5);
    assert_true(range.from == 0 && range.to == 5);
}

/* Without augmentation a batch is the middle of the images in the epoch's order; in evaluation in the set's. */
static void test_plain(void **state)
{
    for (int train = 0; train < 2; train++) {
        tli_image_folder f = open_split(train ? "train" : "val");
        tli_loader_options o = options_for(&f, train != 0, 2);
        o.augment = 0;
        tli_loader *l = start(&o);
        uint32_t order[COUNT], seen = 0;
        tli_epoch_order(5, 1, COUNT, order);
        const uint64_t begin = train ? 4 : 0;
        for (uint64_t n = begin; n < begin + (train ? 4 : 2); n++) {
            const tli_loader_batch b = get(l, n);
            assert_null(b.soft);
            for (uint32_t i = 0; i < b.count; i++, seen++) {
                const uint32_t sample = train ? order[seen] : seen;
                char path[2048];
                float want[VALUES];
                tli_bytes bytes = {0};
                tli_image image = {0}, out = {0};
                tli_resampler resampler = {0};
                tl_error err = {0};
                snprintf(path, sizeof path, "%s/%s", f.root, f.paths[sample]);
                assert_int_equal(tli_bytes_read(&bytes, path, &err), TL_OK);
                uint32_t width, height;
                assert_int_equal(tli_image_size(&bytes, path, &width, &height, &err), TL_OK);
                const tli_resize plan = tli_resize_centre(width, height, SIZE);
                assert_int_equal(tli_image_decode(&bytes, path, tli_resize_shrink(&plan), &image, &err),
                                 TL_OK);
                assert_int_equal(tli_resample(&image, width, height, &plan, &resampler, &out, &err), TL_OK);
                tli_normalise(&out, want);
                assert_memory_equal(b.images + i * VALUES, want, sizeof want);
                assert_int_equal(b.labels[i], f.labels[sample]);
                tli_bytes_free(&bytes), tli_image_free(&image), tli_image_free(&out),
                    tli_resampler_free(&resampler);
            }
        }
        assert_int_equal(seen, f.count);
        if (!train) assert_int_equal(get(l, 2).count, 0);
        tli_loader_destroy(l);
        tli_image_folder_free(&f);
    }
}

/* One augmentation alone changes pictures; what it draws does not depend on the others being on. */
static void test_switches(void **state)
{
    tli_image_folder f = open_split("train");
    uint64_t marks[6];
    static float plain[BATCH * VALUES], flipped[BATCH * VALUES];
    const uint32_t sets[6] = {
        0, TL_AUGMENT_CROP, TL_AUGMENT_FLIP, TL_AUGMENT_RANDAUGMENT, TL_AUGMENT_MIXUP, TL_AUGMENT_CUTMIX};
    for (int i = 0; i < 6; i++) {
        tli_loader_options o = options_for(&f, true, 2);
        o.augment = sets[i];
        tli_loader *l = start(&o);
        const tli_loader_batch b = get(l, 0);
        marks[i] = mark(&b);
        assert_true((b.soft != NULL) == (i >= 4));
        for (uint32_t k = 0; b.soft != NULL && k < b.count; k++) {
            float sum = 0;
            for (int c = 0; c < CLASSES; c++) sum += b.soft[k * CLASSES + (uint32_t)c];
            assert_true(sum > 0.9999f);
            assert_true(sum < 1.0001f);
        }
        if (i == 0) memcpy(plain, b.images, sizeof plain);
        if (i == 2) memcpy(flipped, b.images, sizeof flipped);
        for (int k = 0; k < i; k++) assert_true(marks[k] != marks[i]);
        tli_loader_destroy(l);
    }
    int turned = 0;
    for (int i = 0; i < BATCH; i++) {
        if (memcmp(plain + i * VALUES, flipped + i * VALUES, VALUES * sizeof(float)) == 0) continue;
        turned++;
        for (int at = 0; at < VALUES; at++)
            assert_true(flipped[i * VALUES + at] ==
                        plain[i * VALUES + at / SIZE * SIZE + SIZE - 1 - at % SIZE]);
    }
    assert_true(turned > 0);
    assert_true(turned < BATCH);
    tli_image_folder_free(&f);
}

static void test_damaged(void **state)
{
    /* three files of classb are spoiled: empty, cut, foreign */
    char path[3][1024];
    static unsigned char kept[3][65536];
    size_t sizes[3];
    const char *const names[] = {"train/classb/001.JPEG", "train/classb/003.png", "val/classc/002.JPEG"};
    for (int i = 0; i < 3; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
        sizes[i] = read_file(path[i], kept[i], sizeof kept[i]);
        write_file(path[i], i == 2 ? (const void *)"no image at all" : kept[i],
                   i == 0   ? 0
                   : i == 1 ? sizes[i] / 2
                            : 15);
    }
    tli_image_folder f = open_split("train"), v = open_split("val");
    uint64_t marks[8];
    for (uint32_t workers = 1; workers <= 4; workers++) {
        tli_loader_options o = options_for(&f, true, workers);
        said[0] = '\0';
        tli_loader *l = start(&o);
        for (int i = 0; i < 8; i++) { /* two epochs, full batches: others stand in */
            const tli_loader_batch b = get(l, (uint64_t)i);
            assert_int_equal(b.count, i % 4 == 3 ? 3 : 8);
            if (workers == 1)
                marks[i] = mark(&b);
            else
                assert_true(marks[i] == mark(&b));
        }
        assert_int_equal(tli_loader_damaged(l), 2);
        tli_loader_destroy(l);
        const char *first = strstr(said, path[0]), *second = strstr(said, path[1]);
        assert_true(first != NULL);
        assert_true(second != NULL); /* each named once */
        assert_true(strstr(first + 1, path[0]) == NULL);
        assert_true(strstr(second + 1, path[1]) == NULL);
        assert_non_null(strstr(said, "skipped: "));

        o.strict = true;
        l = start(&o);
        tl_error err = {0};
        tl_status status = TL_OK;
        for (uint64_t i = 0; i < 4 && status == TL_OK; i++) {
            tli_loader_batch b;
            status = tli_loader_get(l, i, &b, &err);
        }
        assert_int_equal(status, TL_ERROR_INPUT);
        assert_non_null(strstr(err.text, "classb"));
        tli_loader_destroy(l);

        o = options_for(&v, false, workers); /* one image fewer, the others as they are */
        said[0] = '\0';
        l = start(&o);
        tli_loader_batch b = get(l, 0);
        assert_int_equal(b.count, 8);
        b = get(l, 1);
        assert_int_equal(b.count, 3);
        assert_int_equal(get(l, 2).count, 0);
        assert_int_equal(tli_loader_damaged(l), 1);
        assert_non_null(strstr(said, path[2]));
        tli_loader_destroy(l);
    }
    tli_image_folder_free(&f);
    tli_image_folder_free(&v);
    for (int i = 0; i < 3; i++) write_file(path[i], kept[i], sizes[i]);
}

static void test_nothing_left(void **state)
{
    char other[] = "/tmp/tl_loader_XXXXXX", path[256];
    assert_non_null(mkdtemp(other));
    put_tree(other, 2, 3, 2);
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/train/class%c/%03d.%s", other, 'a' + i / 3, i % 3,
                 i % 3 ? "JPEG" : "png");
        write_file(path, "x", 1);
    }
    tli_image_folder f;
    tl_error err = {0};
    tli_loader_batch b;
    assert_int_equal(tli_image_folder_open(other, "train", 0, &f, &err), TL_OK);
    const tli_loader_options o = options_for(&f, true, 2);
    tli_loader *l = start(&o);
    assert_int_equal(tli_loader_get(l, 0, &b, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "no image of the class class"));
    assert_between(tli_loader_damaged(l), 3, 5); /* those of the class, and some of the other */
    tli_loader_destroy(l);
    tli_image_folder_free(&f);
    remove_tree(other);
}

static void test_digits(void **state)
{
    tli_dataset set;
    tl_error err = {0};
    assert_int_equal(tli_digits_draw(1, 1, 20, &set, &err), TL_OK);
    tli_loader_options o = {
        .digits = &set, .classes = 10, .size = 56, .batch = 8, .train = true, .augment = 0, .workers = 2};
    tli_loader *l = start(&o);
    uint32_t order[20];
    tli_epoch_order(0, 0, 20, order);
    const tli_loader_batch b = get(l, 0);
    assert_int_equal(b.count, 8);
    for (uint32_t i = 0; i < b.count; i++) assert_int_equal(b.labels[i], set.labels[order[i]]);
    /* grey: three channels of one value, normalised each its own way */
    const float *p = b.images + 30 * 56 + 30;
    const float value = (p[0] * 0.229f + 0.485f) * 255;
    assert_true(value - (p[56 * 56] * 0.224f + 0.456f) * 255 < 0.01f);
    assert_true(value > -0.01f);
    tli_loader_destroy(l);
    tli_dataset_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers), cmocka_unit_test(test_plain),        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_nothing_left), cmocka_unit_test(test_digits),
        cmocka_unit_test(test_parts),   cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_folder);
}
