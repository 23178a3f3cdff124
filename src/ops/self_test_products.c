/* Self-tests of GEMM and the offset GEMMs. */
#include "ops/gemm_choice.h"
#include "ops/gemm_own.h"
#include "ops/offset_gemm.h"
#include "ops/self_test_probe.h"

tl_status tli_probe_gemm(tli_probe *p)
{
    return tli_gemm_measure_error(p->ctx, tli_gemm_own, &p->error);
}

/* Widths that are no multiple of a tile at any vector width, and more rows per offset than an inner block. */
enum { HEIGHT = 2, WIDTH = 3, TOKENS = HEIGHT * WIDTH + 1, BATCH = 23, INNER = 65, HEADS = 2, HEAD_DIM = 66 };
enum { OUT = HEADS * HEAD_DIM, MATRIX = INNER * OUT, ROWS = BATCH * HEADS * TOKENS * TOKENS };

/* Element e of the weights [batch][head][query][key]. */
typedef struct place {
    uint32_t b, head, i, j;
    const float *xi, *xj; /* rows of the query's and the key's input, INNER floats */
    const float *wq, *wk; /* the head's columns of their matrices */
    int32_t query, key;   /* numbers of the matrices */
} place;

static place place_of(const tli_geometry *g, uint32_t e, const float *xq, const float *xk, const float *wq,
                      const float *wk)
{
    place at = {.j = e % TOKENS,
                .i = e / TOKENS % TOKENS,
                .head = e / TOKENS / TOKENS % HEADS,
                .b = e / TOKENS / TOKENS / HEADS};
    at.query = tli_geometry_query_offset(g, at.i, at.j);
    at.key = tli_geometry_key_offset(g, at.i, at.j);
    at.xi = xq + (at.i * BATCH + at.b) * INNER;
    at.xj = xk + (at.j * BATCH + at.b) * INNER;
    at.wq = wq + at.query * MATRIX + at.head * HEAD_DIM;
    at.wk = wk + at.key * MATRIX + at.head * HEAD_DIM;
    return at;
}

/* Channel d of x W. */
static double probe_projected(const float *x, const float *w, int d)
{
    double sum = 0;
    for (int c = 0; c < INNER; c++) sum += (double)x[c] * (double)w[c * OUT + d];
    return sum;
}

/* dx += W u and dW += x^T u for one head's channels u. */
static void probe_spread(const float *x, const float *w, const double *u, double *dx, double *dw)
{
    for (int c = 0; c < INNER; c++)
        for (int d = 0; d < HEAD_DIM; d++) {
            dx[c] += (double)w[c * OUT + d] * u[d];
            dw[c * OUT + d] += (double)x[c] * u[d];
        }
}

typedef struct setting {
    tli_geometry geometry;
    tli_pair_table pairs;
    tli_offset_gemm r;
    uint64_t offsets;
    tli_probe_array *x[2], *w[2], *dx[2], *dw[2], *values, *rows, *work;
    double *want_rows, *want_dx[2], *want_dw[2];
} setting;

static tl_status probe_make(tli_probe *p, setting *s)
{
    for (int side = 0; side < 2; side++) {
        TLI_TRY(tli_probe_make(p, 1, TOKENS * BATCH * INNER, true, &s->x[side]));
        TLI_TRY(tli_probe_make(p, s->offsets, MATRIX, true, &s->w[side]));
        TLI_TRY(tli_probe_make(p, 1, TOKENS * BATCH * INNER, false, &s->dx[side]));
        TLI_TRY(tli_probe_make(p, s->offsets, MATRIX, false, &s->dw[side]));
        TLI_TRY(tli_probe_expect(p, TOKENS * BATCH * INNER, &s->want_dx[side]));
        TLI_TRY(tli_probe_expect(p, s->offsets * MATRIX, &s->want_dw[side]));
    }
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &s->values));
    TLI_TRY(tli_probe_make(p, 1, ROWS, true, &s->rows));
    const uint64_t most = tli_offset_gemm_workspace(s->pairs.count, s->pairs.largest, BATCH, INNER, HEADS,
                                                    HEAD_DIM, false);
    TLI_TRY(tli_probe_make(p, 1, most, false, &s->work));
    return tli_probe_expect(p, ROWS, &s->want_rows);
}

