/* GPT from outside: from a text file to text that a model wrote, and a sentence and exit code for every mistake. */
#include "program.h"

/* A model and a run as small as they can be. */
#define SMALL "--dim", "16", "--depth", "1", "--heads", "2", "--head-dim", "8", "--seq-len", "12"
#define BRIEF SMALL, "--batch-size", "4", "--samples-per-epoch", "10", "--limit-test", "5"
#define THREE BRIEF, "--steps", "3"

static void write_ids(const char *name, const uint16_t *ids, size_t count)
{
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        fputc(ids[i] & 255, file);
        fputc(ids[i] >> 8, file);
    }
    assert_int_equal(fclose(file), 0);
}
#define write_ids(...) FROM_HERE(write_ids(__VA_ARGS__))

/* chars/ by tokenize, and ids/ as a BPE would give them: ids below 7. */
static void make_data(void)
{
    char text[2001];
    for (size_t i = 0; i < sizeof text - 1; i++) text[i] = "the cat sat.\n"[i % 13];
    text[sizeof text - 1] = '\0';
    write_text("text.txt", text);
    RUN(NO_ENV, "tokenize", "--chars", "--val-fraction", "0.2", "--out", at("chars"), at("text.txt"));
    EXPECT(0, "");
    assert_int_equal(mkdir(at("ids"), 0700), 0);
    uint16_t ids[300];
    for (size_t i = 0; i < 300; i++) ids[i] = (uint16_t)(i % 7);
    write_ids("ids/train.bin", ids, 300);
    write_ids("ids/val.bin", ids, 100);
}
#define make_data(...) FROM_HERE(make_data(__VA_ARGS__))

static int setup_data(void **state)
{
    if (make_folder(state) != 0) return -1;
    make_data();
    return 0;
}

/* ---- whole runs ---------------------------------------------------------------------------------- */

static void parameters_are_counted(void **unused)
{
    static const struct {
        const char *op;
        double params;
    } known[] = {{"attention", 21995904}, {"alpha", 23734656}, {"translution", 127469952}};
    for (int i = 0; i < 3; i++) {
        RUN(ENV("OCL_ICD_VENDORS=/nowhere"), "train", "gpt", "--op", known[i].op, "--dry-run");
        EXPECT(0, "");
        cJSON *json = last_json();
        assert_true(number(json, "params") == known[i].params);
        cJSON_Delete(json);
    }
}

static void a_learned_sentence_is_generated(void **unused)
{
    static const char *const ops[] = {"attention", "alpha", "translution"};
    for (int i = 0; i < 3; i++) {
        RUN(NO_ENV, "train", "gpt", "--data", at("chars"), "--op", ops[i], "--out", at(ops[i]), SMALL,
            "--batch-size", "8", "--steps", "200", "--lr", "1e-2", "--eval-every", "100");
        EXPECT(0, "perplexity", "tokens/s");
        cJSON *json = last_json();
        assert_string_equal(string(json, "task"), "gpt");
        assert_true(number(json, "perplexity") < 3); /* of nine characters; the text repeats itself */
        assert_true(number(json, "loss") > 0);
        assert_true(number(json, "steps") == 200);
        const double perplexity = number(json, "perplexity"), params = number(json, "params");
        cJSON_Delete(json);

        char metrics[TEXT];
        snprintf(metrics, sizeof metrics, "%s/metrics.jsonl", at(ops[i]));
        read_file(metrics, metrics, TEXT);
        assert_non_null(strstr(metrics, "\"tokens_per_second\""));
        assert_non_null(strstr(metrics, "\"test\":\"val\""));
        assert_non_null(strstr(metrics, "\"perplexity\""));

        RUN(NO_ENV, "eval", at(ops[i]), "--data", at("chars"));
        EXPECT(0, "");
        json = last_json();
        assert_true(number(json, "params") == params);
        assert_true(number(json, "perplexity") < perplexity * 1.0001);
        assert_true(number(json, "perplexity") > perplexity * 0.9999);
        cJSON_Delete(json);
        RUN(NO_ENV, "info", at(ops[i]));
        EXPECT(0, "");
        assert_non_null(strstr(seen.out, "output_head.weight"));
        assert_non_null(strstr(seen.out, "seq_len                  12"));
        assert_null(strstr(seen.out, "patch_size"));

        /* It has learned the one sentence, and slides over a text longer than its context. */
        RUN(NO_ENV, "generate", at(ops[i]), "--prompt", "the c", "--tokens", "30", "--temperature", "0");
        EXPECT(0, "slides", "30 tokens");
        if (strcmp(seen.out, "the cat sat.\nthe cat sat.\nthe cat s\n") != 0)
            fail_msg("%s writes:\n%s", ops[i], seen.out);
    }
}

