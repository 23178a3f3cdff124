/* Cross-entropy, ranks and the ordered sum against plain loops in double precision. */
#include "rows.h"

#include "ops/loss.h"

static double loss_of(const double *a, uint32_t classes, int32_t target)
{
    double top = -INFINITY, sum = 0;
    for (uint32_t c = 0; c < classes; c++) top = fmax(top, a[c]);
    for (uint32_t c = 0; c < classes; c++) sum += exp(a[c] - top);
    return log(sum) + top - a[target];
}

/* Classes that stand before the target in the order of falling logits, equal ones in the order of their indices. */
static int32_t rank_of(const float *a, uint32_t classes, int32_t target)
{
    int32_t rank = 0;
    for (int32_t c = 0; c < (int32_t)classes; c++) {
        if (!isfinite(a[c])) return TLI_NO_RANK;
        rank += a[c] > a[target] || (a[c] == a[target] && c < target);
    }
    return rank;
}

static void check_at(const char *file, int line, tl_context *ctx, uint64_t rows, uint32_t classes,
                     float spread, float offset)
{
    const float scale = 0.25f;
    const uint64_t count = rows * classes;
    tli_random r = tli_random_make(11, rows * 100003 + classes);
    float *a = draw(&r, count), *direction = draw(&r, count);
    int32_t *targets = malloc(rows * sizeof *targets);
    double *ad = zeros(count), *d = zeros(count), *losses = zeros(rows);
    assert_non_null(targets);
    double plus = 0, minus = 0;
    for (uint64_t i = 0; i < count; i++) ad[i] = a[i] = a[i] * spread + offset;
    for (uint64_t row = 0; row < rows; row++) {
        const double *ar = ad + row * classes;
        targets[row] = (int32_t)tli_random_below(&r, classes);
        if (row == 0) targets[row] = (int32_t)classes - 1; /* in the vectors' tail */
        losses[row] = loss_of(ar, classes, targets[row]);
        double *moved = zeros(classes);
        for (uint32_t c = 0; c < classes; c++) {
            const double p = exp(ar[c] - ar[targets[row]] - losses[row]);
            d[row * classes + c] = scale * (p - (c == (uint32_t)targets[row]));
        }
        for (int side = -1; side <= 1; side += 2) {
            for (uint32_t c = 0; c < classes; c++)
                moved[c] = ar[c] + side * 1e-4 * direction[row * classes + c];
            *(side > 0 ? &plus : &minus) += scale * loss_of(moved, classes, targets[row]);
        }
        free(moved);
    }
    place va = put(ctx, a, count), vt = put(ctx, targets, rows), vl = put(ctx, NULL, rows);
    place vr = put(ctx, NULL, rows), vd = put(ctx, NULL, count);
    MUST(ctx, tli_cross_entropy(ctx, va.view, vt.view, vl.view, vr.view, vd.view, scale, rows, classes));
    float *got = get(ctx, vl), *got_d = get(ctx, vd);
    int32_t *ranks = get(ctx, vr);
    near_to_at(file, line, "loss", got, losses, rows, 2e-6, 1 + fabs((double)offset));
    near_to_at(file, line, "dlogits", got_d, d, count, 3e-6, 0.01);
    double slope = 0;
    for (uint64_t i = 0; i < count; i++) slope += (double)got_d[i] * direction[i];
    slope_is_at(file, line, "cross-entropy", slope, plus, minus, 1e-4, (double)rows);
    for (uint64_t row = 0; row < rows; row++) {
        assert_int_equal(ranks[row], rank_of(a + row * classes, classes, targets[row]));
    }
    float *still = get(ctx, va);
    assert_memory_equal(still, a, count * sizeof *still);
    free(still), free(ranks);

    /* Without dlogits: the same losses. With dlogits in the logits' place: the same gradients. */
    MUST(ctx,
         tli_cross_entropy(ctx, va.view, vt.view, vl.view, vr.view, (tli_view){0}, scale, rows, classes));
    float *again = get(ctx, vl);
    assert_memory_equal(again, got, rows * sizeof *again);
    free(again);
    still = get(ctx, va);
    assert_memory_equal(still, a, count * sizeof *still);
    free(still);
    MUST(ctx, tli_cross_entropy(ctx, va.view, vt.view, vl.view, vr.view, va.view, scale, rows, classes));
    again = get(ctx, va);
    assert_memory_equal(again, got_d, count * sizeof *again);
    free(again);
    free(a), free(direction), free(targets), free(ad), free(d), free(losses), free(got), free(got_d);
    drop(ctx, va), drop(ctx, vt), drop(ctx, vl), drop(ctx, vr), drop(ctx, vd);
}
#define check(...) check_at(HERE, __VA_ARGS__)

