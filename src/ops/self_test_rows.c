/* Self-tests of the row and elementwise kernels. */
#include <math.h>

#include "ops/add.h"
#include "ops/clip.h"
#include "ops/column_sum.h"
#include "ops/gelu.h"
#include "ops/layernorm.h"
#include "ops/loss.h"
#include "ops/optimizer.h"
#include "ops/self_test_probe.h"
#include "ops/softmax.h"

/* Long rows: enough for several work-groups, longer than 64 work-items times the widest vector, odd. Short
 * rows: several per GPU work-group. */
enum { ROWS = 11, CHANNELS = 1037, COUNT = ROWS * CHANNELS, SHORT = 37 };

static tl_status check_layernorm(tli_probe *p, int channels)
{
    const int count = ROWS * channels;
    tli_probe_array *x, *w, *b, *y, *stats, *dy, *dx, *dw, *db, *work;
    double *want_y, *want_dx, *want_dw, *want_db;
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, true, &x));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)channels, true, &w));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)channels, true, &b));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, true, &dy));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, false, &y));
    TLI_TRY(tli_probe_make(p, 1, 2 * ROWS, false, &stats));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, false, &dx));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)channels, false, &dw));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)channels, false, &db));
    TLI_TRY(tli_probe_make(p, 1, tli_layernorm_workspace(ROWS, (uint32_t)channels), false, &work));
    TLI_TRY(tli_probe_expect(p, (uint64_t)count, &want_y));
    TLI_TRY(tli_probe_expect(p, (uint64_t)count, &want_dx));
    TLI_TRY(tli_probe_expect(p, (uint64_t)channels, &want_dw));
    TLI_TRY(tli_probe_expect(p, (uint64_t)channels, &want_db));
    TLI_TRY(tli_layernorm_forward(p->ctx, x->view, w->view, b->view, y->view, stats->view, ROWS,
                                  (uint32_t)channels));
    TLI_TRY(tli_layernorm_backward(p->ctx, dy->view, x->view, w->view, stats->view, dx->view, false, dw->view,
                                   db->view, work->view, ROWS, (uint32_t)channels));
    for (int r = 0; r < ROWS; r++) {
        const float *xr = x->host + r * channels, *g = dy->host + r * channels;
        double mean = 0, variance = 0, mean_g = 0, mean_gx = 0;
        for (int c = 0; c < channels; c++) mean += (double)xr[c] / channels;
        for (int c = 0; c < channels; c++) variance += pow((double)xr[c] - mean, 2) / channels;
        const double rstd = 1 / sqrt(variance + 1e-5);
        for (int c = 0; c < channels; c++) {
            const double normal = ((double)xr[c] - mean) * rstd, gw = (double)g[c] * (double)w->host[c];
            want_y[r * channels + c] = normal * (double)w->host[c] + (double)b->host[c];
            mean_g += gw / channels;
            mean_gx += gw * normal / channels;
            want_dw[c] += (double)g[c] * normal;
            want_db[c] += (double)g[c];
        }
        for (int c = 0; c < channels; c++)
            want_dx[r * channels + c] = rstd * ((double)g[c] * (double)w->host[c] - mean_g -
                                                ((double)xr[c] - mean) * rstd * mean_gx);
    }
    TLI_TRY(tli_probe_compare(p, y, want_y, 1, 4));
    TLI_TRY(tli_probe_compare(p, dx, want_dx, 1, 4));
    TLI_TRY(tli_probe_compare(p, dw, want_dw, ROWS, 4));
    return tli_probe_compare(p, db, want_db, ROWS, 4);
}

tl_status tli_probe_layernorm(tli_probe *p)
{
    TLI_TRY(check_layernorm(p, CHANNELS));
    tli_probe_free(p);
    return check_layernorm(p, SHORT);
}

