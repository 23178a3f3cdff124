/* Self-tests of GEMM and the offset GEMMs. */
#include "ops/gemm_choice.h"
#include "ops/gemm_own.h"
#include "ops/kernel_forms.h"
#include "ops/offset_gemm.h"
#include "ops/offset_gemm_tensor.h"
#include "ops/self_test.h"
#include "ops/self_test_probe.h"
#include "ops/tuning.h"

/* The check in tiles of all sizes, of which each is code of its own: of 16 to 64 rows, and of 128 where the device gives `wide` products
 * such. By the shapes of a check alone, all would be the smallest. */
static tl_status check_tiles(tli_probe *p, const char *family, bool wide, tl_status (*check)(tli_probe *))
{
    static const uint32_t tiles[] = {64, 32, 16, 128};
    const tli_tuning_trial default_tiles = {true, TLI_PRODUCT_KINDS, NULL},
                           trial = tli_tuning_try(p->ctx,
                                                  default_tiles); /* tuned ones have tli_self_test_tile */
    const tli_kernel_form form = tli_kernel_form_of(p->ctx, family);
    const uint32_t before = tli_context_limits(p->ctx)->tile;
    const int count = before > 0 || form.cpu ? 1 : wide && form.wide_tiles ? 4 : 3;
    tl_status status = TL_OK;
    for (int i = 0; i < count && status == TL_OK; i++) {
        if (before == 0) tli_context_set_tile(p->ctx, tiles[i]);
        status = check(p);
    }
    tli_context_set_tile(p->ctx, before);
    (void)tli_tuning_try(p->ctx, trial);
    return status;
}

static tl_status check_gemm(tli_probe *p)
{
    double error;
    const tl_status status = tli_gemm_measure_error(p->ctx, tli_gemm_own, TL_PRECISION_FP32,
                                                    TLI_ALL_TRANSPOSES, &error);
    if (!(error <= p->error)) p->error = error;
    return status;
}

/* The sums that the CPU form writes beside a product with a transposed A. */
static tl_status check_sums(tli_probe *p)
{
    enum { M = 69, N = 5, K = 261, OUTER = 2 }; /* whole vectors and a rest, and more than one inner block */
    if (!tli_kernel_form_of(p->ctx, "gemm").cpu) return TL_OK;
    tli_probe_array *a, *b, *c, *sums;
    double *want;
    TLI_TRY(tli_probe_make(p, OUTER * K, M, true, &a));
    TLI_TRY(tli_probe_make(p, OUTER * K, N, true, &b));
    TLI_TRY(tli_probe_make(p, OUTER * M, N, false, &c));
    TLI_TRY(tli_probe_make(p, OUTER, M, false, &sums));
    TLI_TRY(tli_probe_expect(p, OUTER * M, &want));
    TLI_TRY(tli_gemm_own(p->ctx, &(tli_gemm_args){.transpose_a = true,
                                                  .m = M,
                                                  .n = N,
                                                  .k = K,
                                                  .a = a->view,
                                                  .lda = M,
                                                  .b = b->view,
                                                  .ldb = N,
                                                  .c = c->view,
                                                  .ldc = N,
                                                  .alpha = 1.0f,
                                                  .sums = sums->view,
                                                  .outer = OUTER,
                                                  .a_outer = K * M,
                                                  .b_outer = K * N,
                                                  .c_outer = M * N}));
    for (int e = 0; e < OUTER * K * M; e++) want[e / (K * M) * M + e % M] += (double)a->host[e];
    return tli_probe_compare(p, sums, want, K, 1);
}

tl_status tli_probe_gemm(tli_probe *p)
{
    TLI_TRY(check_sums(p));
    return check_tiles(p, "gemm", true, check_gemm);
}

enum { HEIGHT = 2, WIDTH = 3, TOKENS = HEIGHT * WIDTH + 1, HEADS = 2, WIDEST_HEAD = 80 };
/* The batch that most checks have; in the form for GPUs a smaller one, too, by which tiles have the rows of several tokens. */
enum { BATCH = 23, SMALL_BATCH = 5 };

typedef struct pair_widths {
    uint32_t inner, head_dim;
} pair_widths;

/* No multiple of a tile at any vector width, and more rows per offset than an inner block. */
static const pair_widths wide = {65, 66};
/* For matrix units: whole slices, and several tiles of channels; and a part of one tile, for where they are emulated, which is slow. */
static const pair_widths whole = {80, 80}, small = {35, 34};
/* Narrow, with several tiles of channels; the batch is no multiple of a block. */
static const pair_widths narrow = {18, 12};

