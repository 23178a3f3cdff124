/* Byte-level BPE with a hand-made vocabulary, always, and with GPT-2's when TRANSLUTION_GPT2_BPE names the
 * folder of vocab.bpe and encoder.json (and vectors.jsonl: lines {"text": ..., "ids": [...]}). */
#include "files.h"

#include <cjson/cJSON.h>

#include "core/random.h"
#include "data/bpe.h"
#include "tiny_bpe.h"

typedef struct coder {
    tli_bpe *bpe;
    tli_bpe_encoder *encoder;
    tli_ids ids;
} coder;

static coder make_coder(const char *vocab, const char *encoder)
{
    coder c = {0};
    tl_error err = {0};
    if (tli_bpe_load(vocab, encoder, &c.bpe, &err) != TL_OK) fail_msg("%s", err.text);
    if (tli_bpe_encoder_create(c.bpe, &c.encoder, &err) != TL_OK) fail_msg("%s", err.text);
    return c;
}
#define make_coder(...) VALUE_FROM_HERE(make_coder(__VA_ARGS__))

static coder tiny(void)
{
    assert_int_equal(tiny_write(at("vocab.bpe"), at("encoder.json")), 0);
    return make_coder(at("vocab.bpe"), at("encoder.json"));
}
#define tiny(...) VALUE_FROM_HERE(tiny(__VA_ARGS__))

static coder gpt2(void)
{
    const char *where = getenv("TRANSLUTION_GPT2_BPE");
    char vocab[600], encoder[600];
    if (where == NULL || access(where, R_OK) != 0)
        skip_because("GPT-2's vocabulary is not there",
                     "set TRANSLUTION_GPT2_BPE to a folder with vocab.bpe and encoder.json");
    snprintf(vocab, sizeof vocab, "%s/vocab.bpe", where);
    snprintf(encoder, sizeof encoder, "%s/encoder.json", where);
    return make_coder(vocab, encoder);
}

static void drop(coder *c)
{
    tli_ids_free(&c->ids);
    tli_bpe_encoder_free(c->encoder);
    tli_bpe_free(c->bpe);
}

static void encode(coder *c, const void *text, size_t bytes)
{
    tl_error err = {0};
    c->ids.count = 0;
    if (tli_bpe_encode(c->encoder, text, bytes, &c->ids, &err) != TL_OK) fail_msg("%s", err.text);
}
#define encode(...) FROM_HERE(encode(__VA_ARGS__))

/* The text that ids stand for: `*bytes` bytes, freed by the caller; NULL: the vocabulary does not have one of the ids. */
static uint8_t *bpe_text(const tli_bpe *bpe, const uint16_t *ids, size_t count, size_t *bytes)
{
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        if (tli_bpe_token(bpe, ids[i], &n) == NULL) return NULL;
        *bytes += n;
    }
    uint8_t *text = malloc(*bytes + 1), *end = text;
    for (size_t i = 0; i < count && text != NULL; i++) {
        size_t n = 0;
        const uint8_t *token = tli_bpe_token(bpe, ids[i], &n);
        memcpy(end, token, n);
        end += n;
    }
    return text;
}

/* The ids just made, decoded, are the text. */
static void expect_back(const coder *c, const void *text, size_t bytes)
{
    size_t n = 0;
    uint8_t *back = bpe_text(c->bpe, c->ids.items, c->ids.count, &n);
    assert_non_null(back);
    assert_int_equal(n, bytes);
    assert_memory_equal(back, text, bytes);
    free(back);
}
#define expect_back(...) FROM_HERE(expect_back(__VA_ARGS__))

static void expect_ids(coder *c, const char *text, const uint16_t *ids, size_t count)
{
    encode(c, text, strlen(text));
    for (size_t i = 0; i < count && i < c->ids.count; i++)
        if (c->ids.items[i] != ids[i])
            fail_msg("'%s': id %zu is %u, not %u", text, i, c->ids.items[i], ids[i]);
    if (c->ids.count != count) fail_msg("'%s': %zu ids instead of %zu", text, c->ids.count, count);
    expect_back(c, text, strlen(text));
}
#define expect_ids(...) FROM_HERE(expect_ids(__VA_ARGS__))

#define IDS(text, ...)                                                                                       \
    expect_ids(&c, text, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / 2)
