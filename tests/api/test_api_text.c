/* Tokenizers give back every byte, and text made through the public header is the program's. */
#include "program.h"

#include "values.h"

#include "tiny_bpe.h"

/* Words, merges, spaces, UTF-8, bytes that are none, and what looks like a special token. */
static const char text[] =
    "hello world, it's 12!\n\n  aaaa \xc3\xa9\xf0\x9f\x98\x80\xff\xfe <|endoftext|>\0behind";
enum { BYTES = sizeof text - 1 };

static tl_tokenizer *open_tiny(void)
{
    tl_tokenizer *t = NULL;
    tl_error err = {0};
    assert_int_equal(tiny_write(at("vocab.bpe"), at("encoder.json")), 0);
    if (tl_tokenizer_open(NULL, at("vocab.bpe"), at("encoder.json"), &t, &err) != TL_OK)
        fail_msg("%s", err.text);
    return t;
}
#define open_tiny(...) VALUE_FROM_HERE(open_tiny(__VA_ARGS__))

static void round_trip(tl_tokenizer *t, const char *bytes, size_t count)
{
    int32_t *ids = NULL;
    size_t id_count = 0, back_count = 0;
    char *back = NULL;
    tl_error err = {0};
    if (tl_tokenizer_encode(t, bytes, count, &ids, &id_count, &err) != TL_OK) fail_msg("%s", err.text);
    for (size_t i = 0; i < id_count; i++) {
        assert_between(ids[i], 0, tl_tokenizer_size(t) - 1);
        assert_int_not_equal(ids[i], tl_tokenizer_end_of_text(t));
    }
    if (tl_tokenizer_decode(t, ids, id_count, &back, &back_count, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(back_count, count);
    assert_memory_equal(back, bytes, count);
    assert_int_equal(back[count], 0);
    free(ids);
    free(back);
}
#define round_trip(...) FROM_HERE(round_trip(__VA_ARGS__))

static void a_bpe_gives_back_every_byte(void **unused)
{
    tl_tokenizer *t = open_tiny();
    char all[256];
    assert_int_equal(tl_tokenizer_size(t), TINY_SIZE);
    assert_int_equal(tl_tokenizer_end_of_text(t), TINY_END);
    for (int i = 0; i < 256; i++) all[i] = (char)i;
    round_trip(t, text, BYTES);
    round_trip(t, all, sizeof all);
    round_trip(t, "", 0);
    /* merges are made, and the end of text is silent */
    const int32_t end[] = {TINY_END, 'a', TINY_END};
    int32_t *ids = NULL;
    char *out = NULL;
    size_t count = 0;
    tl_error err = {0};
    assert_int_equal(tl_tokenizer_encode(t, "hello", 5, &ids, &count, &err), TL_OK);
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], TINY_MERGE + 3);
    free(ids);
    assert_int_equal(tl_tokenizer_decode(t, end, 3, &out, &count, &err), TL_OK);
    assert_string_equal(out, "a");
    free(out);
    tl_tokenizer_destroy(t);
}

