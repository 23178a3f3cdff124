/* Token files: damaged ones are refused, and windows are what they should be. */
#include "files.h"

#include "data/tokens.h"

static void write_ids(const char *name, const uint16_t *ids, size_t count)
{
    uint8_t *bytes = malloc(2 * count);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        bytes[2 * i] = (uint8_t)ids[i];
        bytes[2 * i + 1] = (uint8_t)(ids[i] >> 8);
    }
    write_file(name, bytes, 2 * count);
    free(bytes);
}
#define write_ids(...) FROM_HERE(write_ids(__VA_ARGS__))

/* ---- token files --------------------------------------------------------------------------------- */

static void refuse_at(const char *file, int line, const char *path, uint32_t vocab_size, const char *says,
                      const char *also)
{
    tli_tokens t;
    tl_error err = {0};
    const tl_status status = tli_tokens_open(path, vocab_size, false, &t, &err);
    if (status != TL_ERROR_INPUT) fail_at(file, line, "status %d instead of '%s'", status, says);
    if (strstr(err.text, says) == NULL || strstr(err.text, also) == NULL)
        fail_at(file, line, "'%s' without '%s' and '%s'", err.text, says, also);
    assert_null(t.bytes);
    tli_tokens_close(&t);
}
#define refuse(...) refuse_at(HERE, __VA_ARGS__)

static void test_open(void **state)
{
    tli_tokens t;
    tl_error err = {0};
    refuse(at("none.bin"), 0, "none.bin", "No such file");
    refuse(folder, 0, folder, "regular");
    write_file("a.bin", "", 0);
    refuse(at("a.bin"), 0, "a.bin", "empty");
    write_file("a.bin", "abc", 3);
    refuse(at("a.bin"), 0, "a.bin", "odd");
    uint16_t *ids = calloc(150000, sizeof *ids);
    assert_non_null(ids);
    ids[149998] = 500;
    ids[70001] = 300;
    write_ids("a.bin", ids, 150000);
    refuse(at("a.bin"), 300, "id 300 at token 70001 (byte 140002)", "a.bin");
    refuse(at("a.bin"), 500, "id 500 at token 149998", "500");
    const uint32_t good[] = {0, 501, 65535, 65536, 100000};
    for (size_t i = 0; i < 5; i++) {
        if (tli_tokens_open(at("a.bin"), good[i], false, &t, &err) != TL_OK) fail_msg("%s", err.text);
        assert_int_equal(t.count, 150000);
        assert_int_equal(tli_tokens_at(&t, 149998), 500);
        tli_tokens_close(&t);
        tli_tokens_close(&t);
    }
    free(ids);
}

/* Files of other tools: wider ids, arrays of NumPy, llm.c's header, text. Files of this one pass, whatever they hold. */
static void test_other_token_files(void **state)
{
    enum { COUNT = 400 };
    static uint8_t bytes[8 * COUNT];
    tli_tokens t;
    tl_error err = {0};
    for (int wide = 4; wide <= 8; wide += 4)
        for (int many = 0; many < 2; many++) { /* ids of 16 bits, and some beyond */
            memset(bytes, 0, sizeof bytes);
            for (int i = 0; i < COUNT; i++) {
                const uint32_t id = many == 0 ? (uint32_t)i * 97 % 50257 : (uint32_t)i * 7919 % 128256;
                for (int k = 0; k < 4; k++) bytes[wide * i + k] = (uint8_t)(id >> 8 * k);
            }
            write_file("a.bin", bytes, (size_t)(wide * COUNT));
            refuse(at("a.bin"), 0, wide == 4 ? "32 bits" : "64 bits", "uint16");
        }
    memcpy(bytes, "\x93NUMPY\x01\x00v\x00", 10);
    write_file("a.bin", bytes, sizeof bytes);
    refuse(at("a.bin"), 0, "NumPy", "uint16");
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "\x88\xd8\x34\x01\x01\x00\x00\x00", 8); /* 20240520, version 1 */
    write_file("a.bin", bytes, sizeof bytes);
    refuse(at("a.bin"), 0, "llm.c", "1024 bytes");
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t) "This is text.\n"[i % 14];
    write_file("a.bin", bytes, sizeof bytes);
    refuse(at("a.bin"), 0, "text", "translution tokenize");

    static uint16_t ids[COUNT];
    for (int way = 0; way < 4; way++) {
        for (int i = 0; i < COUNT; i++)
            ids[i] = way == 0   ? 0
                     : way == 1 ? (uint16_t)(i % 3) /* few characters */
                     : way == 2
                         ? (uint16_t)(i % 2 == 1 ? 7 : 0) /* every other one is 0: the first of a pair */
                         : (uint16_t)(i * 7919 % 50257);
        write_ids("a.bin", ids, COUNT);
        if (tli_tokens_open(at("a.bin"), 0, false, &t, &err) != TL_OK) fail_msg("way %d: %s", way, err.text);
        tli_tokens_close(&t);
    }
}

