#include "models/block.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/arithmetic.h"
#include "ops/add.h"
#include "ops/gelu.h"
#include "ops/gemv.h"
#include "ops/layernorm.h"
#include "ops/linear.h"

static const tli_view none = {0};

bool tli_block_has_to_out(const tli_op_shape *op)
{
    return !(op->heads == 1 && op->head_dim == op->dim);
}

uint64_t tli_block_buffer_count(const tli_block_shape *shape, bool training, tli_block_buffer which)
{
    const tli_op_shape *op = &shape->op;
    uint64_t rows = (uint64_t)tli_geometry_tokens(&op->geometry) * op->batch;
    uint64_t out_rows = (uint64_t)op->queries * op->batch;
    switch (which) {
    case TLI_BLOCK_STATS1: return 2 * rows;
    case TLI_BLOCK_O: return out_rows * op->heads * op->head_dim;
    case TLI_BLOCK_STATS2: return 2 * out_rows;
    case TLI_BLOCK_HIDDEN: return out_rows * shape->mlp_dim;
    case TLI_BLOCK_MIDDLE:
    case TLI_BLOCK_OUTPUT: return training ? out_rows * op->dim : 0;
    case TLI_BLOCK_NORMED: return shape->save_rows ? rows * op->dim : 0;
    case TLI_BLOCK_MLP_NORMED: return shape->save_rows ? out_rows * op->dim : 0;
    case TLI_BLOCK_ACTIVATED: return shape->save_rows ? out_rows * shape->mlp_dim : 0;
    case TLI_BLOCK_BUFFERS: break;
    }
    return 0;
}

uint64_t tli_block_workspace_count(const tli_block_shape *shape, bool training)
{
    const tli_op_shape *op = &shape->op;
    uint64_t count = tli_op_workspace_count(op);
    if (training) {
        uint64_t rows = (uint64_t)tli_geometry_tokens(&op->geometry) * op->batch;
        uint64_t out_rows = (uint64_t)op->queries * op->batch;
        count = tli_larger(count, tli_layernorm_workspace(rows, op->dim));
        count = tli_larger(count, tli_layernorm_workspace(out_rows, op->dim));
        count = tli_larger(count, tli_linear_workspace(out_rows, op->heads * op->head_dim, op->dim));
        count = tli_larger(count, tli_linear_workspace(out_rows, op->dim, shape->mlp_dim));
        count = tli_larger(count, tli_linear_workspace(out_rows, shape->mlp_dim, op->dim));
    }
    return count;
}

/* ---- parameters ---------------------------------------------------------------------------------- */

typedef struct adder {
    tli_registry *registry;
    const char *prefix;
    uint32_t layer;
    bool failed;
} adder;

static void block_add(adder *a, const char *name, tli_init init, uint64_t fan_in, uint32_t rank, uint64_t s0,
                      uint64_t s1, uint64_t s2)
{
    char full[96];
    snprintf(full, sizeof full, "%s.layers.%u.%s", a->prefix, a->layer, name);
    const float bound = init == TLI_INIT_UNIFORM ? (float)(1.0 / sqrt((double)fan_in)) : 0.0f;
    if (tli_registry_add(a->registry, full, init, bound, rank, (const uint64_t[]){s0, s1, s2}) < 0)
        a->failed = true;
}

static void add_norm(adder *a, const char *weight, const char *bias, uint64_t dim)
{
    block_add(a, weight, TLI_INIT_ONE, 0, 1, dim, 0, 0);
    block_add(a, bias, TLI_INIT_ZERO, 0, 1, dim, 0, 0);
}

