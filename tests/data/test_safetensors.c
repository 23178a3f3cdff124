/* safetensors: what is written comes back, the golden files open, and no malformed header gets through. */
#include "files.h"

#include <signal.h>
#include <sys/resource.h>

#include "core/files.h"
#include "data/checksum.h"
#include "data/safetensors_part.h"
#include "data/safetensors_write.h"

static const char *file_in(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", folder, name);
    return out;
}

/* Writes prefix, `header` and `data_bytes` zero bytes. */
static void write_raw(const char *path, uint64_t length, const char *header, size_t header_bytes,
                      size_t data_bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 8; i++) fputc((int)(length >> (8 * i) & 0xff), file);
    fwrite(header, 1, header_bytes, file);
    for (size_t i = 0; i < data_bytes; i++) fputc(0, file);
    fclose(file);
}
#define write_raw(...) FROM_HERE(write_raw(__VA_ARGS__))

static void test_golden(void **state)
{
    static const char *const names[] = {"gpt_attn",  "gpt_lor_qkv",  "gpt_qkv",  "op1d_attn",
                                        "op2d_attn", "op2d_lor_qkv", "op2d_qkv", "op1d_lor_qkv",
                                        "op1d_qkv",  "vit_attn",     "vit_qkv",  "vit_lor_qkv"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s.safetensors", TL_GOLDEN_DIR, names[i]);
        tli_safetensors st;
        tl_error err = {0};
        if (tli_st_open(path, &st, &err) != TL_OK) fail_msg("%s", err.text);
        assert_true(st.count > 0);
        for (int e = 0; e < st.count; e++) {
            const tli_st_entry *entry = &st.entries[e];
            assert_ptr_equal(tli_st_find(&st, entry->name), entry);
            uint64_t count = entry->end - entry->begin;
            if (entry->dtype == ST_F32) count /= 4;
            if (entry->dtype == ST_I64) count /= 8;
            float *values = malloc((size_t)(entry->end - entry->begin) + 1);
            assert_int_equal(tli_st_read(&st, entry, 0, count, values, &err), TL_OK);
            assert_int_equal(tli_st_read(&st, entry, 1, count, values, &err), TL_ERROR_USAGE);
            free(values);
        }
        tli_st_close(&st);
    }
}

/* Figures that Python's safetensors reads from the same file. */
static void test_golden_values(void **state)
{
    tli_safetensors st;
    tl_error err = {0};
    if (tli_st_open(TL_GOLDEN_DIR "/vit_attn.safetensors", &st, &err) != TL_OK) fail_msg("%s", err.text);
    float losses[4], weight;
    int64_t target[3];
    assert_int_equal(tli_st_read(&st, tli_st_find(&st, "losses"), 0, 4, losses, &err), TL_OK);
    assert_true(losses[0] == 0x1.1eaa54p+1f);
    assert_true(losses[3] == 0x1.a34c52p+0f);
    assert_int_equal(tli_st_read(&st, tli_st_find(&st, "target"), 0, 3, target, &err), TL_OK);
    assert_true(target[0] == 4);
    assert_true(target[1] == 1);
    assert_true(target[2] == 4);
    const tli_st_entry *entry = tli_st_find(&st, "mlp_head.weight"); /* [5][12]: the last one is [4][11] */
    assert_int_equal(tli_st_read(&st, entry, 59, 1, &weight, &err), TL_OK);
    assert_true(weight > 0.322551f);
    assert_true(weight < 0.322553f);
    assert_string_equal(tli_st_metadata(&st, "seed"), "200");
    tli_st_close(&st);
}

static tli_st_entry entry_of(const char *name, tli_st_dtype dtype, uint32_t rank, uint64_t a, uint64_t b)
{
    tli_st_entry entry = {.dtype = dtype, .rank = rank, .shape = {a, b}};
    snprintf(entry.name, sizeof entry.name, "%s", name);
    return entry;
}

