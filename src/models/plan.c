/* All that is known about a Vision Transformer without a device: parameters, sizes, bytes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/vit_layout.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/pairs.h"

/* Above these no model is meant; below them no product of two overflows 32 bits where one is used. */
enum { MAX_IMAGE = 32768, MAX_WIDTH = 1 << 20, MAX_DEPTH = 1024, MAX_CLASSES = 1 << 24, MAX_TOKENS = 32768 };

static tl_status check_range(tl_error *err, const char *name, uint32_t value, uint32_t most)
{
    if (value >= 1 && value <= most) return TL_OK;
    return tl_fail(err, TL_ERROR_USAGE, "%s is %u: give a value from 1 to %u.", name, value, most);
}

/* Combinations of operation, positions and geometry that mean nothing. */
static tl_status check_family(const tl_vit_config *c, tl_error *err)
{
    static const char *const names[] = {"attention",  "translution", "alpha",
                                        "alpha-pure", "absolute",    "conv"};
    const bool variant = c->op == TL_OP_TRANSLUTION || c->op == TL_OP_ALPHA || c->op == TL_OP_ABSOLUTE;
    if (c->relative != 0 && c->relative != TL_ROLE_QKV && !variant && c->op != TL_OP_ATTENTION)
        return tl_fail(err, TL_ERROR_USAGE, "%s has no choice of relative roles: leave --relative away.",
                       names[c->op]);
    if (c->positions == TL_POSITIONS_ROPE && c->op != TL_OP_ATTENTION && c->op != TL_OP_ALPHA)
        return tl_fail(err, TL_ERROR_USAGE,
                       "%s has no rotary positions: choose attention or alpha, or no positions.",
                       names[c->op]);
    if ((c->positions == TL_POSITIONS_SWIN || c->positions == TL_POSITIONS_SHAW) && c->op != TL_OP_ATTENTION)
        return tl_fail(err, TL_ERROR_USAGE,
                       "%s has its offsets in its matrices: positions swin and shaw are attention's.",
                       names[c->op]);
    if (c->op == TL_OP_ABSOLUTE && (c->sharing != TL_SHARING_NONE || c->window > 0))
        return tl_fail(err, TL_ERROR_USAGE,
                       "absolute has a matrix for every pair: it takes no sharing of offsets and no window.");
    if (c->op == TL_OP_ATTENTION && c->sharing != TL_SHARING_NONE && c->positions != TL_POSITIONS_SWIN &&
        c->positions != TL_POSITIONS_SHAW)
        return tl_fail(
            err, TL_ERROR_USAGE,
            "attention has nothing to share between offsets: choose another operation, or positions "
            "swin or shaw.");
    if (c->op == TL_OP_CONV && c->window == 0)
        return tl_fail(err, TL_ERROR_USAGE, "conv needs a window: give its width, an odd number from 3 on.");
    if (c->op == TL_OP_CONV && c->translution_layers > 0)
        return tl_fail(err, TL_ERROR_USAGE, "conv has no hybrid: leave --translution-layers away.");
    return TL_OK;
}