static tl_status check_softmax(tli_probe *p, int channels)
{
    const int count = ROWS * channels;
    tli_probe_array *a, *d;
    double *want, *want_d;
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, true, &a));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, true, &d));
    TLI_TRY(tli_probe_expect(p, (uint64_t)count, &want));
    TLI_TRY(tli_probe_expect(p, (uint64_t)count, &want_d));
    const float scale = 0.5f;
    TLI_TRY(
        tli_softmax_forward(p->ctx, a->view, ROWS, ROWS, (uint32_t)channels, (uint32_t)channels - SHORT + 3));
    TLI_TRY(tli_softmax_backward(p->ctx, a->view, d->view, ROWS, ROWS, (uint32_t)channels,
                                 (uint32_t)channels - SHORT + 3, scale));
    for (int r = 0; r < ROWS; r++) {
        const int keys = channels - SHORT + 3 + r;
        const float *ar = a->host + r * channels, *dr = d->host + r * channels;
        double *pr = want + r * channels, sum = 0, mean = 0;
        for (int c = 0; c < keys; c++) sum += exp((double)ar[c]);
        for (int c = 0; c < keys; c++) mean += (pr[c] = exp((double)ar[c]) / sum) * (double)dr[c];
        for (int c = 0; c < keys; c++)
            want_d[r * channels + c] = (double)scale * pr[c] * ((double)dr[c] - mean);
    }
    TLI_TRY(tli_probe_compare(p, a, want, 1, 0.01));
    return tli_probe_compare(p, d, want_d, 1, 0.01);
}

tl_status tli_probe_softmax(tli_probe *p)
{
    TLI_TRY(check_softmax(p, CHANNELS));
    tli_probe_free(p);
    return check_softmax(p, SHORT);
}

static tl_status check_ranks(tli_probe *p, const tli_probe_array *a, const tli_probe_array *ranks,
                             const int32_t *target, int channels)
{
    int32_t got[ROWS];
    TLI_TRY(tl_tensor_read(p->ctx, ranks->tensor, 0, ROWS, got));
    for (int r = 0; r < ROWS; r++) {
        const float *ar = a->host + r * channels;
        int32_t ahead = 0;
        for (int c = 0; c < channels; c++) {
            const bool first = c < target[r];
            ahead += first ? ar[c] >= ar[target[r]] : ar[c] > ar[target[r]];
        }
        if (got[r] != ahead) tli_probe_count(p, INFINITY);
    }
    return TL_OK;
}

/* Of a row of at least one channel. */
static double sum_of_exponentials(const float *row, int channels)
{
    double sum = exp((double)row[0]);
    for (int c = 1; c < channels; c++) sum += exp((double)row[c]);
    return sum;
}

/* Soft targets, two classes per row. */
static tl_status check_soft_loss(tli_probe *p, int channels)
{
    tli_probe_array *a, *soft, *losses, *ranks, *d;
    double *want, *want_d;
    const uint64_t count = (uint64_t)ROWS * (uint64_t)channels;
    TLI_TRY(tli_probe_make(p, 1, count, true, &a));
    TLI_TRY(tli_probe_make(p, 1, count, false, &soft));
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &losses));
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &ranks));
    TLI_TRY(tli_probe_make(p, 1, count, false, &d));
    TLI_TRY(tli_probe_expect(p, ROWS, &want));
    TLI_TRY(tli_probe_expect(p, count, &want_d));
    for (int r = 0; r < ROWS; r++) {
        soft->host[r * channels + r] = 0.25f;
        soft->host[r * channels + channels - 1 - r] = 0.75f;
    }
    TLI_TRY(tli_probe_write(p, soft, soft->host));
    TLI_TRY(tli_cross_entropy_soft(p->ctx, a->view, soft->view, losses->view, ranks->view, d->view, 0.5f,
                                   ROWS, (uint32_t)channels));
    for (int r = 0; r < ROWS; r++) {
        const float *ar = a->host + r * channels, *sr = soft->host + r * channels;
        const double sum = sum_of_exponentials(ar, channels);
        want[r] = log(sum);
        for (int c = 0; c < channels; c++) {
            want[r] -= (double)sr[c] * (double)ar[c];
            want_d[r * channels + c] = 0.5 * (exp((double)ar[c]) / sum - (double)sr[c]);
        }
    }
    TLI_TRY(tli_probe_compare(p, losses, want, 1, 1));
    return tli_probe_compare(p, d, want_d, 1, 0.01);
}