static uint32_t out_of(const pair_widths *z)
{
    return HEADS * z->head_dim;
}

static uint32_t matrix_of(const pair_widths *z)
{
    return z->inner * out_of(z);
}

/* Element e of the weights [batch][head][query][key]. */
typedef struct place {
    uint32_t b, head, i, j;
    const float *xi, *xj; /* rows of the query's and the key's input */
    const float *wq, *wk; /* the head's columns of their matrices */
    int32_t query, key;   /* numbers of the matrices */
} place;

static place place_of(const tli_geometry *g, const pair_widths *z, uint32_t batch, uint32_t e,
                      const float *xq, const float *xk, const float *wq, const float *wk)
{
    place at = {.j = e % TOKENS,
                .i = e / TOKENS % TOKENS,
                .head = e / TOKENS / TOKENS % HEADS,
                .b = e / TOKENS / TOKENS / HEADS};
    at.query = tli_geometry_query_offset(g, at.i, at.j);
    at.key = tli_geometry_key_offset(g, at.i, at.j);
    at.xi = xq + (at.i * batch + at.b) * z->inner;
    at.xj = xk + (at.j * batch + at.b) * z->inner;
    at.wq = wq + (uint32_t)at.query * matrix_of(z) + at.head * z->head_dim;
    at.wk = wk + (uint32_t)at.key * matrix_of(z) + at.head * z->head_dim;
    return at;
}

/* Channel d of x W. */
static double probe_projected(const pair_widths *z, const float *x, const float *w, uint32_t d)
{
    double sum = 0;
    for (uint32_t c = 0; c < z->inner; c++) sum += (double)x[c] * (double)w[c * out_of(z) + d];
    return sum;
}

/* dx += W u and dW += x^T u for one head's channels u. */
static void probe_spread(const pair_widths *z, const float *x, const float *w, const double *u, double *dx,
                         double *dw)
{
    for (uint32_t c = 0; c < z->inner; c++)
        for (uint32_t d = 0; d < z->head_dim; d++) {
            dx[c] += (double)w[c * out_of(z) + d] * u[d];
            dw[c * out_of(z) + d] += (double)x[c] * u[d];
        }
}

typedef struct setting {
    tli_geometry geometry;
    const pair_widths *widths;
    tli_pair_table pairs;
    tli_offset_gemm r;
    uint64_t offsets;
    tli_probe_array *x[2], *w[2], *dx[2], *dw[2], *values, *rows, *work;
    double *want_rows, *want_dx[2], *want_dw[2];
} setting;

static uint64_t rows_of(const setting *s)
{
    return (uint64_t)s->r.batch * HEADS * TOKENS * TOKENS;
}

static tl_status probe_make(tli_probe *p, setting *s)
{
    for (int side = 0; side < 2; side++) {
        TLI_TRY(tli_probe_make(p, 1, TOKENS * s->r.batch * s->widths->inner, true, &s->x[side]));
        TLI_TRY(tli_probe_make(p, s->offsets, matrix_of(s->widths), true, &s->w[side]));
        TLI_TRY(tli_probe_make(p, 1, TOKENS * s->r.batch * s->widths->inner, false, &s->dx[side]));
        TLI_TRY(tli_probe_make(p, s->offsets, matrix_of(s->widths), false, &s->dw[side]));
        TLI_TRY(tli_probe_expect(p, TOKENS * s->r.batch * s->widths->inner, &s->want_dx[side]));
        TLI_TRY(tli_probe_expect(p, s->offsets * matrix_of(s->widths), &s->want_dw[side]));
    }
    TLI_TRY(tli_probe_make(p, 1, rows_of(s), false, &s->values));
    TLI_TRY(tli_probe_make(p, 1, rows_of(s), true, &s->rows));
    const uint64_t most = tli_offset_gemm_workspace(0, TOKENS, s->pairs.count, s->pairs.largest, s->r.batch,
                                                    s->widths->inner, HEADS, s->widths->head_dim, false);
    TLI_TRY(tli_probe_make(p, 1, most, false, &s->work));
    return tli_probe_expect(p, rows_of(s), &s->want_rows);
}