static void losses_of_classes_by_index(tl_context *ctx)
{
    check(ctx, 1, 1, 1, 0);
    check(ctx, 1, 10, 2, 0);
    check(ctx, 70, 10, 2, 0);
    check(ctx, 33, 13, 5, 0);
    check(ctx, 3, 1000, 3, 300);
    check(ctx, 3, 1000, 3, -300);
    check(ctx, 3, 50257, 3, 0);
}
ON_BOTH_PATHS(losses_of_classes_by_index)

/* Probabilities as targets. Those with all weight on one class give what an index gives. */
static void check_soft_at(const char *file, int line, tl_context *ctx, uint64_t rows, uint32_t classes,
                          float offset)
{
    const float scale = 0.25f;
    const uint64_t count = rows * classes;
    tli_random r = tli_random_make(14, rows * 100003 + classes);
    float *a = draw(&r, count), *direction = draw(&r, count), *soft = draw(&r, count);
    int32_t *targets = malloc(rows * sizeof *targets);
    double *d = zeros(count), *losses = zeros(rows);
    assert_non_null(targets);
    double plus = 0, minus = 0;
    for (uint64_t row = 0; row < rows; row++) {
        float *ar = a + row * classes, *p = soft + row * classes;
        double mass = 0, given = 0;
        for (uint32_t c = 0; c < classes; c++) ar[c] = 2 * ar[c] + offset, mass += fabs((double)p[c]);
        targets[row] = (int32_t)tli_random_below(&r, classes);
        for (uint32_t c = 0; c < classes; c++) p[c] = row % 3 ? (float)(fabs((double)p[c]) / mass) : 0.0f;
        if (row % 3 == 0) p[targets[row]] = 1.0f;
        if (row % 3 == 0 && classes > 1) ar[(targets[row] + 1) % (int32_t)classes] = -INFINITY;
        for (int side = -1; side <= 1; side++) {
            double top = -INFINITY, sum = 0, loss = 0;
            for (uint32_t c = 0; c < classes; c++) top = fmax(top, (double)ar[c]);
            for (uint32_t c = 0; c < classes; c++)
                sum += exp(ar[c] + side * 1e-4 * direction[row * classes + c] - top);
            for (uint32_t c = 0; c < classes; c++)
                if (p[c] > 0)
                    loss += p[c] * (log(sum) + top - ar[c] - side * 1e-4 * direction[row * classes + c]);
            if (side != 0) {
                *(side > 0 ? &plus : &minus) += scale * loss;
                continue;
            }
            losses[row] = loss;
            for (uint32_t c = 0; c < classes; c++)
                d[row * classes + c] = scale * (exp(ar[c] - top) / sum - p[c]), given += p[c];
        }
        assert_true(fabs(given - 1) < 1e-5);
    }
    place va = put(ctx, a, count), vp = put(ctx, soft, count), vl = put(ctx, NULL, rows);
    place vr = put(ctx, NULL, rows), vd = put(ctx, NULL, count), vt = put(ctx, targets, rows);
    MUST(ctx, tli_cross_entropy_soft(ctx, va.view, vp.view, vl.view, vr.view, vd.view, scale, rows, classes));
    float *got = get(ctx, vl), *got_d = get(ctx, vd);
    int32_t *ranks = get(ctx, vr);
    near_to_at(file, line, "soft loss", got, losses, rows, 3e-6, 1 + fabs((double)offset));
    near_to_at(file, line, "soft dlogits", got_d, d, count, 3e-6, 0.01);
    double slope = 0;
    for (uint64_t i = 0; i < count; i++) slope += (double)got_d[i] * direction[i];
    slope_is_at(file, line, "soft cross-entropy", slope, plus, minus, 1e-4, (double)rows);
    for (uint64_t row = 0; row < rows; row++) assert_int_equal(ranks[row], TLI_NO_RANK);
    MUST(ctx,
         tli_cross_entropy(ctx, va.view, vt.view, vl.view, vr.view, (tli_view){0}, scale, rows, classes));
    float *hard = get(ctx, vl);
    for (uint64_t row = 0; row < rows; row += 3)
        assert_true(fabs((double)hard[row] - (double)got[row]) <= 1e-6 * (1 + fabs((double)offset)));
    /* in the logits' place */
    MUST(ctx, tli_cross_entropy_soft(ctx, va.view, vp.view, vl.view, vr.view, va.view, scale, rows, classes));
    float *again = get(ctx, va);
    assert_memory_equal(again, got_d, count * sizeof *again);
    free(again), free(hard), free(ranks), free(got), free(got_d);
    free(a), free(direction), free(soft), free(targets), free(d), free(losses);
    drop(ctx, va), drop(ctx, vp), drop(ctx, vl), drop(ctx, vr), drop(ctx, vd), drop(ctx, vt);
}
#define check_soft(...) check_soft_at(HERE, __VA_ARGS__)