static void test_round_trip(void **state)
{
    char path[256];
    file_in(path, sizeof path, "model.safetensors");
    tli_st_entry entries[] = {entry_of("step", ST_I64, 0, 0, 0), entry_of("a.weight", ST_F32, 2, 3, 2),
                              entry_of("empty", ST_F32, 2, 0, 5),
                              entry_of("i \"quoted\" \xc3\xa9", ST_I32, 1, 2, 0),
                              entry_of("bytes", ST_U8, 1, 3, 0)};
    const tli_st_item metadata[] = {{"task", "mnist"}, {"odd", "line\nbreak \"and\" \\ \t"}, {"nothing", ""}};
    const int64_t step = -5000000000;
    const float weight[6] = {1, -2, 3.5f, 0, 1e-30f, 6};
    const int32_t ints[2] = {-7, 123456789};
    const uint8_t bytes[3] = {0, 128, 255};

    tli_st_writer w;
    tl_error err = {0};
    assert_int_equal(tli_st_write_begin(&w, path, entries, 5, metadata, 3, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, &step, sizeof step, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, weight, 8, &err), TL_OK); /* a tensor in two pieces */
    assert_int_equal(tli_st_write_data(&w, weight + 2, 16, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, ints, sizeof ints, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, bytes, sizeof bytes, &err), TL_OK);
    assert_false(exists(path)); /* nothing under the final name before the commit */
    assert_int_equal(tli_st_write_commit(&w, &err), TL_OK);
    assert_false(exists(w.temporary[0] ? w.temporary : "/nonexistent"));
    tli_st_write_abort(&w); /* harmless after a commit */

    tli_safetensors st;
    if (tli_st_open(path, &st, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(st.data_at % 8, 0);
    assert_int_equal(st.count, 5);
    assert_int_equal(st.metadata_count, 3);
    assert_string_equal(tli_st_metadata(&st, "odd"), "line\nbreak \"and\" \\ \t");
    assert_string_equal(tli_st_metadata(&st, "nothing"), "");
    assert_null(tli_st_metadata(&st, "none"));
    assert_null(tli_st_find(&st, "none"));

    int64_t step_back = 0;
    float weight_back[6] = {0};
    int32_t ints_back[2] = {0};
    uint8_t bytes_back[3] = {0};
    const tli_st_entry *entry = tli_st_find(&st, "a.weight");
    assert_int_equal(entry->rank, 2);
    assert_int_equal(entry->shape[0], 3);
    assert_int_equal(entry->shape[1], 2);
    assert_int_equal(tli_st_read(&st, entry, 2, 4, weight_back, &err), TL_OK);
    assert_memory_equal(weight_back, weight + 2, 16);
    assert_int_equal(tli_st_read(&st, tli_st_find(&st, "step"), 0, 1, &step_back, &err), TL_OK);
    assert_true(step_back == step);
    assert_int_equal(tli_st_read(&st, tli_st_find(&st, "i \"quoted\" \xc3\xa9"), 0, 2, ints_back, &err),
                     TL_OK);
    assert_memory_equal(ints_back, ints, sizeof ints);
    assert_int_equal(tli_st_read(&st, tli_st_find(&st, "bytes"), 0, 3, bytes_back, &err), TL_OK);
    assert_memory_equal(bytes_back, bytes, sizeof bytes);
    assert_int_equal(tli_st_read(&st, tli_st_find(&st, "empty"), 0, 0, NULL, &err), TL_OK);
    tli_st_close(&st);

    /* The bytes on disk are little-endian whatever the host is. */
    FILE *file = fopen(path, "rb");
    unsigned char last[11];
    assert_int_equal(fseek(file, -11, SEEK_END), 0);
    assert_int_equal(fread(last, 1, 11, file), 11);
    fclose(file);
    const unsigned char expected[11] = {0xf9, 0xff, 0xff, 0xff, 0x15, 0xcd, 0x5b, 0x07, 0, 128, 255};
    assert_memory_equal(last, expected, 11);
    unlink(path);
}

static void test_writer_refuses(void **state)
{
    char path[256], temporary[300];
    file_in(path, sizeof path, "refused.safetensors");
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    tli_st_writer w;
    tl_error err = {0};
    const float values[8] = {0};

    tli_st_entry twice[] = {entry_of("a", ST_F32, 1, 1, 0), entry_of("a", ST_F32, 1, 1, 0)};
    assert_int_equal(tli_st_write_begin(&w, path, twice, 2, NULL, 0, &err), TL_ERROR_USAGE);
    tli_st_entry reserved = entry_of("__metadata__", ST_F32, 1, 1, 0);
    assert_int_equal(tli_st_write_begin(&w, path, &reserved, 1, NULL, 0, &err), TL_ERROR_USAGE);
    tli_st_entry huge = entry_of("a", ST_F32, 2, UINT64_C(1) << 33, UINT64_C(1) << 33);
    assert_int_equal(tli_st_write_begin(&w, path, &huge, 1, NULL, 0, &err), TL_ERROR_USAGE);
    const tli_st_item pairs[] = {{"k", "1"}, {"k", "2"}};
    tli_st_entry one = entry_of("a", ST_F32, 1, 2, 0);
    assert_int_equal(tli_st_write_begin(&w, path, &one, 1, pairs, 2, &err), TL_ERROR_USAGE);

    /* too few bytes */
    assert_int_equal(tli_st_write_begin(&w, path, &one, 1, NULL, 0, &err), TL_OK);
    assert_true(exists(temporary));
    assert_int_equal(tli_st_write_data(&w, values, 4, &err), TL_OK);
    assert_int_equal(tli_st_write_commit(&w, &err), TL_ERROR_USAGE);
    /* too many; half an element */
    assert_int_equal(tli_st_write_begin(&w, path, &one, 1, NULL, 0, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, values, 12, &err), TL_ERROR_USAGE);
    assert_int_equal(tli_st_write_begin(&w, path, &one, 1, NULL, 0, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, values, 6, &err), TL_ERROR_USAGE);
    assert_int_equal(tli_st_write_data(&w, values, 4, &err), TL_ERROR_USAGE); /* already aborted */
    /* abort */
    assert_int_equal(tli_st_write_begin(&w, path, &one, 1, NULL, 0, &err), TL_OK);
    tli_st_write_abort(&w);
    assert_false(exists(path));
    assert_false(exists(temporary));

    assert_int_equal(tli_st_write_begin(&w, "/nonexistent/folder/x", &one, 1, NULL, 0, &err), TL_ERROR_IO);
    assert_non_null(strstr(err.text, "/nonexistent/folder/x"));
}

/* A file size limit stands in for a full disk. The old file must survive and no partial one may stay. */
static void test_full_disk(void **state)
{
    char path[256], temporary[300];
    file_in(path, sizeof path, "full.safetensors");
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    write_raw(path, 2, "{}", 2, 0);
    float *values = calloc(100000, sizeof *values);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);

    const uint64_t sizes[] = {100000, 1500}; /* fails while writing; fails at the flush */
    for (int i = 0; i < 2; i++) {
        tli_st_entry entry = entry_of("a", ST_F32, 1, sizes[i], 0);
        tli_st_writer w;
        tl_error err = {0};
        tl_status status = tli_st_write_begin(&w, path, &entry, 1, NULL, 0, &err);
        setrlimit(RLIMIT_FSIZE, &small);
        if (status == TL_OK) status = tli_st_write_data(&w, values, sizes[i] * 4, &err);
        if (status == TL_OK) status = tli_st_write_commit(&w, &err);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(status, TL_ERROR_IO);
        assert_non_null(strstr(err.text, path));
        assert_false(exists(temporary));
    }
    signal(SIGXFSZ, SIG_DFL);
    free(values);
    tli_safetensors st;
    assert_int_equal(tli_st_open(path, &st, NULL), TL_OK);
    assert_int_equal(st.count, 0);
    tli_st_close(&st);
    unlink(path);
}

/* ---- written by several ---------------------------------------------------------------------------- */

enum { ROWS = 5, COLUMNS = 300 };
static tli_st_item summed[] = {{(char[]){"checksum"}, (char[]){TLI_CHECKSUM_BLANK}}};

static tl_status begin_rows(tli_st_writer *w, const char *path, tl_error *err)
{
    tli_st_entry entries[] = {entry_of("bytes", ST_U8, 1, 3, 0), entry_of("rows", ST_F32, 2, ROWS, COLUMNS)};
    return tli_st_write_begin(w, path, entries, 2, summed, 1, err);
}

/* Every second row, from `first` on, and with the first of them the bytes. */
static tl_status write_every_second(const char *path, int first, tl_error *err)
{
    tli_st_part part;
    tl_status status = tli_st_part_open(path, &part, err);
    if (status != TL_OK) return status;
    uint8_t bytes[] = {7, 8, 9};
    if (first == 0) status = tli_st_part_write(&part, tli_st_find(&part.st, "bytes"), 0, 3, bytes, err);
    for (int row = first; row < ROWS && status == TL_OK; row += 2) {
        float values[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) values[i] = (float)(row * COLUMNS + i);
        status = tli_st_part_write(&part, tli_st_find(&part.st, "rows"), (uint64_t)row * COLUMNS, COLUMNS,
                                   values, err);
    }
    return tli_st_part_close(&part, status, err);
}

static void parts_make_the_file_of_one_writer(void **state)
{
    char whole[256], parts[256];
    file_in(whole, sizeof whole, "whole.safetensors");
    file_in(parts, sizeof parts, "parts.safetensors");
    tli_st_writer w;
    tl_error err = {0};
    float values[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) values[i] = (float)i;
    assert_int_equal(begin_rows(&w, whole, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, (uint8_t[]){7, 8, 9}, 3, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, values, sizeof values, &err), TL_OK);
    assert_int_equal(tli_st_write_commit(&w, &err), TL_OK);

    assert_int_equal(write_every_second(parts, 0, &err), TL_ERROR_INPUT); /* nobody has begun it */
    assert_int_equal(begin_rows(&w, parts, &err), TL_OK);
    assert_int_equal(tli_st_write_reserve(&w, &err), TL_OK);
    assert_int_equal(write_every_second(parts, 1, &err), TL_OK);
    assert_int_equal(write_every_second(parts, 0, &err), TL_OK);
    assert_int_equal(tli_st_write_join(&w, &err), TL_OK);
    assert_false(exists(parts));
    assert_int_equal(tli_st_write_commit(&w, &err), TL_OK);

    size_t sizes[2];
    char *a = tli_read_file(whole, SIZE_MAX, &sizes[0]), *b = tli_read_file(parts, SIZE_MAX, &sizes[1]);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(a, b, sizes[0]);
    free(a);
    free(b);
    tli_safetensors st;
    assert_int_equal(tli_st_open(parts, &st, &err), TL_OK);
    assert_int_equal(tli_checksum_verify(&st, true, &err), TL_OK);
    tli_st_close(&st);
    unlink(whole);
    unlink(parts);
}

static void parts_are_refused(void **state)
{
    char path[256], temporary[300];
    file_in(path, sizeof path, "refused_parts.safetensors");
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    tli_st_writer w;
    tli_st_part part;
    tl_error err = {0};
    float values[COLUMNS + 1] = {0};
    struct rlimit old, small;
    assert_int_equal(begin_rows(&w, path, &err), TL_OK);
    assert_int_equal(tli_st_write_reserve(&w, &err), TL_OK);
    assert_int_equal(tli_st_part_open(path, &part, &err), TL_OK);
    const tli_st_entry *rows = tli_st_find(&part.st, "rows");
    assert_int_equal(tli_st_part_write(&part, rows, (ROWS - 1) * COLUMNS, COLUMNS + 1, values, &err),
                     TL_ERROR_USAGE);
    assert_int_equal(tli_st_part_write(&part, rows, ROWS * COLUMNS + 1, 0, values, &err), TL_ERROR_USAGE);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0); /* stands in for a full disk */
    small = old;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const tl_status status = tli_st_part_write(&part, rows, (ROWS - 1) * COLUMNS, COLUMNS, values, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(tli_st_part_close(&part, status, &err), TL_ERROR_IO);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "could not be written: "));

    assert_int_equal(truncate(temporary, 100), 0); /* somebody has cut it */
    assert_int_equal(tli_st_write_join(&w, &err), TL_OK);
    assert_int_equal(tli_st_write_commit(&w, &err), TL_ERROR_USAGE);
    assert_false(exists(temporary));
}