static void test_windows(void **state)
{
    enum { COUNT = 23, LENGTH = 5, DRAWS = 18000 };
    uint16_t ids[COUNT];
    for (int i = 0; i < COUNT; i++) ids[i] = (uint16_t)(1000 * i);
    write_ids("a.bin", ids, COUNT);
    tli_tokens t;
    tl_error err = {0};
    assert_int_equal(tli_tokens_open(at("a.bin"), 0, false, &t, &err), TL_OK);
    assert_int_equal(tli_tokens_check_window(&t, COUNT - 1, &err), TL_OK);
    assert_int_equal(tli_tokens_check_window(&t, COUNT, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "holds 23 tokens"));
    assert_int_equal(tli_tokens_check_window(&t, UINT32_MAX, &err), TL_ERROR_INPUT);
    assert_int_equal(tli_tokens_check_window(&t, 0, &err), TL_ERROR_USAGE);
    assert_int_equal(tli_tokens_window_count(&t, LENGTH), 4);
    assert_int_equal(tli_tokens_window_count(&t, 22), 1);
    assert_int_equal(tli_tokens_window_count(&t, 11), 2);
    assert_int_equal(tli_tokens_window_count(&t, 12), 1);
    uint32_t x[LENGTH], y[LENGTH];
    tli_tokens_read_window(&t, COUNT - LENGTH - 1, LENGTH, x, y); /* the last place */
    for (int i = 0; i < LENGTH; i++) {
        assert_int_equal(x[i], ids[COUNT - LENGTH - 1 + i]);
        assert_int_equal(y[i], ids[COUNT - LENGTH + i]);
    }
    tli_tokens_read_window(&t, 0, LENGTH, x, NULL);
    assert_int_equal(x[4], 4000);

    /* All 18 places, about equally often; the same call, the same place; another seed or epoch, others. */
    int seen[COUNT] = {0}, same_seed = 0, same_epoch = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        const uint64_t start = tli_tokens_random_window(&t, 7, 2, i, LENGTH);
        assert_true(start < COUNT - LENGTH);
        assert_int_equal(start, tli_tokens_random_window(&t, 7, 2, i, LENGTH));
        same_seed += start == tli_tokens_random_window(&t, 8, 2, i, LENGTH);
        same_epoch += start == tli_tokens_random_window(&t, 7, 3, i, LENGTH);
        seen[start]++;
    }
    for (int i = 0; i < COUNT - LENGTH; i++) assert_between(seen[i], 850, 1150); /* 1000 +- 4.9 sigma */
    assert_between(same_seed, 850, 1150);
    assert_between(same_epoch, 850, 1150);
    assert_int_equal(tli_tokens_random_window(&t, 7, 2, 9, COUNT - 1), 0);
    tli_tokens_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_other_token_files),
        cmocka_unit_test(test_windows),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
