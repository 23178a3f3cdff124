/* The public tl_file: what `translution info` shows, for another program. */
#include "program.h"

#include <translution/translution.h>

/* One tensor of each dtype, as another program might write them. */
static void write_all_dtypes(const char *name)
{
    static const char header[] = "{\"__metadata__\":{\"who\":\"another\"},"
                                 "\"f\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                                 "\"l\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]},"
                                 "\"i\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[16,24]},"
                                 "\"u\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[24,27]}}";
    static const unsigned char data[] = {0,   0,   128, 63,  0,   0,   32,  192, /* 1, -2.5 */
                                         254, 255, 255, 255, 255, 255, 255, 255, /* -2 */
                                         7,   0,   0,   0,   249, 255, 255, 255, /* 7, -7 */
                                         0,   128, 255};
    unsigned char bytes[8 + sizeof header - 1 + sizeof data] = {(unsigned char)(sizeof header - 1),
                                                                (unsigned char)((sizeof header - 1) >> 8)};
    memcpy(bytes + 8, header, sizeof header - 1);
    memcpy(bytes + 8 + sizeof header - 1, data, sizeof data);
    write_file(name, bytes, sizeof bytes);
}

static void every_dtype_is_read_as_floats(void **unused)
{
    static const struct {
        const char *name, *dtype;
        uint32_t rank;
        uint64_t count;
        float values[3];
    } want[] = {{"f", "F32", 2, 2, {1.0f, -2.5f}},
                {"l", "I64", 0, 1, {-2.0f}},
                {"i", "I32", 1, 2, {7.0f, -7.0f}},
                {"u", "U8", 1, 3, {0.0f, 128.0f, 255.0f}}};
    tl_file *file = NULL;
    tl_error err = {0};
    write_all_dtypes("all.safetensors");
    if (tl_file_open(at("all.safetensors"), &file, &err) != TL_OK) fail_msg("%s", err.text);
    tl_tensor_info t;
    for (int i = 0; i < 4; i++) {
        float got[3], last;
        assert_true(tl_file_tensor_at(file, i, &t));
        assert_string_equal(t.name, want[i].name);
        assert_string_equal(t.dtype, want[i].dtype);
        assert_int_equal(t.rank, want[i].rank);
        assert_int_equal(t.count, want[i].count);
        assert_int_equal(tl_file_read(file, t.name, 0, t.count, got, &err), TL_OK);
        assert_memory_equal(got, want[i].values, t.count * sizeof *got);
        assert_int_equal(tl_file_read(file, t.name, t.count - 1, 1, &last, &err), TL_OK);
        assert_true(last == want[i].values[t.count - 1]);
    }
    assert_false(tl_file_tensor_at(file, 4, &t));
    assert_string_equal(tl_file_metadata(file, "who"), "another");
    tl_file_close(file);
}

/* The lines of `info`, made again from the public header. */
static void info_shows_what_the_file_has(void **unused)
{
    run_line("train mnist --dim 8 --depth 1 --heads 1 --head-dim 8 --mlp-dim 8 --batch-size 4 --steps 1 "
             "--limit-train 4 "
             "--limit-test 4 --out run");
    EXPECT(0, "");
    tl_file *file = NULL;
    tl_error err = {0};
    tl_tensor_info t;
    const char *key, *value;
    if (tl_file_open(at("run"), &file, &err) != TL_OK) fail_msg("%s", err.text);
    run_line("info run");
    EXPECT(0, "");
    char line[1024];
    uint64_t total = 0;
    int tensors = 0, pairs = 0;
    for (; tl_file_tensor_at(file, tensors, &t); tensors++) {
        snprintf(line, sizeof line, "%-60s %s", t.name, t.dtype);
        assert_says(seen.out, line);
        total += t.count;
    }
    for (; tl_file_metadata_at(file, pairs, &key, &value); pairs++) {
        snprintf(line, sizeof line, "%-24s %s\n", key, value);
        assert_says(seen.out, line);
        assert_string_equal(tl_file_metadata(file, key), value);
    }
    snprintf(line, sizeof line, "%d tensors, %llu parameters\n", tensors, (unsigned long long)total);
    assert_says(seen.out, line);
    assert_true(tensors > 10 && pairs > 20);
    assert_true(tl_file_tensor(file, "mlp_head.weight", &t));
    assert_int_equal(t.count, 80); /* 10 classes x 8 */
    tl_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dtype_is_read_as_floats),
        cmocka_unit_test(info_shows_what_the_file_has),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
