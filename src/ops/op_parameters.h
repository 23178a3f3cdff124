/* The parameters of an attention operation. */
#ifndef OPS_OP_PARAMETERS_H
#define OPS_OP_PARAMETERS_H

#include <stddef.h>

#include "ops/geometry.h"
#include "ops/init.h"

/* Parameters and their gradients, NULL where the operation has none. C = dim, D = heads * head_dim, R =
 * heads * relenc_dim, K offsets:
 *   qkv              [nD][C]    the n shared roles, in the order q, k, v
 *   a_q, a_k, a_v    [R][C]     low-rank projections (alpha)
 *   q, k, v          [K][C][D]  per-offset tables; [K][R][R] in alpha
 *   v3               [D][R]     alpha with per-offset v
 *   bias             [K][1][h]  Swin
 *   r_k, r_v         [K][1][D]  Shaw
 *   w, gate          [h][F] and [h]  ConViT, F the features of ops/convit.h */
typedef struct tli_op_tensors {
    tl_tensor *qkv, *q, *k, *v, *a_q, *a_k, *a_v, *v3, *bias, *r_k, *r_v, *w, *gate;
} tli_op_tensors;

typedef struct tli_op_parameter {
    const char *name;  /* as in the reference: "to_q2.unique_params" */
    const char *field; /* member of tli_op_tensors: "q" */
    size_t at;         /* offset of that member */
    uint32_t rank;
    uint64_t shape[3]; /* rank 3: [offset][in][out], else [out][in]; rank 1: [out] with in 1 */
    uint64_t fan_in;   /* TLI_INIT_UNIFORM: drawn from U(-1/sqrt(fan_in), 1/sqrt(fan_in)) */
    tli_init init;
    uint32_t axes; /* TLI_INIT_LOCAL */
    /* Rank 3: whose matrices these are, and whether a query's. `shape` is that of all of them. */
    tli_geometry geometry;
    bool query;
} tli_op_parameter;

enum { OP_MAX_PARAMETERS = 10 }; /* upper bound for any operation */
typedef struct op_parameters {
    tli_op_parameter *items; /* caller's array of OP_MAX_PARAMETERS */
    int count;
} op_parameters;

/* Appends a parameter of rank 1 to 3 with uniform initialisation by its fan-in; the caller may change the
 * result. */
tli_op_parameter *tli_op_parameters_add(op_parameters *list, const char *name, const char *field, size_t at,
                                        uint32_t rank, uint64_t s0, uint64_t s1, uint64_t s2);
#define OP_FIELD(name) #name, offsetof(tli_op_tensors, name) /* field and at */

/* The tensor of a parameter in `weights`. */
tl_tensor **tli_op_tensor(tli_op_tensors *weights, const tli_op_parameter *parameter);

#endif
