/* The program from outside: every flag of `train` and what is wrong with a command line, by exit codes and messages, and
 * the dry run. */
#include "program.h"
#include "small_digits.h"

/* ---- usage --------------------------------------------------------------------------------------- */

static void help_and_version_are_printed(void **state)
{
    RUN(NO_ENV, "--version");
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "translution 0."));
    RUN(NO_ENV, "--help");
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "translution train mnist"));
    static const char *const commands[] = {"devices", "train", "eval", "info"};
    for (int i = 0; i < 4; i++) {
        RUN(NO_ENV, commands[i], "--help");
        EXPECT(0, "");
        assert_true((strstr(seen.out, "--device SPEC") != NULL) == (i < 3));
        assert_null(strstr(seen.out, "kernel-path"));
        RUN(NO_ENV, commands[i], "--version");
        EXPECT(0, "");
        assert_non_null(strstr(seen.out, "translution 0."));
    }
    RUN(NO_ENV, "train", "--help");
    assert_non_null(strstr(seen.out, "--memory-limit BYTES"));
}

static void wrong_usage_is_refused(void **state)
{
    finish(start(NO_ENV, (const char *const[]){NULL}));
    EXPECT(2, "translution train mnist");
    RUN(NO_ENV, "dance");
    FAILS(2, "unknown command 'dance'", "--help");
    RUN(NO_ENV, "--dance");
    FAILS(2, "unknown flag --dance");
    RUN(NO_ENV, "train");
    FAILS(2, "needs a task");
    RUN(NO_ENV, "train", "poetry");
    FAILS(2, "unknown task 'poetry'");
    RUN(NO_ENV, "train", "mnist", "mnist");
    FAILS(2, "one word too many");
    RUN(NO_ENV, "eval");
    FAILS(2, "needs a checkpoint");
    RUN(NO_ENV, "info");
    FAILS(2, "needs a checkpoint");
    RUN(NO_ENV, "devices", "here");
    FAILS(2, "'here'");
    RUN(NO_ENV, "train", "mnist", "--dance=3");
    FAILS(2, "unknown flag --dance=3", "train --help");
    RUN(NO_ENV, "train", "mnist", "-z");
    FAILS(2, "unknown flag -z", "train --help");
    RUN(NO_ENV, "train", "mnist", "--st", "3");
    FAILS(2, "ambiguous flag --st: it may be --strict, --steps or --stop-after; see");
    RUN(NO_ENV, "train", "mnist", "--batch", "16"); /* a flag of another command, and short for one of this */
    FAILS(2, "unknown flag --batch: it belongs to bench gemm, here it may be --batch-size; see");
    RUN(NO_ENV, "train", "mnist", "--m=3");
    FAILS(2, "unknown flag --m=3: it belongs to bench gemm, here it may be ", "--memory-limit");
    RUN(NO_ENV, "predict", "x", "y", "--batch", "16");
    FAILS(2, "unknown flag --batch: it belongs to bench gemm; see");
    RUN(NO_ENV, "eval", "x", "--epochs", "3");
    FAILS(2, "unknown flag --epochs", "eval --help");
    RUN(NO_ENV, "train", "mnist", "--epochs");
    FAILS(2, "--epochs needs a value");
    RUN(NO_ENV, "train", "mnist", "--resume=yes");
    FAILS(2, "--resume takes no value");
}