tl_status tl_vit_config_check(const tl_vit_config *c, tl_error *err)
{
    TL_TRY(check_range(err, "the image height", c->image_height, MAX_IMAGE));
    TL_TRY(check_range(err, "the image width", c->image_width, MAX_IMAGE));
    TL_TRY(check_range(err, "the number of image channels", c->channels, 64));
    TL_TRY(check_range(err, "the patch size", c->patch, MAX_IMAGE));
    TL_TRY(check_range(err, "the number of classes", c->classes, MAX_CLASSES));
    TL_TRY(check_range(err, "dim", c->dim, MAX_WIDTH));
    TL_TRY(check_range(err, "depth", c->depth, MAX_DEPTH));
    TL_TRY(check_range(err, "heads", c->heads, 1024));
    TL_TRY(check_range(err, "head_dim", c->head_dim, MAX_WIDTH));
    TL_TRY(check_range(err, "mlp_dim", c->mlp_dim, MAX_WIDTH));
    if (c->op == TL_OP_ALPHA || c->op == TL_OP_ALPHA_PURE)
        TL_TRY(check_range(err, "relenc_dim", c->relenc_dim, 4096));
    if ((uint64_t)c->heads * c->head_dim > MAX_WIDTH)
        return tl_fail(err, TL_ERROR_USAGE, "heads x head_dim is %llu: at most %d are supported.",
                       (unsigned long long)((uint64_t)c->heads * c->head_dim), MAX_WIDTH);
    if (c->image_height % c->patch != 0 || c->image_width % c->patch != 0)
        return tl_fail(
            err, TL_ERROR_USAGE,
            "an image of %u x %u cannot be cut into patches of %u x %u: choose an image size that is a "
            "multiple of the patch size.",
            c->image_height, c->image_width, c->patch, c->patch);
    if (c->relative > TL_ROLE_QKV)
        return tl_fail(err, TL_ERROR_USAGE,
                       "the relative roles are %u: give an OR of q (1), k (2) and v (4).", c->relative);
    TL_TRY(check_family(c, err));
    if (c->op == TL_OP_ATTENTION && (c->relative != 0 || c->translution_layers != 0))
        return tl_fail(
            err, TL_ERROR_USAGE,
            "attention has no relative roles and no Translution layers: choose translution or alpha.");
    if (c->translution_layers > c->depth)
        return tl_fail(err, TL_ERROR_USAGE, "%u Translution layers are more than the depth of %u.",
                       c->translution_layers, c->depth);
    const bool hybrid = c->translution_layers > 0 && c->translution_layers < c->depth;
    if ((hybrid || c->positions == TL_POSITIONS_ROPE) && c->head_dim % 4 != 0)
        return tl_fail(err, TL_ERROR_USAGE,
                       "rotary positions need a head_dim that is a multiple of 4, not %u.", c->head_dim);
    uint64_t tokens = (uint64_t)(c->image_height / c->patch) * (c->image_width / c->patch) + 1;
    if (tokens > MAX_TOKENS)
        return tl_fail(err, TL_ERROR_USAGE,
                       "%llu patches are too many (at most %d): choose a larger patch size.",
                       (unsigned long long)(tokens - 1), MAX_TOKENS - 1);
    if ((uint64_t)c->patch * c->patch * c->channels > (uint64_t)MAX_WIDTH * 16)
        return tl_fail(err, TL_ERROR_USAGE,
                       "patches of %u x %u with %u channels are too large: choose smaller ones.", c->patch,
                       c->patch, c->channels);
    return TL_OK;
}

/* ---- sizes --------------------------------------------------------------------------------------- */

uint32_t tl_vit_patch_count(const tl_vit_config *c)
{
    return (c->image_height / c->patch) * (c->image_width / c->patch);
}

uint32_t tl_vit_patch_values(const tl_vit_config *c)
{
    return c->patch * c->patch * c->channels;
}

uint32_t tl_vit_tokens(const tl_vit_config *c)
{
    return tl_vit_patch_count(c) + (c->pool == TL_POOL_CLS ? 1 : 0);
}

const char *tl_vit_trunk(const tl_vit_config *c)
{
    return c->op == TL_OP_ATTENTION ? "transformer" : "translution";
}

tl_block_shape tl_vit_block_shape(const tl_vit_config *c, uint32_t batch, bool training, uint32_t layer)
{
    bool cls = c->pool == TL_POOL_CLS;
    tl_block_shape shape = {
        .op = {.kind = c->op,
               .geometry = {.kind = TL_GRID,
                            .height = c->image_height / c->patch,
                            .width = c->image_width / c->patch,
                            .cls = cls ? 1 : 0},
               .batch = batch,
               .dim = c->dim,
               .heads = c->heads,
               .head_dim = c->head_dim},
        .mlp_dim = c->mlp_dim,
    };
    if (c->translution_layers > 0 && layer >= c->translution_layers) shape.op.kind = TL_OP_ATTENTION;
    const bool attention = shape.op.kind == TL_OP_ATTENTION, hybrid = c->op != shape.op.kind;
    shape.op.relative = attention ? 0 : c->relative;
    shape.op.relenc_dim = tl_op_is_narrow(&shape.op) ? c->relenc_dim : 0;
    shape.op.bias = c->positions == TL_POSITIONS_SWIN   ? TL_BIAS_SWIN
                    : c->positions == TL_POSITIONS_SHAW ? TL_BIAS_SHAW
                                                        : TL_BIAS_NONE;
    tl_geometry *geometry = &shape.op.geometry;
    geometry->absolute = shape.op.kind == TL_OP_ABSOLUTE;
    geometry->sharing = c->sharing;
    geometry->sharing_radius = c->sharing_radius;
    geometry->window = c->window;
    shape.op.rotary = hybrid || (c->positions == TL_POSITIONS_ROPE && shape.op.kind != TL_OP_TRANSLUTION);
    shape.op.keep = training && !c->recompute;
    /* Behind the last block only the class token is read. */
    shape.op.queries = cls && layer + 1 == c->depth ? 1 : tl_vit_tokens(c);
    return shape;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t workspace_count(const tl_vit_config *c, uint32_t batch, bool training)
{
    uint64_t count = 0;
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        const tl_block_shape shape = tl_vit_block_shape(c, batch, training, layer);
        count = larger(count, tl_block_workspace_count(&shape, training));
    }
    const tl_block_shape last = tl_vit_block_shape(c, batch, training, c->depth - 1);
    if (training) {
        uint64_t patches = (uint64_t)tl_vit_patch_count(c) * batch;
        uint64_t final_rows = (uint64_t)last.op.queries * batch;
        count = larger(count, tl_layernorm_workspace(patches, tl_vit_patch_values(c)));
        count = larger(count, tl_layernorm_workspace(patches, c->dim));
        count = larger(count, tl_layernorm_workspace(final_rows, c->dim));
        count = larger(count, tl_linear_workspace(patches, c->dim));
        count = larger(count, tl_linear_workspace(batch, c->classes));
    }
    return larger(count, 1);
}

