/* Text becomes the same token files whatever the threads and the chunks. */
#include "files.h"

#include "core/random.h"
#include "data/tokenizer.h"
#include "data/tokens_chars.h"
#include "data/tokens_input.h"
#include "tiny_bpe.h"

/* ---- building ------------------------------------------------------------------------------------ */

static tl_tokenizer *load_tiny(void)
{
    tl_tokenizer *tokenizer = NULL;
    tl_error err = {0};
    assert_int_equal(tiny_write(at("vocab.bpe"), at("encoder.json")), 0);
    if (tli_tokenizer_create(NULL, at("vocab.bpe"), at("encoder.json"), &tokenizer, &err) != TL_OK)
        fail_msg("%s", err.text);
    return tokenizer;
}
#define load_tiny(...) VALUE_FROM_HERE(load_tiny(__VA_ARGS__))

typedef struct built {
    tl_tokenize_result result;
    uint16_t *train, *val; /* result.train_tokens and val_tokens ids */
} built;

static uint16_t *read_ids(const char *name, uint64_t count)
{
    struct stat what;
    assert_int_equal(stat(at(name), &what), 0);
    assert_int_equal(what.st_size, 2 * count);
    uint16_t *ids = malloc(2 * count + 1);
    assert_non_null(ids);
    if (count == 0) return ids;
    tli_tokens t;
    tl_error err = {0};
    if (tli_tokens_open(at(name), 0, false, &t, &err) != TL_OK) fail_msg("%s", err.text);
    for (uint64_t i = 0; i < count; i++) ids[i] = tli_tokens_at(&t, i);
    tli_tokens_close(&t);
    return ids;
}
#define read_ids(...) VALUE_FROM_HERE(read_ids(__VA_ARGS__))

static built build(tl_tokenize_options o, const char *const *files, size_t count)
{
    built b;
    tl_error err = {0};
    o.files = files;
    o.file_count = count;
    o.out = folder;
    if (tl_tokenize(&o, &b.result, &err) != TL_OK) fail_msg("%s", err.text);
    b.train = read_ids("train.bin", b.result.train_tokens);
    b.val = read_ids("val.bin", b.result.val_tokens);
    return b;
}
#define build(...) VALUE_FROM_HERE(build(__VA_ARGS__))

static void drop(built *b)
{
    free(b->train);
    free(b->val);
}

#define FILES(...)                                                                                           \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define SAME(a, ...) same(a, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / 2)

static void same(const built *b, const uint16_t *ids, size_t count)
{
    assert_int_equal(b->result.train_tokens, count);
    assert_memory_equal(b->train, ids, 2 * count);
}
#define same(...) FROM_HERE(same(__VA_ARGS__))

static void test_documents(void **state)
{
    tl_tokenizer *tokenizer = load_tiny();
    const tl_tokenize_options o = {.size = sizeof o, .tokenizer = tokenizer, .separator = "--", .threads = 2};
    /* Lines keep their ends; empty documents are none; a file ends a document; a line that merely begins or
     * ends as the separator is text. */
    static const char text[] = "--\nhe\n--\n--\nhe--\n--x\n--";
    write_file("a.txt", text, sizeof text - 1);
    write_file("b.txt", "q", 1);
    write_file("c.txt", "", 0);
    built b = build(o, FILES(at("a.txt"), at("c.txt"), at("b.txt")));
    assert_int_equal(b.result.documents, 3);
    assert_int_equal(b.result.bytes, sizeof text);
    assert_int_equal(b.result.val_tokens, 0);
    assert_int_equal(b.result.vocab_size, TINY_SIZE);
    SAME(&b, TINY_MERGE, '\n', TINY_END, TINY_MERGE, '-', '-', '\n', '-', '-', 'x', '\n', TINY_END, 'q',
         TINY_END);
    drop(&b);
    tl_tokenize_options whole = o;
    whole.separator = NULL;
    b = build(whole, FILES(at("b.txt"), at("a.txt")));
    assert_int_equal(b.result.documents, 2);
    assert_int_equal(b.train[2], '-');
    drop(&b);
    tl_tokenizer_destroy(tokenizer);
}