/* The logits and their gradient, with the weights in `rows`. */
static tl_status check_logits(tli_probe *p, setting *s)
{
    const tli_offset_rows none = {{0}, {0}};
    TLI_TRY(tli_rows_to_pairs(p->ctx, &s->pairs, s->r.batch, HEADS, s->rows->view, s->values->view));
    TLI_TRY(tli_offset_gemm_logits_backward(
        p->ctx, &s->r, s->x[0]->view, s->w[0]->tensor, s->x[1]->view, s->w[1]->tensor, s->values->view, none,
        s->dx[0]->view, s->dx[1]->view, s->dw[0]->tensor, s->dw[1]->tensor, s->work->view));
    TLI_TRY(tli_offset_gemm_logits(p->ctx, &s->r, s->x[0]->view, s->w[0]->tensor, s->x[1]->view,
                                   s->w[1]->tensor, 0.5f, s->values->view, none, s->work->view));
    for (uint32_t e = 0; e < rows_of(s); e++) {
        const place at = place_of(&s->geometry, s->widths, s->r.batch, e, s->x[0]->host, s->x[1]->host,
                                  s->w[0]->host, s->w[1]->host);
        double from_q[WIDEST_HEAD], from_k[WIDEST_HEAD], dot = 0;
        for (uint32_t d = 0; d < s->widths->head_dim; d++) {
            const double q = probe_projected(s->widths, at.xi, at.wq, d),
                         k = probe_projected(s->widths, at.xj, at.wk, d);
            dot += q * k;
            from_k[d] = (double)s->rows->host[e] * k;
            from_q[d] = (double)s->rows->host[e] * q;
        }
        s->want_rows[e] = 0.5 * dot;
        probe_spread(
            s->widths, at.xi, at.wq, from_k, s->want_dx[0] + (at.i * s->r.batch + at.b) * s->widths->inner,
            s->want_dw[0] + (uint32_t)at.query * matrix_of(s->widths) + at.head * s->widths->head_dim);
        probe_spread(s->widths, at.xj, at.wk, from_q,
                     s->want_dx[1] + (at.j * s->r.batch + at.b) * s->widths->inner,
                     s->want_dw[1] + (uint32_t)at.key * matrix_of(s->widths) + at.head * s->widths->head_dim);
    }
    TLI_TRY(tli_pairs_to_rows(p->ctx, &s->pairs, s->r.batch, HEADS, s->values->view, s->rows->view, false));
    TLI_TRY(tli_probe_compare(p, s->rows, s->want_rows, s->widths->head_dim, s->widths->inner));
    for (int side = 0; side < 2; side++) {
        TLI_TRY(tli_probe_compare(p, s->dx[side], s->want_dx[side], TOKENS * out_of(s->widths),
                                  s->widths->inner));
        TLI_TRY(tli_probe_compare(p, s->dw[side], s->want_dw[side], TOKENS * s->r.batch, s->widths->inner));
    }
    return TL_OK;
}

/* The values and their gradient, with the weights in `rows`; x[1] and w[1] are the value's. */
static tl_status check_values(tli_probe *p, setting *s)
{
    tli_probe_array *y, *dy, *dvalues;
    double *want_y;
    TLI_TRY(tli_probe_make(p, 1, TOKENS * s->r.batch * out_of(s->widths), false, &y));
    TLI_TRY(tli_probe_make(p, 1, TOKENS * s->r.batch * out_of(s->widths), true, &dy));
    TLI_TRY(tli_probe_make(p, 1, rows_of(s), false, &dvalues));
    TLI_TRY(tli_probe_expect(p, TOKENS * s->r.batch * out_of(s->widths), &want_y));
    TLI_TRY(tli_rows_to_pairs(p->ctx, &s->pairs, s->r.batch, HEADS, s->rows->view, s->values->view));
    TLI_TRY(tli_offset_gemm_values(p->ctx, &s->r, s->x[1]->view, s->w[1]->tensor, s->values->view, y->view,
                                   s->work->view));
    TLI_TRY(tli_offset_gemm_values_backward(p->ctx, &s->r, s->x[1]->view, s->w[1]->tensor, s->values->view,
                                            dy->view, dvalues->view, s->dx[1]->view, s->dw[1]->tensor,
                                            s->work->view));
    for (uint32_t e = 0; e < rows_of(s); e++) {
        const place at = place_of(&s->geometry, s->widths, s->r.batch, e, s->x[0]->host, s->x[1]->host,
                                  s->w[0]->host, s->w[1]->host);
        const double weight = (double)s->rows->host[e];
        const uint32_t row = (at.i * s->r.batch + at.b) * out_of(s->widths) + at.head * s->widths->head_dim;
        double u[WIDEST_HEAD];
        for (uint32_t d = 0; d < s->widths->head_dim; d++) {
            const double value = probe_projected(s->widths, at.xj, at.wk, d);
            want_y[row + d] += weight * value;
            s->want_rows[e] += (double)dy->host[row + d] * value;
            u[d] = weight * (double)dy->host[row + d];
        }
        probe_spread(s->widths, at.xj, at.wk, u,
                     s->want_dx[1] + (at.j * s->r.batch + at.b) * s->widths->inner,
                     s->want_dw[1] + (uint32_t)at.key * matrix_of(s->widths) + at.head * s->widths->head_dim);
    }
    TLI_TRY(tli_pairs_to_rows(p->ctx, &s->pairs, s->r.batch, HEADS, dvalues->view, s->rows->view, false));
    TLI_TRY(tli_probe_compare(p, y, want_y, TOKENS, s->widths->inner));
    TLI_TRY(tli_probe_compare(p, s->rows, s->want_rows, s->widths->head_dim, s->widths->inner));
    TLI_TRY(tli_probe_compare(p, s->dx[1], s->want_dx[1], TOKENS * out_of(s->widths), s->widths->inner));
    return tli_probe_compare(p, s->dw[1], s->want_dw[1], TOKENS * s->r.batch, s->widths->inner);
}

