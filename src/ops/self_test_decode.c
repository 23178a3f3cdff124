/* Self-tests of the kernels for one row. */
#include <math.h>

#include "ops/decode_attention.h"
#include "ops/gemv.h"
#include "ops/offset_gemm.h"
#include "ops/self_test_probe.h"

/* Several work-groups; rows of the weights further apart than they are long. */
enum { RESULTS = 203, PAD = 3 };

static double probe_gelu(double x)
{
    return 0.5 * x * erfc(-x * sqrt(0.5));
}

/* Row x after LayerNorm, or as it is. */
static void probe_normed(const tli_probe_array *x, const tli_probe_array *weight, const tli_probe_array *bias,
                         double *out)
{
    const double n = (double)x->count;
    double mean = 0, variance = 0;
    for (uint64_t c = 0; c < x->count; c++) mean += (double)x->host[c] / n;
    for (uint64_t c = 0; c < x->count; c++) variance += pow((double)x->host[c] - mean, 2) / n;
    for (uint64_t c = 0; c < x->count; c++)
        out[c] = weight == NULL
                     ? (double)x->host[c]
                     : ((double)x->host[c] - mean) / sqrt(variance + 1e-5) * (double)weight->host[c] +
                           (double)bias->host[c];
}

/* With everything that may stand beside the product, or without. The residual is what the result is added to, in place, as in a model: a
 * kernel that does a part twice shows there. */
static tl_status check_gemv(tli_probe *p, uint32_t k, bool extras)
{
    tli_probe_array *x, *w, *norm_weight, *norm_bias, *bias, *residual, *y;
    double *row, *want;
    TLI_TRY(tli_probe_make(p, 1, k, true, &x));
    TLI_TRY(tli_probe_make(p, RESULTS, k + PAD, true, &w));
    TLI_TRY(tli_probe_make(p, 1, k, true, &norm_weight));
    TLI_TRY(tli_probe_make(p, 1, k, true, &norm_bias));
    TLI_TRY(tli_probe_make(p, 1, RESULTS, true, &bias));
    TLI_TRY(tli_probe_make(p, 1, RESULTS, true, &residual));
    TLI_TRY(tli_probe_make(p, 1, RESULTS, false, &y));
    TLI_TRY(tli_probe_expect(p, k, &row));
    TLI_TRY(tli_probe_expect(p, RESULTS, &want));
    tli_gemv_args g = {.n = RESULTS,
                       .k = k,
                       .ld = k + PAD,
                       .x = x->view,
                       .weight = w->view,
                       .y = extras ? residual->view : y->view,
                       .alpha = 0.5f,
                       .gelu = extras};
    if (extras) {
        g.norm_weight = norm_weight->view, g.norm_bias = norm_bias->view;
        g.bias = bias->view, g.residual = residual->view;
    }
    TLI_TRY(tli_gemv(p->ctx, &g));
    probe_normed(x, extras ? norm_weight : NULL, norm_bias, row);
    for (int j = 0; j < RESULTS; j++) {
        for (uint32_t c = 0; c < k; c++)
            want[j] += 0.5 * row[c] * (double)w->host[(uint64_t)j * (k + PAD) + c];
        if (extras) want[j] = probe_gelu(want[j] + (double)bias->host[j]) + (double)residual->host[j];
    }
    return tli_probe_compare(p, extras ? residual : y, want, k, 4);
}

tl_status tli_probe_gemv(tli_probe *p)
{
    /* several rounds and a few vectors, with a rest behind; vectors alone; a rest alone */
    static const uint32_t lengths[] = {1037, 37, 64, 3};
    for (int i = 0; i < 8; i++) {
        TLI_TRY(check_gemv(p, lengths[i / 2], i % 2 != 0));
        tli_probe_free(p);
    }
    return TL_OK;
}

/* The newest of so many tokens, and tables for more of them; several work-groups' offsets, no multiple of a vector. */
enum { KEYS = 21, MOST_KEYS = 23, INNER = 26, HEADS = 2, HEAD_DIM = 19, WIDTH = HEADS * HEAD_DIM };

/* Channel d of row x by matrix m. */
static double decoded(const float *x, const float *m, uint32_t d)
{
    double sum = 0;
    for (uint32_t c = 0; c < INNER; c++) sum += (double)x[c] * (double)m[c * WIDTH + d];
    return sum;
}

