/* Cross-entropy behind a Linear layer, chunk by chunk, against plain loops and finite differences. */
#include "rows.h"

#include "ops/gemm_choice.h"
#include "ops/linear_loss.h"

typedef struct shape {
    uint32_t rows, in, classes;
} shape;

/* Loss of the row, and, with dx not NULL, adds scale times its gradients. */
static double row_loss(const double *x, const float *w, int32_t target, shape z, double *dx, double *dw,
                       double scale)
{
    double *logits = zeros(z.classes), top = -INFINITY, sum = 0;
    for (uint32_t c = 0; c < z.classes; c++) {
        for (uint32_t k = 0; k < z.in; k++) logits[c] += x[k] * w[(uint64_t)c * z.in + k];
        top = fmax(top, logits[c]);
    }
    for (uint32_t c = 0; c < z.classes; c++) sum += exp(logits[c] - top);
    const double loss = log(sum) + top - logits[target];
    for (uint32_t c = 0; dx != NULL && c < z.classes; c++) {
        const double d = scale * (exp(logits[c] - top) / sum - (c == (uint32_t)target));
        for (uint32_t k = 0; k < z.in; k++) {
            dx[k] += d * w[(uint64_t)c * z.in + k];
            dw[(uint64_t)c * z.in + k] += d * x[k];
        }
    }
    free(logits);
    return loss;
}

static void check_at(const char *file, int line, tl_context *ctx, shape z, uint64_t chunk_bytes)
{
    const float scale = 1.0f / (float)z.rows;
    /* finite differences of large shapes take long, and say nothing about chunks */
    const bool is_small = (uint64_t)z.rows * z.classes < 1000000;
    tli_random r = tli_random_make(41, z.rows * 1009 + z.classes);
    const uint64_t count = (uint64_t)z.rows * z.in, cells = (uint64_t)z.classes * z.in;
    float *x = draw(&r, count), *w = draw(&r, cells), *direction = draw(&r, count);
    int32_t *targets = malloc(z.rows * sizeof *targets);
    double *xd = zeros(count), *dx = zeros(count), *dw = zeros(cells), *losses = zeros(z.rows);
    assert_non_null(targets);
    double plus = 0, minus = 0;
    for (uint64_t i = 0; i < count; i++) xd[i] = (double)x[i];
    for (uint32_t i = 0; i < z.rows; i++) {
        targets[i] = i == 0 ? (int32_t)z.classes - 1 : (int32_t)tli_random_below(&r, z.classes);
        losses[i] = row_loss(xd + (uint64_t)i * z.in, w, targets[i], z, dx + (uint64_t)i * z.in, dw,
                             (double)scale);
    }
    for (int side = -1; side <= 1 && is_small; side += 2) {
        for (uint64_t i = 0; i < count; i++) xd[i] = (double)x[i] + side * 1e-4 * (double)direction[i];
        for (uint32_t i = 0; i < z.rows; i++)
            *(side > 0 ? &plus : &minus) += (double)scale * row_loss(xd + (uint64_t)i * z.in, w, targets[i],
                                                                     z, NULL, NULL, 0);
    }
    const uint64_t capacity = tli_linear_loss_workspace(chunk_bytes, z.rows, z.classes);
    place vx = put(ctx, x, count), vw = put(ctx, w, cells), vt = put(ctx, targets, z.rows);
    place vl = put(ctx, NULL, z.rows), vr = put(ctx, NULL, z.rows), vdx = put(ctx, NULL, count);
    place vdw = put(ctx, NULL, cells), space = put(ctx, NULL, capacity);
    place sums = put(ctx, NULL, 1 + tli_linear_loss_sums(chunk_bytes, z.rows, z.in, z.classes));
    const tli_view none = {0};
    MUST(ctx, tli_linear_loss(ctx, vx.view, vw.view, vt.view, scale, vl.view, vr.view, vdx.view, vdw.view,
                              space.view, sums.view, chunk_bytes, z.rows, z.in, z.classes));
    float *got = get(ctx, vl), *got_dx = get(ctx, vdx), *got_dw = get(ctx, vdw),
          *space_values = get(ctx, space);
    near_to_at(file, line, "loss", got, losses, z.rows, 1e-5, 1);
    near_to_at(file, line, "dx", got_dx, dx, count, 1e-5 * (1 + sqrt(z.classes) / 10),
               (double)scale); /* sums over the vocabulary */
    near_to_at(file, line, "dweight", got_dw, dw, cells, 1e-5, 1);
    double slope = 0;
    for (uint64_t i = 0; i < count; i++) slope += (double)got_dx[i] * (double)direction[i];
    if (is_small) slope_is_at(file, line, "dx", slope, plus, minus, 1e-4, 1);
    free(space_values);

    /* The losses alone are the same; dx in the place of x too. */
    MUST(ctx, tli_linear_loss(ctx, vx.view, vw.view, vt.view, scale, vl.view, vr.view, none, none, space.view,
                              none, chunk_bytes, z.rows, z.in, z.classes));
    float *again = get(ctx, vl);
    assert_memory_equal(again, got, z.rows * sizeof *again);
    free(again);
    MUST(ctx, tli_linear_loss(ctx, vx.view, vw.view, vt.view, scale, vl.view, vr.view, vx.view, vdw.view,
                              space.view, sums.view, chunk_bytes, z.rows, z.in, z.classes));
    again = get(ctx, vx);
    assert_memory_equal(again, got_dx, count * sizeof *again);
    float *again_dw = get(ctx, vdw);
    assert_memory_equal(again_dw, got_dw, cells * sizeof *again_dw);
    free(again), free(again_dw), free(got), free(got_dx), free(got_dw);
    free(x), free(w), free(direction), free(targets), free(xd), free(dx), free(dw), free(losses);
    drop(ctx, vx), drop(ctx, vw), drop(ctx, vt), drop(ctx, vl), drop(ctx, vr), drop(ctx, vdx), drop(ctx, vdw);
    drop(ctx, space);
}
#define check(...) check_at(HERE, __VA_ARGS__)