uint64_t tl_vit_buffer_count(const tl_vit_config *c, uint32_t batch, bool training, tl_vit_buffer which)
{
    uint64_t patches = (uint64_t)tl_vit_patch_count(c) * batch, rows = (uint64_t)tl_vit_tokens(c) * batch;
    tl_block_shape first = tl_vit_block_shape(c, batch, training, 0),
                   last = tl_vit_block_shape(c, batch, training, c->depth - 1);
    uint64_t hidden = larger(first.op.queries, last.op.queries) * batch * c->mlp_dim;
    switch (which) {
    case TL_VIT_IMAGES: return (uint64_t)batch * c->channels * c->image_height * c->image_width;
    case TL_VIT_TARGETS: return batch;
    case TL_VIT_PATCHES: return patches * tl_vit_patch_values(c);
    case TL_VIT_PATCH_STATS:
    case TL_VIT_EMBEDDED_STATS: return 2 * patches;
    case TL_VIT_EMBEDDED: return patches * c->dim;
    case TL_VIT_INPUT: return rows * c->dim;
    case TL_VIT_FINAL_STATS: return 2 * (uint64_t)last.op.queries * batch;
    case TL_VIT_POOLED: return (uint64_t)batch * c->dim;
    case TL_VIT_LOGITS: return (uint64_t)batch * c->classes;
    case TL_VIT_DLOGITS: return training ? (uint64_t)batch * c->classes : 0;
    case TL_VIT_ROW_LOSSES:
    case TL_VIT_RANKS: return batch;
    case TL_VIT_LOSSES: return TL_LOSS_SLOTS;
    case TL_VIT_ROWS1: return rows * c->dim;
    case TL_VIT_ROWS2:
    case TL_VIT_DX: return training ? rows * c->dim : 0;
    case TL_VIT_WIDE: return larger(hidden, patches * tl_vit_patch_values(c));
    case TL_VIT_WORKSPACE: return workspace_count(c, batch, training);
    case TL_VIT_BUFFERS: break;
    }
    return 0;
}

const char *tl_vit_buffer_name(tl_vit_buffer which)
{
    static const char *const names[TL_VIT_BUFFERS] = {"images",
                                                      "targets",
                                                      "patches",
                                                      "patch statistics",
                                                      "embedded patches",
                                                      "embedding statistics",
                                                      "trunk input",
                                                      "final norm statistics",
                                                      "pooled rows",
                                                      "logits",
                                                      "gradient of logits",
                                                      "row losses",
                                                      "ranks",
                                                      "losses",
                                                      "rows 1",
                                                      "rows 2",
                                                      "gradient of rows",
                                                      "wide rows",
                                                      "workspace"};
    return names[which];
}

tl_memory_kind tl_vit_buffer_kind(tl_vit_buffer which)
{
    switch (which) {
    case TL_VIT_IMAGES:
    case TL_VIT_TARGETS: return TL_MEMORY_DATA;
    case TL_VIT_ROWS1:
    case TL_VIT_ROWS2:
    case TL_VIT_DX:
    case TL_VIT_WIDE:
    case TL_VIT_WORKSPACE: return TL_MEMORY_WORKSPACE;
    default: return TL_MEMORY_ACTIVATION;
    }
}