static tl_status check_pairs(tli_probe *p, const pair_widths *widths, uint32_t batch,
                             tl_status (*check)(tli_probe *, setting *))
{
    setting s = {.widths = widths,
                 .geometry = {.kind = TLI_GRID, .depth = 1, .height = HEIGHT, .width = WIDTH, .cls = 1}};
    TLI_TRY(tli_pair_table_create(p->ctx, "self-test", &s.geometry, TOKENS, &s.pairs));
    s.r = (tli_offset_gemm){.pairs = &s.pairs,
                            .batch = batch,
                            .inner = widths->inner,
                            .heads = HEADS,
                            .head_dim = widths->head_dim};
    s.offsets = tli_geometry_offsets(&s.geometry);
    tl_status status = probe_make(p, &s);
    if (status == TL_OK) status = check(p, &s);
    tli_pair_table_destroy(p->ctx, &s.pairs);
    return status;
}

static tl_status check_widths(tli_probe *p, const pair_widths *widths, uint32_t batch)
{
    TLI_TRY(check_pairs(p, widths, batch, check_logits));
    tli_probe_free(p);
    return check_pairs(p, widths, batch, check_values);
}

static tl_status check_offset_gemm(tli_probe *p)
{
    TLI_TRY(check_widths(p, &wide, BATCH));
    tli_probe_free(p);
    TLI_TRY(check_widths(p, &narrow, BATCH));
    tli_probe_free(p);
    if (!tli_kernel_form_of(p->ctx, "offset_gemm").cpu) TLI_TRY(check_widths(p, &narrow, SMALL_BATCH));
    tli_probe_free(p);
    TLI_TRY(tli_probe_decoding(p));
    tli_probe_free(p);
    return TL_OK;
}

tl_status tli_probe_offset_gemm(tli_probe *p)
{
    return check_tiles(p, "offset_gemm", false, check_offset_gemm);
}

tl_status tli_self_test_tile(tl_context *ctx, tli_product_kind kind, double *error)
{
    /* which may be checked itself, with the tiles that it has by default */
    (void)tli_kernel_form_of(ctx, tli_product_family(kind));
    if (tli_product_is_gemm(kind))
        return tli_gemm_measure_error(ctx, tli_gemm_own, TL_PRECISION_FP32, 1u << kind, error);
    tli_probe p = {.ctx = ctx, .random = tli_random_make(1, (uint64_t)kind)};
    const tli_matrix_unit_pause units = tli_matrix_unit_stop_for_now(ctx);
    const tl_status status = check_widths(&p, &wide, BATCH);
    tli_matrix_unit_resume(ctx, units);
    tli_probe_free(&p);
    *error = p.error;
    return status;
}

tl_status tli_self_test_offset_precision(tl_context *ctx, tl_precision precision, double *error)
{
    tli_probe p = {
        .ctx = ctx, .random = tli_random_make(1, (uint64_t)precision), .unit = tli_precision_unit(precision)};
    const uint32_t before = tli_context_limits(ctx)->tile;
    tli_context_set_tile(ctx, tli_offset_gemm_tensor_tile().side); /* else the batch is too small for it */
    tl_status status = check_widths(&p, tli_matrix_unit_is_emulated(ctx) ? &small : &whole, BATCH);
    tli_probe_free(&p);
    if (status == TL_OK && !tli_matrix_unit_is_emulated(ctx)) status = check_widths(&p, &wide, BATCH);
    tli_context_set_tile(ctx, before);
    tli_probe_free(&p);
    *error = p.error;
    return status;
}