#define M(i) (TINY_MERGE + (i))

static void test_tiny(void **state)
{
    coder c = tiny();
    assert_int_equal(tli_bpe_size(c.bpe), TINY_SIZE);
    assert_int_equal(tli_bpe_end_of_text(c.bpe), TINY_END);
    size_t n = 0;
    assert_memory_equal(tli_bpe_token(c.bpe, M(11), &n), " world", 6);
    assert_int_equal(n, 6);
    assert_null(tli_bpe_token(c.bpe, TINY_SIZE, &n));
    IDS("hello world", M(3), M(11));
    IDS("hello  world", M(3), ' ', M(11)); /* the last space belongs to the word */
    IDS("hello   ", M(3), M(15), ' ');
    IDS("a\n\nb", 'a', '\n', '\n', 'b'); /* only the first line end is a piece: the last one stays apart */
    IDS("a\n\n", 'a', M(19));
    IDS("he's he'l", M(0), M(12), ' ', M(0), '\'', 'l'); /* 's is a piece; 'l is none, since only 'll is */
    IDS("12a", M(17), 'a');
    IDS("aaa", M(5), 'a');
    IDS("aaaaa", M(6), 'a');
    IDS("aba", 'a', M(18));
    IDS("xyz", M(9));
    IDS("<|endoftext|>", '<', '|', 'e', 'n', 'd', 'o', 'f', 't', 'e', 'x', 't', '|', '>');
    IDS("\xc3\xa9", M(14));
    /* U+180E is no white space to the original: it takes the space before it. */
    IDS(" \xe1\xa0\x8e", ' ', 0xe1, 0xa0, 0x8e);
    encode(&c, "", 0);
    assert_int_equal(c.ids.count, 0);
    drop(&c);
}

/* Bytes that are not UTF-8 stand for themselves, and part what is around them. */
static void test_invalid(void **state)
{
    coder c = tiny();
    IDS("he\xffhe", M(0), 0xff, M(0));
    IDS("\xc3", 0xc3);
    IDS("\xc3he", 0xc3, M(0));
    IDS("\xc3\xa9\xa9", M(14), 0xa9);
    IDS("\xc0\xa9", 0xc0, 0xa9); /* overlong */
    IDS("\xed\xa0\x80\xf4\x90\x80\x80", 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80,
        0x80);                        /* surrogate, beyond U+10FFFF */
    IDS("a  \xff", 'a', M(15), 0xff); /* the run ends there, as a text would */
    encode(&c, "a\0b", 3);
    assert_int_equal(c.ids.count, 3);
    expect_back(&c, "a\0b", 3);
    drop(&c);
}

/* ---- against a naive reference ------------------------------------------------------------------- */

/* Merges one piece as the original does, by names in a list: the pair that stands highest in vocab.bpe, all
 * its occurrences from the left, and again. */
static size_t naive(const coder *c, const char *piece, size_t n, uint16_t *ids)
{
    for (size_t i = 0; i < n; i++) ids[i] = (uint8_t)piece[i];
    for (;;) {
        int best = -1, left = 0, right = 0;
        for (int m = 0; m < TINY_MERGES && best < 0; m++) {
            const char *space = strchr(tiny_merges[m], ' ');
            for (size_t i = 0; i + 1 < n && best < 0; i++) {
                size_t a = 0, b = 0;
                const uint8_t *x = tli_bpe_token(c->bpe, ids[i], &a),
                              *y = tli_bpe_token(c->bpe, ids[i + 1], &b);
                if (a != (size_t)(space - tiny_merges[m]) || b != strlen(space + 1)) continue;
                if (memcmp(x, tiny_merges[m], a) != 0 || memcmp(y, space + 1, b) != 0) continue;
                best = m;
                left = ids[i];
                right = ids[i + 1];
            }
        }
        if (best < 0) return n;
        size_t to = 0;
        for (size_t i = 0; i < n; to++) {
            const int here = i + 1 < n && ids[i] == left && ids[i + 1] == right;
            ids[to] = here ? (uint16_t)M(best) : ids[i];
            i += here ? 2 : 1;
        }
        n = to;
    }
}