tl_status tl_vit_batch_check(const tl_vit_config *c, uint32_t batch, tl_error *err)
{
    uint64_t rows = (uint64_t)tl_vit_tokens(c) * batch;
    if (batch < 1) return tl_fail(err, TL_ERROR_USAGE, "the batch size is 0: give at least 1.");
    if (rows > INT32_MAX || (uint64_t)batch * c->heads * tl_vit_tokens(c) > UINT32_MAX)
        return tl_fail(err, TL_ERROR_USAGE,
                       "a batch of %u with %u tokens each is too large: choose a smaller one.", batch,
                       tl_vit_tokens(c));
    return TL_OK;
}

/* ---- parameters ---------------------------------------------------------------------------------- */

static tl_status add(tl_registry *r, tl_error *err, const char *name, tl_init init, uint64_t fan_in,
                     uint32_t rank, uint64_t s0, uint64_t s1, uint64_t s2)
{
    float bound = init == TL_INIT_UNIFORM ? (float)(1.0 / sqrt((double)fan_in)) : 0.0f;
    if (tl_registry_add(r, name, init, bound, rank, (const uint64_t[]){s0, s1, s2}) < 0)
        return tl_fail(err, TL_ERROR_MEMORY, "no host memory for the list of parameters.");
    return TL_OK;
}

static tl_status add_norm(tl_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t dim)
{
    TL_TRY(add(r, err, weight, TL_INIT_ONE, 0, 1, dim, 0, 0));
    return add(r, err, bias, TL_INIT_ZERO, 0, 1, dim, 0, 0);
}

static tl_status add_linear(tl_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t in,
                            uint64_t out)
{
    TL_TRY(add(r, err, weight, TL_INIT_UNIFORM, in, 2, out, in, 0));
    return add(r, err, bias, TL_INIT_UNIFORM, in, 1, out, 0, 0);
}

tl_status tl_vit_parameters(const tl_vit_config *c, tl_registry *r, tl_error *err)
{
    TL_TRY(tl_vit_config_check(c, err));
    uint64_t values = tl_vit_patch_values(c);
    bool transformer = c->op == TL_OP_ATTENTION;
    if (c->positions == TL_POSITIONS_LEARNED)
        TL_TRY(add(r, err, "pos_embedding", TL_INIT_NORMAL, 0, 3, 1, tl_vit_tokens(c), c->dim));
    if (c->pool == TL_POOL_CLS) TL_TRY(add(r, err, "cls_token", TL_INIT_NORMAL, 0, 3, 1, 1, c->dim));
    TL_TRY(add_norm(r, err, "to_patch_embedding.1.weight", "to_patch_embedding.1.bias", values));
    TL_TRY(add_linear(r, err, "to_patch_embedding.2.weight", "to_patch_embedding.2.bias", values, c->dim));
    TL_TRY(add_norm(r, err, "to_patch_embedding.3.weight", "to_patch_embedding.3.bias", c->dim));
    TL_TRY(add_norm(r, err, transformer ? "transformer.norm.weight" : "translution.norm.weight",
                    transformer ? "transformer.norm.bias" : "translution.norm.bias", c->dim));
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        tl_block_shape shape = tl_vit_block_shape(c, 1, false, layer);
        TL_TRY(tl_block_parameters(r, tl_vit_trunk(c), layer, &shape, err));
    }
    return add_linear(r, err, "mlp_head.weight", "mlp_head.bias", c->dim, c->classes);
}

/* ---- bytes --------------------------------------------------------------------------------------- */

