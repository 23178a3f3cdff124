/* The terms of attention, one file each. All variants run the same steps (attention.c) and differ in their
 * terms:
 *
 *   project   x -> packed q, k, v of all roles with one shared matrix; terms project rows of their own, or
 *   rotate q and k
 *   logits    the sum of the terms' logits
 *   softmax   after mask and softmax a term may mix another distribution into the weights
 *   values    the sum of the terms' outputs
 *
 * Backward runs the same steps in reverse. A term reports its sizes; attention.c allocates them, and the
 * memory plan counts the same numbers. */
#ifndef OPS_ATTENTION_TERMS_H
#define OPS_ATTENTION_TERMS_H

#include "ops/op_parameters.h"
#include "ops/op_shape.h"
#include "ops/pair_table.h"
#include "ops/rank_sum.h"

/* All terms, in execution order. To add one, add its name here and its file. */
#define ATTENTION_TERMS(TERM)                                                                                \
    TERM(dense) TERM(rotary) TERM(low_rank) TERM(per_offset) TERM(swin) TERM(shaw) TERM(convit) TERM(alibi)

#define ATTENTION_TERM_INDEX(name) TERM_##name,
enum { ATTENTION_TERMS(ATTENTION_TERM_INDEX) TERMS };
#undef ATTENTION_TERM_INDEX

/* Floats that a term needs for a shape. */
typedef struct term_sizes {
    uint64_t saved;     /* per layer: activations kept from forward to backward, or between calls */
    uint64_t table;     /* per layer: constants computed from the shape */
    uint64_t workspace; /* scratch shared by all layers */
    uint64_t summed;    /* by ranks that share the matrices out, forward and backward together, ... */
    uint64_t sums;      /* ... in so many turns */
} term_sizes;

/* Sizes of an operation, in floats unless said otherwise. */
typedef struct tli_op_sizes {
    uint64_t rows, query_rows; /* tokens * batch, queries * batch */
    uint32_t width;            /* D = heads * head_dim */
    uint32_t packed;           /* channels of the packed rows: D per role with a shared matrix */
    uint32_t pairs, largest;   /* of the pair table: token pairs, and those of the largest group */
    uint64_t weights;          /* batch * heads * queries * keys */
    uint64_t pair_weights;     /* heads * pairs * batch */
    uint64_t mask;             /* with a window: queries * keys */
    /* The begin of the workspace: gradients of attention weights, and pair weights and their gradients; when these are done
     * with, slices of the gradients of the shared matrices. */
    uint64_t begin;
    term_sizes term[TERMS];
} tli_op_sizes;

/* One forward or backward pass as terms see it. Rows are [token][batch][channel], attention weights
 * [batch][head][query][key], pair weights [head][pair][batch]. */
typedef struct attention_pass {
    tl_context *ctx;
    const tli_op_shape *shape;
    const tli_op_sizes *sizes;
    uint64_t capacity; /* rows for which saved memory and tables were allocated: at least sizes->rows */
    const tli_pair_table *pair_table; /* of operations that have one; of a share its own pairs */
    const tli_rank_sum *sum;          /* completes what pairs add up to; NULL: the pairs are all here */
    const tl_tensor *mask;            /* with a window; else NULL */
    const tli_op_tensors *w, *g;      /* parameters; in backward also their gradients */
    tli_view x, dx;                   /* input rows, all tokens; in backward also their gradients */
    tli_view o, d_o;                  /* forward: output rows, of the queries; backward: their gradients */
    tli_view qkv, dqkv;               /* the packed rows of q, k and v */
    tli_view logits;               /* forward only; the softmax turns them into attention weights in place */
    tli_view weights, dweights;    /* of the values; their gradients, later those of the logits */
    tli_view pairs, dpairs;        /* workspace: the same in the pair table's order */
    bool decodes;                  /* logits, softmax and values of the packed rows are one launch */
    bool logits_begun, o_begun;    /* whether a term has written the logits, the output, ... */
    bool dweights_begun, dx_begun; /* ... the weights' gradients, dx: further terms add to them */
} attention_pass;

/* The term's memory; mem NULL where its size is 0. */
typedef struct term_memory {
    tli_view saved, table, workspace;
} term_memory;

typedef tl_status attention_step(attention_pass *pass, const term_memory *memory);

/* The steps that a term can take part in, in the order of forward, then backward. */
enum {
    STEP_TURN,         /* rotates the packed q and k */
    STEP_PROJECT,      /* projects rows of its own */
    STEP_LOGITS,       /* adds to the logits */
    STEP_DISTRIBUTION, /* after the softmax: computes a distribution of its own */
    STEP_MIX,          /* also in backward: pass->weights = mix of it and the softmax */
    STEP_VALUES,       /* adds to the output */
    STEP_CLEAR,        /* zeroes the gradients that later steps add to */
    STEP_VALUES_BACKWARD,
    STEP_MIX_BACKWARD, /* dweights become the gradients of the softmax's output */
    STEP_LOGITS_BACKWARD,
    STEP_SUM_BACKWARD, /* completes gradients of rows that have parts from pairs */
    STEP_TURN_BACKWARD,
    STEP_PROJECT_BACKWARD,
    ATTENTION_STEPS
};

/* A function is NULL where the term has nothing to do. */
typedef struct attention_term {
    bool (*present)(const tli_op_shape *shape);
    bool by_pairs; /* uses the pair table */
    tl_status (*check)(const tli_op_shape *shape, tl_error *err);
    void (*parameters)(const tli_op_shape *shape, op_parameters *list);
    /* `out` is zeroed by the caller */
    void (*measure)(const tli_op_shape *shape, const tli_op_sizes *sizes, term_sizes *out);

    const char *saved_name; /* in messages about memory: "low-rank rows" */
    bool saved_unset;       /* forward overwrites all of it: no zero-fill needed */
    const char *table_name;
    bool table_of_queries; /* depends on which tokens are queries and keys: recomputed when these change */
    tl_status (*fill)(tl_context *ctx, const char *name, const tli_op_shape *shape, const tli_op_sizes *sizes,
                      tl_tensor *table);

    attention_step *step[ATTENTION_STEPS];
} attention_term;

extern const attention_term *const tli_attention_terms[TERMS];

#define ATTENTION_TERM_DECLARATION(name) extern const attention_term tli_##name##_term;
ATTENTION_TERMS(ATTENTION_TERM_DECLARATION)
#undef ATTENTION_TERM_DECLARATION

/* ---- offsets --------------------------------------------------------------------------------------- */

enum { ROLE_INDEX_Q, ROLE_INDEX_K, ROLE_INDEX_V }; /* (tl_roles)(1 << index) */

/* Channel at which a role starts in the packed rows. */
uint32_t tli_attention_column(const attention_pass *pass, int role);
/* Rows before the first query's: those of the tokens before it in a KV cache. */
uint64_t tli_attention_first_row(const attention_pass *pass);
/* The `causal` argument of the softmax: keys that the first query sees; 0: no causal mask. */
uint32_t tli_attention_causal_keys(const tli_op_shape *shape);

#endif
