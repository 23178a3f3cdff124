/* Learning rate schedules against figures worked out apart from the code. */
#include "test.h"

#include "train/schedule.h"

static tl_settings settings_of(tl_schedule schedule, uint64_t warmup)
{
    tl_settings settings;
    memset(&settings, 0, sizeof settings);
    settings.training.lr = 2.0f;
    settings.training.schedule = schedule;
    settings.training.schedule_version = TL_SCHEDULE_VERSION;
    settings.training.warmup = warmup;
    settings.training.epochs = 4;
    return settings;
}

static void assert_near_at(const char *file, int line, double actual, double expected)
{
    if (!(fabs(actual - expected) < 1e-6)) fail_at(file, line, "%.9g instead of %.9g", actual, expected);
}
#define assert_near(...) assert_near_at(HERE, __VA_ARGS__)

static void test_constant(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_CONSTANT, 0);
    assert_near(tli_schedule_lr(&settings, 0, 5, 20), 2.0);
    assert_near(tli_schedule_lr(&settings, 19, 5, 20), 2.0);
    assert_near(tli_schedule_lr(&settings, 2000, 5, 20), 2.0);
}

static void test_cosine(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_COSINE, 0);
    assert_near(tli_schedule_lr(&settings, 0, 5, 12), 2.0);
    assert_near(tli_schedule_lr(&settings, 3, 5, 12), 1.0 + 0.70710678118654752);
    assert_near(tli_schedule_lr(&settings, 4, 5, 12), 1.5);
    assert_near(tli_schedule_lr(&settings, 6, 5, 12), 1.0);
    assert_near(tli_schedule_lr(&settings, 8, 5, 12), 0.5);
    assert_near(tli_schedule_lr(&settings, 12, 5, 12), 0.0);
    assert_near(tli_schedule_lr(&settings, 100, 5, 12), 0.0);
}

static void test_cosine_epoch(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_COSINE_EPOCH, 0);
    const double epoch_lr[] = {2.0, 1.0 + 0.70710678118654752, 1.0, 1.0 - 0.70710678118654752};
    for (uint64_t step = 0; step < 20; step++)
        assert_near(tli_schedule_lr(&settings, step, 5, 20), epoch_lr[step / 5]);
    assert_near(tli_schedule_lr(&settings, 20, 5, 20), 0.0);
    /* --steps 18 overrides the epochs: three whole ones and a part are four. */
    settings.training.epochs = 100;
    for (uint64_t step = 0; step < 18; step++)
        assert_near(tli_schedule_lr(&settings, step, 5, 18), epoch_lr[step / 5]);
}

static void test_warmup(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_CONSTANT, 4);
    const double expected[] = {0.5, 1.0, 1.5, 2.0, 2.0, 2.0};
    for (uint64_t step = 0; step < 6; step++)
        assert_near(tli_schedule_lr(&settings, step, 5, 20), expected[step]);
}

/* The peak is reached by the last step of the warm-up, and the cosine begins there: of 12 steps, 4 warm up and 8 go to 0. */
static void test_cosine_after_warmup(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_COSINE, 4);
    const double expected[] = {0.5, 1.0, 1.5, 2.0, 2.0};
    for (uint64_t step = 0; step < 5; step++)
        assert_near(tli_schedule_lr(&settings, step, 5, 12), expected[step]);
    assert_near(tli_schedule_lr(&settings, 6, 5, 12), 1.0 + 0.70710678118654752);
    assert_near(tli_schedule_lr(&settings, 8, 5, 12), 1.0);
    assert_near(tli_schedule_lr(&settings, 12, 5, 12), 0.0);
    settings.training.lr = 3e-4f, settings.training.warmup = 50;
    float peak = 0.0f;
    for (uint64_t step = 0; step < 100; step++) peak = fmaxf(peak, tli_schedule_lr(&settings, step, 5, 100));
    assert_true(peak == (float)3e-4);
}

/* Epochs count from the end of the warm-up: behind 3 steps of it, 20 more are 4 epochs of 5. */
static void test_cosine_epoch_after_warmup(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_COSINE_EPOCH, 3);
    const double epoch_lr[] = {2.0, 1.0 + 0.70710678118654752, 1.0, 1.0 - 0.70710678118654752};
    for (uint64_t step = 0; step < 3; step++)
        assert_near(tli_schedule_lr(&settings, step, 5, 23), 2.0 * (double)(step + 1) / 3.0);
    for (uint64_t step = 3; step < 23; step++)
        assert_near(tli_schedule_lr(&settings, step, 5, 23), epoch_lr[(step - 3) / 5]);
}

/* Runs that were begun before the cosine followed the warm-up keep their curve: both multiplied, from step 0. */
static void test_first_version(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_COSINE, 4);
    settings.training.schedule_version = 1;
    assert_near(tli_schedule_lr(&settings, 0, 5, 12), 0.5);
    assert_near(tli_schedule_lr(&settings, 3, 5, 12), 1.0 + 0.70710678118654752);
    settings.training.warmup = 12;
    assert_near(tli_schedule_lr(&settings, 8, 5, 12), 0.5 * 9 / 12);
}

static void test_refused_warmup(void **state)
{
    tl_error err = {0};
    tl_settings settings = settings_of(TL_SCHEDULE_CONSTANT, 12);
    assert_int_equal(tli_schedule_check(&settings, 13, &err), TL_OK);
    assert_int_equal(tli_schedule_check(&settings, 12, &err), TL_ERROR_USAGE);
    assert_non_null(strstr(err.text, "`training.warmup` 12"));
    assert_non_null(strstr(err.text, "12 steps"));
    settings.training.schedule_version = 1; /* an old run goes on as it was begun */
    assert_int_equal(tli_schedule_check(&settings, 12, &err), TL_OK);
    settings.training.schedule_version = 3;
    assert_int_equal(tli_schedule_check(&settings, 13, &err), TL_ERROR_USAGE);
    settings.training.schedule_version = 2, settings.training.warmup = 0;
    assert_int_equal(tli_schedule_check(&settings, 1, &err), TL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_constant),
                                       cmocka_unit_test(test_cosine),
                                       cmocka_unit_test(test_cosine_epoch),
                                       cmocka_unit_test(test_warmup),
                                       cmocka_unit_test(test_cosine_after_warmup),
                                       cmocka_unit_test(test_cosine_epoch_after_warmup),
                                       cmocka_unit_test(test_first_version),
                                       cmocka_unit_test(test_refused_warmup)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