static uint64_t saturating_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t saturating_multiply(uint64_t a, uint64_t b)
{
    return b > 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Books `times` tensors of `elements` each, of which `unit` elements must lie in one allocation. Sums
 * saturate: a model that overflows 64 bits does not fit either. */
static void account(tl_memory_plan *plan, tl_memory_kind kind, uint64_t times, uint64_t elements,
                    uint64_t unit, const char *name)
{
    uint64_t bytes = saturating_multiply(saturating_multiply(elements, 4), times);
    plan->bytes[kind] = saturating_add(plan->bytes[kind], bytes);
    plan->total = saturating_add(plan->total, bytes);
    unit = times > 0 ? saturating_multiply(unit, 4) : 0;
    if (unit > plan->largest) {
        plan->largest = unit;
        snprintf(plan->largest_name, sizeof plan->largest_name, "%s", name);
    }
}

/* `times` operation states of this shape; its largest tensors are the attention weights and q, k, v. */
static void account_op(tl_memory_plan *plan, const tl_op_shape *op, uint64_t times)
{
    uint64_t tokens = tl_geometry_tokens(&op->geometry), rows = tokens * op->batch;
    account(plan, TL_MEMORY_ACTIVATION, times, tl_op_activation_count(op),
            (uint64_t)op->queries * op->batch * op->heads * tokens, "attention weights of a block");
    const tl_op_sizes z = tl_op_measure(op);
    account(plan, TL_MEMORY_ACTIVATION, times, 0, rows * z.plain, "q, k, v of a block");
    account(plan, TL_MEMORY_ACTIVATION, times, 0, tl_op_kept_count(op), "kept q and k of a block's pairs");
    account(plan, TL_MEMORY_DATA, times, z.mask, z.mask, "mask of a block's window");
    account(plan, TL_MEMORY_DATA, times, z.ones, z.ones, "ones of a block");
    account(plan, TL_MEMORY_DATA, times, z.rotary, z.rotary, "rotary angles of a block");
    if (tl_op_relative(op) != 0 || op->bias != TL_BIAS_NONE) {
        /* As tl_pairs_create stores them: the groups; the pairs with an index by query and one by key. */
        uint32_t groups, pairs, largest;
        tl_pairs_measure(&op->geometry, op->queries, &groups, &pairs, &largest);
        uint64_t list = 2 * (3 * (uint64_t)pairs + op->queries + tokens);
        account(plan, TL_MEMORY_DATA, times, 4 * (uint64_t)groups + list, list, "pair table of a block");
    }
}

static void account_buffers(tl_memory_plan *plan, const tl_block_shape *shape, bool training, uint64_t times)
{
    for (int i = 0; i < TL_BLOCK_BUFFERS; i++) {
        uint64_t count = tl_block_buffer_count(shape, training, (tl_block_buffer)i);
        account(plan, TL_MEMORY_ACTIVATION, times, count, count, "an activation of a block");
    }
}

tl_status tl_vit_plan(const tl_vit_config *c, uint32_t batch, bool training, tl_memory_plan *plan,
                      tl_error *err)
{
    memset(plan, 0, sizeof *plan);
    tl_registry registry = {0};
    tl_status status = tl_vit_parameters(c, &registry, err);
    if (status == TL_OK) status = tl_vit_batch_check(c, batch, err);
    for (int i = 0; status == TL_OK && i < registry.count; i++) {
        const tl_parameter *p = &registry.items[i];
        uint64_t count = tl_parameter_count(p), unit = p->rank == 3 ? count / p->shape[0] : count;
        account(plan, TL_MEMORY_PARAMETER, 1, count, unit, p->name);
        if (!training) continue;
        account(plan, TL_MEMORY_GRADIENT, 1, count, 0, "");
        account(plan, TL_MEMORY_MOMENT, 2, count, 0, "");
    }
    tl_registry_free(NULL, &registry);
    if (status != TL_OK) return status;

    for (int i = 0; i < TL_VIT_BUFFERS; i++) {
        uint64_t count = tl_vit_buffer_count(c, batch, training, (tl_vit_buffer)i);
        account(plan, tl_vit_buffer_kind((tl_vit_buffer)i), 1, count, count,
                tl_vit_buffer_name((tl_vit_buffer)i));
    }
    /* In inference the first block lends its buffers to all, and its operation's state where it fits. */
    const tl_block_shape first = tl_vit_block_shape(c, batch, training, 0);
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        const tl_block_shape shape = tl_vit_block_shape(c, batch, training, layer);
        if (training || layer == 0 || !tl_op_lends_state(&first.op, &shape.op))
            account_op(plan, &shape.op, 1);
        if (training || layer == 0) account_buffers(plan, &shape, training, 1);
    }
    return TL_OK;
}

bool tl_vit_plan_training(tl_vit_config *c, uint32_t batch, tl_recompute recompute, uint64_t total_bytes,
                          uint64_t max_alloc_bytes, tl_memory_plan *plan)
{
    for (int again = recompute == TL_RECOMPUTE_ALWAYS; again <= (recompute != TL_RECOMPUTE_NEVER); again++) {
        tl_error ignored;
        c->recompute = again != 0;
        if (tl_vit_plan(c, batch, true, plan, &ignored) != TL_OK) return false;
        if (plan->total <= total_bytes && plan->largest <= max_alloc_bytes) return true;
    }
    return false;
}