tl_status tli_block_parameters(tli_registry *registry, const char *prefix, uint32_t layer,
                               const tli_block_shape *shape, tl_error *err)
{
    const tli_op_shape *op = &shape->op;
    uint64_t dim = op->dim, inner = (uint64_t)op->heads * op->head_dim, mlp = shape->mlp_dim;
    adder a = {registry, prefix, layer, false};
    tli_op_parameter list[OP_MAX_PARAMETERS];
    const int count = tli_op_parameters(op, list);
    add_norm(&a, "0.norm.weight", "0.norm.bias", dim);
    for (int i = 0; i < count; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s.layers.%u.0.%s", prefix, layer, list[i].name);
        if (tli_registry_add_op(registry, name, &list[i]) < 0) a.failed = true;
    }
    if (tli_block_has_to_out(op)) {
        block_add(&a, "0.to_out.0.weight", TLI_INIT_UNIFORM, inner, 2, dim, inner, 0);
        block_add(&a, "0.to_out.0.bias", TLI_INIT_UNIFORM, inner, 1, dim, 0, 0);
    }
    add_norm(&a, "1.net.0.weight", "1.net.0.bias", dim);
    block_add(&a, "1.net.1.weight", TLI_INIT_UNIFORM, dim, 2, mlp, dim, 0);
    block_add(&a, "1.net.1.bias", TLI_INIT_UNIFORM, dim, 1, mlp, 0, 0);
    block_add(&a, "1.net.4.weight", TLI_INIT_UNIFORM, mlp, 2, dim, mlp, 0);
    block_add(&a, "1.net.4.bias", TLI_INIT_UNIFORM, mlp, 1, dim, 0, 0);
    if (a.failed) return tli_fail(err, TL_ERROR_MEMORY, "no host memory for the list of parameters.");
    return TL_OK;
}

/* ---- create and destroy --------------------------------------------------------------------------- */

/* A parameter and its gradient as views; no gradient in inference. */
typedef struct pair {
    tli_view value, gradient;
} pair;

struct tli_block {
    tli_block_shape shape;
    bool training, cached;
    tli_block *buffer_owner;
    tl_tensor *normed; /* with `cached`: LayerNorm output in front of the operation, of all tokens */
    tli_op_tensors weights, gradients;
    pair norm_weight, norm_bias, out_weight, out_bias;
    pair mlp_norm_weight, mlp_norm_bias, mlp1_weight, mlp1_bias, mlp2_weight, mlp2_bias;
    tl_tensor *buffers[TLI_BLOCK_BUFFERS];
    tli_op_state *state;
    tli_op_shape now; /* the shape of the current batch */
    char name[64];
};

typedef struct finder {
    tl_context *ctx;
    tli_registry *registry;
    const char *prefix;
    uint32_t layer;
    tl_status status;
} finder;

static tli_parameter *block_find(finder *f, const char *name)
{
    char full[96];
    snprintf(full, sizeof full, "%s.layers.%u.%s", f->prefix, f->layer, name);
    tli_parameter *p = tli_registry_find(f->registry, full);
    if (p == NULL || p->value == NULL) {
        f->status = tli_fail(tl_context_error(f->ctx), TL_ERROR_USAGE,
                             "parameter %s is not in the registry: register and allocate it first.", full);
        return NULL;
    }
    return p;
}

static pair find_pair(finder *f, const char *name)
{
    pair result = {none, none};
    tli_parameter *p = block_find(f, name);
    if (p == NULL) return result;
    result.value = tli_at(p->value, 0);
    if (p->gradient != NULL) result.gradient = tli_at(p->gradient, 0);
    return result;
}

static void find_tensor(finder *f, const char *name, tl_tensor **value, tl_tensor **gradient)
{
    tli_parameter *p = block_find(f, name);
    if (p == NULL) return;
    *value = p->value;
    *gradient = p->gradient;
}

static tl_status find_weights(tli_block *b, finder *f)
{
    const tli_op_shape *op = &b->shape.op;
    b->norm_weight = find_pair(f, "0.norm.weight");
    b->norm_bias = find_pair(f, "0.norm.bias");
    tli_op_parameter list[OP_MAX_PARAMETERS];
    const int count = tli_op_parameters(op, list);
    for (int i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "0.%s", list[i].name);
        find_tensor(f, name, tli_op_tensor(&b->weights, &list[i]), tli_op_tensor(&b->gradients, &list[i]));
    }
    if (tli_block_has_to_out(op)) {
        b->out_weight = find_pair(f, "0.to_out.0.weight");
        b->out_bias = find_pair(f, "0.to_out.0.bias");
    }
    b->mlp_norm_weight = find_pair(f, "1.net.0.weight");
    b->mlp_norm_bias = find_pair(f, "1.net.0.bias");
    b->mlp1_weight = find_pair(f, "1.net.1.weight");
    b->mlp1_bias = find_pair(f, "1.net.1.bias");
    b->mlp2_weight = find_pair(f, "1.net.4.weight");
    b->mlp2_bias = find_pair(f, "1.net.4.bias");
    return f->status;
}

