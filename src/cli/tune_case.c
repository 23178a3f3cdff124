#include "cli/tune_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "ops/init.h"
#include "ops/kernel_forms.h"

/* A turn is about so long, of at most so many calls. */
#define TURN_SECONDS 3e-3
enum { CALLS_MOST = 64 };

/* ---- operands --------------------------------------------------------------------------------------- */

enum { XQ, XK, WQ, WK, DXQ, DXK, DWQ, DWK, PAIR_WEIGHTS, DWEIGHTS, Y, DY, WORKSPACE, OPERANDS };
_Static_assert((int)OPERANDS <= (int)TLI_TUNE_TENSORS, "there is room for all operands");

static tli_geometry geometry_of(const tli_product_shape *s, bool causal)
{
    const uint32_t side = (uint32_t)lround(sqrt((double)s->count - 1));
    if (causal)
        return (tli_geometry){
            .kind = TLI_CAUSAL, .depth = 1, .height = 1, .width = s->count, .max_length = s->count};
    return (tli_geometry){.kind = TLI_GRID, .depth = 1, .height = side, .width = side, .cls = 1};
}

static tl_status create_operands(tli_tune_case *c, const tli_geometry *g)
{
    const tli_offset_gemm *r = &c->by_offset;
    const uint64_t rows = (uint64_t)c->shape.count * r->batch, offsets = tli_geometry_offsets(g),
                   in = rows * r->inner, out = rows * c->width, matrix = (uint64_t)r->inner * c->width,
                   weights = (uint64_t)r->heads * c->pairs.count * r->batch,
                   work = tli_offset_gemm_workspace(r->chunk_bytes, c->shape.count, c->pairs.count,
                                                    c->pairs.largest, r->batch, r->inner, r->heads,
                                                    r->head_dim, false);
    const struct {
        uint64_t lead, row;
    } sizes[OPERANDS] = {[XQ] = {1, in},
                         [XK] = {1, in},
                         [WQ] = {offsets, matrix},
                         [WK] = {offsets, matrix},
                         [DXQ] = {1, in},
                         [DXK] = {1, in},
                         [DWQ] = {offsets, matrix},
                         [DWK] = {offsets, matrix},
                         [PAIR_WEIGHTS] = {1, weights},
                         [DWEIGHTS] = {1, weights},
                         [Y] = {1, out},
                         [DY] = {1, out},
                         [WORKSPACE] = {1, work}};
    for (int i = 0; i < OPERANDS; i++) {
        TLI_TRY(
            tl_tensor_create(c->ctx, "tuned", TL_MEMORY_DATA, sizes[i].lead, sizes[i].row, &c->tensors[i]));
        if (i < DXQ || i == PAIR_WEIGHTS || i == DY)
            TLI_TRY(tli_init_uniform(c->ctx, c->tensors[i], 0.1f, 0, tli_random_stream("tune")));
    }
    return TL_OK;
}

static tl_status create_by_offset(tli_tune_case *c, bool causal)
{
    const tli_product_shape *s = &c->shape;
    const tli_geometry g = geometry_of(s, causal);
    c->width = s->k / s->n * s->n;
    TLI_TRY(tli_pair_table_create(c->ctx, "pairs", &g, s->count, &c->pairs));
    c->by_offset = (tli_offset_gemm){.pairs = &c->pairs,
                                     .batch = s->m,
                                     .inner = s->k,
                                     .heads = s->k / s->n,
                                     .head_dim = s->n,
                                     .chunk_bytes = tli_context_limits(c->ctx)->chunk_bytes};
    return create_operands(c, &g);
}

static tl_status create_gemm(tli_tune_case *c)
{
    const tli_product_shape *s = &c->shape;
    const tli_product p = {s->m,
                           s->n,
                           s->k,
                           s->count,
                           s->kind == TLI_GEMM_TN || s->kind == TLI_GEMM_TT,
                           s->kind == TLI_GEMM_NT || s->kind == TLI_GEMM_TT};
    c->width = s->n;
    return tli_product_call_create(c->ctx, &p, &c->gemm);
}

/* ---- turns ------------------------------------------------------------------------------------------ */

