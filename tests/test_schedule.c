/* Learning rate schedules against figures worked out apart from the code. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "train/schedule.h"

static tl_settings settings_of(tl_schedule schedule, uint64_t warmup)
{
    tl_settings settings;
    memset(&settings, 0, sizeof settings);
    settings.lr = 2.0f;
    settings.schedule = schedule;
    settings.warmup = warmup;
    settings.epochs = 4;
    return settings;
}

static void assert_near(double actual, double expected)
{
    if (!(fabs(actual - expected) < 1e-6)) fail_msg("%.9g instead of %.9g", actual, expected);
}

static void test_constant(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_CONSTANT, 0);
    assert_near(tl_schedule_lr(&settings, 0, 5, 20), 2.0);
    assert_near(tl_schedule_lr(&settings, 19, 5, 20), 2.0);
    assert_near(tl_schedule_lr(&settings, 2000, 5, 20), 2.0);
}

static void test_cosine(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_COSINE, 0);
    assert_near(tl_schedule_lr(&settings, 0, 5, 12), 2.0);
    assert_near(tl_schedule_lr(&settings, 3, 5, 12), 1.0 + 0.70710678118654752);
    assert_near(tl_schedule_lr(&settings, 4, 5, 12), 1.5);
    assert_near(tl_schedule_lr(&settings, 6, 5, 12), 1.0);
    assert_near(tl_schedule_lr(&settings, 8, 5, 12), 0.5);
    assert_near(tl_schedule_lr(&settings, 12, 5, 12), 0.0);
    assert_near(tl_schedule_lr(&settings, 100, 5, 12), 0.0);
}

static void test_cosine_epoch(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_COSINE_EPOCH, 0);
    const double epoch_lr[] = {2.0, 1.0 + 0.70710678118654752, 1.0, 1.0 - 0.70710678118654752};
    for (uint64_t step = 0; step < 20; step++)
        assert_near(tl_schedule_lr(&settings, step, 5, 20), epoch_lr[step / 5]);
    assert_near(tl_schedule_lr(&settings, 20, 5, 20), 0.0);
    /* --steps 18 overrides the epochs: three whole ones and a part are four. */
    settings.epochs = 100;
    for (uint64_t step = 0; step < 18; step++)
        assert_near(tl_schedule_lr(&settings, step, 5, 18), epoch_lr[step / 5]);
}

static void test_warmup(void **state)
{
    tl_settings settings = settings_of(TL_SCHEDULE_CONSTANT, 4);
    const double expected[] = {0.5, 1.0, 1.5, 2.0, 2.0, 2.0};
    for (uint64_t step = 0; step < 6; step++)
        assert_near(tl_schedule_lr(&settings, step, 5, 20), expected[step]);
    settings.schedule = TL_SCHEDULE_COSINE; /* multiplies the cosine, does not shift it */
    assert_near(tl_schedule_lr(&settings, 0, 5, 12), 0.5);
    assert_near(tl_schedule_lr(&settings, 3, 5, 12), 1.0 + 0.70710678118654752);
    settings.warmup = 12;
    assert_near(tl_schedule_lr(&settings, 8, 5, 12), 0.5 * 9 / 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_constant), cmocka_unit_test(test_cosine),
                                       cmocka_unit_test(test_cosine_epoch), cmocka_unit_test(test_warmup)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
