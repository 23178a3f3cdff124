/* A run that is refused before its first step is done leaves nothing behind, and an earlier run in its folder as it was. */
#include "runs.h"

#include "train/run_dir.h"

/* Runs with a kernels/loss.cl that does not build in any form: no earlier than in the first step is it needed. */
static void be_refused(tl_settings s, tl_result *result)
{
    assert_int_equal(mkdir(at("wrong"), 0777), 0);
    write_text("wrong/loss.cl", "no kernel\n");
    setenv("TRANSLUTION_KERNEL_DIR", at("wrong"), 1);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    assert_int_equal(tl_train(ctx, &s, NULL, result), TL_ERROR_DEVICE);
    assert_says(tl_context_error(ctx)->text, "kernels/loss.cl");
    tl_context_destroy(ctx);
    unsetenv("TRANSLUTION_KERNEL_DIR");
    remove_tree("wrong");
}
#define be_refused(...) FROM_HERE(be_refused(__VA_ARGS__))

static void wrong_kernels_leave_no_folder(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "one/two/three/");
    tl_result result;
    s.training.steps = 1;
    be_refused(s, &result);
    assert_false(exists("one"));
    assert_int_equal(mkdir(at("one"), 0777), 0);
    be_refused(s, &result);
    assert_true(exists("one")); /* which is not the run's */
    assert_false(exists("one/two"));
    train(s);
    assert_true(exists("one/two/three/model.safetensors"));
    assert_false(exists("one/two/three/earlier-1"));
}

static void refused_memory_leaves_no_folder(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "memory");
    tl_result result;
    setenv("TRANSLUTION_FAULT", "alloc:20", 1);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    unsetenv("TRANSLUTION_FAULT");
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_MEMORY);
    assert_false(exists("memory"));
    tl_context_destroy(ctx);
}

static void the_next_run_gets_the_same_name(void **unused)
{
    char before[1024];
    tl_settings s = small_run(TL_OP_ATTENTION, "");
    tl_result result;
    s.run.out[0] = '\0';
    s.training.steps = 1;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    be_refused(s, &result);
    assert_false(exists("runs"));
    assert_string_equal(train(s).out, "runs/mnist-attention-1");
    assert_int_equal(chdir(before), 0);
}

static void an_earlier_run_stays_where_it_is(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "earlier");
    tl_result result;
    size_t before, after;
    s.training.steps = 1;
    train(s);
    free(read_all("earlier/metrics.jsonl", &before));
    be_refused(s, &result);
    free(read_all("earlier/metrics.jsonl", &after));
    assert_true(exists("earlier/model.safetensors"));
    assert_false(exists("earlier/earlier-1"));
    assert_int_equal(before, after);
    train(s);
    assert_true(exists("earlier/earlier-1/model.safetensors"));
}

static void metrics_are_checked_first(void **unused)
{
    static const char *const paths[] = {"nowhere/metrics.jsonl", "."};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        tl_settings s = small_run(TL_OP_ATTENTION, "metrics");
        tl_result result;
        snprintf(s.run.metrics, sizeof s.run.metrics, "%s", at(paths[i]));
        tl_context *ctx = new_context(TL_PATH_AUTO);
        assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_INPUT);
        assert_says(tl_context_error(ctx)->text, "choose another `run.metrics`");
        assert_false(exists("metrics"));
        tl_context_destroy(ctx);
    }
}

/* Of the two only one can multiply. */
static void tensor_cores_and_clblast_are_not_both_asked_for(void **unused)
{
    const tl_context_options options = {.size = sizeof options, .gemm = TL_GEMM_CLBLAST};
    tl_settings s = small_run(TL_OP_ATTENTION, "both");
    tl_context *ctx = NULL;
    tl_error err = {0};
    tl_result result;
    s.training.precision = TL_PRECISION_BF16;
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_USAGE);
    assert_says(tl_context_error(ctx)->text, "`training.precision` is bf16");
    assert_says(tl_context_error(ctx)->text, "CLBlast");
    assert_false(exists("both"));
    tl_context_destroy(ctx);
}

/* What cannot be made whole is not left in part. */
static void a_folder_that_cannot_be_made(void **unused)
{
    tli_folder dir;
    tl_error err = {0};
    char path[1100] = "";
    snprintf(path, sizeof path, "%s/", at("part/of"));
    memset(path + strlen(path), 'x', 300); /* longer than a name may be */
    assert_int_equal(tli_run_dir_make(&dir, path, "", "", &err), TL_ERROR_INPUT);
    assert_false(exists("part"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_kernels_leave_no_folder),
        cmocka_unit_test(refused_memory_leaves_no_folder),
        cmocka_unit_test(the_next_run_gets_the_same_name),
        cmocka_unit_test(an_earlier_run_stays_where_it_is),
        cmocka_unit_test(metrics_are_checked_first),
        cmocka_unit_test(a_folder_that_cannot_be_made),
        cmocka_unit_test(tensor_cores_and_clblast_are_not_both_asked_for),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
