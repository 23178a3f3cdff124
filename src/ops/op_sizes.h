/* Parameters and memory of an attention operation, computed from its shape. */
#ifndef OPS_OP_SIZES_H
#define OPS_OP_SIZES_H

#include "ops/attention_terms.h"

/* Fills the list in the reference's order; returns how many there are. */
int tli_op_parameters(const tli_op_shape *shape, tli_op_parameter list[OP_MAX_PARAMETERS]);

/* Whether the operation has a pair table: for per-offset matrices or relative-position biases. */
bool tli_op_has_pairs(const tli_op_shape *shape);
/* With offset sharing or a window this visits all pairs of tokens, O(N^2): for planning, not in each step. */
tli_op_sizes tli_op_measure(const tli_op_shape *shape);
/* The same, given a pair table's number of pairs and size of its largest group (0 without a table): O(1). */
tli_op_sizes tli_op_measure_pairs(const tli_op_shape *shape, uint32_t pairs, uint32_t largest);

/* Floats of activations that tli_op_create allocates, and of workspace, shared between layers, that
 * forward and backward need, for up to shape->batch samples and, in sequences, up to the shape's tokens. */
uint64_t tli_op_activation_count(const tli_op_shape *shape);
uint64_t tli_op_workspace_count(const tli_op_shape *shape);

/* What `ranks` that share the operation's matrices out send each, forward and backward, and in at most how many messages. */
uint64_t tli_op_sent_bytes(const tli_op_shape *shape, int ranks, uint64_t *messages);

/* The part of the activations that holds q_ij and k_ij of all pairs when `save_pairs`, in one tensor. */
uint64_t tli_op_saved_pairs_count(const tli_op_shape *shape);

#endif