static void one_chunk(tl_context *ctx)
{
    check(ctx, (shape){1, 1, 1}, 0);
    check(ctx, (shape){1, 5, 2}, 0);
    check(ctx, (shape){21, 12, 23}, 0);
    check(ctx, (shape){67, 33, 257}, 0);
}
ON_BOTH_PATHS(one_chunk)

/* More logits than a chunk holds: the weight's gradient is the sum over chunks, whatever the width of the vectors. */
static void many_chunks_add_up(tl_context *ctx)
{
    const shape z = {334, 3, 50257};
    if (getenv("TRANSLUTION_VECTOR_WIDTH") != NULL) return;
    assert_true(tli_linear_loss_workspace(0, z.rows, z.classes) < (uint64_t)z.rows * z.classes);
    MUST(ctx, tli_gemm_force(ctx, TL_GEMM_OWN)); /* not CLBlast, which test_gemm.c compares with them */
    check(ctx, z, 0);
}
ON_BOTH_PATHS(many_chunks_add_up)

/* To rounding the results are those of one chunk, whatever size is chosen: one row, a few, all. */
static void chunks_have_any_size(tl_context *ctx)
{
    const shape z = {67, 33, 257};
    const uint64_t row = 4 * z.classes, sizes[] = {1, 10 * row, 66 * row, UINT64_MAX},
                   rows[] = {1, 10, 66, 67};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tli_linear_loss_workspace(sizes[i], z.rows, z.classes), rows[i] * z.classes);
        check(ctx, z, sizes[i]);
    }
}
ON_BOTH_PATHS(chunks_have_any_size)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(one_chunk), BOTH_PATHS(many_chunks_add_up),
                                       BOTH_PATHS(chunks_have_any_size)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