static void files_of_tokens_are_the_programs(void **unused)
{
    tl_tokenizer *t = open_tiny();
    tl_tokenize_result result;
    tl_error err = {0};
    write_file("a.txt", text, BYTES);
    write_text("b.txt", "one\n<|endoftext|>\ntwo\n<|endoftext|>\nthree\n<|endoftext|>\nfour");
    const char *const files[] = {at("a.txt"), at("b.txt")};
    const tl_tokenize_options options = {.size = sizeof options,
                                         .tokenizer = t,
                                         .files = files,
                                         .file_count = 2,
                                         .out = at("new/folder"),
                                         .separator = "<|endoftext|>",
                                         .val_fraction = 0.4,
                                         .seed = 5};
    if (tl_tokenize(&options, &result, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(result.documents, 5);
    assert_int_equal(result.val_documents, 2);
    assert_int_equal(result.vocab_size, TINY_SIZE);
    run_line("tokenize --vocab vocab.bpe --encoder encoder.json --out program --val-fraction 0.4 --seed 5 "
             "a.txt b.txt");
    EXPECT(0, "");
    assert_same_file(at("new/folder/train.bin"), at("program/train.bin"));
    assert_same_file(at("new/folder/val.bin"), at("program/val.bin"));
    tl_tokenizer_destroy(t);
}

/* ---- generation ---------------------------------------------------------------------------------- */

typedef struct heard {
    char text[1024];
    size_t used;
    int32_t ids[256];
    int count;
} heard;

static tl_status hear(void *user, int32_t id, const char *bytes, size_t count, tl_error *err)
{
    heard *h = user;
    assert_true(h->used + count < sizeof h->text);
    memcpy(h->text + h->used, bytes, count);
    h->used += count;
    h->ids[h->count++] = id;
    return TL_OK;
}

static heard generate(const char *run, const tl_generation *wanted)
{
    heard h = {.used = 0};
    tl_generation g = *wanted;
    uint64_t made = 0;
    g.size = sizeof g, g.write = hear, g.user = &h;
    if (tl_generate(ctx, run, &g, &made) != TL_OK) fail_msg("%s", tl_context_error(ctx)->text);
    assert_int_equal(made, h.count - 1); /* the prompt came first */
    assert_int_equal(h.ids[0], -1);
    return h;
}
#define generate(...) VALUE_FROM_HERE(generate(__VA_ARGS__))

#define TRAIN                                                                                                \
    "--dim 16 --depth 1 --heads 2 --head-dim 8 --seq-len 12 --batch-size 4 --samples-per-epoch 12 "          \
    "--limit-test 4 --steps 3"

static void text_by_callback_is_the_programs(void **unused)
{
    succeeds("train gpt --vocab-size 40 --out characters " TRAIN);
    succeeds("generate characters --prompt abc --tokens 30 --seed 7 --quiet");
    heard h = generate(at("characters"),
                       &(tl_generation){.prompt = "abc", .tokens = 30, .temperature = 1, .seed = 7});
    h.text[h.used] = '\n';
    assert_string_equal(h.text, seen.out);
    succeeds("generate characters --prompt abc --tokens 9 --temperature 0.7 --top-k 5 --top-p 0.8 --quiet");
    h = generate(
        at("characters"),
        &(tl_generation){.prompt = "abc", .tokens = 9, .temperature = 0.7f, .top_k = 5, .top_p = 0.8f});
    h.text[h.used] = '\n';
    assert_string_equal(h.text, seen.out);
    const heard other = generate(
        at("characters"), &(tl_generation){.prompt = "abc", .tokens = 30, .temperature = 1, .seed = 8});
    assert_memory_not_equal(other.ids, h.ids, sizeof h.ids);
}

/* What a checkpoint of characters holds is enough; ids that were heard are the text. */
static void ids_decode_to_the_text(void **unused)
{
    tl_tokenizer *t = NULL;
    tl_error err = {0};
    char *decoded = NULL;
    size_t bytes = 0;
    if (tl_tokenizer_open(at("characters"), NULL, NULL, &t, &err) != TL_OK) fail_msg("%s", err.text);
    assert_between(tl_tokenizer_size(t), 2, 40);
    round_trip(t, "abc cab\n", 8);
    const heard h = generate(at("characters"),
                             &(tl_generation){.prompt = "abc", .tokens = 20, .temperature = 1});
    assert_int_equal(tl_tokenizer_decode(t, h.ids + 1, (size_t)h.count - 1, &decoded, &bytes, &err), TL_OK);
    assert_string_equal(decoded, h.text + 3);
    free(decoded);
    tl_tokenizer_destroy(t);
}

static void a_bpe_model_takes_its_files(void **unused)
{
    tl_tokenizer *t = NULL;
    tl_error err = {0};
    succeeds("train gpt --data program --vocab-size 277 --out tokens --seq-len 4 --dim 16 --depth 1 --heads "
             "2 --head-dim 8 "
             "--batch-size 4 --samples-per-epoch 12 --limit-test 1 --steps 3");
    succeeds("generate tokens --vocab vocab.bpe --encoder encoder.json --prompt hello --tokens 6 --quiet");
    heard h = generate(at("tokens"), &(tl_generation){.prompt = "hello",
                                                      .tokens = 6,
                                                      .temperature = 1,
                                                      .vocab = at("vocab.bpe"),
                                                      .encoder = at("encoder.json")});
    h.text[h.used] = '\n';
    assert_memory_equal(h.text, seen.out, h.used + 1);
    assert_int_equal(tl_tokenizer_open(at("tokens"), at("vocab.bpe"), at("encoder.json"), &t, &err), TL_OK);
    tl_tokenizer_destroy(t);
    assert_int_equal(tl_tokenizer_open(at("tokens"), NULL, NULL, &t, &err), TL_ERROR_USAGE);
    assert_says(err.text, "those of a BPE: give `vocab` vocab.bpe");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bpe_gives_back_every_byte),
        cmocka_unit_test(files_of_tokens_are_the_programs),
        cmocka_unit_test(text_by_callback_is_the_programs),
        cmocka_unit_test(ids_decode_to_the_text),
        cmocka_unit_test(a_bpe_model_takes_its_files),
    };
    return cmocka_run_group_tests(tests, set_up_context_and_folder, tear_down_context_and_folder);
}
