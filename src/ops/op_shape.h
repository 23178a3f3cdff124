/* Shape of an attention operation, and the roles that follow from its rule. Needs no device. */
#ifndef OPS_OP_SHAPE_H
#define OPS_OP_SHAPE_H

#include "ops/geometry.h"

typedef struct tli_op_shape {
    tl_op_kind kind;
    tl_roles relative; /* translution, alpha: per-offset roles; 0: all three */
    /* Relative-position kinds inside attention: rotary, Swin, Shaw, ConViT, ALiBi. Learned positions are
     * added to x by the model and have no effect here, nor has the default. */
    tl_positions positions;
    tli_geometry geometry;
    uint32_t batch, dim;      /* rows are tokens * batch; x has dim channels */
    uint32_t heads, head_dim; /* o has heads * head_dim channels */
    uint32_t relenc_dim;      /* low-rank operations: width per head */
    /* The first `queries` tokens are queries: all tokens, or 1 when only the class token's output is read;
     * o and do have queries * batch rows */
    uint32_t queries;
    /* If tli_op_saves_pairs: forward saves q_ij and k_ij, [pair][batch][2D] floats, for backward. */
    bool save_pairs;
    uint64_t chunk_bytes; /* as tl_model_config.chunk_bytes, of q_ij and k_ij where they are recomputed */
} tli_op_shape;

/* The per-offset roles: none for attention. */
tl_roles tli_op_per_offset_roles(const tli_op_shape *shape);
/* The shared roles: those with one projection matrix for all offsets. In translution all but the
 * per-offset ones. */
tl_roles tli_op_shared_roles(const tli_op_shape *shape);
uint32_t tli_op_role_count(tl_roles roles);
/* Whether per-offset matrices are applied to low-rank projections of x: alpha, with or without its shared
 * path. */
bool tli_op_is_low_rank(const tli_op_shape *shape);
/* alpha: the roles with a low-rank projection: q and k if either is per-offset, v if it is. */
tl_roles tli_op_low_rank_roles(const tli_op_shape *shape);
bool tli_op_has_softmax(const tli_op_shape *shape);
/* Whether the logits contain q_i . k_j, or q_ij . k_ij; whether o contains a sum over v_j, or over v_ij. */
bool tli_op_has_shared_logits(const tli_op_shape *shape);
bool tli_op_has_offset_logits(const tli_op_shape *shape);
bool tli_op_has_shared_values(const tli_op_shape *shape);
bool tli_op_has_offset_values(const tli_op_shape *shape);

/* Whether training can choose between saving q_ij and k_ij of all pairs (`save_pairs`) and recomputing
 * them in backward: if q or k has full-rank per-offset matrices. */
bool tli_op_saves_pairs(const tli_op_shape *shape);
/* Inference saves no activations, so blocks with equal state layouts can share one state. True if these
 * two can. */
bool tli_op_shares_state(const tli_op_shape *buffer_owner, const tli_op_shape *sharer);

/* Scale of the logits: 1 / sqrt(channels), halved if they contain both products. */
float tli_op_logit_scale(const tli_op_shape *shape);
/* Scale of the output: 1/2 if it contains both sums, else 1. */
float tli_op_output_scale(const tli_op_shape *shape);

#endif