static tl_status check_loss(tli_probe *p, int channels)
{
    const int count = ROWS * channels;
    tli_probe_array *a, *targets, *losses, *ranks, *d, *total;
    double *want, *want_d, *want_total;
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, true, &a));
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &targets));
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &losses));
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &ranks));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, false, &d));
    TLI_TRY(tli_probe_make(p, 1, 1, false, &total));
    TLI_TRY(tli_probe_expect(p, ROWS, &want));
    TLI_TRY(tli_probe_expect(p, (uint64_t)count, &want_d));
    TLI_TRY(tli_probe_expect(p, 1, &want_total));
    int32_t target[ROWS];
    for (int r = 0; r < ROWS; r++) target[r] = r * 97 % channels;
    TLI_TRY(tl_tensor_write(p->ctx, targets->tensor, 0, ROWS, target));
    TLI_TRY(tli_cross_entropy(p->ctx, a->view, targets->view, losses->view, ranks->view, d->view, 0.5f, ROWS,
                              channels));
    TLI_TRY(tli_sum(p->ctx, a->view, (uint64_t)count, 0.5f, total->view));
    for (int r = 0; r < ROWS; r++) {
        const float *ar = a->host + r * channels;
        const double sum = sum_of_exponentials(ar, channels);
        want[r] = log(sum) - (double)ar[target[r]];
        for (int c = 0; c < channels; c++) {
            want_d[r * channels + c] = 0.5 * (exp((double)ar[c]) / sum - (c == target[r]));
            want_total[0] += 0.5 * (double)ar[c];
        }
    }
    TLI_TRY(tli_probe_compare(p, losses, want, 1, 1));
    TLI_TRY(tli_probe_compare(p, d, want_d, 1, 0.01));
    TLI_TRY(tli_probe_compare(p, total, want_total, count, 1));
    TLI_TRY(check_ranks(p, a, ranks, target, channels));
    return check_soft_loss(p, channels);
}

tl_status tli_probe_loss(tli_probe *p)
{
    TLI_TRY(check_loss(p, CHANNELS));
    tli_probe_free(p);
    return check_loss(p, SHORT);
}

tl_status tli_probe_gelu(tli_probe *p)
{
    tli_probe_array *x, *y, *again;
    double *want_y, *want_slope;
    TLI_TRY(tli_probe_make(p, 1, COUNT, true, &x));
    TLI_TRY(tli_probe_make(p, 1, COUNT, false, &y));
    TLI_TRY(tli_probe_make(p, 1, COUNT, false, &again));
    TLI_TRY(tli_probe_expect(p, COUNT, &want_y));
    TLI_TRY(tli_probe_expect(p, COUNT, &want_slope));
    TLI_TRY(tli_gelu_forward(p->ctx, x->view, y->view, COUNT));
    TLI_TRY(tli_gelu_slope(p->ctx, x->view, again->view, COUNT));
    for (int i = 0; i < COUNT; i++) {
        const double v = (double)x->host[i], cumulative = 0.5 * erfc(-v * sqrt(0.5));
        want_y[i] = v * cumulative;
        want_slope[i] = cumulative + v * 0.3989422804014327 * exp(-0.5 * v * v);
    }
    TLI_TRY(tli_probe_compare(p, y, want_y, 1, 1));
    TLI_TRY(tli_probe_compare(p, again, want_y, 1, 1));
    return tli_probe_compare(p, x, want_slope, 1, 1);
}

/* A parameter that the optimizer's probe steps. */
typedef struct stepped {
    int count;
    tli_probe_array *value, *gradient, *state[OPTIMIZER_MAX_SLOTS];
    double *want, *want_state[OPTIMIZER_MAX_SLOTS], largest[OPTIMIZER_MAX_SLOTS];
    optimizer_settings settings; /* its own weight decay */
} stepped;

static tl_status make_stepped(tli_probe *p, const optimizer_rule *rule, int count, tli_view workspace,
                              optimizer_target *target, stepped *t)
{
    t->count = count;
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, true, &t->value));
    TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, true, &t->gradient));
    TLI_TRY(tli_probe_expect(p, (uint64_t)count, &t->want));
    for (int i = 0; i < count; i++) t->want[i] = (double)t->value->host[i];
    *target = (optimizer_target){.value = t->value->tensor,
                                 .gradient = t->gradient->tensor,
                                 .workspace = workspace,
                                 .undecayed = t->settings.weight_decay == 0.0f};
    for (int k = 0; k < rule->slots; k++) {
        TLI_TRY(tli_probe_make(p, 1, (uint64_t)count, false, &t->state[k]));
        TLI_TRY(tli_probe_expect(p, (uint64_t)count, &t->want_state[k]));
        target->state[k] = t->state[k]->tensor;
    }
    return TL_OK;
}