static const char *buffer_name(tli_block_buffer which)
{
    static const char *const names[TLI_BLOCK_BUFFERS] = {
        "norm statistics", "op output",   "mlp norm statistics", "mlp hidden",   "middle",
        "output",          "norm output", "mlp norm output",     "mlp activated"};
    return names[which];
}

static tl_status create_buffers(tl_context *ctx, tli_block *b)
{
    for (int i = 0; i < TLI_BLOCK_BUFFERS; i++) {
        uint64_t count = tli_block_buffer_count(&b->shape, b->training, (tli_block_buffer)i);
        if (count == 0) continue;
        char name[96];
        snprintf(name, sizeof name, "%s %s", b->name, buffer_name((tli_block_buffer)i));
        TLI_TRY(tl_tensor_create(ctx, name, TL_MEMORY_ACTIVATION, 1, count, &b->buffers[i]));
    }
    return TL_OK;
}

static bool shares_state(const tli_block *b)
{
    return b->buffer_owner != NULL && tli_op_shares_state(&b->buffer_owner->shape.op, &b->shape.op);
}

tl_status tli_block_create(tl_context *ctx, tli_registry *registry, const char *prefix, uint32_t layer,
                           const tli_block_shape *shape, bool training, bool cached, tli_block *buffer_owner,
                           tli_block **out)
{
    tli_block *b = calloc(1, sizeof *b);
    if (b == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "no host memory for a block of the model.");
    b->shape = *shape;
    b->training = training;
    b->cached = cached;
    b->buffer_owner = buffer_owner;
    snprintf(b->name, sizeof b->name, "%s.layers.%u", prefix, layer);
    finder f = {ctx, registry, prefix, layer, TL_OK};
    tl_status status = find_weights(b, &f);
    if (status == TL_OK && buffer_owner == NULL) status = create_buffers(ctx, b);
    if (status == TL_OK && cached)
        status = tl_tensor_create(
            ctx, b->name, TL_MEMORY_ACTIVATION, 1,
            (uint64_t)tli_geometry_tokens(&shape->op.geometry) * shape->op.batch * shape->op.dim, &b->normed);
    b->now = shape->op;
    if (status == TL_OK && !shares_state(b)) status = tli_op_create(ctx, b->name, &shape->op, &b->state);
    if (status != TL_OK) {
        tli_block_destroy(ctx, b);
        return status;
    }
    *out = b;
    return TL_OK;
}

void tli_block_destroy(tl_context *ctx, tli_block *b)
{
    if (b == NULL) return;
    if (b->state != NULL) tli_op_destroy(ctx, b->state);
    for (int i = 0; i < TLI_BLOCK_BUFFERS; i++) tl_tensor_destroy(ctx, b->buffers[i]);
    tl_tensor_destroy(ctx, b->normed);
    free(b);
}

void tli_block_share(tli_block *b, const tli_rank_sum *sum)
{
    if (b->state != NULL) tli_op_share(b->state, sum); /* otherwise it has that of another block */
}

tl_status tli_block_set_batch(tl_context *ctx, tli_block *b, uint32_t batch, uint32_t first, uint32_t tokens)
{
    if (batch == b->now.batch && first == b->now.geometry.first &&
        tokens == tli_geometry_tokens(&b->now.geometry))
        return TL_OK;
    if (!shares_state(b)) TLI_TRY(tli_op_fit(ctx, b->name, b->state, batch, first, tokens));
    tli_op_shape shape = b->shape.op;
    shape.batch = batch;
    if (shape.geometry.kind == TLI_CAUSAL) {
        shape.geometry.first = first;
        shape.geometry.width = tokens;
        shape.queries = tokens - first;
    }
    b->now = shape;
    return TL_OK;
}

/* ---- forward and backward ------------------------------------------------------------------------ */

static tli_op_state *state_of(tli_block *b)
{
    return shares_state(b) ? b->buffer_owner->state : b->state;
}

/* Row counts and offsets of the current batch. */
typedef struct frame {
    tli_op_state *state;
    uint64_t rows, out_rows;
    uint32_t dim, inner, mlp;
    uint64_t first; /* row of the first query; above 0 only with a KV cache */
    tli_view stats1, stats2, o, hidden;
    tli_view normed, mlp_normed,
        activated; /* outputs of the LayerNorms and of GELU: the block's own, or scratch */
} frame;

