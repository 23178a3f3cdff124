/* Checks of the row and elementwise kernels. */
#include <math.h>

#include "ops/add.h"
#include "ops/clip.h"
#include "ops/columns.h"
#include "ops/gelu.h"
#include "ops/layernorm.h"
#include "ops/loss.h"
#include "ops/optimizer.h"
#include "ops/self_test_probe.h"
#include "ops/softmax.h"

/* Rows enough for several groups, longer than a group of 64 work-items times the widest vector, and of odd size. */
enum { ROWS = 11, CHANNELS = 1037, COUNT = ROWS * CHANNELS };

tl_status tl_probe_layernorm(tl_probe *p)
{
    tl_probe_array *x, *w, *b, *y, *stats, *dy, *dx, *dw, *db, *work;
    double *want_y, *want_dx, *want_dw, *want_db;
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &x));
    TL_TRY(tl_probe_make(p, 1, CHANNELS, true, &w));
    TL_TRY(tl_probe_make(p, 1, CHANNELS, true, &b));
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &dy));
    TL_TRY(tl_probe_make(p, 1, COUNT, false, &y));
    TL_TRY(tl_probe_make(p, 1, 2 * ROWS, false, &stats));
    TL_TRY(tl_probe_make(p, 1, COUNT, false, &dx));
    TL_TRY(tl_probe_make(p, 1, CHANNELS, false, &dw));
    TL_TRY(tl_probe_make(p, 1, CHANNELS, false, &db));
    TL_TRY(tl_probe_make(p, 1, tl_layernorm_workspace(ROWS, CHANNELS), false, &work));
    TL_TRY(tl_probe_expect(p, COUNT, &want_y));
    TL_TRY(tl_probe_expect(p, COUNT, &want_dx));
    TL_TRY(tl_probe_expect(p, CHANNELS, &want_dw));
    TL_TRY(tl_probe_expect(p, CHANNELS, &want_db));
    TL_TRY(tl_layernorm_forward(p->ctx, x->view, w->view, b->view, y->view, stats->view, ROWS, CHANNELS));
    TL_TRY(tl_layernorm_backward(p->ctx, dy->view, x->view, w->view, stats->view, dx->view, false, dw->view,
                                 db->view, work->view, ROWS, CHANNELS));
    for (int r = 0; r < ROWS; r++) {
        const float *xr = x->host + r * CHANNELS, *g = dy->host + r * CHANNELS;
        double mean = 0, variance = 0, mean_g = 0, mean_gx = 0;
        for (int c = 0; c < CHANNELS; c++) mean += (double)xr[c] / CHANNELS;
        for (int c = 0; c < CHANNELS; c++) variance += pow((double)xr[c] - mean, 2) / CHANNELS;
        const double rstd = 1 / sqrt(variance + 1e-5);
        for (int c = 0; c < CHANNELS; c++) {
            const double normal = ((double)xr[c] - mean) * rstd, gw = (double)g[c] * (double)w->host[c];
            want_y[r * CHANNELS + c] = normal * (double)w->host[c] + (double)b->host[c];
            mean_g += gw / CHANNELS;
            mean_gx += gw * normal / CHANNELS;
            want_dw[c] += (double)g[c] * normal;
            want_db[c] += (double)g[c];
        }
        for (int c = 0; c < CHANNELS; c++)
            want_dx[r * CHANNELS + c] = rstd * ((double)g[c] * (double)w->host[c] - mean_g -
                                                ((double)xr[c] - mean) * rstd * mean_gx);
    }
    TL_TRY(tl_probe_compare(p, y, want_y, 1, 4));
    TL_TRY(tl_probe_compare(p, dx, want_dx, 1, 4));
    TL_TRY(tl_probe_compare(p, dw, want_dw, ROWS, 4));
    return tl_probe_compare(p, db, want_db, ROWS, 4);
}

