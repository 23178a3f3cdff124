/* Shared by the per-offset terms: offset GEMMs between the pair weights and the logits, attention weights
 * and output of a pass. */
#ifndef OPS_OFFSET_TERMS_H
#define OPS_OFFSET_TERMS_H

#include "ops/attention_terms.h"
#include "ops/offset_gemm.h"

/* One role's operand of an offset GEMM. */
typedef struct offset_operand {
    tli_view rows, gradient;   /* [token][batch][stride]; q's start at the first query */
    tl_tensor *table, *dtable; /* per-offset matrices; NULL: rows already hold q or k */
    uint32_t stride;
} offset_operand;

/* Sets table and dtable to the role's matrices per offset and their gradients, where it has any. */
void tli_offset_tables(const attention_pass *pass, int role, offset_operand *operand);

/* The offset GEMM of this shape; the caller sets inner, head_dim and strides. */
tli_offset_gemm tli_offset_products(const attention_pass *pass);

/* Counts a sum of `numbers` over the ranks that share the matrices out. */
void tli_offset_count_sum(term_sizes *out, uint64_t numbers);
/* Those of the logits and of the gradients of the attention weights, where these have pairs' parts. */
void tli_offset_count_sums(const tli_op_shape *shape, const tli_op_sizes *sizes, term_sizes *out);

/* Logits: adds scale * q_ij . k_ij; `saved` as tli_offset_gemm_logits takes it. `scratch`, here and below:
 * tli_offset_gemm_workspace floats. */
tl_status tli_offset_logits(attention_pass *pass, const tli_offset_gemm *r, const offset_operand *q,
                            const offset_operand *k, tli_offset_rows saved, tli_view scratch);
/* From the gradients of the logits: adds to the rows' gradients of q and k, overwrites their tables'
 * gradients. */
tl_status tli_offset_logits_backward(attention_pass *pass, const tli_offset_gemm *r, const offset_operand *q,
                                     const offset_operand *k, tli_offset_rows saved, tli_view scratch);

/* sums [query][batch][...] += sum_j p_ij v_ij. */
tl_status tli_offset_values(attention_pass *pass, const tli_offset_gemm *r, const offset_operand *v,
                            tli_view sums, tli_view scratch);
/* From dsums: adds to dweights (if there is a softmax) and to v's gradient, overwrites its table's
 * gradient. */
tl_status tli_offset_values_backward(attention_pass *pass, const tli_offset_gemm *r, const offset_operand *v,
                                     tli_view dsums, tli_view scratch);

#endif