static void losses_of_classes_by_probability(tl_context *ctx)
{
    check_soft(ctx, 1, 1, 0);
    check_soft(ctx, 70, 10, 0);
    check_soft(ctx, 33, 13, 0);
    check_soft(ctx, 4, 1000, 300);
    enum { CLASSES = 19 }; /* a NaN logit is never quiet, even where it has no weight */
    float a[CLASSES] = {0}, soft[CLASSES] = {0.5f, 0.5f};
    a[7] = NAN;
    place va = put(ctx, a, CLASSES), vp = put(ctx, soft, CLASSES), vl = put(ctx, NULL, 1),
          vr = put(ctx, NULL, 1);
    MUST(ctx, tli_cross_entropy_soft(ctx, va.view, vp.view, vl.view, vr.view, (tli_view){0}, 1, 1, CLASSES));
    float *loss = get(ctx, vl);
    assert_true(isnan(loss[0]));
    free(loss);
    drop(ctx, va), drop(ctx, vp), drop(ctx, vl), drop(ctx, vr);
}
ON_BOTH_PATHS(losses_of_classes_by_probability)

/* Many launches of many work-groups give one result: a kernel whose local memory is shared by groups that run
 * at the same time (PoCL 3.1 compiled this one so once) does not. */
static void many_launches_give_one_result(tl_context *ctx)
{
    enum { ROWS = 3000, CLASSES = 13, LAUNCHES = 60 };
    tli_random r = tli_random_make(13, 0);
    float *a = draw(&r, ROWS * CLASSES);
    int32_t targets[ROWS];
    for (int row = 0; row < ROWS; row++) targets[row] = (int32_t)tli_random_below(&r, CLASSES);
    place va = put(ctx, a, ROWS * CLASSES), vt = put(ctx, targets, ROWS), vl = put(ctx, NULL, ROWS);
    place vr = put(ctx, NULL, ROWS), vd = put(ctx, NULL, ROWS * CLASSES);
    float *first = NULL, *first_d = NULL, *second = NULL, *second_d = NULL;
    static float soft[ROWS * CLASSES];
    for (int i = 0; i < ROWS * CLASSES; i++) soft[i] = 1.0f / CLASSES;
    place vp = put(ctx, soft, ROWS * CLASSES);
    for (int launch = 0; launch < LAUNCHES; launch++) {
        if (launch % 2 == 0) /* in turns with probabilities, every row's the same */
            MUST(ctx,
                 tli_cross_entropy(ctx, va.view, vt.view, vl.view, vr.view, vd.view, 1.0f, ROWS, CLASSES));
        else
            MUST(ctx, tli_cross_entropy_soft(ctx, va.view, vp.view, vl.view, vr.view, vd.view, 1.0f, ROWS,
                                             CLASSES));
        float *losses = get(ctx, vl), *d = get(ctx, vd);
        if (launch == 1) second = losses, second_d = d;
        if (launch > 1 && launch % 2 == 1) {
            assert_memory_equal(losses, second, ROWS * sizeof *losses);
            assert_memory_equal(d, second_d, ROWS * CLASSES * sizeof *d);
            free(losses), free(d);
        }
        if (launch % 2 == 1) continue;
        if (!launch) {
            first = losses, first_d = d;
            continue;
        }
        assert_memory_equal(losses, first, ROWS * sizeof *losses);
        assert_memory_equal(d, first_d, ROWS * CLASSES * sizeof *d);
        free(losses), free(d);
    }
    free(a), free(first), free(first_d), free(second), free(second_d);
    drop(ctx, va), drop(ctx, vp), drop(ctx, vt), drop(ctx, vl), drop(ctx, vr), drop(ctx, vd);
}
ON_BOTH_PATHS(many_launches_give_one_result)

/* Ties are broken by index, whatever the width of the vectors and wherever the target lies in one. A head of zeros is
 * right once in `classes`, not always. */