static void test_against_naive(void **state)
{
    coder c = tiny();
    tli_random r = tli_random_make(1, 2);
    for (int round = 0; round < 400; round++) {
        static const char *const letters[] = {"a", "ab", "xyz", "helo", "abxyzhelord"};
        char piece[301];
        uint16_t want[301];
        const char *set = letters[tli_random_below(&r, 5)];
        const size_t n = 1 + tli_random_below(&r, round % 2 == 0 ? 60 : 300); /* scanned, and by the heap */
        for (size_t i = 0; i < n; i++) piece[i] = set[tli_random_below(&r, (uint32_t)strlen(set))];
        const size_t count = naive(&c, piece, n, want);
        for (int again = 0; again < 2; again++) { /* the second time from the cache */
            encode(&c, piece, n);
            if (c.ids.count != count || memcmp(c.ids.items, want, 2 * count) != 0)
                fail_msg("'%.*s': other ids than the reference", (int)n, piece);
        }
    }
    drop(&c);
}

/* ---- any bytes ----------------------------------------------------------------------------------- */

/* Words, white space of all kinds, digits, marks, half sequences and plain noise. */
static size_t make_text(tli_random *r, uint8_t *text, size_t capacity)
{
    static const char *const parts[] = {"hello",
                                        " world",
                                        " ",
                                        "\n",
                                        "\t",
                                        "'s",
                                        "'",
                                        "'ll",
                                        "12",
                                        "a",
                                        "!?",
                                        "\xc3\xa9",
                                        "\xe4\xb8\xad",
                                        "\xf0\x9f\x98\x80",
                                        "\xe3\x80\x80",
                                        "\xc2\xa0",
                                        "\xc2\x85",
                                        "\xe2\x80\xa8",
                                        "\xe1\xa0\x8e",
                                        "\xe2\x80",
                                        "\xff",
                                        "\x80",
                                        "\x7f"};
    size_t n = 0;
    const uint32_t kinds = sizeof parts / sizeof parts[0];
    while (n + 8 < capacity) {
        const uint32_t k = tli_random_below(r, kinds + 3);
        if (k >= kinds) {
            text[n++] = (uint8_t)tli_random_u32(r);
        } else {
            for (uint32_t times = 1 + tli_random_below(r, 3); times > 0 && n + 8 < capacity; times--) {
                memcpy(text + n, parts[k], strlen(parts[k]));
                n += strlen(parts[k]);
            }
        }
    }
    return n;
}

static void round_trips(coder *c)
{
    static uint8_t text[4096];
    tli_random r = tli_random_make(3, 4);
    for (int round = 0; round < 300; round++) {
        size_t n = 1 + tli_random_below(&r, sizeof text - 1);
        if (round % 2 == 0)
            n = make_text(&r, text, n + 8);
        else
            for (size_t i = 0; i < n; i++) text[i] = (uint8_t)tli_random_u32(&r);
        encode(c, text, n);
        expect_back(c, text, n);
    }
}

/* Where tli_bpe_cut cuts, the two parts have the ids of the whole, however the text goes on. */
static void cuts(coder *c)
{
    static uint8_t text[300];
    uint16_t whole[300];
    tli_random r = tli_random_make(5, 6);
    int found = 0;
    for (int round = 0; round < 4000; round++) {
        const size_t n = make_text(&r, text, 20 + tli_random_below(&r, 200));
        const size_t seen = 1 + tli_random_below(&r, (uint32_t)n), cut = tli_bpe_cut(text, seen);
        assert_true(cut < seen);
        encode(c, text, n);
        const size_t count = c->ids.count;
        memcpy(whole, c->ids.items, 2 * count);
        tl_error err = {0};
        c->ids.count = 0;
        assert_int_equal(tli_bpe_encode(c->encoder, text, cut, &c->ids, &err), TL_OK);
        assert_int_equal(tli_bpe_encode(c->encoder, text + cut, n - cut, &c->ids, &err), TL_OK);
        if (c->ids.count != count || memcmp(whole, c->ids.items, 2 * count) != 0)
            fail_msg("round %d: cut at %zu of %zu changes the ids", round, cut, n);
        found += cut > 0;
    }
    assert_true(found > 3000);
}
#define cuts(...) FROM_HERE(cuts(__VA_ARGS__))

static void test_round_trips(void **state)
{
    coder c = tiny();
    round_trips(&c);
    drop(&c);
}

