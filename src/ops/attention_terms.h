/* The terms of attention, one file each. Every variant takes the same steps (attention.c); what differs is which terms
 * are there and what they add:
 *
 *   project   x -> packed q, k, v for all that share one matrix; terms make rows of their own, or turn q and k
 *   logits    the sum of the terms' logits
 *   softmax   after mask and softmax a term may mix another distribution into the weights
 *   values    the sum of the terms' outputs
 *
 * and backward the same steps in the opposite order. A term says what it needs, the steps allocate it, and the memory
 * plan counts the same numbers. */
#ifndef OPS_ATTENTION_TERMS_H
#define OPS_ATTENTION_TERMS_H

#include "ops/op_parameters.h"
#include "ops/op_shape.h"
#include "ops/pair_table.h"

/* All terms, in the order in which they run. A new one is its name here and its file. */
#define ATTENTION_TERMS(TERM)                                                                                \
    TERM(dense) TERM(rotary) TERM(low_rank) TERM(per_offset) TERM(swin) TERM(shaw) TERM(convit) TERM(alibi)

#define ATTENTION_TERM_INDEX(name) TERM_##name,
enum { ATTENTION_TERMS(ATTENTION_TERM_INDEX) TERMS };
#undef ATTENTION_TERM_INDEX

/* Floats that a term needs for a shape. */
typedef struct term_sizes {
    uint64_t saved;     /* by every layer, from forward to backward or from call to call */
    uint64_t table;     /* by every layer: constants that follow from the shape */
    uint64_t workspace; /* shared between layers */
} term_sizes;

/* Sizes of an operation, in floats unless said otherwise. */
typedef struct tli_op_sizes {
    uint64_t rows, query_rows; /* tokens * batch, queries * batch */
    uint32_t width;            /* D = heads * head_dim */
    uint32_t packed; /* channels of the packed rows: D for each role that x is projected to by one matrix */
    uint32_t pairs, largest; /* of the pair table: pairs of tokens, those of the largest group */
    uint64_t weights;        /* batch * heads * queries * keys */
    uint64_t pair_weights;   /* heads * pairs * batch */
    uint64_t mask;           /* of a window: queries * keys */
    term_sizes term[TERMS];
} tli_op_sizes;

/* One forward or one backward, as terms see it. Rows are [token][batch][channel], weights [batch][head][query][key],
 * pair weights [head][pair][batch]. */
typedef struct attention_pass {
    tl_context *ctx;
    const tli_op_shape *shape;
    const tli_op_sizes *sizes;
    uint64_t capacity; /* rows that saved memory and tables were made for: sizes->rows or more */
    const tli_pair_table *pair_table; /* of operations that have one */
    const tl_tensor *mask;            /* of a window; NULL: none */
    const tli_op_tensors *w, *g;      /* parameters; their gradients, in backward */
    tli_view x, dx;                   /* [token] rows of the input; their gradients, in backward */
    tli_view o, d_o;    /* [query] rows of the output, in forward; their gradients, in backward */
    tli_view qkv, dqkv; /* the packed rows of q, k and v */
    tli_view logits;    /* in forward: of all pairs; after the softmax the attention weights */
    tli_view weights,
        dweights; /* what values are weighed by; its gradients, after the softmax's those of the logits */
    tli_view pairs, dpairs;        /* workspace: the same of the pair table's pairs */
    bool logits_begun, o_begun;    /* whether a term has written the logits, the output, */
    bool dweights_begun, dx_begun; /* the gradients of the weights, dx: the next ones add to them */
} attention_pass;

/* What a term asked for; mem NULL where it asked for nothing. */
typedef struct term_memory {
    tli_view saved, table, workspace;
} term_memory;

typedef tl_status attention_step(attention_pass *pass, const term_memory *memory);

/* What a term can take part in, in the order in which forward and then backward call it. */
enum {
    STEP_TURN,         /* changes to the packed q and k */
    STEP_PROJECT,      /* rows of its own */
    STEP_LOGITS,       /* adds to the logits */
    STEP_DISTRIBUTION, /* after the softmax: one of its own */
    STEP_MIX,          /* in backward too: makes pass->weights of it and the softmax */
    STEP_VALUES,       /* adds to the output */
    STEP_CLEAR,        /* clears the gradients that the steps below add to */
    STEP_VALUES_BACKWARD,
    STEP_MIX_BACKWARD, /* dweights become the gradients of the softmax's output */
    STEP_LOGITS_BACKWARD,
    STEP_TURN_BACKWARD,
    STEP_PROJECT_BACKWARD,
    ATTENTION_STEPS
};

/* Functions may be NULL where a term has nothing to do. */
typedef struct attention_term {
    bool (*present)(const tli_op_shape *shape);
    bool by_pairs; /* works on the pair table */
    tl_status (*check)(const tli_op_shape *shape, tl_error *err);
    void (*parameters)(const tli_op_shape *shape, op_parameters *list);
    void (*measure)(const tli_op_shape *shape, const tli_op_sizes *sizes, term_sizes *out); /* out is all 0 */

    const char *saved_name; /* in messages about memory: "low-rank rows" */
    bool saved_unset;       /* forward overwrites all of it: it need not be zeroed first */
    const char *table_name;
    bool table_of_queries; /* depends on which tokens are queries and keys: filled again when these change */
    tl_status (*fill)(tl_context *ctx, const char *name, const tli_op_shape *shape, const tli_op_sizes *sizes,
                      tl_tensor *table);

    attention_step *step[ATTENTION_STEPS];
} attention_term;

extern const attention_term *const tli_attention_terms[TERMS];

#define ATTENTION_TERM_DECLARATION(name) extern const attention_term tli_##name##_term;
ATTENTION_TERMS(ATTENTION_TERM_DECLARATION)
#undef ATTENTION_TERM_DECLARATION

/* ---- where things lie ---------------------------------------------------------------------------- */

enum { ROLE_INDEX_Q, ROLE_INDEX_K, ROLE_INDEX_V }; /* (tl_roles)(1 << index) */

/* Where a role's channels start in the packed rows. */
uint32_t tli_attention_column(const attention_pass *pass, int role);
/* Rows before the first query's: those of earlier tokens in a KV cache. */
uint64_t tli_attention_first_row(const attention_pass *pass);
/* Keys that the first query sees, as the softmax takes them; 0: every query sees all. */
uint32_t tli_attention_causal_keys(const tli_op_shape *shape);

#endif
