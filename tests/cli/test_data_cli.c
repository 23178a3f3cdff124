/* `train mnist` from outside on files of data: wrong ones are named, many classes and the real MNIST are taken; and what fails
 * for want of memory, of a checkpoint or of a place to write. */
#include "program.h"
#include "small_digits.h"

#include <zlib.h>

/* ---- data ---------------------------------------------------------------------------------------- */

static void big_endian(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* One IDX file: `count` in the header, `present` items behind it, every byte `value` (+ index for labels). */
static void write_idx(const char *dir, const char *name, uint32_t magic, uint32_t count, uint32_t present,
                      int value)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    unsigned char header[16];
    bool images = strstr(name, "images") != NULL;
    big_endian(header, magic);
    big_endian(header + 4, count);
    big_endian(header + 8, 28);
    big_endian(header + 12, 28);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(header, 1, images ? 16 : 8, file);
    for (uint32_t i = 0; i < present; i++)
        for (int p = 0; p < (images ? 784 : 1); p++)
            fputc(images ? (int)(i * 31 + (uint32_t)p) & 255 : value, file);
    assert_int_equal(fclose(file), 0);
}
#define write_idx(...) FROM_HERE(write_idx(__VA_ARGS__))

static void write_mnist(const char *dir)
{
    mkdir(dir, 0700);
    write_idx(dir, "train-images-idx3-ubyte", 0x803, 40, 40, 0);
    write_idx(dir, "train-labels-idx1-ubyte", 0x801, 40, 40, 3);
    write_idx(dir, "t10k-images-idx3-ubyte", 0x803, 20, 20, 0);
    write_idx(dir, "t10k-labels-idx1-ubyte", 0x801, 20, 20, 3);
}

#define DATA "train", "mnist", "--quiet", SMALL, "--batch-size", "16", "--steps", "2", "--data", dir

static void wrong_data_are_refused(void **state)
{
    char dir[300], path[600];
    snprintf(dir, sizeof dir, "%s", at("idx"));
    RUN(NO_ENV, DATA);
    FAILS(2, dir, "no folder");
    assert_int_equal(mkdir(dir, 0700), 0);
    RUN(NO_ENV, DATA);
    FAILS(2, dir, "train-images-idx3-ubyte");

    write_mnist(dir);
    RUN(NO_ENV, DATA, "--out", at("idx-run"));
    EXPECT(0, "");

    write_idx(dir, "train-images-idx3-ubyte", 0x804, 40, 40, 0);
    RUN(NO_ENV, DATA);
    FAILS(2, "train-images-idx3-ubyte", "0x00000804");

    write_idx(dir, "train-images-idx3-ubyte", 0x803, 40, 39, 0);
    RUN(NO_ENV, DATA);
    FAILS(2, "train-images-idx3-ubyte");

    write_mnist(dir);
    write_idx(dir, "train-labels-idx1-ubyte", 0x801, 39, 39, 3);
    RUN(NO_ENV, DATA);
    FAILS(2, "39", "40");

    write_idx(dir, "train-labels-idx1-ubyte", 0x801, 40, 40, 10);
    RUN(NO_ENV, DATA);
    FAILS(2, "train-labels-idx1-ubyte", "10");

    write_mnist(dir);
    snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte", dir);
    read_file(path, seen.out, TEXT);
    remove(path);
    snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte.gz", dir);
    gzFile gz = gzopen(path, "wb");
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, seen.out, 16 + 20 * 784), 16 + 20 * 784);
    assert_int_equal(gzclose(gz), Z_OK);
    RUN(NO_ENV, DATA, "--out", at("gz-run"));
    EXPECT(0, "");
    struct stat whole;
    assert_int_equal(stat(path, &whole), 0);
    assert_int_equal(truncate(path, whole.st_size / 2), 0);
    RUN(NO_ENV, DATA);
    FAILS(2, "t10k-images-idx3-ubyte.gz");
}

static void wrong_folders_are_refused(void **state)
{
    write_text("file", "not a folder\n");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("file/run"), THREE);
    FAILS(2, "file/run", "--out");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("metrics-run"), "--metrics", at("file/metrics"),
        THREE);
    FAILS(2, "file/metrics");
}

static void what_does_not_fit_is_refused(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("large"), SHORT, "--steps", "1", "--memory-limit",
        "1M");
    EXPECT(2, "largest batch", "parameters", "activations", "sum", "fits: no");
    expect_one_sentence();
    /* Without --batch-size the batch shrinks until it fits. */
    RUN(NO_ENV, "train", "mnist", "--out", at("shrunk"), SMALL, "--limit-train", "48", "--limit-test", "16",
        "--steps", "1", "--memory-limit", "8M");
    EXPECT(0, "batch");
}