tl_status tl_probe_softmax(tl_probe *p)
{
    tl_probe_array *a, *d;
    double *want, *want_d;
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &a));
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &d));
    TL_TRY(tl_probe_expect(p, COUNT, &want));
    TL_TRY(tl_probe_expect(p, COUNT, &want_d));
    const float scale = 0.5f;
    TL_TRY(tl_softmax_forward(p->ctx, a->view, ROWS, ROWS, CHANNELS, 1000));
    TL_TRY(tl_softmax_backward(p->ctx, a->view, d->view, ROWS, ROWS, CHANNELS, 1000, scale));
    for (int r = 0; r < ROWS; r++) {
        const int keys = 1000 + r;
        const float *ar = a->host + r * CHANNELS, *dr = d->host + r * CHANNELS;
        double *pr = want + r * CHANNELS, sum = 0, mean = 0;
        for (int c = 0; c < keys; c++) sum += exp((double)ar[c]);
        for (int c = 0; c < keys; c++) mean += (pr[c] = exp((double)ar[c]) / sum) * (double)dr[c];
        for (int c = 0; c < keys; c++)
            want_d[r * CHANNELS + c] = (double)scale * pr[c] * ((double)dr[c] - mean);
    }
    TL_TRY(tl_probe_compare(p, a, want, 1, 0.01));
    return tl_probe_compare(p, d, want_d, 1, 0.01);
}

tl_status tl_probe_loss(tl_probe *p)
{
    tl_probe_array *a, *targets, *losses, *ranks, *d, *total;
    double *want, *want_d, *want_total;
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &a));
    TL_TRY(tl_probe_make(p, 1, ROWS, false, &targets));
    TL_TRY(tl_probe_make(p, 1, ROWS, false, &losses));
    TL_TRY(tl_probe_make(p, 1, ROWS, false, &ranks));
    TL_TRY(tl_probe_make(p, 1, COUNT, false, &d));
    TL_TRY(tl_probe_make(p, 1, 1, false, &total));
    TL_TRY(tl_probe_expect(p, ROWS, &want));
    TL_TRY(tl_probe_expect(p, COUNT, &want_d));
    TL_TRY(tl_probe_expect(p, 1, &want_total));
    int32_t target[ROWS];
    for (int r = 0; r < ROWS; r++) target[r] = r * 97;
    TL_TRY(tl_tensor_write(p->ctx, targets->tensor, 0, ROWS, target));
    TL_TRY(tl_cross_entropy(p->ctx, a->view, targets->view, losses->view, ranks->view, d->view, 0.5f, ROWS,
                            CHANNELS));
    TL_TRY(tl_sum(p->ctx, a->view, COUNT, 0.5f, total->view));
    for (int r = 0; r < ROWS; r++) {
        const float *ar = a->host + r * CHANNELS;
        double sum = 0;
        for (int c = 0; c < CHANNELS; c++) sum += exp((double)ar[c]);
        want[r] = log(sum) - (double)ar[target[r]];
        for (int c = 0; c < CHANNELS; c++) {
            want_d[r * CHANNELS + c] = 0.5 * (exp((double)ar[c]) / sum - (c == target[r]));
            want_total[0] += 0.5 * (double)ar[c];
        }
    }
    TL_TRY(tl_probe_compare(p, losses, want, 1, 1));
    TL_TRY(tl_probe_compare(p, d, want_d, 1, 0.01));
    return tl_probe_compare(p, total, want_total, COUNT, 1);
}

tl_status tl_probe_gelu(tl_probe *p)
{
    tl_probe_array *x, *y, *dy, *dx;
    double *want_y, *want_dx;
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &x));
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &dy));
    TL_TRY(tl_probe_make(p, 1, COUNT, false, &y));
    TL_TRY(tl_probe_make(p, 1, COUNT, false, &dx));
    TL_TRY(tl_probe_expect(p, COUNT, &want_y));
    TL_TRY(tl_probe_expect(p, COUNT, &want_dx));
    TL_TRY(tl_gelu_forward(p->ctx, x->view, y->view, COUNT));
    TL_TRY(tl_gelu_backward(p->ctx, x->view, dy->view, dx->view, COUNT));
    for (int i = 0; i < COUNT; i++) {
        const double v = (double)x->host[i], cumulative = 0.5 * erfc(-v * sqrt(0.5));
        want_y[i] = v * cumulative;
        want_dx[i] = (double)dy->host[i] * (cumulative + v * 0.3989422804014327 * exp(-0.5 * v * v));
    }
    TL_TRY(tl_probe_compare(p, y, want_y, 1, 1));
    return tl_probe_compare(p, dx, want_dx, 1, 1);
}