/* Separator lines that lie across the borders of what is read at once (2^18 bytes) are seen, however they end. */
static void test_separators_across_reads(void **state)
{
    enum { READ = 1 << 18, ROOM = READ + 200 };
    static const char *const lines[] = {"sep\n", "sep\r\n", "sep\r", " \tsep \t\r\n"};
    static const char *const others[] = {"sepx\n", "sep\vx\r\n", "se\r", " \tse p \t\r\n"};
    uint8_t *text = malloc(ROOM);
    tl_tokenizer *tokenizer = load_tiny();
    const tl_tokenize_options o = {
        .size = sizeof o, .tokenizer = tokenizer, .separator = "sep", .threads = 1};
    assert_non_null(text);
    for (int kind = 0; kind < 8; kind++)
        for (int back = 0; back < 14; back++) {
            const char *line = kind < 4 ? lines[kind] : others[kind - 4];
            const size_t length = strlen(line), begin = (size_t)(READ - back);
            memset(text, 'q', ROOM);
            for (size_t i = 99; i < begin; i += 100) text[i] = ' '; /* places to cut */
            text[begin - 1] = line[length - 1] == '\r' ? '\r' : '\n';
            memcpy(text + begin, line, length);
            write_file("a.txt", text, begin + length + 3);
            built b = build(o, FILES(at("a.txt")));
            if (b.result.documents != (kind < 4 ? 2 : 1))
                fail_msg("kind %d, %d before the border", kind, back);
            drop(&b);
        }
    tl_tokenizer_destroy(tokenizer);
    free(text);
}

/* Documents of all lengths, from none to some that span many chunks, with noise in them. */
static size_t make_text(uint8_t *text, size_t capacity)
{
    static const char *const parts[] = {"hello",   " world",  " ",        "\n",           "  ",   "'s",
                                        "12",      "aaa",     "\xc3\xa9", "\xe3\x80\x80", "\xff", "sep",
                                        "\nsep\n", "\nsep\n", "\nsep \n", "\nsep"};
    tli_random r = tli_random_make(11, 12);
    size_t n = 0;
    while (n + 8 < capacity) {
        /* Every other stretch has no separator. */
        const char *part = parts[tli_random_below(&r, (n / 8192) % 2 == 0 ? 16 : 11)];
        memcpy(text + n, part, strlen(part));
        n += strlen(part);
    }
    return n;
}

static void test_threads_and_chunks(void **state)
{
    enum { ROOM = 300000 };
    uint8_t *text = malloc(ROOM);
    assert_non_null(text);
    const size_t n = make_text(text, ROOM);
    write_file("a.txt", text, n);
    write_file("b.txt", text, n / 3);
    tl_tokenizer *tokenizer = load_tiny();
    tl_tokenize_options o = {.size = sizeof o,
                             .tokenizer = tokenizer,
                             .separator = "sep",
                             .threads = 1,
                             .val_fraction = 0.3,
                             .chunk = 1 << 30};
    built want = build(o, FILES(at("a.txt"), at("b.txt")));
    assert_true(want.result.documents > 1000);
    assert_between(want.result.val_documents * 1000 / want.result.documents, 250, 350);
    const struct {
        uint32_t threads;
        size_t chunk;
    } ways[] = {{1, 1}, {3, 7}, {2, 100}, {7, 1000}, {4, 0}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        o.threads = ways[i].threads;
        o.chunk = ways[i].chunk;
        built got = build(o, FILES(at("a.txt"), at("b.txt")));
        assert_memory_equal(&got.result, &want.result, offsetof(tl_tokenize_result, vocab_size));
        assert_memory_equal(got.train, want.train, 2 * want.result.train_tokens);
        assert_memory_equal(got.val, want.val, 2 * want.result.val_tokens);
        drop(&got);
    }
    o.seed = 1;
    built other = build(o, FILES(at("a.txt"), at("b.txt")));
    assert_int_equal(other.result.train_tokens + other.result.val_tokens,
                     want.result.train_tokens + want.result.val_tokens);
    assert_true(other.result.val_tokens != want.result.val_tokens);
    drop(&other);

    /* Whole documents, encoded one by one, are what the files hold. */
    tli_bpe_encoder *encoder = NULL;
    tl_error err = {0};
    tli_ids ids = {0};
    assert_int_equal(tli_bpe_encoder_create(tokenizer->bpe, &encoder, &err), TL_OK);
    o.val_fraction = 0;
    o.seed = 0;
    built all = build(o, FILES(at("a.txt")));
    text[n] = '\0';
    size_t documents = 0;
    for (size_t begin = 0, line = 0; line <= n;) {
        const uint8_t *newline = memchr(text + line, '\n', n - line);
        const size_t end = newline != NULL ? (size_t)(newline - text) : n;
        size_t from = line, to = end;
        while (from < to && text[from] == ' ') from++;
        while (to > from && text[to - 1] == ' ') to--;
        const bool separator = to - from == 3 && memcmp(text + from, "sep", 3) == 0;
        const size_t stop = separator ? line : n;
        if (separator || newline == NULL) {
            if (stop > begin) {
                assert_int_equal(tli_bpe_encode(encoder, text + begin, stop - begin, &ids, &err), TL_OK);
                assert_int_equal(tli_ids_reserve(&ids, 1, &err), TL_OK);
                ids.items[ids.count++] = TINY_END;
                documents++;
            }
            begin = end + 1;
        }
        line = end + 1;
    }
    assert_int_equal(documents, all.result.documents);
    assert_int_equal(ids.count, all.result.train_tokens);
    assert_memory_equal(ids.items, all.train, 2 * ids.count);
    drop(&all);
    drop(&want);
    tli_ids_free(&ids);
    tli_bpe_encoder_free(encoder);
    tl_tokenizer_destroy(tokenizer);
    free(text);
}

