/* What an attention-like operation needs: its parameters and its memory, from the shape alone. */
#ifndef OPS_OP_SIZES_H
#define OPS_OP_SIZES_H

#include "ops/attention_terms.h"

/* Fills the list in the reference's order; returns how many there are. */
int tl_op_parameters(const tl_op_shape *shape, tl_op_parameter list[OP_MAX_PARAMETERS]);

/* Whether the operation has a pair table: for per-offset matrices or biases. */
bool tl_op_has_pairs(const tl_op_shape *shape);
/* Walks all pairs of tokens where offsets are shared or there is a window: for plans, not for steps. */
tl_op_sizes tl_op_measure(const tl_op_shape *shape);
/* The same from a pair table's `pairs` and those of its largest group (0 without a table): a few products. */
tl_op_sizes tl_op_measure_pairs(const tl_op_shape *shape, uint32_t pairs, uint32_t largest);

/* Floats that tl_op_create will keep as activations, and floats of workspace, shared between layers, that forward and
 * backward need, for up to shape->batch samples and, in sequences, up to the shape's tokens. */
uint64_t tl_op_activation_count(const tl_op_shape *shape);
uint64_t tl_op_workspace_count(const tl_op_shape *shape);

/* Of the activations: q_ij and k_ij of all pairs, where `keep` saves them. One tensor holds them. */
uint64_t tl_op_kept_count(const tl_op_shape *shape);

#endif
