/* What each attention-like operation has and allows: one table. Models, layers, the memory plan, bench, the command line
 * and tests ask here and nowhere compare kinds of operations. */
#ifndef OPS_OP_RULES_H
#define OPS_OP_RULES_H

#include <stdbool.h>

#include "translution/translution.h"

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
    /* roles with a matrix per offset; with `chooses`, tli_op_shape.relative picks some of them */
    tl_roles per_offset;
    bool chooses;
    op_shared shared;
    /* the matrices per offset stand behind narrow projections of x, relenc_dim wide per head */
    bool low_rank;
    bool per_pair; /* a matrix for every pair of tokens instead of every offset: nothing to share */
    bool softmax;
    bool hybrid; /* may be the first blocks of a model whose others are attention */
    op_window window;
    unsigned positions; /* that it takes, 1 << tl_positions each */
    tl_positions default_positions;
} op_rule;

const op_rule *tli_op_rule_of(tl_op_kind kind); /* NULL: there is no such operation */
bool tli_op_takes_positions(tl_op_kind kind, tl_positions positions);

#endif
