/* Self-tests of the kernels for one row. */
#include <math.h>

#include "ops/gemv.h"
#include "ops/self_test_probe.h"

/* Several work-groups, no multiple of a vector; rows of the weights further apart than they are long. */
enum { RESULTS = 203, LONG = 1037, SHORT = 37, PAD = 3 };

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

/* With everything that may stand beside the product, or without. */
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
                       .y = y->view,
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
    return tli_probe_compare(p, y, want, k, 4);
}

tl_status tli_probe_gemv(tli_probe *p)
{
    static const uint32_t lengths[] = {LONG, SHORT};
    for (int i = 0; i < 4; i++) {
        TLI_TRY(check_gemv(p, lengths[i / 2], i % 2 != 0));
        tli_probe_free(p);
    }
    return TL_OK;
}