static void wrong_values_are_refused(void **state)
{
    static const char *const whole[] = {
        "", "x", "3x", " 3", "-1", "+3", "0x10", "1.5", "99999999999999999999"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        RUN(NO_ENV, "train", "mnist", "--epochs", whole[i]);
        FAILS(2, "--epochs takes a whole number", whole[i]);
    }
    static const char *const real[] = {"", "x", "1e", "nan", "inf", "-1", "0x1p3", " 1", "1 ", "1e9"};
    for (size_t i = 0; i < sizeof real / sizeof real[0]; i++) {
        RUN(NO_ENV, "train", "mnist", "--lr", real[i]);
        FAILS(2, "--lr takes a number", real[i]);
    }
    RUN(NO_ENV, "train", "mnist", "--steps", "10", "--warmup", "10", "--dry-run");
    FAILS(2, "--warmup 10 is not shorter than the run of 10 steps");
    RUN(NO_ENV, "train", "mnist", "--batch-size", "0");
    FAILS(2, "--batch-size takes a whole number from 1");
    RUN(NO_ENV, "train", "mnist", "--memory-limit", "3X");
    FAILS(2, "--memory-limit");
    RUN(NO_ENV, "train", "mnist", "--op", "convolution");
    FAILS(2, "--op takes attention|translution|alpha", "'convolution'");
    RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--relative", "vk");
    FAILS(2, "--relative takes q|k|v|qk|qv|kv|qkv", "'vk'");
    RUN(NO_ENV, "train", "mnist", "--relative", "kv");
    FAILS(2, "--relative means nothing to this model of the operation attention", "translution, alpha");
    RUN(NO_ENV, "train", "mnist", "--translution-layers", "2");
    FAILS(2, "--translution-layers means nothing to this model of the operation attention",
          "translution, alpha");
    RUN(NO_ENV, "train", "mnist", "--op", "translution", "--translution-layers", "7");
    FAILS(2, "7 Translution layers", "depth of 6");
    RUN(NO_ENV, "train", "mnist", "--op", "translution", "--pos", "rope");
    FAILS(2, "translution takes the positions none or learned, not rope", "choose attention or alpha");
    RUN(NO_ENV, "train", "mnist", "--pos", "rope", "--head-dim", "6");
    FAILS(2, "rotary positions need a head_dim", "multiple of 4");
    RUN(NO_ENV, "train", "mnist", "--op", "conv");
    FAILS(2, "--op conv takes an odd --window", "not 0");
    RUN(NO_ENV, "train", "mnist", "--op", "conv", "--window", "4");
    FAILS(2, "--op conv takes an odd --window", "not 4");
    RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--offset-sharing", "clip:x");
    FAILS(2, "--offset-sharing takes none|clip:R|log:R", "'clip:x'");
    RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--offset-sharing", "log:0");
    FAILS(2, "--offset-sharing takes none|clip:R|log:R", "'log:0'");
    RUN(NO_ENV, "train", "mnist", "--op", "absolute", "--window", "1");
    FAILS(2, "absolute has a matrix for every pair", "no window");
    RUN(NO_ENV, "train", "mnist", "--op", "translution", "--pos", "swin");
    FAILS(2, "not swin", "choose attention for those");
    RUN(NO_ENV, "train", "mnist", "--pos", "spiral");
    FAILS(2, "--pos takes none|learned|rope|swin|shaw", "'spiral'");
    RUN(NO_ENV, "train", "mnist", "--size", "huge");
    FAILS(2, "--size takes tiny|mini|small|base|large");
    RUN(NO_ENV, "train", "mnist", "--out", "");
    FAILS(2, "--out takes a value that is not empty");
    RUN(NO_ENV, "train", "mnist", "--classes", "9");
    FAILS(2, "--classes 9");
    RUN(NO_ENV, "train", "mnist", "--image-size", "85");
    FAILS(2, "85", "12");
    RUN(NO_ENV, "train", "mnist", "--image-size", "84y60");
    FAILS(2, "--image-size takes N, HxW or DxHxW", "'84y60'");
    RUN(NO_ENV, "train", "mnist", "--grid", "7x7", "--image-size", "84");
    FAILS(2, "--grid and --image-size", "give one of them");
    RUN(NO_ENV, "train", "mnist", "--grid", "2x2", "--steps", "1", "--out", at("none"));
    FAILS(2, "do not fit a field of 24 x 24", "--image-size");
}

static double dry_params(void)
{
    EXPECT(0, "");
    cJSON *json = last_json();
    double params = number(json, "params");
    cJSON_Delete(json);
    return params;
}

/* A checkpoint knows its positions by the flag's word. */
static void checkpoints_know_their_positions(void **unused)
{
    static const char *const words[] = {"learned", "rope", "swin", "shaw", "convit"};
    for (int i = 0; i < 5; i++) {
        char line[64];
        RUN(NO_ENV, "train", "mnist", "--pos", words[i], SMALL, "--steps", "1", "--batch-size", "4",
            "--limit-train", "8", "--limit-test", "4", "--out", at(words[i]));
        EXPECT(0, "");
        RUN(NO_ENV, "info", at(words[i]));
        EXPECT(0, "");
        snprintf(line, sizeof line, "%-24s %s\n", "pos", words[i]);
        if (strstr(seen.out, line) == NULL) fail_msg("no %s in:\n%s", line, seen.out);
    }
}

/* Images that are not square, and grids of three axes. 49 patches, 13 x 13 offsets and 3, however they are called. */
static void grids_need_not_be_square(void **unused)
{
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "translution", "--grid", "7x7");
    assert_true(dry_params() == 116164138);
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "translution", "--image-size", "42x168",
        "--patch-size", "6x24");
    assert_true(dry_params() == 116164138);
    /* 7 * 15 * 15 + 3 offsets of three tables a block instead of 172 */
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "translution", "--grid", "4x8x8", "--patch-size",
        "1x12x12");
    assert_true(dry_params() == 116164138 + 6.0 * 3 * (7 * 15 * 15 + 3 - 172) * 192 * 192);
    RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--image-size", "2x36x48", "--patch-size", "2x12x12",
        SMALL, "--steps", "2", "--batch-size", "4", "--limit-train", "8", "--limit-test", "4", "--motion",
        "dynamic", "--out", at("frames"));
    EXPECT(0, "");
    RUN(NO_ENV, "eval", at("frames"), "--limit-test", "4");
    EXPECT(0, "");
    RUN(NO_ENV, "info", at("frames"));
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "image_depth"));
}

static void wrong_words_of_tune_are_refused(void **unused)
{
    RUN(NO_ENV, "tune", "now");
    FAILS(2, "tune takes no word", "'now'");
    RUN(NO_ENV, "train", "mnist", "--gemm", "blas");
    FAILS(2, "--gemm takes auto|own|clblast", "'blas'");
}

