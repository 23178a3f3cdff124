/* What can be computed about a model without a device: parameters, sizes, bytes. Arch-specific parts come
 * from tli_arch. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/arithmetic.h"
#include "core/choices.h"
#include "models/arch.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/pair_table.h"

tl_positions tli_model_positions(const tl_model_config *c)
{
    const op_rule *rule = tli_op_rule_of(c->op);
    return c->positions != TL_POSITIONS_DEFAULT || rule == NULL ? c->positions : rule->default_positions;
}

/* Blocks with the operation come first, attention blocks after them. */
static tl_status check_hybrid(const tl_model_config *c, tl_error *err)
{
    if (c->translution_layers == 0) return TL_OK;
    if (!tli_op_rule_of(c->op)->hybrid)
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s makes no hybrid: leave `translution_layers` out, or choose translution or alpha.",
                        tl_op_name(c->op));
    if (c->translution_layers <= c->depth) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "%u Translution layers are more than the depth of %u.",
                    c->translution_layers, c->depth);
}

tl_status tli_model_check(const tl_model_config *c, tl_error *err)
{
    const tli_arch *arch = tli_arch_of(c);
    TLI_TRY(tli_choice_check(&tli_arch_choices, (int)c->arch, err));
    TLI_TRY(tli_choice_check(&tli_op_choices, (int)c->op, err));
    if (c->positions != TL_POSITIONS_DEFAULT)
        TLI_TRY(tli_choice_check(&tli_positions_choices, (int)c->positions, err));
    TLI_TRY(tli_check_range(err, "depth", c->depth, MODEL_MAX_DEPTH));
    TLI_TRY(tli_check_range(err, "mlp_dim", c->mlp_dim, MODEL_MAX_MLP_DIM));
    TLI_TRY(arch->check(c, err));
    TLI_TRY(check_hybrid(c, err));
    const tli_block_shape first = tli_model_block_shape(c, 1, true, 0),
                          last = tli_model_block_shape(c, 1, true, c->depth - 1);
    TLI_TRY(tli_op_check(&first.op, err));
    return tli_op_check(&last.op, err);
}

tl_status tli_model_batch_check(const tl_model_config *c, uint32_t batch, tl_error *err)
{
    const tli_block_shape first = tli_model_block_shape(c, batch, true, 0);
    return tli_op_check_batch(&first.op, err);
}

/* ---- the blocks ----------------------------------------------------------------------------------- */

uint32_t tli_model_tokens(const tl_model_config *c)
{
    const tli_geometry geometry = tli_arch_of(c)->geometry(c);
    return tli_geometry_tokens(&geometry);
}

const char *tli_model_block_prefix(const tl_model_config *c)
{
    return tli_op_rule_of(c->op)->per_offset == 0 ? "transformer" : "translution";
}

tli_block_shape tli_model_block_shape(const tl_model_config *c, uint32_t batch, bool training, uint32_t layer)
{
    const tli_arch *arch = tli_arch_of(c);
    const bool behind = c->translution_layers > 0 && layer >= c->translution_layers; /* of a hybrid */
    tli_block_shape shape = {
        .op = {.kind = behind ? TL_OP_ATTENTION : c->op,
               .relative = behind ? 0 : c->relative,
               .positions = tli_model_positions(c),
               .geometry = arch->geometry(c),
               .batch = batch,
               .dim = c->dim,
               .heads = c->heads,
               .head_dim = c->head_dim},
        .mlp_dim = c->mlp_dim,
    };
    tli_geometry *geometry = &shape.op.geometry;
    geometry->absolute = tli_op_rule_of(shape.op.kind)->per_pair;
    geometry->sharing = behind ? TL_SHARING_NONE : c->sharing;
    geometry->sharing_radius = c->sharing_radius;
    geometry->window = c->window;
    if (tli_op_rule_of(shape.op.kind)->per_offset != 0) {
        geometry->shares = c->offset_ranks;
        geometry->share = c->offset_rank;
    }
    if (tli_op_is_low_rank(&shape.op)) shape.op.relenc_dim = c->relenc_dim;
    /* Attention blocks of a hybrid ViT use rotary positions, as in the reference; those of a hybrid GPT
     * use none. */
    if (behind && arch->rotary_hybrid) shape.op.positions = TL_POSITIONS_ROPE;
    shape.op.save_pairs = shape.save_rows = training && !c->recompute;
    shape.op.chunk_bytes = training ? c->chunk_bytes : 0;
    /* The last block computes only the rows that the head reads. */
    shape.op.queries = arch->class_only(c) && layer + 1 == c->depth ? 1 : tli_model_tokens(c);
    return shape;
}

