/* Flags in the manual, and what is refused: combinations that mean nothing, by name; optimizers; plans with data. */
#include "flag_runs.h"

#include "cli/commands.h"
#include "cli/flags.h"
#include "models/model.h"
#include "tasks/task.h"

/* The manual knows every command, and every flag that --help shows. */
static void the_manual_has_every_flag(void **unused)
{
    static char text[TEXT];
    read_file(TL_GOLDEN_DIR "/../../docs/translution.1", text, TEXT);
    assert_true(strlen(text) < TEXT - 1);
    for (int i = 0; i < tli_flag_count(); i++) {
        char word[80] = "\\-\\-";
        size_t used = strlen(word);
        for (const char *p = tli_flag_at(i)->name; *p != '\0'; p++) {
            if (*p == '-') word[used++] = '\\';
            word[used++] = *p;
        }
        word[used] = '\0';
        if (tli_flag_at(i)->help != NULL && strstr(text, word) == NULL)
            fail_msg("docs/translution.1 has no %s", word);
    }
    char *end = strstr(text, ".SH DESCRIPTION");
    assert_non_null(end);
    *end = '\0';
    for (int i = 0; i < tli_command_count; i++) {
        char word[80];
        const bool bench = strncmp(tli_commands[i].name, "bench ", 6) == 0;
        snprintf(word, sizeof word, "%s%s", bench ? "" : ".B translution ",
                 tli_commands[i].name + (bench ? 6 : 0));
        if (strstr(text, word) == NULL)
            fail_msg("the SYNOPSIS of docs/translution.1 has no `%s`", tli_commands[i].name);
    }
}

/* ---- refusals ------------------------------------------------------------------------------------ */

static void refuses(const char *arguments, const char *words, const char *also)
{
    char line[2000];
    snprintf(line, sizeof line, "cd '%s' && unset TRANSLUTION_DEVICE && '%s' %s >stdout 2>stderr </dev/null",
             folder, TL_PROGRAM, arguments);
    seen.code = command_line(line);
    read_file("stdout", seen.out, TEXT);
    read_file("stderr", seen.err, TEXT);
    if (seen.code != 2 || strstr(seen.err, words) == NULL || strstr(seen.err, also) == NULL)
        fail_msg("`%s`: exit code %d, wanted '%s' and '%s' in: %s", arguments, seen.code, words, also,
                 seen.err);
    expect_one_sentence();
}
#define refuses(...) FROM_HERE(refuses(__VA_ARGS__))

static void wrong_combinations_are_refused(void **unused)
{
    refuses("train mnist --relenc-dim 4", "--relenc-dim means nothing", "alpha, alpha-pure");
    refuses("bench op --op attention --recompute always", "--recompute means nothing",
            "translution, absolute where q or k");
    refuses("bench op --op translution --relative v --recompute never", "--recompute means nothing",
            "q or k");
    refuses("train mnist --op conv --window 3 --relative qkv", "--relative means nothing", "operation conv");
    refuses("bench op --op alpha --recompute never", "--recompute means nothing", "operation alpha");
    refuses("bench op --op lor --recompute never", "--recompute means nothing", "operation alpha");
    refuses("bench op --pos learned", "--pos means nothing here", "before the blocks");
    refuses("bench op --grid 1x4 --causal --pool mean", "--pool means nothing here", "--causal");
    refuses("bench gemm --grouped 4x4 --m 7", "--m means nothing here", "--grouped");
    refuses("bench gemm --grouped 4x4 --trans nt", "--trans means nothing here", "--grouped");
    refuses("train mnist --precision tf32 --gemm clblast", "--precision means nothing here",
            "--gemm clblast");
    refuses("bench gemm --gemm clblast --precision bf16", "--precision means nothing here", "--gemm clblast");
    refuses("train mnist --precision fp64", "--precision takes fp32|tf32x3|tf32|bf16", "fp64");
    refuses("train vit --strict", "--strict means nothing here", "--data DIR");
    refuses("train mnist --workers 3", "--workers means nothing to the task mnist", "vit");
    refuses("train mnist --allow-other-data", "--allow-other-data means nothing here", "--resume");
    refuses("train mnist --ranks 2", "--ranks means nothing here", "--dry-run");
    refuses("train mnist --ranks 2 --link-gbps 5 --device-tflops 1", "means nothing here", "--dry-run");
    refuses("train mnist --dry-run --link-gbps 5", "--link-gbps means nothing here", "--ranks N");
    refuses("train mnist --dry-run --link-latency-us 5", "--link-latency-us means nothing here", "--ranks N");
    refuses("train mnist --dry-run --device-tflops 5", "--device-tflops means nothing here", "--ranks N");
    refuses("train mnist --checkpoint-every 5 --checkpoint-minutes 1",
            "--checkpoint-minutes means nothing here", "--checkpoint-every");
    refuses("train mnist --quiet --verbose", "--verbose means nothing here", "--quiet");
    refuses("tokenize --chars --threads 2 --out run text.txt", "--threads means nothing here", "--chars");
    refuses("predict x y --layer 1", "--layer means nothing here", "--attention");
    refuses("train mnist --config a --config b", "--config is given twice", "a and b");
    refuses("train mnist --memory-limit 3X", "--memory-limit takes a number of bytes", "K, M or G");
    refuses("devices --batch-size 8", "unknown flag --batch-size", "train");
    refuses("info mnist --device=0", "unknown flag --device", "info --help");
    refuses("tokenize --device cpu --chars", "unknown flag --device", "tokenize --help");
    refuses("bench loader --device cpu", "unknown flag --device", "bench loader --help");
    refuses("bench memory --gemm own", "unknown flag --gemm", "bench gemm");
    refuses("dance", "unknown command 'dance'",
            "tune, kernels, bench gemm, bench op, bench step, bench memory, bench loader");

    /* By the checkpoint's task. */
    refuses("eval mnist --workers 2", "--workers means nothing to the task mnist", "vit");
    refuses("eval mnist --strict", "--strict means nothing to the task mnist", "vit");
    refuses("eval gpt --test-motion dynamic", "--test-motion means nothing to the task gpt", "mnist");
    refuses("eval gpt --confusion table.tsv", "--confusion means nothing to the task gpt", "mnist, vit");
    refuses("eval mnist --seed 3", "--seed 3 is not 0", "leave it out");

    /* From a file, with its line. */
    write_text("bad.conf", "op = attention\nseed = 1\nrelenc-dim = 4\n");
    refuses("train mnist --config bad.conf", "bad.conf:3: relenc-dim means nothing", "operation attention");
    write_text("bad.conf", "\xef\xbb\xbfop = attention\r\n\r\nseq-len = 9\r\n");
    refuses("train mnist --config bad.conf", "bad.conf:3: seq-len means nothing to the task mnist", "gpt");
    write_text("bad.conf", "# old\rseed = 1\rworkers = 9\r");
    refuses("train mnist --config bad.conf", "bad.conf:3: workers means nothing", "vit");
}