static void step_plainly(const optimizer_rule *rule, stepped *t)
{
    for (int i = 0; i < t->count; i++) {
        double element[OPTIMIZER_MAX_SLOTS] = {0};
        for (int k = 0; k < rule->slots; k++) element[k] = t->want_state[k][i];
        rule->plain(&t->settings, &t->want[i], (double)(t->gradient->host[i] * t->settings.gradient_scale),
                    element);
        for (int k = 0; k < rule->slots; k++) {
            t->want_state[k][i] = element[k];
            t->largest[k] = fmax(t->largest[k], fabs(element[k]));
        }
    }
}

/* Two steps of one optimizer for two parameters at once, then one that is skipped and must change nothing. State is compared
 * relative to its largest element. */
static tl_status probe_optimizer(tli_probe *p, const optimizer_rule *rule)
{
    enum { PARAMETERS = 2 };
    tli_probe_array *workspace, *skip;
    stepped t[PARAMETERS] = {0};
    optimizer_target targets[PARAMETERS];
    optimizer_settings s = {.lr = 0.01f,
                            .beta1 = 0.875f,
                            .beta2 = 0.984375f,
                            .eps = 1e-3f,
                            .weight_decay = 0.1f,
                            .gradient_scale = 0.5f};
    TLI_TRY(tli_probe_make(p, 1, tli_optimizer_workspace(rule, COUNT) + 1, false, &workspace));
    for (int n = 0; n < PARAMETERS; n++) {
        t[n].settings = s;
        if (n == 1) t[n].settings.weight_decay = 0.0f;
        TLI_TRY(make_stepped(p, rule, n == 0 ? COUNT : SHORT, workspace->view, &targets[n], &t[n]));
    }
    TLI_TRY(tli_probe_make(p, 1, 2, false, &skip));
    skip->host[0] = -1.0f;
    TLI_TRY(tli_probe_write(p, skip, skip->host));
    for (s.step = 1; s.step <= 2; s.step++) {
        TLI_TRY(tli_optimizer_step(p->ctx, rule, targets, PARAMETERS, &s));
        for (int n = 0; n < PARAMETERS; n++) {
            t[n].settings.step = s.step;
            step_plainly(rule, &t[n]);
        }
    }
    s.clip_result = skip->view;
    TLI_TRY(tli_optimizer_step(p->ctx, rule, targets, PARAMETERS, &s));
    for (int n = 0; n < PARAMETERS; n++) {
        TLI_TRY(tli_probe_compare(p, t[n].value, t[n].want, 1, 1));
        for (int k = 0; k < rule->slots; k++)
            TLI_TRY(tli_probe_compare(p, t[n].state[k], t[n].want_state[k], 1, 0.1 * t[n].largest[k]));
    }
    return TL_OK;
}

tl_status tli_probe_optimizer(tli_probe *p)
{
    const optimizer_rule *rule;
    for (int kind = 0; (rule = tli_optimizer_rule_of((tl_optimizer_kind)kind)) != NULL; kind++) {
        TLI_TRY(probe_optimizer(p, rule));
        tli_probe_free(p);
    }
    return TL_OK;
}

/* The clip result with these partial sums and this loss must be to skip the step (-1), and name `broken`. */
static tl_status check_skips(tli_probe *p, tli_probe_array *partial, uint64_t pieces, tli_probe_array *loss,
                             tli_probe_array *clip_result, uint64_t broken)
{
    float got[2];
    TLI_TRY(tli_probe_write(p, partial, partial->host));
    TLI_TRY(tli_probe_write(p, loss, loss->host));
    TLI_TRY(tli_clip_decide(p->ctx, partial->view, (uint32_t)pieces, loss->view, 2.0f, clip_result->view));
    TLI_TRY(tl_tensor_read(p->ctx, clip_result->tensor, 0, 2, got));
    if (got[0] != -1.0f || got[1] != (float)broken) tli_probe_count(p, INFINITY);
    return TL_OK;
}