static void ties_are_broken_by_index(tl_context *ctx)
{
    const uint32_t sizes[] = {1, 2, 5, 7, 8, 16, 19, 35, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const uint32_t classes = sizes[i];
        const size_t count = (size_t)classes * classes;
        float *a = calloc(count, sizeof *a); /* a row of zeros for every target */
        int32_t *targets = malloc(classes * sizeof *targets);
        assert_non_null(a);
        assert_non_null(targets);
        tli_random r = tli_random_make(15, classes);
        for (uint32_t row = 0; row < classes; row++) targets[row] = (int32_t)row;
        for (int turn = 0; turn < 2; turn++) { /* then with three values only, -0 among them */
            for (size_t k = 0; turn == 1 && k < count; k++)
                a[k] = (const float[]){0.0f, -0.0f, 1.0f}[tli_random_below(&r, 3)];
            place va = put(ctx, a, count), vt = put(ctx, targets, classes), vl = put(ctx, NULL, classes),
                  vr = put(ctx, NULL, classes);
            MUST(ctx,
                 tli_cross_entropy(ctx, va.view, vt.view, vl.view, vr.view, va.view, 1, classes, classes));
            int32_t *ranks = get(ctx, vr);
            for (uint32_t row = 0; row < classes; row++) {
                if (turn == 0) assert_int_equal(ranks[row], row);
                assert_int_equal(ranks[row], rank_of(a + (size_t)row * classes, classes, targets[row]));
            }
            free(ranks);
            drop(ctx, va), drop(ctx, vt), drop(ctx, vl), drop(ctx, vr);
        }
        free(a), free(targets);
    }
}
ON_BOTH_PATHS(ties_are_broken_by_index)

/* Rows with a logit that is not finite, wherever it stands, and impossible targets have no rank and are never quiet. */
static void rows_that_are_not_finite_have_no_rank(tl_context *ctx)
{
    enum { ROWS = 9, CLASSES = 19 };
    float a[ROWS * CLASSES] = {0};
    int32_t targets[ROWS] = {3, 4, 18, CLASSES, -1, 2, 0, 18, 7};
    a[1 * CLASSES + 18] = NAN;
    a[2 * CLASSES + 18] = NAN;
    a[5 * CLASSES + 7] = -INFINITY;
    a[5 * CLASSES + 8] = 1.0f;
    a[6 * CLASSES + 17] = INFINITY;
    a[7 * CLASSES + 18] = INFINITY;
    for (int c = 0; c < CLASSES; c++) a[8 * CLASSES + c] = -INFINITY;
    place va = put(ctx, a, ROWS * CLASSES), vt = put(ctx, targets, ROWS), vl = put(ctx, NULL, ROWS);
    place vr = put(ctx, NULL, ROWS), vd = put(ctx, NULL, ROWS * CLASSES);
    MUST(ctx, tli_cross_entropy(ctx, va.view, vt.view, vl.view, vr.view, vd.view, 1.0f, ROWS, CLASSES));
    float *losses = get(ctx, vl), *d = get(ctx, vd);
    int32_t *ranks = get(ctx, vr);
    for (int r = 0; r < ROWS; r++) {
        assert_int_equal(ranks[r], r == 0 ? 3 : TLI_NO_RANK);
        assert_true(isnan(losses[r]) == (r != 0 && r != 5));
    }
    assert_true(fabs(losses[0] - log(CLASSES)) < 1e-6);
    assert_true(d[5 * CLASSES + 7] == 0.0f);
    free(losses), free(d), free(ranks);
    drop(ctx, va), drop(ctx, vt), drop(ctx, vl), drop(ctx, vr), drop(ctx, vd);
}
ON_BOTH_PATHS(rows_that_are_not_finite_have_no_rank)

static void sums_are_ordered(tl_context *ctx)
{
    const uint64_t counts[] = {1, 13, 16, 17, 64, 1000, 100003};
    for (size_t s = 0; s < sizeof counts / sizeof *counts; s++) {
        tli_random r = tli_random_make(12, counts[s]);
        float *x = draw(&r, counts[s]);
        double want = 0, size = 0;
        for (uint64_t i = 0; i < counts[s]; i++) want += -0.5 * x[i], size += fabs(0.5 * x[i]);
        place vx = put(ctx, x, counts[s]), vt = put(ctx, NULL, 1);
        float *total[2];
        for (int i = 0; i < 2; i++) {
            MUST(ctx, tli_sum(ctx, vx.view, counts[s], -0.5f, vt.view));
            total[i] = get(ctx, vt);
        }
        near_to("sum", total[0], &want, 1, 2e-6, size);
        assert_memory_equal(total[0], total[1], sizeof(float));
        free(x), free(total[0]), free(total[1]);
        drop(ctx, vx), drop(ctx, vt);
    }
    place nothing = put(ctx, NULL, 1);
    MUST(ctx, tli_sum(ctx, nothing.view, 0, 1.0f, nothing.view));
    float *zero = get(ctx, nothing);
    assert_true(zero[0] == 0.0f);
    free(zero);
    drop(ctx, nothing);
}
ON_BOTH_PATHS(sums_are_ordered)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(losses_of_classes_by_index),
                                       BOTH_PATHS(losses_of_classes_by_probability),
                                       BOTH_PATHS(many_launches_give_one_result),
                                       BOTH_PATHS(ties_are_broken_by_index),
                                       BOTH_PATHS(rows_that_are_not_finite_have_no_rank),
                                       BOTH_PATHS(sums_are_ordered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
