/* What an attention-like operation needs: its parameters and its memory, from the shape alone. */
#ifndef OPS_OP_SIZES_H
#define OPS_OP_SIZES_H

#include "ops/attention_terms.h"

/* Fills the list in the reference's order; returns how many there are. */
int tli_op_parameters(const tli_op_shape *shape, tli_op_parameter list[OP_MAX_PARAMETERS]);

/* Whether the operation has a pair table: for per-offset matrices or biases. */
bool tli_op_has_pairs(const tli_op_shape *shape);
/* Walks all pairs of tokens where offsets are shared or there is a window: for plans, not for steps. */
tli_op_sizes tli_op_measure(const tli_op_shape *shape);
/* The same from a pair table's `pairs` and those of its largest group (0 without a table): a few products. */
tli_op_sizes tli_op_measure_pairs(const tli_op_shape *shape, uint32_t pairs, uint32_t largest);

/* Floats that tli_op_create will keep as activations, and floats of workspace, shared between layers, that forward and
 * backward need, for up to shape->batch samples and, in sequences, up to the shape's tokens. */
uint64_t tli_op_activation_count(const tli_op_shape *shape);
uint64_t tli_op_workspace_count(const tli_op_shape *shape);

/* Of the activations: q_ij and k_ij of all pairs, where `save_pairs` saves them. One tensor holds them. */
uint64_t tli_op_saved_pairs_count(const tli_op_shape *shape);

#endif