static frame frame_of(tli_block *b, const tli_block_scratch *s)
{
    const tli_op_shape *op = &b->now;
    tli_block *home = b->buffer_owner != NULL ? b->buffer_owner : b;
    return (frame){
        .state = state_of(b),
        .rows = (uint64_t)(tli_geometry_tokens(&op->geometry) - op->geometry.first) * op->batch,
        .first = (uint64_t)op->geometry.first * op->batch,
        .out_rows = (uint64_t)op->queries * op->batch,
        .dim = op->dim,
        .inner = op->heads * op->head_dim,
        .mlp = b->shape.mlp_dim,
        .stats1 = tli_at(home->buffers[TLI_BLOCK_STATS1], 0),
        .stats2 = tli_at(home->buffers[TLI_BLOCK_STATS2], 0),
        .o = tli_at(home->buffers[TLI_BLOCK_O], 0),
        .hidden = tli_at(home->buffers[TLI_BLOCK_HIDDEN], 0),
        .normed = b->shape.save_rows ? tli_at(b->buffers[TLI_BLOCK_NORMED], 0)
                  : b->cached        ? tli_at(b->normed, 0)
                                     : s->rows1,
        .mlp_normed = b->shape.save_rows ? tli_at(b->buffers[TLI_BLOCK_MLP_NORMED], 0) : s->rows1,
        .activated = b->shape.save_rows ? tli_at(b->buffers[TLI_BLOCK_ACTIVATED], 0) : s->hidden,
    };
}

/* f->activated = gelu(W1 LayerNorm(middle) + b1). Without a backward pass, which needs what is between, one row takes one
 * kernel. Where GELU's output is saved, so is its slope, in u's buffer. */
static tl_status forward_hidden(tl_context *ctx, tli_block *b, const frame *f, tli_view middle)
{
    if (!b->training && f->out_rows == 1)
        return tli_gemv(ctx, &(tli_gemv_args){.n = f->mlp,
                                              .k = f->dim,
                                              .ld = f->dim,
                                              .x = middle,
                                              .weight = b->mlp1_weight.value,
                                              .y = f->activated,
                                              .norm_weight = b->mlp_norm_weight.value,
                                              .norm_bias = b->mlp_norm_bias.value,
                                              .bias = b->mlp1_bias.value,
                                              .alpha = 1.0f,
                                              .gelu = true});
    TLI_TRY(tli_layernorm_forward(ctx, middle, b->mlp_norm_weight.value, b->mlp_norm_bias.value,
                                  f->mlp_normed, f->stats2, f->out_rows, f->dim));
    TLI_TRY(tli_linear_forward(ctx, f->mlp_normed, f->dim, b->mlp1_weight.value, b->mlp1_bias.value, none,
                               f->hidden, f->mlp, f->out_rows, f->dim, f->mlp));
    return (b->shape.save_rows ? tli_gelu_slope : tli_gelu_forward)(ctx, f->hidden, f->activated,
                                                                    f->out_rows * f->mlp);
}

tl_status tli_block_forward(tl_context *ctx, tli_block *b, tli_view x, tli_view *y,
                            const tli_block_scratch *s)
{
    frame f = frame_of(b, s);
    tli_view middle = b->training ? tli_at(b->buffers[TLI_BLOCK_MIDDLE], 0) : x;
    tli_view output = b->training ? tli_at(b->buffers[TLI_BLOCK_OUTPUT], 0) : x;

    TLI_TRY(tli_layernorm_forward(ctx, x, b->norm_weight.value, b->norm_bias.value,
                                  tli_view_add(f.normed, f.first * f.dim), f.stats1, f.rows, f.dim));
    TLI_TRY(tli_op_forward(ctx, f.state, &b->weights, f.normed, f.o, s->workspace));
    if (tli_block_has_to_out(&b->shape.op)) {
        TLI_TRY(tli_linear_forward(ctx, f.o, f.inner, b->out_weight.value, b->out_bias.value, x, middle,
                                   f.dim, f.out_rows, f.inner, f.dim));
    } else {
        TLI_TRY(tli_add(ctx, x, f.o, middle, f.out_rows * f.dim));
    }

    TLI_TRY(forward_hidden(ctx, b, &f, middle));
    TLI_TRY(tli_linear_forward(ctx, f.activated, f.mlp, b->mlp2_weight.value, b->mlp2_bias.value, middle,
                               output, f.dim, f.out_rows, f.mlp, f.dim));
    *y = output;
    return TL_OK;
}