static void files_give_flags(void **state)
{
    write_text("good.conf", "# a comment\n\n  op = alpha \nrelenc-dim=8\nresume = false\n");
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--config", at("good.conf"));
    assert_true(dry_params() == 4590634);
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--relenc-dim", "4", "--config", at("good.conf"));
    assert_true(dry_params() < 4590634); /* flags win */
    RUN(NO_ENV, "train", "mnist", "--config", at("none.conf"));
    FAILS(2, "none.conf", "No such file");
    write_text("bad.conf", "op = alpha\nspeed = 11\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "bad.conf:2: unknown key 'speed'");
    write_text("bad.conf", "op\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "bad.conf:1: a line must read `key = value`");
    write_text("bad.conf", "seed = 1\nepochs = many\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "bad.conf:2: epochs takes a whole number", "'many'");
    write_text("bad.conf", "config = good.conf\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "unknown key 'config'");
    write_text("bad.conf", "resume = maybe\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "resume takes true or false");
}

/* ---- the dry run --------------------------------------------------------------------------------- */

static void a_plan_counts_parameters(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "attention");
    assert_true(dry_params() == 2706346);
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "alpha");
    assert_true(dry_params() == 4590634);
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "translution");
    assert_true(dry_params() == 116164138);
}

static void a_plan_needs_no_device(void **state)
{
    RUN(ENV(NO_PLATFORM), "train", "mnist", "--dry-run", "--op", "translution", "--data", "/nonexistent");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "fits")));
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(json, "bytes"), *kind;
    double sum = 0;
    cJSON_ArrayForEach(kind, bytes) sum += kind->valuedouble;
    assert_true(sum == number(json, "total_bytes"));
    assert_true(number(bytes, "parameters") == 4.0 * 116164138);
    assert_true(number(bytes, "moments") == 8.0 * 116164138);
    cJSON_Delete(json);
    assert_int_not_equal(access(at("runs"), F_OK), 0);
}

static void a_plan_says_what_fits(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--batch-size", "64", "--memory-limit", "1M");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(json, "fits")));
    assert_true(number(json, "largest_batch") < 64);
    assert_true(number(json, "device_bytes") == 1048576);
    cJSON_Delete(json);
    assert_non_null(strstr(seen.out, "fits: no"));
    RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--batch-size", "1");
    EXPECT(0, "");
    json = last_json();
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "fits")));
    const double gradients = number(cJSON_GetObjectItemCaseSensitive(json, "bytes"), "gradients");
    cJSON_Delete(json);
    RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--batch-size", "30", "--accumulate", "4");
    EXPECT(0, "");
    json = last_json();
    assert_true(number(json, "slice_samples") == 8);
    assert_true(number(cJSON_GetObjectItemCaseSensitive(json, "bytes"), "gradients") == 3 * gradients + 8);
    cJSON_Delete(json);
    assert_non_null(strstr(seen.out, "batch 30 in slices of 8:"));
}

/* What does not fit a rank is printed, and refused. */
static void ranks_are_planned(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--batch-size", "8", "--ranks", "4", "--link-gbps",
        "10", "--device-tflops", "0.1");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(number(json, "ranks") == 4 && number(json, "rank_slices") == 1);
    assert_true(number(json, "slice_samples") == 2 && number(json, "sent_bytes") > 0);
    assert_true(number(json, "step_ms") > number(json, "compute_ms"));
    cJSON_Delete(json);
    assert_non_null(strstr(seen.out, "each of 4 ranks"));
    assert_non_null(strstr(seen.out, "time of a step"));
    RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--batch-size", "8", "--ranks", "4", "--memory-limit",
        "64K");
    EXPECT(2, "a rank needs");
    assert_non_null(strstr(seen.out, "\"fits\":false"));
    assert_non_null(strstr(seen.out, "\"step_ms\":null"));
}

/* The plan says what is kept: q and k of pairs by every operation that keeps some, and by no other. */
static void a_plan_says_what_is_kept(void **state)
{
    static const struct {
        const char *op, *recompute, *words;
    } cases[] = {{"attention", "auto", "q and k of pairs, are kept"},
                 {"attention", "always", "q and k of pairs, are computed again"},
                 {"translution", "never", "q and k of pairs, are kept"},
                 {"translution", "always", "q and k of pairs, are computed again"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--op", cases[i].op, "--recompute",
            cases[i].recompute);
        EXPECT(0, "");
        cJSON *json = last_json();
        assert_int_equal(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "recompute")), i % 2);
        assert_non_null(strstr(seen.out, cases[i].words));
        cJSON_Delete(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_and_version_are_printed),
        cmocka_unit_test(ranks_are_planned),
        cmocka_unit_test(wrong_usage_is_refused),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(checkpoints_know_their_positions),
        cmocka_unit_test(grids_need_not_be_square),
        cmocka_unit_test(wrong_words_of_tune_are_refused),
        cmocka_unit_test(files_give_flags),
        cmocka_unit_test(a_plan_counts_parameters),
        cmocka_unit_test(a_plan_needs_no_device),
        cmocka_unit_test(a_plan_says_what_fits),
        cmocka_unit_test(a_plan_says_what_is_kept),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
