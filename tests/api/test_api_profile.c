/* The profile of a context's kernels, as a program reads it. */
#include "refusals.h"

static tl_context *profiled; /* beside `ctx`, which has no profile */

static int set_up_profiled(void **state)
{
    const tl_context_options options = {.size = sizeof options, .profile = true};
    tl_error err = {0};
    if (setup(state) != 0) return -1;
    if (tl_context_create(&options, &profiled, &err) == TL_OK) return 0;
    print_error("%s\n", err.text);
    return -1;
}

static int tear_down_profiled(void **state)
{
    tl_context_destroy(profiled);
    return teardown(state);
}

static void forward_in_profiled(void)
{
    enum { TOKENS = 4, DIM = 8 };
    const tl_layer_config c = {.size = sizeof c,
                               .op = TL_OP_ATTENTION,
                               .height = 1,
                               .width = TOKENS,
                               .batch = 1,
                               .dim = DIM,
                               .heads = 2,
                               .head_dim = DIM / 2};
    tl_layer *layer = NULL;
    tl_tensor *x = make(profiled, "x", TOKENS * DIM), *o = make(profiled, "o", TOKENS * DIM);
    assert_int_equal(tl_layer_create(profiled, &c, 1, &layer), TL_OK);
    assert_int_equal(tl_layer_forward(profiled, layer, x, o), TL_OK);
    tl_layer_destroy(profiled, layer);
    tl_tensor_destroy(profiled, x);
    tl_tensor_destroy(profiled, o);
}
#define forward_in_profiled(...) FROM_HERE(forward_in_profiled(__VA_ARGS__))

static uint64_t launches_of(const char *kernel)
{
    tl_profile_row *rows = NULL;
    int count = 0;
    uint64_t launches = 0;
    assert_int_equal(tl_profile_read(profiled, &rows, &count), TL_OK);
    for (int i = 0; i < count; i++) {
        assert_true(rows[i].launches > 0 && rows[i].longest <= rows[i].nanoseconds);
        assert_true(i == 0 || rows[i].nanoseconds <= rows[i - 1].nanoseconds);
        if (strcmp(rows[i].kernel, kernel) == 0) launches = rows[i].launches;
    }
    free(rows);
    return launches;
}
#define launches_of(...) VALUE_FROM_HERE(launches_of(__VA_ARGS__))

static void launches_are_summed(void **unused)
{
    forward_in_profiled();
    const uint64_t once = launches_of("softmax_forward");
    assert_true(once > 0);
    forward_in_profiled();
    assert_int_equal(launches_of("softmax_forward"), 2 * once);
    tl_profile_row *rows = NULL;
    int count = 9;
    OK(tl_profile_read(ctx, &rows, &count)); /* which has no profile */
    assert_int_equal(count, 0);
    free(rows);
}

static void launches_are_traced(void **unused)
{
    assert_int_equal(tl_profile_trace(profiled, 0), TL_OK);
    forward_in_profiled();
    assert_int_equal(tl_profile_write_trace(profiled, at("trace.json")), TL_OK);
    size_t size;
    char *text = read_all(at("trace.json"), &size);
    assert_non_null(strstr(text, "\"softmax_forward\""));
    free(text);
}

static void wrong_profiles(void **unused)
{
    tl_profile_row *rows = NULL;
    int count = 0;
    WRONG(tl_profile_read, NULL, NULL, &rows, &count);
    WRONG(tl_profile_read, "place for its rows", ctx, NULL, &count);
    WRONG(tl_profile_read, "their count", ctx, &rows, NULL);
    WRONG(tl_profile_trace, NULL, NULL, 0);
    WRONG(tl_profile_trace, "create it with `profile`", ctx, 0);
    WRONG(tl_profile_write_trace, NULL, NULL, at("trace.json"));
    WRONG(tl_profile_write_trace, "a path", ctx, NULL);
    FAILS(TL_ERROR_IO, tl_profile_write_trace, "nowhere", ctx, at("nowhere/trace.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launches_are_summed),
        cmocka_unit_test(launches_are_traced),
        cmocka_unit_test(wrong_profiles),
    };
    return cmocka_run_group_tests(tests, set_up_profiled, tear_down_profiled);
}