/* ---- buffers ------------------------------------------------------------------------------------- */

static uint64_t workspace_count(const tl_model_config *c, uint32_t batch, bool training)
{
    uint64_t count = tli_larger(tli_arch_of(c)->workspace(c, batch, training), 1);
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        const tli_block_shape shape = tli_model_block_shape(c, batch, training, layer);
        count = tli_larger(count, tli_block_workspace_count(&shape, training));
    }
    return count;
}

uint64_t tli_model_buffer_count(const tl_model_config *c, uint32_t batch, bool training, int which)
{
    const tli_arch *arch = tli_arch_of(c);
    const uint64_t rows = (uint64_t)tli_model_tokens(c) * batch;
    const tli_block_shape first = tli_model_block_shape(c, batch, training, 0),
                          last = tli_model_block_shape(c, batch, training, c->depth - 1);
    const uint64_t hidden = first.save_rows
                                ? 0
                                : tli_larger(first.op.queries, last.op.queries) * batch * c->mlp_dim;
    if (which >= TLI_MODEL_BUFFERS) return arch->buffer_count(c, batch, training, which);
    switch ((tli_model_buffer)which) {
    case TLI_MODEL_INPUT:
    case TLI_MODEL_ROWS1: return rows * c->dim;
    case TLI_MODEL_ROWS2:
    case TLI_MODEL_DX: return training ? rows * c->dim : 0;
    case TLI_MODEL_WIDE: return tli_larger(hidden, arch->wide(c, batch));
    case TLI_MODEL_WORKSPACE: return workspace_count(c, batch, training);
    case TLI_MODEL_TARGETS:
    case TLI_MODEL_ROW_LOSSES:
    case TLI_MODEL_RANKS: return arch->predictions(c, batch);
    case TLI_MODEL_LOSSES: return TLI_LOSS_SLOTS;
    case TLI_MODEL_BUFFERS:
    case TLI_MODEL_MAX_BUFFERS: break;
    }
    return 0;
}

tli_buffer_info tli_model_buffer_info(const tl_model_config *c, int which)
{
    static const tli_buffer_info shared[TLI_MODEL_BUFFERS] = {
        [TLI_MODEL_INPUT] = {"blocks input", TL_MEMORY_ACTIVATION},
        [TLI_MODEL_ROWS1] = {"rows 1", TL_MEMORY_WORKSPACE},
        [TLI_MODEL_ROWS2] = {"rows 2", TL_MEMORY_WORKSPACE},
        [TLI_MODEL_DX] = {"gradient of rows", TL_MEMORY_WORKSPACE},
        [TLI_MODEL_WIDE] = {"wide rows", TL_MEMORY_WORKSPACE},
        [TLI_MODEL_WORKSPACE] = {"workspace", TL_MEMORY_WORKSPACE},
        [TLI_MODEL_TARGETS] = {"targets", TL_MEMORY_DATA},
        [TLI_MODEL_ROW_LOSSES] = {"row losses", TL_MEMORY_ACTIVATION},
        [TLI_MODEL_RANKS] = {"ranks", TL_MEMORY_ACTIVATION},
        [TLI_MODEL_LOSSES] = {"losses", TL_MEMORY_ACTIVATION},
    };
    return which < TLI_MODEL_BUFFERS ? shared[which] : tli_arch_of(c)->info[which - TLI_MODEL_BUFFERS];
}

/* ---- parameters ---------------------------------------------------------------------------------- */