/* The text ends its line, and the summary stands on the next, also where both go to one place. */
static void the_summary_has_a_line_of_its_own(void **unused)
{
    static char both[TEXT];
    RUN(NO_ENV, "train", "gpt", "--vocab-size", "40", "--out", at("summed"), THREE);
    EXPECT(0, "");
    succeeds("generate summed --tokens 5 --prompt ab >both 2>&1 &&:");
    read_file(at("both"), both, sizeof both);
    const char *text = strstr(both, "\nab");
    assert_non_null(text);
    const char *summary = strstr(text, "\n5 tokens; the first ");
    if (summary == NULL || summary != text + 1 + 7) fail_msg("no line of its own in:\n%s", both);
    assert_non_null(strstr(summary, " ms after the start, then "));
    assert_non_null(strstr(summary, " tokens/s\n"));
    RUN(NO_ENV, "generate", at("summed"), "--tokens", "1", "--prompt", "ab");
    EXPECT(0, "\n1 tokens; the first ");
    assert_null(strstr(seen.err, "tokens/s"));
    RUN(NO_ENV, "generate", at("summed"), "--tokens", "0", "--prompt", "ab");
    EXPECT(0, "\n0 tokens\n");
}

static void generation_is_timed(void **unused)
{
    RUN(NO_ENV, "train", "gpt", "--vocab-size", "40", "--out", at("timed"), THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "generate", at("timed"), "--tokens", "9", "--prompt", "ab");
    char text[TEXT];
    memcpy(text, seen.out, sizeof text);
    text[strlen(text) - 1] = '\0'; /* the line's end is not of the text */
    RUN(NO_ENV, "generate", at("timed"), "--tokens", "9", "--prompt", "ab", "--json");
    EXPECT(0, "");
    assert_ptr_equal(strchr(seen.out, '\n'), seen.out + strlen(seen.out) - 1);
    assert_null(strstr(seen.err, "tokens/s\n"));
    cJSON *json = last_json();
    assert_string_equal(string(json, "text"), text);
    assert_true(number(json, "tokens") == 9);
    assert_true(number(json, "first_token_ms") > 0);
    assert_true(number(json, "tokens_per_second") > 0);
    assert_true(number(json, "peak_device_bytes") > 0);
    cJSON_Delete(json);
    RUN(NO_ENV, "generate", at("timed"), "--tokens", "1", "--json"); /* nothing comes after the first */
    EXPECT(0, "");
    json = last_json();
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "tokens_per_second")));
    cJSON_Delete(json);
    RUN(NO_ENV, "generate", at("nowhere"), "--json");
    FAILS(2, "nowhere");
    RUN(NO_ENV, "eval", at("timed"), "--batch-size", "2"); /* five windows */
    EXPECT(0, "");
    json = last_json();
    const double per_batch = number(json, "tokens_per_second") * number(json, "step_ms") * 1e-3;
    assert_true(per_batch > 2 * 12 - 1e-6);
    assert_true(per_batch < 2 * 12 + 1e-6);
    cJSON_Delete(json);
    RUN(NO_ENV, "eval", at("timed"), "--batch-size", "5"); /* one batch, which builds kernels, says nothing */
    EXPECT(0, "");
    assert_null(strstr(seen.out, "_per_second"));
}

/* The same seed gives the same text, with what is kept and without; another one another text. */
static void equal_seeds_give_equal_texts(void **unused)
{
    char first[TEXT];
    RUN(NO_ENV, "train", "gpt", "--vocab-size", "40", "--out", at("synthetic"), THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "generate", at("synthetic"), "--tokens", "40", "--prompt", "a", "--quiet");
    EXPECT(0, "device ");
    memcpy(first, seen.out, sizeof first);
    assert_int_equal(strlen(first), 42); /* ids that stand for nothing are never drawn */
    RUN(NO_ENV, "generate", at("synthetic"), "--tokens", "40", "--prompt", "a", "--no-cache");
    assert_string_equal(seen.out, first);
    RUN(NO_ENV, "generate", at("synthetic"), "--tokens", "40", "--prompt", "a", "--seed", "1");
    assert_true(strcmp(seen.out, first) != 0);
    RUN(NO_ENV, "generate", at("synthetic"), "--tokens", "5", "--top-k", "3", "--top-p", "0.9");
    EXPECT(0, "5 tokens"); /* without a prompt behind a line's end */
    RUN(NO_ENV, "generate", at("synthetic"), "--tokens", "1", "--prompt",
        "a text that is longer than the model's context");
    FAILS(2, "U+0027");
    RUN(NO_ENV, "generate", at("synthetic"), "--tokens", "1", "--prompt",
        "a text that is longer than its context");
    EXPECT(0, "only the last 12 are seen");
}

