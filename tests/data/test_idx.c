/* IDX files: plain and packed ones load, damaged ones are refused with the file's name. The real MNIST is
 * read when TRANSLUTION_MNIST names its folder. */
#include "files.h"

#include <zlib.h>

#include "data/dataset.h"

static const char *const file_names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

enum { COUNT = 5, HEIGHT = 3, WIDTH = 4, IMAGE_BYTES = 16 + COUNT * HEIGHT * WIDTH, LABEL_BYTES = 8 + COUNT };

typedef struct files {
    unsigned char images[IMAGE_BYTES + 8], labels[LABEL_BYTES + 8];
    size_t image_bytes, label_bytes;
} files;

static const char *path_of(const char *name, const char *suffix)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
    return path;
}

static int clean(void **state)
{
    for (size_t i = 0; i < 4; i++) {
        unlink(path_of(file_names[i], ""));
        unlink(path_of(file_names[i], ".gz"));
    }
    return 0;
}

static void put_word(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static files good_files(void)
{
    files f = {.image_bytes = IMAGE_BYTES, .label_bytes = LABEL_BYTES};
    const uint32_t image_header[] = {0x803, COUNT, HEIGHT, WIDTH}, label_header[] = {0x801, COUNT};
    for (int i = 0; i < 4; i++) put_word(f.images + 4 * i, image_header[i]);
    for (int i = 0; i < 2; i++) put_word(f.labels + 4 * i, label_header[i]);
    for (int i = 0; i < COUNT * HEIGHT * WIDTH; i++) f.images[16 + i] = (unsigned char)(4 * i);
    for (int i = 0; i < COUNT; i++) f.labels[8 + i] = (unsigned char)(50 * (5 - i)); /* any byte is a label */
    return f;
}

static void write_plain(const char *path, const unsigned char *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}
#define write_plain(...) FROM_HERE(write_plain(__VA_ARGS__))

static void write_packed(const char *path, const unsigned char *data, size_t bytes, const char *mode)
{
    gzFile file = gzopen(path, mode);
    assert_non_null(file);
    assert_int_equal(gzwrite(file, data, (unsigned)bytes), (int)bytes);
    assert_int_equal(gzclose(file), Z_OK);
}
#define write_packed(...) FROM_HERE(write_packed(__VA_ARGS__))

static void write_files(const files *f, int packed)
{
    if (packed) {
        write_packed(path_of(file_names[0], ".gz"), f->images, f->image_bytes, "wb");
        write_packed(path_of(file_names[1], ".gz"), f->labels, f->label_bytes, "wb");
    } else {
        write_plain(path_of(file_names[0], ""), f->images, f->image_bytes);
        write_plain(path_of(file_names[1], ""), f->labels, f->label_bytes);
    }
}

static void expect_good(uint32_t limit, uint32_t count)
{
    tli_dataset set;
    tl_error err = {0};
    if (tli_idx_load(folder, 1, limit, &set, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(set.count, count);
    assert_int_equal(set.height, HEIGHT);
    assert_int_equal(set.width, WIDTH);
    const files f = good_files();
    assert_memory_equal(set.pixels, f.images + 16, count * HEIGHT * WIDTH);
    assert_memory_equal(set.labels, f.labels + 8, count);
    tli_dataset_free(&set);
    assert_null(set.pixels);
    tli_dataset_free(&set);
}
#define expect_good(...) FROM_HERE(expect_good(__VA_ARGS__))

/* Also where only the first few images are asked for. */
static void expect_refusal(const char *says, const char *also)
{
    static const uint32_t limits[] = {0, 1, COUNT - 1};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        tli_dataset set;
        tl_error err = {0};
        tl_status status = tli_idx_load(folder, 1, limits[i], &set, &err);
        if (status != TL_ERROR_INPUT) fail_msg("status %d instead of a refusal: %s", status, says);
        if (!strstr(err.text, says) || !strstr(err.text, also))
            fail_msg("\"%s\" without \"%s\"", err.text, says);
        assert_true(set.pixels == NULL);
        assert_true(set.labels == NULL);
        assert_true(set.count == 0);
    }
}
#define expect_refusal(...) FROM_HERE(expect_refusal(__VA_ARGS__))

static void test_good(void **state)
{
    files f = good_files();
    write_files(&f, 1);
    expect_good(0, COUNT);
    expect_good(2, 2);
    expect_good(COUNT, COUNT);
    expect_good(1000, COUNT);
    write_files(&f, 0);
    expect_good(0, COUNT);
    expect_good(3, 3);
    /* the plain file wins over the packed one: break the packed one */
    write_plain(path_of(file_names[0], ".gz"), (const unsigned char *)"x", 1);
    expect_good(0, COUNT);
}

static void test_odd_packing(void **state)
{
    const files f = good_files();
    /* unpacked, but still called .gz */
    write_plain(path_of(file_names[0], ".gz"), f.images, f.image_bytes);
    /* two gzip members */
    write_packed(path_of(file_names[1], ".gz"), f.labels, 9, "wb");
    write_packed(path_of(file_names[1], ".gz"), f.labels + 9, f.label_bytes - 9, "ab");
    expect_good(0, COUNT);
}

static void test_missing(void **state)
{
    tli_dataset set;
    tl_error err = {0};
    assert_int_equal(tli_idx_load("/nonexistent/folder", 1, 0, &set, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "/nonexistent/folder"));
    expect_refusal("train-images-idx3-ubyte.gz", folder);
    files f = good_files();
    write_files(&f, 0);
    unlink(path_of(file_names[1], ""));
    expect_refusal("train-labels-idx1-ubyte.gz", folder);
    assert_int_equal(tli_idx_load(folder, 0, 0, &set, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "t10k-images-idx3-ubyte"));
}

/* One fault after another in otherwise good files, plain and packed. */
static void test_faults(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        clean(state);
        files f = good_files();
        put_word(f.images, 0x801);
        write_files(&f, packed);
        expect_refusal("0x00000801 instead of 0x00000803", file_names[0]);

        f = good_files();
        put_word(f.labels, 0x803);
        write_files(&f, packed);
        expect_refusal("no IDX file of labels", file_names[1]);

        f = good_files();
        f.image_bytes--;
        write_files(&f, packed);
        expect_refusal("truncated", file_names[0]);
        f.image_bytes = 15;
        write_files(&f, packed);
        expect_refusal("truncated in its header", file_names[0]);
        f.image_bytes = 16;
        write_files(&f, packed);
        expect_refusal("truncated", file_names[0]);

        f = good_files();
        f.label_bytes--;
        write_files(&f, packed);
        expect_refusal("truncated", file_names[1]);

        f = good_files();
        f.image_bytes++;
        write_files(&f, packed);
        expect_refusal("behind its last", file_names[0]);
        f = good_files();
        f.label_bytes++;
        write_files(&f, packed);
        expect_refusal("behind its last", file_names[1]);

        f = good_files();
        put_word(f.labels + 4, COUNT - 1);
        write_files(&f, packed);
        expect_refusal("holds 4 labels", file_names[0]);

        f = good_files();
        put_word(f.images + 4, 0);
        put_word(f.labels + 4, 0);
        write_files(&f, packed);
        expect_refusal("holds no images", file_names[0]);
        for (int side = 8; side <= 12; side += 4) {
            f = good_files();
            put_word(f.images + side, 0);
            write_files(&f, packed);
            expect_refusal("can be read", file_names[0]);
            put_word(f.images + side, UINT32_MAX);
            write_files(&f, packed);
            expect_refusal("can be read", file_names[0]);
        }

        /* 2^32 - 1 images of 4096 x 4096 are promised: 2^56 bytes, which no one must allocate */
        f = good_files();
        put_word(f.images + 4, UINT32_MAX);
        put_word(f.images + 8, 4096);
        put_word(f.images + 12, 4096);
        put_word(f.labels + 4, UINT32_MAX);
        write_files(&f, packed);
        expect_refusal("truncated", file_names[1]);
        put_word(f.images + 4, COUNT);
        put_word(f.labels + 4, COUNT);
        write_files(&f, packed);
        expect_refusal("truncated", file_names[0]);
    }
}

static void test_damaged_gzip(void **state)
{
    const files f = good_files();
    write_files(&f, 1);
    unsigned char data[512];
    FILE *file = fopen(path_of(file_names[0], ".gz"), "rb");
    size_t bytes = fread(data, 1, sizeof data - 4, file);
    fclose(file);
    for (size_t cut = 2; cut < bytes; cut++) { /* also inside the checksum at the end */
        write_plain(path_of(file_names[0], ".gz"), data, cut);
        expect_refusal("truncated", file_names[0]);
    }
    memcpy(data + bytes, "junk", 4);
    write_plain(path_of(file_names[0], ".gz"), data, bytes + 4);
    expect_refusal("not a sound gzip", file_names[0]);
    data[bytes - 6] ^= 1; /* the checksum */
    write_plain(path_of(file_names[0], ".gz"), data, bytes);
    expect_refusal("not a sound gzip", file_names[0]);
    write_plain(path_of(file_names[0], ".gz"), data, 0);
    expect_refusal("truncated", file_names[0]);
}

static void test_real_mnist(void **state)
{
    const char *mnist = getenv("TRANSLUTION_MNIST");
    if (!mnist || access(mnist, R_OK) != 0)
        skip_because("real MNIST is not there", "set TRANSLUTION_MNIST to a folder of its IDX files");
    const uint8_t train_labels[] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4},
                  test_labels[] = {7, 2, 1, 0, 4, 1, 4, 9, 5, 9};
    for (int train = 0; train < 2; train++) {
        tli_dataset set;
        tl_error err = {0};
        if (tli_idx_load(mnist, train, 0, &set, &err) != TL_OK) fail_msg("%s", err.text);
        assert_int_equal(set.count, train ? 60000 : 10000);
        assert_true(set.height == 28);
        assert_true(set.width == 28);
        assert_memory_equal(set.labels, train ? train_labels : test_labels, 10);
        double sum = 0;
        for (size_t i = 0; i < (size_t)set.count * 784; i++) sum += set.pixels[i];
        double mean = sum / set.count / 784 / 255; /* 0.1307 and 0.1325, widely quoted */
        assert_true(train ? mean > 0.1306 && mean < 0.1307 : mean > 0.1325 && mean < 0.1326);
        tli_dataset_free(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_good, clean),
        cmocka_unit_test_teardown(test_odd_packing, clean),
        cmocka_unit_test_teardown(test_missing, clean),
        cmocka_unit_test_teardown(test_faults, clean),
        cmocka_unit_test_teardown(test_damaged_gzip, clean),
        cmocka_unit_test(test_real_mnist),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_empty_folder);
}