/* The logits and their gradient, with the weights in `rows`. */
static tl_status check_logits(tli_probe *p, setting *s)
{
    const tli_offset_rows none = {{0}, {0}};
    TLI_TRY(tli_rows_to_pairs(p->ctx, &s->pairs, BATCH, HEADS, s->rows->view, s->values->view));
    TLI_TRY(tli_offset_gemm_logits_backward(
        p->ctx, &s->r, s->x[0]->view, s->w[0]->tensor, s->x[1]->view, s->w[1]->tensor, s->values->view, none,
        s->dx[0]->view, s->dx[1]->view, s->dw[0]->tensor, s->dw[1]->tensor, s->work->view));
    TLI_TRY(tli_offset_gemm_logits(p->ctx, &s->r, s->x[0]->view, s->w[0]->tensor, s->x[1]->view,
                                   s->w[1]->tensor, 0.5f, s->values->view, none));
    for (uint32_t e = 0; e < ROWS; e++) {
        const place at = place_of(&s->geometry, e, s->x[0]->host, s->x[1]->host, s->w[0]->host,
                                  s->w[1]->host);
        double from_q[HEAD_DIM], from_k[HEAD_DIM], dot = 0;
        for (int d = 0; d < HEAD_DIM; d++) {
            const double q = probe_projected(at.xi, at.wq, d), k = probe_projected(at.xj, at.wk, d);
            dot += q * k;
            from_k[d] = (double)s->rows->host[e] * k;
            from_q[d] = (double)s->rows->host[e] * q;
        }
        s->want_rows[e] = 0.5 * dot;
        probe_spread(at.xi, at.wq, from_k, s->want_dx[0] + (at.i * BATCH + at.b) * INNER,
                     s->want_dw[0] + at.query * MATRIX + at.head * HEAD_DIM);
        probe_spread(at.xj, at.wk, from_q, s->want_dx[1] + (at.j * BATCH + at.b) * INNER,
                     s->want_dw[1] + at.key * MATRIX + at.head * HEAD_DIM);
    }
    TLI_TRY(tli_pairs_to_rows(p->ctx, &s->pairs, BATCH, HEADS, s->values->view, s->rows->view, false));
    TLI_TRY(tli_probe_compare(p, s->rows, s->want_rows, HEAD_DIM, INNER));
    for (int side = 0; side < 2; side++) {
        TLI_TRY(tli_probe_compare(p, s->dx[side], s->want_dx[side], TOKENS * OUT, INNER));
        TLI_TRY(tli_probe_compare(p, s->dw[side], s->want_dw[side], TOKENS * BATCH, INNER));
    }
    return TL_OK;
}

/* The values and their gradient, with the weights in `rows`; x[1] and w[1] are the value's. */
static tl_status check_values(tli_probe *p, setting *s)
{
    tli_probe_array *y, *dy, *dvalues;
    double *want_y;
    TLI_TRY(tli_probe_make(p, 1, TOKENS * BATCH * OUT, false, &y));
    TLI_TRY(tli_probe_make(p, 1, TOKENS * BATCH * OUT, true, &dy));
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &dvalues));
    TLI_TRY(tli_probe_expect(p, TOKENS * BATCH * OUT, &want_y));
    TLI_TRY(tli_rows_to_pairs(p->ctx, &s->pairs, BATCH, HEADS, s->rows->view, s->values->view));
    TLI_TRY(tli_offset_gemm_values(p->ctx, &s->r, s->x[1]->view, s->w[1]->tensor, s->values->view, y->view));
    TLI_TRY(tli_offset_gemm_values_backward(p->ctx, &s->r, s->x[1]->view, s->w[1]->tensor, s->values->view,
                                            dy->view, dvalues->view, s->dx[1]->view, s->dw[1]->tensor,
                                            s->work->view));
    for (uint32_t e = 0; e < ROWS; e++) {
        const place at = place_of(&s->geometry, e, s->x[0]->host, s->x[1]->host, s->w[0]->host,
                                  s->w[1]->host);
        const double weight = (double)s->rows->host[e];
        const uint32_t row = (at.i * BATCH + at.b) * OUT + at.head * HEAD_DIM;
        double u[HEAD_DIM];
        for (int d = 0; d < HEAD_DIM; d++) {
            const double value = probe_projected(at.xj, at.wk, d);
            want_y[row + d] += weight * value;
            s->want_rows[e] += (double)dy->host[row + d] * value;
            u[d] = weight * (double)dy->host[row + d];
        }
        probe_spread(at.xj, at.wk, u, s->want_dx[1] + (at.j * BATCH + at.b) * INNER,
                     s->want_dw[1] + at.key * MATRIX + at.head * HEAD_DIM);
    }
    TLI_TRY(tli_pairs_to_rows(p->ctx, &s->pairs, BATCH, HEADS, dvalues->view, s->rows->view, false));
    TLI_TRY(tli_probe_compare(p, y, want_y, TOKENS, INNER));
    TLI_TRY(tli_probe_compare(p, s->rows, s->want_rows, HEAD_DIM, INNER));
    TLI_TRY(tli_probe_compare(p, s->dx[1], s->want_dx[1], TOKENS * OUT, INNER));
    return tli_probe_compare(p, s->dw[1], s->want_dw[1], TOKENS * BATCH, INNER);
}

static tl_status check_pairs(tli_probe *p, tl_status (*check)(tli_probe *, setting *))
{
    setting s = {.geometry = {.kind = TLI_GRID, .depth = 1, .height = HEIGHT, .width = WIDTH, .cls = 1}};
    TLI_TRY(tli_pair_table_create(p->ctx, "self-test", &s.geometry, TOKENS, &s.pairs));
    s.r = (tli_offset_gemm){
        .pairs = &s.pairs, .batch = BATCH, .inner = INNER, .heads = HEADS, .head_dim = HEAD_DIM};
    s.offsets = tli_geometry_offsets(&s.geometry);
    tl_status status = probe_make(p, &s);
    if (status == TL_OK) status = check(p, &s);
    tli_pair_table_destroy(p->ctx, &s.pairs);
    return status;
}

tl_status tli_probe_offset_gemm(tli_probe *p)
{
    TLI_TRY(check_pairs(p, check_logits));
    tli_probe_free(p);
    return check_pairs(p, check_values);
}