static double dry(const char *arguments, const char *key)
{
    char line[2000];
    snprintf(line, sizeof line, "cd '%s' && '%s' train %s --dry-run " TINY ">stdout 2>stderr </dev/null",
             folder, TL_PROGRAM, arguments);
    seen.code = command_line(line);
    read_file("stdout", seen.out, TEXT);
    read_file("stderr", seen.err, TEXT);
    if (seen.code != 0) fail_msg("`%s`: exit code %d, %s", arguments, seen.code, seen.err);
    cJSON *json = last_json();
    const double value = number(json, key);
    cJSON_Delete(json);
    return value;
}
#define dry(...) VALUE_FROM_HERE(dry(__VA_ARGS__))

/* Every optimizer of the table is taken by name, plans for the state that it has, and trains to other weights; only those
 * that have an eps take one. */
static void every_optimizer_is_taken(void **unused)
{
    const double adamw = dry("mnist", "total_bytes"), weights = 4 * dry("mnist", "params");
    for (int i = 0; i < tli_optimizer_choices.count; i++) {
        const optimizer_rule *rule = tli_optimizer_rule_of(
            (tl_optimizer_kind)tli_optimizer_choices.items[i].value);
        char flags[80], line[1000];
        snprintf(flags, sizeof flags, "--optimizer %s", tli_optimizer_choices.items[i].name);
        snprintf(line, sizeof line, "mnist %s", flags);
        assert_true(dry(line, "total_bytes") == adamw + (rule->slots - 2) * weights);
        if (i > 0) check_run(TRAIN, flags);
        snprintf(line, sizeof line, TRAIN " %s --eps 1e-3", flags);
        if (rule->eps == 0) refuses(line, "--eps means nothing here", "this optimizer has none");
    }
    refuses(TRAIN " --optimizer abacus", "--optimizer takes adamw", "abacus");
    refuses(TRAIN " --beta1 1", "--beta1 takes a number from 0 to", "'1'");
}

/* The plan of data that were named is that of the model which they make. */
static void named_data_complete_the_plan(void **unused)
{
    trace t;
    observe("tokenize --chars --out chars text.txt", &t);
    assert_int_equal(t.code, 0);
    /* a, b, the line's end and that of a document, each with a row of 16 in the embedding and one in the head */
    assert_true(dry("gpt --data chars", "params") == dry("gpt --vocab-size 50", "params") - (50 - 4) * 32);
    assert_true(dry("gpt", "params") == dry("gpt --vocab-size 50257", "params"));
    assert_true(dry("vit --data synthetic", "params") == dry("vit --classes 10", "params"));
    refuses("train gpt --dry-run --data chars --vocab-size 2", "--vocab-size 2 is too small", "4 characters");
    refuses("train gpt --dry-run --data nowhere", "nowhere/train.bin", "No such file");
    refuses("train vit --dry-run --data nowhere", "nowhere", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_has_every_flag),
        cmocka_unit_test(wrong_combinations_are_refused),
        cmocka_unit_test(every_optimizer_is_taken),
        cmocka_unit_test(named_data_complete_the_plan),
    };
    return cmocka_run_group_tests(tests, prepare, remove_folder);
}