/* Neither side stays empty when there are documents for both, and one document is cut only on request. */
static void test_val(void **state)
{
    tl_tokenizer *tokenizer = load_tiny();
    write_file("a.txt", "a\nsep\nbb\nsep\nccc\n", 17);
    tl_tokenize_options o = {.size = sizeof o, .tokenizer = tokenizer, .separator = "sep", .threads = 1};
    const double fractions[] = {1e-9, 1 - 1e-9, 0, 1};
    const uint64_t val[] = {1, 2, 0, 3};
    for (int i = 0; i < 4; i++) {
        o.val_fraction = fractions[i];
        built b = build(o, FILES(at("a.txt")));
        assert_int_equal(b.result.documents, 3);
        assert_int_equal(b.result.val_documents, val[i]);
        assert_int_equal(b.result.train_tokens + b.result.val_tokens, 12);
        int letters = 0, ends = 0; /* nothing lost, nothing doubled */
        for (uint64_t k = 0; k < 12; k++) {
            const bool train = k < b.result.train_tokens;
            const uint16_t id = train ? b.train[k] : b.val[k - b.result.train_tokens];
            letters += id == 'a' ? 1 : id == 'b' ? 10 : id == 'c' ? 100 : 0;
            ends += id == TINY_END;
        }
        assert_int_equal(letters, 321);
        assert_int_equal(ends, 3);
        if (b.result.train_tokens > 0) assert_int_equal(b.train[b.result.train_tokens - 1], TINY_END);
        if (b.result.val_tokens > 0) assert_int_equal(b.val[b.result.val_tokens - 1], TINY_END);
        drop(&b);
    }
    o.separator = NULL;
    for (int cut = 0; cut < 2; cut++)
        for (uint64_t seed = 0; seed < 8; seed++) { /* drawn for either side */
            o.seed = seed;
            o.cut_single = cut == 1;
            o.val_fraction = 0.5;
            built b = build(o, FILES(at("a.txt")));
            const uint64_t all = b.result.train_tokens + b.result.val_tokens;
            if (cut == 1) assert_int_equal(b.result.train_tokens, all / 2);
            if (cut == 1) assert_int_equal(b.train[0], 'a');
            if (cut == 1) assert_int_equal(b.val[b.result.val_tokens - 1], TINY_END);
            if (cut == 0) assert_true(b.result.train_tokens == 0 || b.result.val_tokens == 0);
            drop(&b);
        }
    tl_tokenizer_destroy(tokenizer);
}