static tl_status check_decoding(tli_probe *p, const tli_geometry *geometry, const tli_pair_table *pairs)
{
    const tli_offset_gemm r = {
        .pairs = pairs, .batch = 1, .inner = INNER, .heads = HEADS, .head_dim = HEAD_DIM, .decodes = true};
    const uint64_t matrix = (uint64_t)INNER * WIDTH;
    tli_probe_array *x, *wq, *wk, *weights, *rows, *y, *work;
    double *want_rows, *want_y;
    TLI_TRY(tli_probe_make(p, KEYS, INNER, true, &x));
    TLI_TRY(tli_probe_make(p, MOST_KEYS, matrix, true, &wq));
    TLI_TRY(tli_probe_make(p, MOST_KEYS, matrix, true, &wk));
    TLI_TRY(tli_probe_make(p, HEADS, KEYS, false, &weights));
    TLI_TRY(tli_probe_make(p, HEADS, KEYS, true, &rows));
    TLI_TRY(tli_probe_make(p, 1, WIDTH, true, &y));
    TLI_TRY(tli_probe_make(
        p, 1, tli_offset_gemm_workspace(0, KEYS, KEYS, pairs->largest, 1, INNER, HEADS, HEAD_DIM, false),
        false, &work));
    TLI_TRY(tli_probe_expect(p, HEADS * KEYS, &want_rows));
    TLI_TRY(tli_probe_expect(p, WIDTH, &want_y));
    TLI_TRY(tli_rows_to_pairs(p->ctx, pairs, 1, HEADS, rows->view, weights->view));
    TLI_TRY(tli_offset_gemm_values(p->ctx, &r, x->view, wk->tensor, weights->view, y->view, work->view));
    for (uint32_t d = 0; d < WIDTH; d++) want_y[d] = (double)y->host[d];
    for (uint32_t j = 0; j < KEYS; j++) {
        const float *xi = x->host + (KEYS - 1) * INNER, *xj = x->host + j * INNER,
                    *mq = wq->host + (uint64_t)tli_geometry_query_offset(geometry, 0, j) * matrix,
                    *mk = wk->host + (uint64_t)tli_geometry_key_offset(geometry, 0, j) * matrix;
        for (uint32_t d = 0; d < WIDTH; d++) {
            const double k = decoded(xj, mk, d);
            const uint32_t at = d / HEAD_DIM * KEYS + j;
            want_rows[at] += 0.5 * decoded(xi, mq, d) * k;
            want_y[d] += (double)rows->host[at] * k;
        }
    }
    TLI_TRY(tli_probe_compare(p, y, want_y, KEYS, INNER));
    TLI_TRY(tli_offset_gemm_logits(p->ctx, &r, tli_view_add(x->view, (KEYS - 1) * INNER), wq->tensor, x->view,
                                   wk->tensor, 0.5f, weights->view, (tli_offset_rows){{0}, {0}}, work->view));
    TLI_TRY(tli_pairs_to_rows(p->ctx, pairs, 1, HEADS, weights->view, rows->view, false));
    return tli_probe_compare(p, rows, want_rows, HEAD_DIM, INNER);
}

tl_status tli_probe_decoding(tli_probe *p)
{
    const tli_geometry geometry = {.kind = TLI_CAUSAL,
                                   .depth = 1,
                                   .height = 1,
                                   .width = KEYS,
                                   .max_length = MOST_KEYS,
                                   .first = KEYS - 1};
    tli_pair_table pairs;
    TLI_TRY(tli_pair_table_create(p->ctx, "self-test", &geometry, 1, &pairs));
    const tl_status status = check_decoding(p, &geometry, &pairs);
    tli_pair_table_destroy(p->ctx, &pairs);
    return status;
}

/* Two samples of several heads, which are no multiple of a vector; with logits to add to, or without. */
static tl_status check_attention(tli_probe *p, uint32_t keys, uint32_t head_dim, bool adds)
{
    enum { BATCH = 2, PACKED = 3 };
    const uint32_t width = HEADS * head_dim, stride = PACKED * width;
    const tli_attention a = {.queries = 1,
                             .keys = keys,
                             .batch = BATCH,
                             .heads = HEADS,
                             .head_dim = head_dim,
                             .stride = stride,
                             .q = (uint64_t)(keys - 1) * BATCH * stride,
                             .k = width,
                             .v = 2ull * width};
    const double scale = 0.25, output_scale = 0.5;
    tli_probe_array *qkv, *weights, *o;
    double *want, *want_o;
    TLI_TRY(tli_probe_make(p, keys, (uint64_t)BATCH * stride, true, &qkv));
    TLI_TRY(tli_probe_make(p, BATCH * HEADS, keys, true, &weights));
    TLI_TRY(tli_probe_make(p, BATCH, width, false, &o));
    TLI_TRY(tli_probe_expect(p, (uint64_t)BATCH * HEADS * keys, &want));
    TLI_TRY(tli_probe_expect(p, (uint64_t)BATCH * width, &want_o));
    TLI_TRY(tli_decode_attention(p->ctx, &a, qkv->view, (float)scale, adds, (float)output_scale,
                                 weights->view, o->view));
    for (uint32_t row = 0; row < BATCH * HEADS; row++) {
        const float *of_head = qkv->host + (uint64_t)(row / HEADS) * stride + row % HEADS * head_dim;
        double sum = 0;
        for (uint32_t j = 0; j < keys; j++) {
            const float *k = of_head + a.k + (uint64_t)j * BATCH * stride;
            double logit = adds ? (double)weights->host[row * keys + j] : 0;
            for (uint32_t c = 0; c < head_dim; c++) logit += scale * (double)of_head[a.q + c] * (double)k[c];
            sum += want[row * keys + j] = exp(logit);
        }
        for (uint32_t j = 0; j < keys; j++) {
            const float *v = of_head + a.v + (uint64_t)j * BATCH * stride;
            want[row * keys + j] /= sum;
            for (uint32_t c = 0; c < head_dim; c++)
                want_o[row * head_dim + c] += output_scale * want[row * keys + j] * (double)v[c];
        }
    }
    TLI_TRY(tli_probe_compare(p, weights, want, head_dim, 1));
    return tli_probe_compare(p, o, want_o, head_dim, 4);
}

tl_status tli_probe_decode_attention(tli_probe *p)
{
    static const uint32_t keys[] = {1, 37, 301}, channels[] = {5, 32, 70};
    for (int i = 0; i < 6; i++) {
        TLI_TRY(check_attention(p, keys[i / 2], channels[i / 2], i % 2 != 0));
        tli_probe_free(p);
    }
    return TL_OK;
}
