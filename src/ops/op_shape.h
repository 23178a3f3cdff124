/* What an attention-like operation is, without a device: its shape, and the roles that follow from its rule. */
#ifndef OPS_OP_SHAPE_H
#define OPS_OP_SHAPE_H

#include "ops/geometry.h"

typedef struct tli_op_shape {
    tl_op_kind kind;
    tl_roles relative; /* translution, alpha: the roles with a matrix per offset; 0: all three */
    /* of the kinds inside of attention: rotary, Swin's, Shaw's, ConViT's; learned ones are added to x
     * before and mean nothing here, nor does the default */
    tl_positions positions;
    tli_geometry geometry;
    uint32_t batch, dim;      /* rows are tokens * batch; x has dim channels */
    uint32_t heads, head_dim; /* o has heads * head_dim channels */
    uint32_t relenc_dim;      /* low-rank operations: width per head */
    uint32_t queries;         /* the first `queries` tokens are queries: all of them, or 1 when only the class
                               * token's output is read; o and do have queries * batch rows */
    /* where tli_op_saves_pairs: forward saves q_ij and k_ij, [pair][batch][2D] floats, for backward */
    bool save_pairs;
} tli_op_shape;

/* The roles with a matrix per offset: none for attention. */
tl_roles tli_op_per_offset_roles(const tli_op_shape *shape);
/* The roles that x is projected to by one matrix: all but in translution, whose relative roles have none. */
tl_roles tli_op_shared_roles(const tli_op_shape *shape);
uint32_t tli_op_role_count(tl_roles roles);
/* Whether the relative roles are made from low-rank projections of x: alpha, with or without its standard path. */
bool tli_op_is_low_rank(const tli_op_shape *shape);
/* alpha: the roles that have a low-rank projection: q and k if either is relative, v if it is. */
tl_roles tli_op_low_rank_roles(const tli_op_shape *shape);
bool tli_op_has_softmax(const tli_op_shape *shape);
/* Whether logits have a part q_i . k_j, and a part q_ij . k_ij; whether o has a part from v_j, one from v_ij. */
bool tli_op_has_shared_logits(const tli_op_shape *shape);
bool tli_op_has_offset_logits(const tli_op_shape *shape);
bool tli_op_has_shared_values(const tli_op_shape *shape);
bool tli_op_has_offset_values(const tli_op_shape *shape);

/* Whether training may save q_ij and k_ij of every pair instead of computing them again (`save_pairs`): of roles with whole
 * matrices per offset among q and k. */
bool tli_op_saves_pairs(const tli_op_shape *shape);
/* Whether in inference, where nothing is saved for backward, one state serves both shapes of a model's blocks. */
bool tli_op_shares_state(const tli_op_shape *buffer_owner, const tli_op_shape *sharer);

/* What the products of q and k are multiplied by: 1 / sqrt(channels), halved where logits have both parts. */
float tli_op_logit_scale(const tli_op_shape *shape);
/* What both parts of the output are multiplied by: 1/2 where there are two, else 1. */
float tli_op_output_scale(const tli_op_shape *shape);

#endif
