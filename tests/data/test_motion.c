/* Positions of digits on the field: central, uniform and repeatable; placing; the order of an epoch. */
#include "test.h"

#include "data/motion.h"

static void test_static(void **state)
{
    uint32_t y, x;
    tli_motion_position(TL_MOTION_STATIC, 1, "motion/train", 3, 7, 84, 85, 28, 28, &y, &x);
    assert_int_equal(y, 28);
    assert_int_equal(x, 28); /* floor of 28.5 */
    tli_motion_position(TL_MOTION_STATIC, 1, "motion/train", 3, 7, 28, 29, 28, 28, &y, &x);
    assert_true(y == 0);
    assert_true(x == 0);
}

static void test_dynamic_is_uniform(void **state)
{
    enum { SPAN = 57, DRAWS = 57 * 400 };
    uint32_t rows[SPAN] = {0}, columns[SPAN] = {0}, y, x;
    double product = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        tli_motion_position(TL_MOTION_DYNAMIC, 5, "motion/train", i % 10, i / 10, 84, 84, 28, 28, &y, &x);
        assert_true(y < SPAN);
        assert_true(x < SPAN);
        rows[y]++;
        columns[x]++;
        product += ((double)y - 28) * ((double)x - 28);
    }
    /* chi-squared with 56 degrees of freedom: beyond 110 once in 10^5 */
    double chi_rows = 0, chi_columns = 0;
    for (int i = 0; i < SPAN; i++) {
        chi_rows += (rows[i] - 400.0) * (rows[i] - 400.0) / 400.0;
        chi_columns += (columns[i] - 400.0) * (columns[i] - 400.0) / 400.0;
    }
    if (chi_rows > 110 || chi_columns > 110) fail_msg("chi squared %g and %g", chi_rows, chi_columns);
    /* the axes are independent: standard error of the correlation 0.0066 */
    double correlation = product / DRAWS / (57.0 * 57 - 1) * 12;
    if (correlation > 0.03 || correlation < -0.03) fail_msg("correlation %g", correlation);
}

static void test_dynamic_depends_on_all(void **state)
{
    uint32_t y, x, same[5] = {0};
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t y0, x0;
        tli_motion_position(TL_MOTION_DYNAMIC, 5, "motion/test", 0, i, 84, 84, 28, 28, &y0, &x0);
        for (int other = 0; other < 5; other++) {
            tli_motion_position(TL_MOTION_DYNAMIC, other == 0 ? 6 : 5,
                                other == 1 ? "motion/train" : "motion/test", other == 2,
                                other == 3 ? i + 1 : i, 84, 84, 28, 28, &y, &x);
            same[other] += y == y0 && x == x0;
        }
    }
    for (int other = 0; other < 4; other++) assert_true(same[other] < 5);
    assert_int_equal(same[4], 200); /* nothing differs: a pure function */
    tli_motion_position(TL_MOTION_DYNAMIC, 5, "motion/test", 0, 1, 28, 29, 28, 28, &y, &x);
    assert_true(y == 0);
    assert_true(x <= 1);
}

/* Digits of several frames: at rest, or on a straight line from the first place to a second one. */
static void test_frames(void **state)
{
    uint32_t y, x, moved = 0;
    for (uint32_t index = 0; index < 50; index++) {
        uint32_t first_y, first_x, last_y = 0, last_x = 0, at[2][5];
        tli_motion_position(TL_MOTION_DYNAMIC, 5, "motion/train", 2, index, 84, 60, 28, 28, &first_y,
                            &first_x);
        for (uint32_t frame = 0; frame < 5; frame++)
            tli_motion_frame(TL_MOTION_DYNAMIC, 5, "motion/train", 2, index, frame, 5, 84, 60, 28, 28,
                             &at[0][frame], &at[1][frame]);
        tli_motion_frame(TL_MOTION_DYNAMIC, 5, "motion/train", 2, index, 1, 2, 84, 60, 28, 28, &last_y,
                         &last_x);
        assert_true(at[0][0] == first_y);
        assert_true(at[1][0] == first_x);
        assert_true(at[0][4] == last_y);
        assert_true(at[1][4] == last_x);
        assert_true(last_y <= 56);
        assert_true(last_x <= 32);
        for (int axis = 0; axis < 2; axis++)
            for (int frame = 1; frame < 4; frame++) /* quarters of the way, rounded */
                assert_true(abs(4 * (int)at[axis][frame] - (4 - frame) * (int)at[axis][0] -
                                frame * (int)at[axis][4]) <= 2);
        moved += first_y != last_y || first_x != last_x;
        tli_motion_frame(TL_MOTION_DYNAMIC, 5, "motion/train", 2, index, 0, 1, 84, 60, 28, 28, &y, &x);
        assert_true(y == first_y);
        assert_true(x == first_x);
        tli_motion_frame(TL_MOTION_STATIC, 5, "motion/train", 2, index, 3, 5, 84, 60, 28, 28, &y, &x);
        assert_true(y == 28);
        assert_true(x == 16);
    }
    assert_true(moved > 45);
}

static void test_place(void **state)
{
    uint8_t pixels[2 * 2 * 3] = {9, 9, 9, 9, 9, 9, 0, 51, 102, 153, 204, 255}, labels[2] = {0, 1};
    const tli_dataset set = {2, 2, 3, pixels, labels};
    float field[4 * 5];
    memset(field, 0xff, sizeof field); /* all of it is overwritten */
    tli_motion_place(&set, 1, 1, 2, 4, 5, field);
    const float expected[4 * 5] = {0, 0, 0, 0, 0, 0, 0, 0, 0.2f, 0.4f, 0, 0, 0.6f, 0.8f, 1.0f, 0, 0, 0, 0, 0};
    assert_memory_equal(field, expected, sizeof field);
    tli_motion_place(&set, 1, 3, 4, 4, 5, field); /* cut at the edge, no write behind it */
    tli_motion_place(&set, 1, 4, 5, 4, 5, field);
    for (int i = 0; i < 20; i++) assert_true(field[i] == 0.0f);
}

static void test_order(void **state)
{
    enum { COUNT = 1000 };
    uint32_t first[COUNT], second[COUNT], third[COUNT], again[COUNT];
    uint8_t seen[COUNT] = {0};
    tli_epoch_order(3, 0, COUNT, first);
    tli_epoch_order(3, 1, COUNT, second);
    tli_epoch_order(4, 0, COUNT, third);
    tli_epoch_order(3, 0, COUNT, again);
    assert_memory_equal(first, again, sizeof first);
    uint32_t same_second = 0, same_third = 0, fixed = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(first[i] < COUNT);
        assert_true(!seen[first[i]]);
        seen[first[i]] = 1;
        same_second += first[i] == second[i];
        same_third += first[i] == third[i];
        fixed += first[i] == i;
    }
    assert_true(same_second < 12);
    assert_true(same_third < 12);
    assert_true(fixed < 12); /* one on average */
    tli_epoch_order(3, 0, 1, first);
    assert_int_equal(first[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_static),
                                       cmocka_unit_test(test_dynamic_is_uniform),
                                       cmocka_unit_test(test_dynamic_depends_on_all),
                                       cmocka_unit_test(test_frames),
                                       cmocka_unit_test(test_place),
                                       cmocka_unit_test(test_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