static tl_status plan_add(tli_registry *r, tl_error *err, const char *name, tli_init init, uint64_t fan_in,
                          uint32_t rank, const uint64_t *shape)
{
    float bound = init == TLI_INIT_UNIFORM ? (float)(1.0 / sqrt((double)fan_in)) : 0.0f;
    if (tli_registry_add(r, name, init, bound, rank, shape) < 0)
        return tli_fail(err, TL_ERROR_MEMORY, "no host memory for the list of parameters.");
    return TL_OK;
}

tl_status tli_add_normal(tli_registry *r, tl_error *err, const char *name, uint32_t rank,
                         const uint64_t *shape)
{
    return plan_add(r, err, name, TLI_INIT_NORMAL, 0, rank, shape);
}

tl_status tli_add_norm(tli_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t dim)
{
    TLI_TRY(plan_add(r, err, weight, TLI_INIT_ONE, 0, 1, &dim));
    return plan_add(r, err, bias, TLI_INIT_ZERO, 0, 1, &dim);
}

tl_status tli_add_linear(tli_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t in,
                         uint64_t out)
{
    TLI_TRY(plan_add(r, err, weight, TLI_INIT_UNIFORM, in, 2, (const uint64_t[]){out, in}));
    return bias == NULL ? TL_OK : plan_add(r, err, bias, TLI_INIT_UNIFORM, in, 1, &out);
}

tl_status tli_add_blocks(const tl_model_config *c, tli_registry *r, tl_error *err)
{
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        const tli_block_shape shape = tli_model_block_shape(c, 1, false, layer);
        TLI_TRY(tli_block_parameters(r, tli_model_block_prefix(c), layer, &shape, err));
    }
    return TL_OK;
}

tl_status tli_model_parameters(const tl_model_config *c, tli_registry *r, tl_error *err)
{
    TLI_TRY(tli_model_check(c, err));
    return tli_arch_of(c)->parameters(c, r, err);
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

void tli_memory_plan_add(tl_memory_plan *plan, tl_memory_kind kind, uint64_t bytes)
{
    plan->bytes[kind] = saturating_add(plan->bytes[kind], bytes);
    plan->total = saturating_add(plan->total, bytes);
}

/* Counts `times` tensors of `elements` each, of which `unit` elements must fit in one allocation. Sums
 * saturate: a model that overflows 64 bits does not fit either. */
static void plan_account(tl_memory_plan *plan, tl_memory_kind kind, uint64_t times, uint64_t elements,
                         uint64_t unit, const char *name)
{
    const uint64_t width = tli_element_bytes(TLI_DTYPE_F32);
    const uint64_t bytes = saturating_multiply(saturating_multiply(elements, width), times);
    tli_memory_plan_add(plan, kind, bytes);
    unit = times > 0 ? saturating_multiply(unit, width) : 0;
    if (unit > plan->largest) {
        plan->largest = unit;
        snprintf(plan->largest_name, sizeof plan->largest_name, "%s", name);
    }
}

/* The same for a buffer of every block, if it has one. */
static void account_block(tl_memory_plan *plan, tl_memory_kind kind, uint64_t times, uint64_t elements,
                          uint64_t unit, const char *what)
{
    char name[64];
    if (unit == 0) return;
    snprintf(name, sizeof name, "%s of a block", what);
    plan_account(plan, kind, times, elements, unit, name);
}

/* `times` operation states of this shape; the largest tensors are the attention weights and q, k, v. */
static void account_op(tl_memory_plan *plan, const tli_op_shape *op, uint64_t times)
{
    uint64_t tokens = tli_geometry_tokens(&op->geometry), rows = tokens * op->batch;
    plan_account(plan, TL_MEMORY_ACTIVATION, times, tli_op_activation_count(op),
                 (uint64_t)op->queries * op->batch * op->heads * tokens, "attention weights of a block");
    const tli_op_sizes z = tli_op_measure(op);
    plan_account(plan, TL_MEMORY_ACTIVATION, times, 0, rows * z.packed, "q, k, v of a block");
    plan_account(plan, TL_MEMORY_DATA, times, z.mask, z.mask, "mask of a block's window");
    for (int t = 0; t < TERMS; t++) {
        account_block(plan, TL_MEMORY_ACTIVATION, times, 0, z.term[t].saved,
                      tli_attention_terms[t]->saved_name);
        account_block(plan, TL_MEMORY_DATA, times, z.term[t].table, z.term[t].table,
                      tli_attention_terms[t]->table_name);
    }
    if (tli_op_has_pairs(op)) {
        /* As tli_pair_table_create allocates them: groups; pairs with an index by query and one by key. */
        uint32_t groups, pairs, largest;
        tli_pair_table_measure(&op->geometry, op->queries, &groups, &pairs, &largest);
        uint64_t list = 2 * (3 * (uint64_t)pairs + op->queries + tokens);
        plan_account(plan, TL_MEMORY_DATA, times, tli_pair_table_groups(groups) + list, list,
                     "pair table of a block");
    }
}

static void account_buffers(tl_memory_plan *plan, const tli_block_shape *shape, bool training, uint64_t times)
{
    for (int i = 0; i < TLI_BLOCK_BUFFERS; i++) {
        uint64_t count = tli_block_buffer_count(shape, training, (tli_block_buffer)i);
        plan_account(plan, TL_MEMORY_ACTIVATION, times, count, count, "an activation of a block");
    }
}

/* Parameters, gradients and optimizer state. */
static void account_parameters(tl_memory_plan *plan, const tli_registry *registry, const optimizer_rule *rule)
{
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        uint64_t count = tli_parameter_count(p), unit = count / tli_parameter_lead(p);
        plan_account(plan, TL_MEMORY_PARAMETER, 1, count, unit, p->name);
        if (rule == NULL) continue;
        plan_account(plan, TL_MEMORY_GRADIENT, 1, count, 0, "");
        plan_account(plan, TL_MEMORY_MOMENT, (uint64_t)rule->slots, count, 0, "");
    }
    const uint64_t workspace = rule != NULL ? tli_registry_workspace(registry, rule) : 0;
    plan_account(plan, TL_MEMORY_WORKSPACE, 1, workspace, workspace, "optimizer workspace");
}

