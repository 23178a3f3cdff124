/* What each attention-like operation has and allows: one table, and one check of a whole shape by it. Models, layers, the
 * memory plan, bench, the command line and tests ask here and nowhere compare kinds of operations. */
#ifndef OPS_OP_RULES_H
#define OPS_OP_RULES_H

#include "ops/op_shape.h"

/* Which roles x is projected to by one matrix that all pairs of tokens share. */
typedef enum op_shared {
    OP_SHARED_NONE,
    OP_SHARED_REST, /* those without a matrix per offset */
    OP_SHARED_ALL
} op_shared;

typedef enum op_window {
    OP_WINDOW_MAY,
    OP_WINDOW_NEVER,
    OP_WINDOW_KERNEL /* always: it is half of the kernel's width */
} op_window;

typedef struct op_rule {
    tl_roles
        per_offset; /* roles with a matrix per offset; with `chooses`, tl_op_shape.relative picks some of them */
    bool chooses;
    op_shared shared;
    bool
        low_rank; /* the matrices per offset stand behind narrow projections of x, relenc_dim wide per head */
    bool per_pair; /* a matrix for every pair of tokens instead of every offset: nothing to share */
    bool softmax;
    bool hybrid; /* may be the first blocks of a model whose others are attention */
    op_window window;
    unsigned positions; /* that it takes, 1 << tl_positions each */
    tl_positions default_positions;
} op_rule;

const op_rule *op_rule_of(tl_op_kind kind); /* NULL: there is no such operation */
bool op_takes_positions(tl_op_kind kind, tl_positions positions);

/* Ranges, each from 1. No product of two of them overflows 32 bits where one is used. */
enum {
    OP_MOST_DIM = 65536,
    OP_MOST_HEADS = 1024,
    OP_MOST_LOW_RANK = 1024, /* relenc_dim */
    OP_MOST_WIDTH = 1 << 20, /* heads x head_dim */
    OP_MOST_TOKENS = 32768,
    OP_MOST_RADIUS = 65535
};
/* TL_ERROR_USAGE, naming `name`, unless 1 <= value <= most. */
tl_status check_range(tl_error *err, const char *name, uint32_t value, uint32_t most);

/* TL_ERROR_USAGE with one sentence when the shape, its batch aside, is no operation that this library computes. */
tl_status op_check(const tl_op_shape *shape, tl_error *err);
/* The same for the batch: rows and attention weights must be countable. */
tl_status op_check_batch(const tl_op_shape *shape, tl_error *err);

/* Whether training may keep q_ij and k_ij of every pair instead of computing them again (tl_op_shape.keep): of roles with
 * whole matrices per offset among q and k. */
bool op_saves_pairs(const tl_op_shape *shape);

#endif
