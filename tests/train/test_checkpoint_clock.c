/* When checkpoints are written and which of them stay. */
#include "runs.h"

#include <stdarg.h>

#include "train/checkpoint_list.h"

static int checkpoints(const tl_settings *s)
{
    int count = 0;
    for (int step = 1; step <= 6; step++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoints/%d/state.safetensors", step);
        count += exists(inside(s->run.out, name));
    }
    return count;
}

/* By default: none on the way of a short run, one at its end. */
static void one_at_the_end(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "default");
    assert_true(s.run.checkpoint_minutes == 15.0f);
    assert_true(s.run.checkpoint_every == 0);
    train(s);
    assert_int_equal(checkpoints(&s), 1);
    assert_true(exists(inside(s.run.out, "checkpoints/6/state.safetensors")));
    s = small_run(TL_OP_ATTENTION, "none-on-the-way");
    s.run.checkpoint_minutes = 0;
    train(s);
    assert_int_equal(checkpoints(&s), 1);
}

static void two_of_those_by_time_stay(void **unused)
{
    const tl_settings plain = small_run(TL_OP_ATTENTION, "plain");
    tl_settings timed = small_run(TL_OP_ATTENTION, "timed"), all = small_run(TL_OP_ATTENTION, "all"),
                three = small_run(TL_OP_ATTENTION, "three"), steps = small_run(TL_OP_ATTENTION, "steps");
    timed.run.checkpoint_minutes = all.run.checkpoint_minutes = three.run.checkpoint_minutes = 1e-9f;
    all.run.keep_all = true;
    three.run.keep = 3;
    steps.run.checkpoint_every = 2; /* instead of time */
    steps.run.checkpoint_minutes = 1e-9f;
    train(plain), train(timed), train(all), train(three), train(steps);
    assert_int_equal(checkpoints(&timed), 2);
    assert_true(exists(inside(timed.run.out, "checkpoints/5")));
    assert_true(exists(inside(timed.run.out, "checkpoints/6")));
    assert_int_equal(checkpoints(&all), 6);
    assert_int_equal(checkpoints(&three), 3);
    assert_int_equal(checkpoints(&steps), 3);
    assert_same_model(&plain, &timed); /* saving changes no number */
}

static char said[4096];
static void listen(void *user, tl_log_level level, const char *text)
{
    strncat(said, text, sizeof said - strlen(said) - 1);
}

static void a_full_disk_is_said_before(void **unused)
{
    for (int many = 0; many < 2; many++) {
        tl_settings s = small_run(TL_OP_ATTENTION, "room");
        const tl_log log = {TL_LOG_NOTICE, listen, NULL};
        const tl_context_options options = {.size = sizeof options, .log = &log};
        tl_context *ctx = NULL;
        tl_error err = {0};
        tl_result result;
        s.run.stop_after = 1;
        s.run.checkpoint_every = 1;
        if (many) s.training.steps = 1000000000000; /* all of which stay */
        said[0] = '\0';
        if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
        MUST(ctx, tl_train(ctx, &s, NULL, &result));
        tl_context_destroy(ctx);
        if ((strstr(said, "1000000000000 checkpoints in ") != NULL) != (many == 1))
            fail_msg("said: %s", said);
        if (many) assert_non_null(strstr(said, "GiB free: make room"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_at_the_end),
        cmocka_unit_test(two_of_those_by_time_stay),
        cmocka_unit_test(a_full_disk_is_said_before),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
