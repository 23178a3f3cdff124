/* What an attention-like operation is, without a device: its roles, parameters and sizes. */
#ifndef TL_OPS_OP_SHAPE_H
#define TL_OPS_OP_SHAPE_H

#include "ops/geometry.h"
#include "ops/init.h"

/* What attention adds for every offset, by the relative products of rows of ones. */
typedef enum tl_bias {
    TL_BIAS_NONE,
    TL_BIAS_SWIN, /* a number a head to the logits */
    TL_BIAS_SHAW  /* a vector to k_j, another to v_j */
} tl_bias;

typedef struct tl_op_shape {
    tl_op_kind kind;
    tl_roles relative; /* translution, alpha: the roles with a matrix per offset; 0: all three */
    tl_bias bias;      /* attention: a second, relative part of constant rows */
    bool gated;        /* attention: ConViT's gate to a softmax over positions, see ops/gated.h */
    bool rotary;       /* attention, alpha: rotate the standard q and k by their token's position */
    tl_geometry geometry;
    uint32_t batch, dim;      /* rows are tokens * batch; x has dim channels */
    uint32_t heads, head_dim; /* o has heads * head_dim channels */
    uint32_t relenc_dim;      /* alpha: relative width per head */
    uint32_t queries;         /* the first `queries` tokens are queries: all of them, or 1 when only the class
                               * token's output is read; o and do have queries * batch rows */
    bool keep; /* where op_saves_pairs: forward keeps q_ij and k_ij, [pair][batch][2D] floats, for backward */
} tl_op_shape;

/* The roles with a matrix per offset: none for attention. */
tl_roles tl_op_relative(const tl_op_shape *shape);
/* The roles that x is projected to by one matrix: all but in translution, whose relative roles have none. */
tl_roles tl_op_plain(const tl_op_shape *shape);
/* Whether the relative roles are made from narrow projections of x: alpha, with or without its standard path.
 */
bool tl_op_is_narrow(const tl_op_shape *shape);
/* alpha: the roles that have a narrow projection: q and k if either is relative, v if it is. */
tl_roles tl_op_narrow(const tl_op_shape *shape);
/* Whether logits have a part q_i . k_j, and a part q_ij . k_ij; whether o has a part from v_j, one from v_ij.
 */
bool tl_op_has_softmax(const tl_op_shape *shape);
bool tl_op_standard_scores(const tl_op_shape *shape);
bool tl_op_relative_scores(const tl_op_shape *shape);
bool tl_op_standard_values(const tl_op_shape *shape);
bool tl_op_relative_values(const tl_op_shape *shape);

/* Parameters and their gradients, NULL where the operation has none. C = dim, D = heads * head_dim,
 * R = heads * relenc_dim, K offsets:
 *   qkv              [nD][C]    the n plain roles, q before k before v
 *   a_q, a_k, a_v    [R][C]     alpha's narrow projections
 *   q, k, v          [K][C][D]  the relative tables; [K][R][R] in alpha
 *   v3               [D][R]     alpha with relative v
 *   bias             [K][1][h]  Swin's
 *   r_k, r_v         [K][1][D]  Shaw's
 *   w, gate          [h][F] and [h]  ConViT's, F the features of ops/gated.h */
typedef struct tl_op_weights {
    tl_tensor *qkv, *q, *k, *v, *a_q, *a_k, *a_v, *v3, *bias, *r_k, *r_v, *w, *gate;
} tl_op_weights;

typedef struct tl_op_parameter {
    const char *name;  /* the reference's: "to_q2.unique_params" */
    const char *field; /* of tl_op_weights: "q" */
    size_t at;         /* its offset there */
    uint32_t rank;
    uint64_t shape[3]; /* rank 3: [offset][in][out], else [out][in]; rank 1: [out] with in 1 */
    uint64_t fan_in;   /* TL_INIT_UNIFORM: drawn from U(-1/sqrt(fan_in), 1/sqrt(fan_in)) */
    tl_init init;
    uint32_t axes; /* TL_INIT_LOCAL */
} tl_op_parameter;

enum { OP_MAX_PARAMETERS = 10 }; /* of any operation: the length of every list of them */
/* Fills the list in the reference's order; returns how many there are. */
int tl_op_parameters(const tl_op_shape *shape, tl_op_parameter list[OP_MAX_PARAMETERS]);
tl_tensor **tl_op_weight(tl_op_weights *weights, const tl_op_parameter *parameter);

/* Sizes that the operation is made of, in floats unless said otherwise. */
typedef struct tl_op_sizes {
    uint64_t rows, query_rows; /* tokens * batch, queries * batch */
    uint32_t width, relative;  /* D, R */
    uint32_t plain;            /* nD */
    uint64_t weights;          /* batch * heads * queries * keys */
    uint64_t pair_weights;     /* heads * pairs * batch */
    uint64_t kept;             /* q_ij or k_ij of all pairs, where they are kept */
    uint64_t rotary;           /* cosines and sines */
    uint64_t mask, ones;       /* of a window; rows of ones, which the biases multiply */
    uint64_t features;         /* ConViT: of all pairs, with the ones behind them */
    uint64_t positions;        /* ConViT: heads * queries * keys */
    uint64_t chunk;            /* workspace of the relative products */
} tl_op_sizes;

/* Walks all pairs of tokens where offsets are shared or there is a window: for plans, not for steps. */
tl_op_sizes tl_op_measure(const tl_op_shape *shape);
/* The same from a pair table's `pairs` and those of its largest group (0 without a table): a few products. */
tl_op_sizes tl_op_measure_pairs(const tl_op_shape *shape, uint32_t pairs, uint32_t largest);
/* Whether the operation has a pair table: for per-offset matrices or biases. */
bool tl_op_has_pairs(const tl_op_shape *shape);

/* Whether in inference, where nothing is kept, one state serves both shapes of a model's blocks. */
bool tl_op_lends_state(const tl_op_shape *lender, const tl_op_shape *borrower);

/* Floats that tl_op_create will keep (activations), of which one tensor holds the kept q_ij and k_ij, and
 * that forward and backward need as workspace shared between layers, for up to shape->batch samples and, in
 * sequences, up to the shape's tokens. */
uint64_t tl_op_activation_count(const tl_op_shape *shape);
uint64_t tl_op_kept_count(const tl_op_shape *shape);
uint64_t tl_op_workspace_count(const tl_op_shape *shape);

#endif
