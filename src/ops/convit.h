/* ConViT's gated positional attention: mixes the softmax over q . k with a second softmax over positions
 * only, by a learned gate per head:
 *
 *   prob_ij = (1 - g_h) softmax_j(q_i . k_j) + g_h softmax_j(w_h . f_ij),   g_h = sigmoid(gate_h)
 *
 * For two patches f_ij is (|d|^2, dx, dy, dz), where d is the offset from token i to token j on the axes
 * of the grid (a sequence: one). Pairs with a class token have zeros there and one of three indicator
 * columns (class to class, class to patch, patch to class), so that each kind has a logit of its own. */
#ifndef OPS_CONVIT_H
#define OPS_CONVIT_H

#include "ops/attention_terms.h"

typedef struct convit {
    uint32_t queries, keys, batch, heads;
    uint32_t features; /* F */
    uint32_t causal;   /* as tli_softmax_forward takes it */
} convit;

/* F, the number of columns of w. */
uint32_t tli_convit_features(const tli_geometry *geometry);

/* Softmax over positions, [head][query][key], overwritten. table f [query][key][F + 1], last column all 1;
 * w [heads][F]; mask from tli_mask_create, or NULL. */
tl_status tli_convit_positions(tl_context *ctx, const convit *g, tli_view table, tli_view w,
                               const tl_tensor *mask, tli_view positions);
/* mixed = prob + sigmoid(gate) (positions - prob), [batch][head][query][key], overwritten. */
tl_status tli_convit_mix(tl_context *ctx, const convit *g, tli_view prob, tli_view positions, tli_view gate,
                         tli_view mixed);
/* dmixed becomes the gradient of prob, in place; dw and dgate are overwritten. workspace: 2 heads *
 * queries * keys floats. */
tl_status tli_convit_backward(tl_context *ctx, const convit *g, tli_view table, tli_view prob,
                              tli_view positions, tli_view gate, tli_view dmixed, tli_view dw, tli_view dgate,
                              tli_view workspace);

/* ConViT's local initialisation of w [heads][features]: head h attends to the patch at c_h, where the c_h
 * form a small grid around the query: w_h . f_ij = -|d|^2 + 2 c_h . d. Columns after the axes are 0. */
void tli_convit_local(uint32_t heads, uint32_t axes, uint32_t features, float *w);

#endif