/* The plan counts all that a run takes, gradient clipping among it: no byte more, no byte less. */
static void a_limit_of_the_planned_bytes_is_enough(void **state)
{
    static const char *const clipping[][2] = {{"--grad-clip", "1"}, {"--skip-nonfinite", NULL}, {NULL}};
    for (int i = 0; i < 3; i++) {
        const char *const flag = clipping[i][0], *const value = clipping[i][1];
        char bytes[32];
        RUN(NO_ENV, "train", "mnist", "--dry-run", SHORT, "--recompute", "never", flag, value);
        EXPECT(0, "");
        cJSON *json = last_json();
        const double total = number(json, "total_bytes");
        cJSON_Delete(json);
        snprintf(bytes, sizeof bytes, "%.0f", total);
        RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("exact"), "--memory-limit", bytes, SHORT,
            "--steps", "2", "--recompute", "never", flag, value);
        EXPECT(0, "");
        json = last_json();
        assert_true(number(json, "peak_device_bytes") == total);
        cJSON_Delete(json);
        snprintf(bytes, sizeof bytes, "%.0f", total - 1);
        RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("short"), "--memory-limit", bytes, SHORT,
            "--steps", "2", "--recompute", "never", flag, value);
        EXPECT(2, "largest --batch-size");
    }
}

static void wrong_checkpoints_are_refused(void **state)
{
    RUN(NO_ENV, "info", at("nothing.safetensors"));
    FAILS(2, "nothing.safetensors");
    RUN(NO_ENV, "eval", at("nothing.safetensors"));
    FAILS(2, "nothing.safetensors");
    write_text("broken.safetensors", "this is not a header");
    RUN(NO_ENV, "info", at("broken.safetensors"));
    FAILS(2, "broken.safetensors");
    RUN(NO_ENV, "eval", at("broken.safetensors"));
    FAILS(2, "broken.safetensors");
}

/* ---- real MNIST ---------------------------------------------------------------------------------- */

static void real_mnist_is_learned(void **state)
{
    const char *data = getenv("TRANSLUTION_MNIST");
    if (data == NULL)
        skip_because("real MNIST is not there", "set TRANSLUTION_MNIST to a folder of its IDX files");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--data", data, "--out", at("real"), "--dim", "32", "--depth",
        "1", "--heads", "2", "--head-dim", "16", "--batch-size", "32", "--lr", "3e-3", "--limit-train",
        "2000", "--limit-test", "500", "--epochs", "3");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(number(json, "top1") > 60);
    cJSON_Delete(json);
}

/* Labels of more classes than ten, as EMNIST has them; and the table of true and found classes, whose main diagonal is
 * top-1. */
static void more_than_ten_classes_are_told_apart(void **state)
{
    char dir[300];
    snprintf(dir, sizeof dir, "%s", at("emnist"));
    write_mnist(dir);
    write_idx(dir, "train-labels-idx1-ubyte", 0x801, 40, 40, 46);
    write_idx(dir, "t10k-labels-idx1-ubyte", 0x801, 20, 20, 46);
    RUN(NO_ENV, DATA);
    FAILS(2, "train-labels-idx1-ubyte", "is 46", "10 classes", "--classes");
    RUN(NO_ENV, DATA, "--classes", "46");
    FAILS(2, "train-labels-idx1-ubyte", "is 46", "46 classes, 0 to 45");
    RUN(NO_ENV, DATA, "--classes", "47", "--out", at("emnist-run"));
    EXPECT(0, "");
    for (int dynamic = 0; dynamic < 2; dynamic++) {
        RUN(NO_ENV, "eval", at("emnist-run"), "--data", dir, "--confusion", at("emnist.tsv"), "--test-motion",
            dynamic ? "dynamic" : "static");
        EXPECT(0, "");
        cJSON *json = last_json();
        const double top1 = number(json, "top1");
        cJSON_Delete(json);
        read_file("emnist.tsv", seen.out, TEXT);
        assert_int_equal(strncmp(seen.out, "true\\found\t0\t1\t2\t", 17), 0);
        unsigned long sum = 0, right = 0;
        char *line = seen.out;
        for (int row = 0; row < 47; row++) {
            line = strchr(line, '\n') + 1;
            char *cell = line;
            assert_int_equal(strtoul(cell, &cell, 10), row);
            for (int column = 0; column < 47; column++) {
                assert_int_equal(*cell, '\t');
                const unsigned long count = strtoul(cell + 1, &cell, 10);
                assert_true(count == 0 || row == 46);
                sum += count;
                if (row == column) right += count;
            }
            assert_int_equal(*cell, '\n');
        }
        assert_string_equal(strchr(line, '\n'), "\n");
        assert_int_equal(sum, 20);
        assert_true(top1 == 100.0 * (double)right / 20);
    }
    RUN(NO_ENV, DATA, "--classes", "47", "--out", at("emnist-run-2"), "--steps", "30", "--lr", "1e-2");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(number(json, "top1") ==
                100); /* all samples are of one class: the test above cannot miss the diagonal */
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_data_are_refused),
        cmocka_unit_test(wrong_folders_are_refused),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_limit_of_the_planned_bytes_is_enough),
        cmocka_unit_test(wrong_checkpoints_are_refused),
        cmocka_unit_test(real_mnist_is_learned),
        cmocka_unit_test(more_than_ten_classes_are_told_apart),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