tl_status tli_probe_clip(tli_probe *p)
{
    tli_probe_array *g, *partial, *loss, *clip_result;
    double *want, sum = 0;
    const uint64_t pieces = tli_squares_count(COUNT);
    TLI_TRY(tli_probe_make(p, 1, COUNT, true, &g));
    TLI_TRY(tli_probe_make(p, 1, pieces, false, &partial));
    TLI_TRY(tli_probe_make(p, 1, 1, true, &loss));
    TLI_TRY(tli_probe_make(p, 1, 2, false, &clip_result));
    TLI_TRY(tli_probe_expect(p, 2, &want));
    TLI_TRY(tli_squares(p->ctx, g->view, COUNT, partial->view));
    TLI_TRY(tli_clip_decide(p->ctx, partial->view, (uint32_t)pieces, loss->view, 2.0f, clip_result->view));
    for (int i = 0; i < COUNT; i++) sum += (double)g->host[i] * (double)g->host[i];
    want[0] = 2 / (sqrt(sum) + 1e-6);
    want[1] = (double)pieces;
    TLI_TRY(tli_probe_compare(p, clip_result, want, 4, 0.001));
    for (uint64_t i = 0; i < pieces; i++) partial->host[i] = 1.0f;
    loss->host[0] = NAN;
    TLI_TRY(check_skips(p, partial, pieces, loss, clip_result, pieces));
    loss->host[0] = 1.0f;
    partial->host[pieces - 1] = INFINITY;
    return check_skips(p, partial, pieces, loss, clip_result, pieces - 1);
}

tl_status tli_probe_column_sum(tli_probe *p)
{
    tli_probe_array *x, *sums, *work;
    double *want;
    TLI_TRY(tli_probe_make(p, 1, COUNT, true, &x));
    TLI_TRY(tli_probe_make(p, 1, ROWS, false, &sums));
    TLI_TRY(tli_probe_make(p, 1, tli_column_sum_workspace(CHANNELS, ROWS), false, &work));
    TLI_TRY(tli_probe_expect(p, ROWS, &want));
    TLI_TRY(tli_column_sum(p->ctx, x->view, ROWS, sums->view, work->view, CHANNELS, ROWS));
    for (int i = 0; i < COUNT; i++) want[i % ROWS] += (double)x->host[i];
    return tli_probe_compare(p, sums, want, CHANNELS, 1);
}

/* Two matrices of ROWS x SHORT with row stride SHORT + 3 and a gap between them. */
static tl_status check_extras(tli_probe *p)
{
    enum { LD = SHORT + 3, STRIDE = ROWS * LD + 5, ALL = 2 * STRIDE };
    tli_probe_array *bias, *residual, *factor, *c;
    double *want;
    TLI_TRY(tli_probe_make(p, 1, SHORT, true, &bias));
    TLI_TRY(tli_probe_make(p, 1, ALL, true, &residual));
    TLI_TRY(tli_probe_make(p, 1, ALL, true, &factor));
    TLI_TRY(tli_probe_make(p, 1, ALL, true, &c));
    TLI_TRY(tli_probe_expect(p, ALL, &want));
    TLI_TRY(tli_add_extras(p->ctx, bias->view, residual->view, factor->view, c->view, ROWS, SHORT, LD, 2,
                           STRIDE));
    for (int i = 0; i < ALL; i++) {
        const int j = i % STRIDE % LD;
        want[i] = (double)c->host[i];
        if (i % STRIDE < ROWS * LD && j < SHORT)
            want[i] = (want[i] + (double)bias->host[j] + (double)residual->host[i]) * (double)factor->host[i];
    }
    return tli_probe_compare(p, c, want, 1, 1);
}

tl_status tli_probe_add(tli_probe *p)
{
    tli_probe_array *a, *b, *y;
    double *want;
    TLI_TRY(tli_probe_make(p, 1, COUNT, true, &a));
    TLI_TRY(tli_probe_make(p, 1, COUNT, true, &b));
    TLI_TRY(tli_probe_make(p, 1, COUNT, false, &y));
    TLI_TRY(tli_probe_expect(p, COUNT, &want));
    TLI_TRY(tli_add(p->ctx, a->view, b->view, y->view, COUNT));
    for (int i = 0; i < COUNT; i++) want[i] = (double)a->host[i] + (double)b->host[i];
    TLI_TRY(tli_probe_compare(p, y, want, 1, 1));
    return check_extras(p);
}