static void test_cuts(void **state)
{
    assert_int_equal(tli_bpe_cut((const uint8_t *)"hello world", 11), 5);
    assert_int_equal(tli_bpe_cut((const uint8_t *)"hello world ", 12), 11);
    assert_int_equal(tli_bpe_cut((const uint8_t *)"    ", 4), 0);
    assert_int_equal(tli_bpe_cut((const uint8_t *)"  hello", 7), 0);
    assert_int_equal(tli_bpe_cut((const uint8_t *)"'ll", 3), 0);
    assert_int_equal(tli_bpe_cut((const uint8_t *)"abc123", 6), 3);
    assert_int_equal(tli_bpe_cut((const uint8_t *)"\xe3\x80\x80 ", 4), 0);
    assert_int_equal(tli_bpe_cut((const uint8_t *)"\xe4\xb8\xad ", 4), 3);
    assert_int_equal(tli_bpe_cut((const uint8_t *)"", 0), 0);
    coder c = tiny();
    cuts(&c);
    drop(&c);
}

/* Single pieces of a length that a quadratic loop or a stack would not survive. */
static void test_long_pieces(void **state)
{
    coder c = tiny();
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG);
    assert_non_null(text);
    static const char kinds[] = "a !\n1";
    for (const char *k = kinds; *k != '\0'; k++) {
        memset(text, *k, LONG);
        encode(&c, text, LONG);
        expect_back(&c, text, LONG);
        if (*k == 'a') assert_int_equal(c.ids.count, LONG / 4);
    }
    free(text);
    drop(&c);
}

/* ---- files --------------------------------------------------------------------------------------- */

static void refuse(const char *says, const char *also)
{
    tli_bpe *bpe = NULL;
    tl_error err = {0};
    const tl_status status = tli_bpe_load(at("vocab.bpe"), at("encoder.json"), &bpe, &err);
    if (status != TL_ERROR_INPUT) fail_msg("status %d instead of '%s'", status, says);
    if (strstr(err.text, says) == NULL || strstr(err.text, also) == NULL)
        fail_msg("'%s' without '%s' and '%s'", err.text, says, also);
    assert_null(bpe);
}
#define refuse(...) FROM_HERE(refuse(__VA_ARGS__))

/* Replaces `from` by `to` in a good file; to NULL: ends the file there. */
static void damage(const char *name, const char *from, const char *to)
{
    static char text[1 << 16], out[1 << 16];
    assert_int_equal(tiny_write(at("vocab.bpe"), at("encoder.json")), 0);
    read_file(at(name), text, sizeof text);
    char *found = strstr(text, from);
    assert_non_null(found);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(found - text), text, to != NULL ? to : "",
             to != NULL ? found + strlen(from) : "");
    write_file(name, out, strlen(out));
}
#define damage(...) FROM_HERE(damage(__VA_ARGS__))