static tl_status run_by_offset(tli_tune_case *c)
{
    tl_tensor **t = c->tensors;
    const tli_offset_gemm *r = &c->by_offset;
    const tli_view xq = tli_at(t[XQ], 0), xk = tli_at(t[XK], 0), weights = tli_at(t[PAIR_WEIGHTS], 0),
                   dweights = tli_at(t[DWEIGHTS], 0), work = tli_at(t[WORKSPACE], 0);
    const tli_offset_rows none = {{0}, {0}};
    switch (c->shape.kind) {
    case TLI_OFFSET_LOGITS:
        return tli_offset_gemm_logits(c->ctx, r, xq, t[WQ], xk, t[WK], 1.0f, dweights, none, work);
    case TLI_OFFSET_LOGITS_BACKWARD:
        return tli_offset_gemm_logits_backward(c->ctx, r, xq, t[WQ], xk, t[WK], weights, none,
                                               tli_at(t[DXQ], 0), tli_at(t[DXK], 0), t[DWQ], t[DWK], work);
    case TLI_OFFSET_VALUES:
        return tli_offset_gemm_values(c->ctx, r, xk, t[WK], weights, tli_at(t[Y], 0), work);
    default:
        return tli_offset_gemm_values_backward(c->ctx, r, xk, t[WK], weights, tli_at(t[DY], 0), dweights,
                                               tli_at(t[DXK], 0), t[DWK], work);
    }
}

/* What the device has spent in a kernel so far. */
static tl_status read_kernel(tl_context *ctx, const char *kernel, double *seconds, double *flops)
{
    tl_profile_row *rows = NULL;
    int count = 0;
    *seconds = *flops = 0;
    TLI_TRY(tl_profile_read(ctx, &rows, &count));
    for (int i = 0; i < count; i++) {
        if (strcmp(rows[i].kernel, kernel) != 0) continue;
        *seconds = (double)rows[i].nanoseconds * 1e-9;
        *flops = rows[i].flops;
    }
    free(rows);
    return TL_OK;
}

static tl_status take_turn(tli_tune_case *c, double *seconds, double *flops)
{
    const tli_kernel_form form = tli_kernel_form_of(c->ctx, tli_product_family(c->shape.kind));
    const char *kernel = tli_product_kernel(c->shape.kind, form.cpu);
    double before, flops_before;
    TLI_TRY(read_kernel(c->ctx, kernel, &before, &flops_before));
    for (uint32_t i = 0; i < c->calls; i++)
        TLI_TRY(tli_product_is_gemm(c->shape.kind) ? tli_product_call_run(c->ctx, &c->gemm)
                                                   : run_by_offset(c));
    TLI_TRY(read_kernel(c->ctx, kernel, seconds, flops));
    *seconds -= before;
    *flops -= flops_before;
    return TL_OK;
}

tl_status tli_tune_case_time(tli_tune_case *c, const tli_tile *tile, double *seconds, double *flops)
{
    const tli_tuning_trial before = tli_tuning_try(c->ctx, (tli_tuning_trial){true, c->shape.kind, tile});
    const tl_status status = take_turn(c, seconds, flops);
    (void)tli_tuning_try(c->ctx, before);
    return status;
}

tl_status tli_tune_case_create(tl_context *ctx, const tli_product_shape *shape, bool causal, tli_tune_case *c)
{
    double seconds = 0, flops;
    *c = (tli_tune_case){.ctx = ctx, .shape = *shape, .calls = 1};
    tl_status status = tli_product_is_gemm(shape->kind) ? create_gemm(c) : create_by_offset(c, causal);
    for (int i = 0; i < 2 && status == TL_OK; i++) /* the first compiles */
        status = tli_tune_case_time(c, NULL, &seconds, &flops);
    const double calls = seconds > 0 ? ceil(TURN_SECONDS / seconds) : CALLS_MOST;
    c->calls = calls < CALLS_MOST ? (uint32_t)calls : CALLS_MOST;
    if (status != TL_OK) tli_tune_case_destroy(c);
    return status;
}

void tli_tune_case_destroy(tli_tune_case *c)
{
    if (c->gemm.matrices[0] != NULL) tli_product_call_destroy(c->ctx, &c->gemm);
    if (c->by_offset.pairs != NULL) tli_pair_table_destroy(c->ctx, &c->pairs);
    for (int i = 0; i < TLI_TUNE_TENSORS; i++) tl_tensor_destroy(c->ctx, c->tensors[i]);
    *c = (tli_tune_case){.ctx = NULL};
}