static void test_chars(void **state)
{
    write_file("a.txt",
               "b\xc3\xa9"
               "a\"\\\n\xff\xf0\x9f\x98\x80"
               "b\0b",
               15);
    const tl_tokenize_options o = {.size = sizeof o, .separator = "sep", .threads = 1};
    built b = build(o, FILES(at("a.txt")));
    tli_chars chars;
    tl_error err = {0};
    if (tli_chars_load(at("chars.json"), &chars, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(chars.size, 9);
    assert_int_equal(b.result.vocab_size, 9);
    assert_int_equal(tli_chars_end_of_text(&chars), -1);
    /* By code point, then bytes: \n " \ a b e-acute emoji <0x00> <0xFF> */
    SAME(&b, 4, 5, 3, 1, 2, 0, 8, 6, 4, 7, 4);
    char text[32];
    size_t n = 0;
    for (uint64_t i = 0; i < b.result.train_tokens; i++)
        n += tli_chars_write(&chars, b.train[i], (uint8_t *)text + n);
    assert_int_equal(n, 15);
    assert_memory_equal(text,
                        "b\xc3\xa9"
                        "a\"\\\n\xff\xf0\x9f\x98\x80"
                        "b\0b",
                        15);
    tli_ids ids = {0};
    assert_int_equal(tli_chars_encode(&chars, (const uint8_t *)text, n, &ids, &err), TL_OK);
    assert_memory_equal(ids.items, b.train, 2 * b.result.train_tokens);
    assert_int_equal(tli_chars_encode(&chars, (const uint8_t *)"\xc3\xa8", 2, &ids, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "U+00E8"));
    tli_ids_free(&ids);
    tli_chars_free(&chars);
    drop(&b);

    /* Several documents: the end of text has the last id. */
    write_file("a.txt", "ba\nsep\na", 8);
    b = build(o, FILES(at("a.txt")));
    SAME(&b, 2, 1, 0, 3, 1, 3);
    assert_int_equal(tli_chars_load(at("chars.json"), &chars, &err), TL_OK);
    assert_int_equal(tli_chars_end_of_text(&chars), 3);
    tli_chars_free(&chars);
    drop(&b);

    /* One text of 20, nine tenths for training. */
    tl_tokenize_options cut = o;
    cut.val_fraction = 0.1;
    cut.cut_single = true;
    write_file("a.txt", "aaaaaaaaaaaaaaaaaazz", 20);
    b = build(cut, FILES(at("a.txt")));
    assert_int_equal(b.result.train_tokens, 18);
    assert_true(b.result.val_tokens == 2);
    assert_true(b.val[0] == 1);
    assert_true(b.val[1] == 1);
    drop(&b);

    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"a\": 1}",
                                      "{\"a\": 0, \"ab\": 1}",
                                      "{\"a\": 0, \"a\": 1}",
                                      "{\"a\": 0",
                                      "{\"<0xGG>\": 0}",
                                      "{\"a\": \"0\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_file("chars.json", bad[i], strlen(bad[i]));
        assert_int_equal(tli_chars_load(at("chars.json"), &chars, &err), TL_ERROR_INPUT);
        assert_non_null(strstr(err.text, "chars.json"));
        assert_null(chars.ids);
    }
}

/* What fails leaves earlier files alone and nothing behind. */
static void test_failures(void **state)
{
    tl_tokenizer *tokenizer = load_tiny();
    tl_tokenize_result result;
    tl_error err = {0};
    volatile sig_atomic_t stop = 15;
    write_file("train.bin", "old!", 4);
    write_file("empty.txt", "", 0);
    write_file("a.txt", "a", 1);
    tl_tokenize_options o = {
        .size = sizeof o, .tokenizer = tokenizer, .threads = 2, .out = folder, .file_count = 1};
    o.files = (const char *const[]){at("empty.txt")};
    assert_int_equal(tl_tokenize(&o, &result, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "empty.txt"));
    o.files = (const char *const[]){at("none.txt")};
    assert_int_equal(tl_tokenize(&o, &result, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "none.txt"));
    o.files = (const char *const[]){folder};
    assert_int_equal(tl_tokenize(&o, &result, &err), TL_ERROR_INPUT);
    o.files = (const char *const[]){at("a.txt")};
    o.stop = &stop;
    assert_int_equal(tl_tokenize(&o, &result, &err), TL_INTERRUPTED);
    o.stop = NULL;
    o.out = at("a.txt/out");
    assert_int_equal(tl_tokenize(&o, &result, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "a.txt"));
    assert_int_equal(tli_ids_reserve(&(tli_ids){0}, SIZE_MAX / 2 + 1, &err), TL_ERROR_MEMORY);
    tl_tokenizer_destroy(tokenizer);
    uint16_t *old = read_ids("train.bin", 2);
    assert_int_equal(old[0], 'o' | 'l' << 8); /* read_ids has turned the file's little-endian bytes */
    assert_int_equal(old[1], 'd' | '!' << 8);
    free(old);
    char line[400];
    snprintf(line, sizeof line, "! ls -A '%s' | grep -q tmp-", folder);
    assert_int_equal(system(line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_threads_and_chunks),
        cmocka_unit_test(test_separators_across_reads),
        cmocka_unit_test(test_val),
        cmocka_unit_test(test_chars),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