static void a_resumed_run_ends_the_same(void **unused)
{
    RUN(NO_ENV, "train", "gpt", BRIEF, "--vocab-size", "40", "--steps", "6", "--out", at("whole"));
    EXPECT(0, "");
    RUN(NO_ENV, "train", "gpt", BRIEF, "--vocab-size", "40", "--steps", "6", "--out", at("parts"),
        "--stop-after", "4");
    EXPECT(0, "");
    RUN(NO_ENV, "train", "gpt", BRIEF, "--vocab-size", "40", "--steps", "6", "--out", at("parts"),
        "--resume");
    EXPECT(0, "after step 4");
    char line[1200];
    snprintf(line, sizeof line, "cmp %s/model.safetensors %s/model.safetensors", at("whole"), at("parts"));
    assert_int_equal(system(line), 0);
    RUN(NO_ENV, "train", "gpt", BRIEF, "--vocab-size", "41", "--steps", "6", "--out", at("parts"),
        "--resume");
    FAILS(2, "--vocab-size is 40", "and 41 now");
}

static void steps_of_texts_are_timed(void **unused)
{
    RUN(NO_ENV, "bench", "step", "--task", "gpt", SMALL, "--vocab-size", "50", "--batch-size", "2",
        "--rounds", "1", "--json");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_string_equal(string(json, "task"), "gpt");
    assert_true(number(json, "tokens") == 12);
    assert_true(number(json, "tokens_per_second") > 0);
    cJSON_Delete(json);
    RUN(NO_ENV, "bench", "memory", "--task", "gpt", SMALL, "--vocab-size", "50", "--memory-limit", "64M",
        "--json");
    EXPECT(0, "");
    json = last_json();
    const cJSON *op = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "ops"), "translution");
    assert_true(number(op, "largest_batch") > 1);
    assert_true(number(op, "largest_length") > 12);
    cJSON_Delete(json);
}

/* ---- mistakes ------------------------------------------------------------------------------------ */

#define TRAIN(...) RUN(NO_ENV, "train", "gpt", "--out", at("none"), __VA_ARGS__)

static void wrong_values_are_refused(void **unused)
{
    TRAIN("--seq-len", "0");
    FAILS(2, "--seq-len takes a whole number from 1");
    TRAIN("--vocab-size", "0");
    FAILS(2, "--vocab-size");
    TRAIN("--samples-per-epoch", "0");
    FAILS(2, "--samples-per-epoch");
    TRAIN("--vocab-size", "29");
    FAILS(2, "--vocab-size 29 is too small", "30 characters");
    TRAIN("--patch-size", "4");
    FAILS(2, "--patch-size means nothing to the task gpt");
    RUN(NO_ENV, "train", "mnist", "--seq-len", "8");
    FAILS(2, "--seq-len means nothing to the task mnist");
}

