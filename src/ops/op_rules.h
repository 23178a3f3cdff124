/* The table of attention operations: what each has and allows. Models, layers, the memory plan, bench, the
 * command line and tests ask this table and never compare operation kinds themselves. */
#ifndef OPS_OP_RULES_H
#define OPS_OP_RULES_H

#include <stdbool.h>

#include "translution/translution.h"

/* Which roles have one shared projection matrix. */
typedef enum op_shared {
    OP_SHARED_NONE,
    OP_SHARED_REST, /* those without per-offset matrices */
    OP_SHARED_ALL
} op_shared;

typedef enum op_window {
    OP_WINDOW_MAY,
    OP_WINDOW_NEVER,
    OP_WINDOW_KERNEL /* always: half the kernel's width */
} op_window;

typedef struct op_rule {
    /* roles with per-offset matrices; if `chooses`, tli_op_shape.relative selects some of them */
    tl_roles per_offset;
    bool chooses;
    op_shared shared;
    /* the per-offset matrices are applied to low-rank projections of x, relenc_dim wide per head */
    bool low_rank;
    bool per_pair; /* one matrix per pair of tokens instead of per offset: offset sharing does not apply */
    bool softmax;
    bool hybrid; /* may form the first blocks of a hybrid model, followed by attention blocks */
    op_window window;
    unsigned positions; /* accepted ones, a bit 1 << tl_positions each */
    tl_positions default_positions;
} op_rule;

const op_rule *tli_op_rule_of(tl_op_kind kind); /* NULL: unknown operation */
bool tli_op_takes_positions(tl_op_kind kind, tl_positions positions);

#endif