static void test_damaged_vocabularies_are_refused(void **state)
{
    static const char v[] = "vocab.bpe", e[] = "encoder.json";
    tli_bpe *bpe = NULL;
    tl_error err = {0};
    assert_int_equal(tli_bpe_load("/nonexistent/v", "/nonexistent/e", &bpe, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "/nonexistent/e"));
    damage(v, "#version: 0.2\n", "h e\n");
    refuse(v, "line 1");
    damage(v, "\nl l\n", "\nl\n");
    refuse(v, "line 3");
    damage(v, "\nl l\n", "\nl  l\n");
    refuse(v, "line 3");
    damage(v, "\nl l\n", "\nl l l\n");
    refuse(v, "line 3");
    damage(v, "\nl l\n", "\n\n");
    refuse(v, "line 3");
    damage(v, "\nl l\n", "\nh e\n");
    refuse("line 3", "line 2 already");
    damage(v, "\nl l\n", "\nq q\n");
    refuse("line 3", "do not belong together");
    damage(v, "\nl l\n", "\nqq l\n");
    refuse("line 3", "do not belong together");
    damage(v, "\nl l\n", "\n\xe4\xb8\xad l\n");
    refuse("line 3", "alphabet");
    damage(v, "' s", NULL);
    refuse("ends at line 13", "cut short");
    damage(v, " s\nx y", NULL);
    refuse("line 14", "cut short");
    damage(v, "#version", NULL);
    refuse(v, "is empty");

    damage(e, "\"<|endoftext|>\"", NULL);
    refuse(e, "cut short");
    damage(e, "\"b\": 98,", "\"b\" 98,");
    refuse(e, "line 100");
    damage(e, "\"b\": 98,", "");
    refuse(e, "0x62");
    damage(e, "\"b\": 98,", "\"b\": 97,");
    refuse(e, "id 97");
    damage(e, "\"b\": 98,", "\"b\": 98.5,");
    refuse(e, "\"b\"");
    damage(e, "\"b\": 98,", "\"b\": -1,");
    refuse(e, "\"b\"");
    damage(e, "\"b\": 98,", "\"b\": \"98\",");
    refuse(e, "\"b\"");
    damage(e, "\"b\": 98,", "\"b\": 98, \"b\": 300,");
    refuse(e, "twice");
    damage(e, "\"b\": 98,", "\"b\": 65536,");
    refuse(e, "65535");
    damage(e, "\"b\": 98,", "\"b\": 98, \"\xe4\xb8\xad\": 300,");
    refuse(e, "alphabet");
    damage(e, "\"b\": 98,", "\"b\": 98, \"\": 300,");
    refuse(e, "300");
    write_file(e, "[1]", 3);
    refuse(e, "object");
    write_file(e, "", 0);
    refuse(e, "empty");

    /* Line ends of another system, and no special token, are fine. */
    damage(v, "\nl l\n", "\nl l\r\n");
    assert_int_equal(tli_bpe_load(at(v), at(e), &bpe, &err), TL_OK);
    tli_bpe_free(bpe);
    damage(e, ",\n\"<|endoftext|>\": 276", "");
    assert_int_equal(tli_bpe_load(at(v), at(e), &bpe, &err), TL_OK);
    assert_int_equal(tli_bpe_end_of_text(bpe), -1);
    size_t n = 0;
    assert_null(tli_bpe_token(bpe, 999, &n));
    tli_bpe_free(bpe);
    tli_bpe_free(NULL);
}

/* ---- GPT-2's vocabulary -------------------------------------------------------------------------- */

static void test_gpt2(void **state)
{
    coder c = gpt2();
    assert_int_equal(tli_bpe_size(c.bpe), 50257);
    assert_int_equal(tli_bpe_end_of_text(c.bpe), 50256);
    IDS("Hello world", 15496, 995);
    round_trips(&c);
    cuts(&c);
    drop(&c);
}

static void test_gpt2_vectors(void **state)
{
    coder c = gpt2();
    char path[600], line[1 << 14];
    snprintf(path, sizeof path, "%s/vectors.jsonl", getenv("TRANSLUTION_GPT2_BPE"));
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        drop(&c);
        skip_because("no ids by another encoder to compare with",
                     "put vectors.jsonl beside GPT-2's vocabulary");
    }
    int lines = 0;
    for (; fgets(line, sizeof line, file) != NULL; lines++) {
        cJSON *json = cJSON_Parse(line);
        const cJSON *ids = cJSON_GetObjectItem(json, "ids"), *id;
        uint16_t want[4096];
        size_t count = 0;
        cJSON_ArrayForEach(id, ids) want[count++] = (uint16_t)id->valueint;
        const char *text = cJSON_GetObjectItem(json, "text")->valuestring;
        if (strstr(line, "\\u0000") == NULL) {
            expect_ids(&c, text, want, count);
        } else { /* cJSON does not tell how long a string with NUL is: take the length from the ids */
            size_t n = 0;
            uint8_t *bytes = bpe_text(c.bpe, want, count, &n);
            assert_non_null(bytes);
            assert_true(n > strlen(text));
            assert_true(memcmp(bytes, text, strlen(text) + 1) == 0);
            encode(&c, bytes, n);
            assert_int_equal(c.ids.count, count);
            assert_memory_equal(c.ids.items, want, 2 * count);
            free(bytes);
        }
        cJSON_Delete(json);
    }
    assert_true(lines > 0);
    fclose(file);
    drop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_against_naive),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_long_pieces),
        cmocka_unit_test(test_damaged_vocabularies_are_refused),
        cmocka_unit_test(test_gpt2),
        cmocka_unit_test(test_gpt2_vectors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