static void wrong_data_are_refused(void **unused)
{
    const uint16_t few[10] = {0};
    TRAIN("--data", at("nowhere"), THREE);
    FAILS(2, "cannot read", "nowhere/train.bin");
    TRAIN("--data", at("ids"), THREE, "--vocab-size", "5");
    FAILS(2, "ids/train.bin", "id 5 at token 5", "vocabulary of 5");
    TRAIN("--data", at("chars"), THREE, "--vocab-size", "5");
    FAILS(2, "--vocab-size 5 is too small", "chars.json has 9");
    TRAIN("--data", at("ids"), THREE, "--seq-len", "300");
    FAILS(2, "ids/train.bin", "300 tokens, fewer than the 301");
    assert_int_equal(mkdir(at("broken"), 0700), 0);
    write_ids("broken/train.bin", few, 10);
    write_ids("broken/val.bin", few, 0);
    TRAIN("--data", at("broken"), THREE, "--seq-len", "4");
    FAILS(2, "broken/val.bin is empty");
    static uint16_t wide[400]; /* ids of 32 bits */
    for (int i = 0; i < 200; i++) wide[2 * i] = (uint16_t)(i % 7);
    write_ids("broken/val.bin", wide, 400);
    TRAIN("--data", at("broken"), THREE, "--seq-len", "4");
    FAILS(2, "broken/val.bin", "32 bits", "uint16");
    /* The same ids of a character a line are what tokenize makes of such text. */
    static char lines[801];
    for (int i = 0; i < 400; i++) memcpy(lines + 2 * i, &"a\nb\n"[i % 2 * 2], 2);
    write_text("lines.txt", lines);
    RUN(NO_ENV, "tokenize", "--chars", "--val-fraction", "0.5", "--out", at("lines"), at("lines.txt"));
    EXPECT(0, "");
    TRAIN("--data", at("lines"), THREE, "--out", at("lines-run"));
    EXPECT(0, "");
    write_text("broken/val.bin", "odd");
    TRAIN("--data", at("broken"), THREE, "--seq-len", "4");
    FAILS(2, "broken/val.bin", "odd number of bytes");
    write_ids("broken/val.bin", few, 4);
    TRAIN("--data", at("broken"), THREE, "--seq-len", "4");
    FAILS(2, "broken/val.bin", "4 tokens, fewer than the 5");
    write_text("broken/chars.json", "{");
    TRAIN("--data", at("broken"), THREE, "--seq-len", "4");
    FAILS(2, "broken/chars.json");
}

static void wrong_checkpoints_are_refused(void **unused)
{
    RUN(NO_ENV, "train", "gpt", "--data", at("chars"), "--out", at("letters"), THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "train", "gpt", "--data", at("ids"), "--vocab-size", "7", "--out", at("tokens"), THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", "--out", at("digits"), "--dim", "16", "--depth", "1", "--heads", "2",
        "--head-dim", "8", "--batch-size", "8", "--limit-train", "8", "--limit-test", "8", "--steps", "1");
    EXPECT(0, "");
    RUN(NO_ENV, "generate");
    FAILS(2, "generate needs a checkpoint");
    RUN(NO_ENV, "generate", at("nothing.safetensors"));
    FAILS(2, "nothing.safetensors");
    RUN(NO_ENV, "generate", at("text.txt"));
    FAILS(2, "text.txt");
    RUN(NO_ENV, "generate", at("digits"));
    FAILS(2, "task mnist", "gpt");
    RUN(NO_ENV, "generate", at("letters"), "--prompt", "The Cat");
    FAILS(2, "U+0054");
    RUN(NO_ENV, "generate", at("letters"), "--vocab", "a", "--encoder", "b");
    FAILS(2, "characters", "--vocab");
    RUN(NO_ENV, "generate", at("letters"), "--temperature", "-1");
    FAILS(2, "--temperature");
    RUN(NO_ENV, "generate", at("letters"), "--top-p", "1.5");
    FAILS(2, "--top-p");
    RUN(NO_ENV, "generate", at("tokens"));
    FAILS(2, "--vocab vocab.bpe and --encoder encoder.json");
    RUN(NO_ENV, "generate", at("tokens"), "--vocab", at("none.bpe"), "--encoder", at("none.json"));
    FAILS(2, "none.json");
    RUN(NO_ENV, "eval", at("letters"), "--data", at("ids"));
    FAILS(2, "do not stand for the characters");
    RUN(NO_ENV, "eval", at("letters"));
    FAILS(2, "synthetic", "characters");
    RUN(NO_ENV, "eval", at("tokens"), "--data", at("chars"));
    FAILS(2, "do not stand for the tokens");
    RUN(NO_ENV, "eval", at("tokens"), "--data", at("ids"));
    EXPECT(0, "");
    RUN(NO_ENV, "eval", at("tokens"), "--data", at("ids"), "--confusion", at("table.tsv"));
    FAILS(2, "--confusion", "the task gpt");
    assert_int_not_equal(access(at("table.tsv"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_counted),
        cmocka_unit_test(a_learned_sentence_is_generated),
        cmocka_unit_test(the_summary_has_a_line_of_its_own),
        cmocka_unit_test(generation_is_timed),
        cmocka_unit_test(equal_seeds_give_equal_texts),
        cmocka_unit_test(a_resumed_run_ends_the_same),
        cmocka_unit_test(steps_of_texts_are_timed),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(wrong_data_are_refused),
        cmocka_unit_test(wrong_checkpoints_are_refused),
    };
    return cmocka_run_group_tests(tests, setup_data, remove_folder);
}