#define TENSOR(name, dtype, shape, begin, end)                                                               \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

typedef struct malformed {
    const char *header;
    size_t data_bytes;
    const char *says; /* part of the message; NULL: the file is good */
} malformed;

static const malformed cases[] = {
    {"{}", 0, NULL},
    {"{}    \n", 0, NULL},
    {"{" TENSOR("a", "F32", "[2]", 0, 8) "}", 8, NULL},
    {"{" TENSOR("b", "F32", "[]", 8, 12) "," TENSOR("a", "F32", "[2,1]", 0, 8) "}", 12, NULL}, /* any order */
    {"{" TENSOR("b", "F32", "[2]", 0, 8) "," TENSOR("e", "F32", "[0]", 8, 8) "}", 8, NULL},
    {"{" TENSOR("e", "I64", "[0,9007199254740991,4096]", 0, 0) "}", 0, NULL},
    {"{\"__metadata__\":{\"k\":\"\\\\u0000\"}}", 0, NULL}, /* an escaped backslash, no NUL */

    {"[]", 0, "not a JSON object"},
    {"{} x", 0, "not valid JSON"},
    {"{\"a\":", 0, "not valid JSON"},
    {"{}}", 0, "not valid JSON"},
    {"{\"a\\u0000b\":1}", 0, "not a JSON object"},
    {"{" TENSOR("a", "F32", "[2]", 0, 8) "}", 7, "truncated"},
    {"{" TENSOR("a", "F32", "[2]", 0, 8) "}", 9, "behind the last"},
    {"{}", 1, "behind the last"},
    {"{" TENSOR("a", "F32", "[2]", 0, 4) "}", 4, "needs 8 bytes"},
    {"{" TENSOR("a", "F32", "[2]", 8, 0) "}", 8, "needs 8 bytes"},
    {"{" TENSOR("a", "F32", "[2]", 4, 12) "}", 12, "gap"},
    {"{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("b", "F32", "[1]", 8, 12) "}", 12, "gap"},
    {"{" TENSOR("a", "F32", "[2]", 0, 8) "," TENSOR("b", "F32", "[1]", 4, 8) "}", 8, "overlap"},
    {"{" TENSOR("a", "F32", "[2]", 0, 8) "," TENSOR("b", "F32", "[2]", 0, 8) "}", 8, "overlap"},
    {"{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("a", "F32", "[1]", 4, 8) "}", 8, "occurs twice"},
    {"{" TENSOR("a", "F16", "[2]", 0, 4) "}", 4, "dtype \"F16\""},
    {"{" TENSOR("a", "f32", "[1]", 0, 4) "}", 4, "dtype \"f32\""},
    {"{" TENSOR("a", "F32", "[-1]", 0, 4) "}", 4, "shape"},
    {"{" TENSOR("a", "F32", "[1.5]", 0, 6) "}", 6, "shape"},
    {"{" TENSOR("a", "F32", "[\"1\"]", 0, 4) "}", 4, "shape"},
    {"{" TENSOR("a", "F32", "1", 0, 4) "}", 4, "shape"},
    {"{" TENSOR("a", "F32", "[9007199254740992]", 0, 4) "}", 4, "shape"},
    {"{" TENSOR("a", "F32", "[1e999]", 0, 4) "}", 4, "shape"},
    {"{" TENSOR("a", "F32", "[4611686018427387905]", 0, 4) "}", 4, "shape"},
    {"{" TENSOR("a", "F32", "[4294967296,1073741824]", 0, 0) "}", 0, "too large"}, /* 2^64 bytes wrap to 0 */
    {"{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, "8 dimensions"},
    {"{" TENSOR("a", "F32", "[1]", -4, 0) "}", 4, "data_offsets"},
    {"{" TENSOR("a", "F32", "[1]", 0.5, 4.5) "}", 5, "data_offsets"},
    {"{" TENSOR("a", "F32", "[1]", 9007199254740992, 9007199254740996) "}", 4, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "nothing else"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets"},
    {"{\"a\":1}", 4, "nothing else"},
    {"{\"a\\u001b[0m\":1}", 4, "control"},
    {"{\"__metadata__\":1}", 0, "not an object"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "not a string"},
    {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice"},
};

static void test_malformed(void **state)
{
    char path[256];
    file_in(path, sizeof path, "malformed.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const malformed *c = &cases[i];
        write_raw(path, strlen(c->header), c->header, strlen(c->header), c->data_bytes);
        tli_safetensors st;
        tl_error err = {0};
        tl_status status = tli_st_open(path, &st, &err);
        if (!c->says) {
            if (status != TL_OK) fail_msg("case %zu: %s", i, err.text);
            tli_st_close(&st);
            continue;
        }
        if (status != TL_ERROR_INPUT) fail_msg("case %zu was accepted: %s", i, c->header);
        if (!strstr(err.text, c->says)) fail_msg("case %zu (%s): %s", i, c->header, err.text);
        assert_non_null(strstr(err.text, path));
        assert_null(st.file);
    }
    unlink(path);
}

static void test_lengths(void **state)
{
    char path[256];
    file_in(path, sizeof path, "lengths.safetensors");
    tli_safetensors st;
    tl_error err = {0};
    const uint64_t lengths[] = {
        0, 1, 3, UINT64_C(99999999), UINT64_C(100000001), UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        write_raw(path, lengths[i], "{}", 2, 0);
        assert_int_equal(tli_st_open(path, &st, &err), TL_ERROR_INPUT);
    }
    FILE *file = fopen(path, "wb"); /* shorter than the prefix; empty */
    fputs("abc", file);
    fclose(file);
    assert_int_equal(tli_st_open(path, &st, &err), TL_ERROR_INPUT);
    fclose(fopen(path, "wb"));
    assert_int_equal(tli_st_open(path, &st, &err), TL_ERROR_INPUT);
    unlink(path);
    assert_int_equal(tli_st_open(path, &st, &err), TL_ERROR_INPUT);   /* missing */
    assert_int_equal(tli_st_open(folder, &st, &err), TL_ERROR_INPUT); /* a folder */
    char *endless = malloc(5000);
    memset(endless, 'x', 4999);
    endless[4999] = 0;
    assert_int_equal(tli_st_open(endless, &st, &err), TL_ERROR_INPUT);
    free(endless);
}

/* Cutting a good file at any byte, or flipping any byte of its header, never crashes or hangs. */
static void test_mutations(void **state)
{
    char path[256];
    file_in(path, sizeof path, "mutated.safetensors");
    const char *header = "{\"__metadata__\":{\"k\":\"v\"}," TENSOR("b", "F32", "[1]", 8, 12) "," TENSOR(
        "a", "I32", "[2,1]", 0, 8) "}";
    size_t length = strlen(header);
    tli_safetensors st;
    for (size_t cut = 0; cut < length; cut++) {
        write_raw(path, length, header, cut, 0);
        assert_int_equal(tli_st_open(path, &st, NULL), TL_ERROR_INPUT);
    }
    char *copy = malloc(length + 1);
    for (size_t at = 0; at < length; at++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, header, length + 1);
            copy[at] = (char)(copy[at] ^ (1 << bit));
            write_raw(path, length, copy, length, 12);
            if (tli_st_open(path, &st, NULL) == TL_OK) tli_st_close(&st);
        }
    }
    free(copy);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),       cmocka_unit_test(test_golden_values),
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_full_disk),    cmocka_unit_test(parts_make_the_file_of_one_writer),
        cmocka_unit_test(parts_are_refused), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_lengths),      cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_empty_folder);
}