/* Two steps of one optimizer. State is compared to within rounding of its largest element. */
static tl_status probe_optimizer(tl_probe *p, const optimizer_rule *rule)
{
    tl_probe_array *value, *gradient, *state[OPTIMIZER_MOST_SLOTS], *workspace;
    double *want, *want_state[OPTIMIZER_MOST_SLOTS], largest[OPTIMIZER_MOST_SLOTS] = {0};
    optimizer_target target = {0};
    optimizer_settings s = {.lr = 0.01f,
                            .beta1 = 0.875f,
                            .beta2 = 0.984375f,
                            .eps = 1e-3f,
                            .weight_decay = 0.1f,
                            .gradient_scale = 0.5f};
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &value));
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &gradient));
    TL_TRY(tl_probe_make(p, 1, optimizer_workspace(rule, COUNT) + 1, false, &workspace));
    TL_TRY(tl_probe_expect(p, COUNT, &want));
    for (int k = 0; k < rule->slots; k++) {
        TL_TRY(tl_probe_make(p, 1, COUNT, false, &state[k]));
        TL_TRY(tl_probe_expect(p, COUNT, &want_state[k]));
        target.state[k] = state[k]->tensor;
    }
    target.value = value->tensor;
    target.gradient = gradient->tensor;
    target.workspace = workspace->view;
    for (int i = 0; i < COUNT; i++) want[i] = (double)value->host[i];
    for (s.step = 1; s.step <= 2; s.step++) {
        TL_TRY(optimizer_step(p->ctx, rule, &target, &s));
        for (int i = 0; i < COUNT; i++) {
            double element[OPTIMIZER_MOST_SLOTS] = {0};
            for (int k = 0; k < rule->slots; k++) element[k] = want_state[k][i];
            rule->plain(&s, &want[i], (double)(gradient->host[i] * s.gradient_scale), element);
            for (int k = 0; k < rule->slots; k++) {
                want_state[k][i] = element[k];
                largest[k] = fmax(largest[k], fabs(element[k]));
            }
        }
    }
    TL_TRY(tl_probe_compare(p, value, want, 1, 1));
    for (int k = 0; k < rule->slots; k++)
        TL_TRY(tl_probe_compare(p, state[k], want_state[k], 1, 0.1 * largest[k]));
    return TL_OK;
}

tl_status tl_probe_optimizer(tl_probe *p)
{
    const optimizer_rule *rule;
    for (int kind = 0; (rule = optimizer_rule_of((tl_optimizer)kind)) != NULL; kind++) {
        TL_TRY(probe_optimizer(p, rule));
        tl_probe_free(p);
    }
    return TL_OK;
}

tl_status tl_probe_clip(tl_probe *p)
{
    tl_probe_array *g, *partial, *loss, *verdict;
    double *want, sum = 0;
    const uint64_t pieces = tl_squares_count(COUNT);
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &g));
    TL_TRY(tl_probe_make(p, 1, pieces, false, &partial));
    TL_TRY(tl_probe_make(p, 1, 1, true, &loss));
    TL_TRY(tl_probe_make(p, 1, 2, false, &verdict));
    TL_TRY(tl_probe_expect(p, 2, &want));
    TL_TRY(tl_squares(p->ctx, g->view, COUNT, partial->view));
    TL_TRY(tl_clip_verdict(p->ctx, partial->view, (uint32_t)pieces, loss->view, 2.0f, verdict->view));
    for (int i = 0; i < COUNT; i++) sum += (double)g->host[i] * (double)g->host[i];
    want[0] = 2 / (sqrt(sum) + 1e-6);
    want[1] = (double)pieces;
    return tl_probe_compare(p, verdict, want, 4, 0.001);
}

tl_status tl_probe_columns(tl_probe *p)
{
    tl_probe_array *x, *sums, *work;
    double *want;
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &x));
    TL_TRY(tl_probe_make(p, 1, ROWS, false, &sums));
    TL_TRY(tl_probe_make(p, 1, tl_columns_workspace(CHANNELS, ROWS), false, &work));
    TL_TRY(tl_probe_expect(p, ROWS, &want));
    TL_TRY(tl_columns_sum(p->ctx, x->view, ROWS, sums->view, work->view, CHANNELS, ROWS));
    for (int i = 0; i < COUNT; i++) want[i % ROWS] += (double)x->host[i];
    return tl_probe_compare(p, sums, want, CHANNELS, 1);
}

tl_status tl_probe_add(tl_probe *p)
{
    tl_probe_array *a, *b, *y;
    double *want;
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &a));
    TL_TRY(tl_probe_make(p, 1, COUNT, true, &b));
    TL_TRY(tl_probe_make(p, 1, COUNT, false, &y));
    TL_TRY(tl_probe_expect(p, COUNT, &want));
    TL_TRY(tl_add(p->ctx, a->view, b->view, y->view, COUNT));
    for (int i = 0; i < COUNT; i++) want[i] = (double)a->host[i] + (double)b->host[i];
    return tl_probe_compare(p, y, want, 1, 1);
}