/* x_out = x_mid + W2 gelu(u) + b2: dx stays in place for the residual, and LayerNorm's backward adds the
 * MLP's part. Each Linear computes its weight gradient first, so that its input's buffer can then be
 * overwritten with the input's gradient; u's buffer holds GELU's slope, with which W2's product ends. */
static tl_status backward_mlp(tl_context *ctx, tli_block *b, const frame *f, tli_view dx,
                              const tli_block_scratch *s)
{
    tli_view middle = tli_at(b->buffers[TLI_BLOCK_MIDDLE], 0);
    if (!b->shape.save_rows) TLI_TRY(tli_gelu_slope(ctx, f->hidden, f->activated, f->out_rows * f->mlp));
    TLI_TRY(tli_linear_backward(ctx, dx, f->dim, f->activated, f->mlp, b->mlp2_weight.value, none, false,
                                b->mlp2_weight.gradient, b->mlp2_bias.gradient, s->workspace, f->out_rows,
                                f->mlp, f->dim));
    TLI_TRY(tli_linear_backward_input(ctx, dx, f->dim, b->mlp2_weight.value, f->activated, f->hidden, false,
                                      f->mlp, f->out_rows, f->mlp, f->dim));

    if (!b->shape.save_rows)
        TLI_TRY(tli_layernorm_forward(ctx, middle, b->mlp_norm_weight.value, b->mlp_norm_bias.value,
                                      f->mlp_normed, f->stats2, f->out_rows, f->dim));
    TLI_TRY(tli_linear_backward(ctx, f->activated, f->mlp, f->mlp_normed, f->dim, b->mlp1_weight.value, none,
                                false, b->mlp1_weight.gradient, b->mlp1_bias.gradient, s->workspace,
                                f->out_rows, f->dim, f->mlp));
    TLI_TRY(tli_linear_backward(ctx, f->activated, f->mlp, none, f->dim, b->mlp1_weight.value, f->mlp_normed,
                                false, none, none, s->workspace, f->out_rows, f->dim, f->mlp));
    return tli_layernorm_backward(ctx, f->mlp_normed, middle, b->mlp_norm_weight.value, f->stats2, dx, true,
                                  b->mlp_norm_weight.gradient, b->mlp_norm_bias.gradient, s->workspace,
                                  f->out_rows, f->dim);
}

tl_status tli_block_read_attention(tl_context *ctx, tli_block *b, uint32_t sample, uint32_t query,
                                   float *weights)
{
    return tli_op_read_attention(ctx, state_of(b), sample, query, weights);
}

tl_status tli_block_read_attention_matrices(tl_context *ctx, tli_block *b, float *weights)
{
    return tli_op_read_attention_matrices(ctx, state_of(b), weights);
}

tl_status tli_block_backward(tl_context *ctx, tli_block *b, tli_view x, tli_view dx,
                             const tli_block_scratch *s)
{
    frame f = frame_of(b, s);
    TLI_TRY(backward_mlp(ctx, b, &f, dx, s));

    tli_view d_o = dx;
    if (tli_block_has_to_out(&b->shape.op)) {
        TLI_TRY(tli_linear_backward(ctx, dx, f.dim, f.o, f.inner, b->out_weight.value, none, false,
                                    b->out_weight.gradient, b->out_bias.gradient, s->workspace, f.out_rows,
                                    f.inner, f.dim));
        TLI_TRY(tli_linear_backward(ctx, dx, f.dim, none, f.inner, b->out_weight.value, f.o, false, none,
                                    none, s->workspace, f.out_rows, f.inner, f.dim));
        d_o = f.o;
    }
    if (!b->shape.save_rows)
        TLI_TRY(tli_layernorm_forward(ctx, x, b->norm_weight.value, b->norm_bias.value, f.normed, f.stats1,
                                      f.rows, f.dim));
    TLI_TRY(tli_op_backward(ctx, f.state, &b->weights, f.normed, d_o, s->rows2, &b->gradients, s->workspace));
    /* only the queries' rows have a residual path */
    if (f.out_rows < f.rows)
        TLI_TRY(tli_zero(ctx, tli_view_add(dx, f.out_rows * f.dim), (f.rows - f.out_rows) * f.dim));
    return tli_layernorm_backward(ctx, s->rows2, x, b->norm_weight.value, f.stats1, dx, true,
                                  b->norm_weight.gradient, b->norm_bias.gradient, s->workspace, f.rows,
                                  f.dim);
}