/* Number of blocks of this shape from `layer` on: they are counted once, since counting pairs takes long. */
static uint32_t equal_blocks(const tl_model_config *c, const tli_block_shape *shape, uint32_t layer)
{
    uint32_t blocks = 0;
    while (layer + blocks < c->depth) {
        const tli_block_shape next = tli_model_block_shape(c, shape->op.batch, shape->op.save_pairs,
                                                           layer + blocks);
        if (!tli_op_shares_state(&shape->op, &next.op)) break;
        blocks++;
    }
    return blocks;
}

tl_status tli_model_plan(const tl_model_config *c, uint32_t batch, const optimizer_rule *rule,
                         tl_memory_plan *plan, tl_error *err)
{
    const bool training = rule != NULL;
    memset(plan, 0, sizeof *plan);
    tli_registry registry = {0};
    tl_status status = tli_model_parameters(c, &registry, err);
    if (status == TL_OK) status = tli_model_batch_check(c, batch, err);
    if (status == TL_OK) account_parameters(plan, &registry, rule);
    tli_registry_free(NULL, &registry);
    if (status != TL_OK) return status;

    for (int i = 0; i < TLI_MODEL_BUFFERS + tli_arch_of(c)->buffers; i++) {
        const uint64_t count = tli_model_buffer_count(c, batch, training, i);
        const tli_buffer_info info = tli_model_buffer_info(c, i);
        plan_account(plan, info.kind, 1, count, count, info.name);
    }
    /* In inference all blocks use the first block's buffers, and its operation state where the layout is
     * equal. */
    const tli_block_shape first = tli_model_block_shape(c, batch, training, 0);
    for (uint32_t layer = 0, blocks; layer < c->depth; layer += blocks) {
        const tli_block_shape shape = tli_model_block_shape(c, batch, training, layer);
        blocks = equal_blocks(c, &shape, layer);
        const uint32_t own = training ? blocks : layer == 0; /* of those that the first block's serve */
        account_op(plan, &shape.op, tli_op_shares_state(&first.op, &shape.op) ? own : blocks);
        account_buffers(plan, &shape, training, own);
    }
    return TL_OK;
}
