/* ConViT's gated positional attention: beside softmax(q . k) a second softmax that knows positions alone, and
 * a gate a head between the two:
 *
 *   prob_ij = (1 - g_h) softmax_j(q_i . k_j) + g_h softmax_j(w_h . f_ij),   g_h = sigmoid(gate_h)
 *
 * f_ij of two patches is (|d|^2, dx, dy, dz), d the step from token i to token j, over as many axes as the grid
 * has (a sequence: one). A class token has no place: its pairs have zeros there and columns of their own behind,
 * one for class to class, one for class to patch, one for patch to class, so that each has a logit of its own. */
#ifndef OPS_CONVIT_H
#define OPS_CONVIT_H

#include "ops/attention_terms.h"

typedef struct convit {
    uint32_t queries, keys, batch, heads;
    uint32_t features; /* F */
    uint32_t causal;   /* as tli_softmax_forward takes it */
} convit;

/* F, the columns of w. */
uint32_t tli_convit_features(const tli_geometry *geometry);

/* The softmax over positions, [head][query][key], overwritten. table f [query][key][F + 1], its last column 1 everywhere; w [heads][F]; mask as tli_mask_create makes it, or
 * NULL. */
tl_status tli_convit_positions(tl_context *ctx, const convit *g, tli_view table, tli_view w,
                               const tl_tensor *mask, tli_view positions);
/* mixed = prob + sigmoid(gate) (positions - prob), [batch][head][query][key], overwritten. */
tl_status tli_convit_mix(tl_context *ctx, const convit *g, tli_view prob, tli_view positions, tli_view gate,
                         tli_view mixed);
/* dmixed becomes the gradient of prob; dw and dgate are overwritten. workspace: 2 heads * queries * keys. */
tl_status tli_convit_backward(tl_context *ctx, const convit *g, tli_view table, tli_view prob,
                              tli_view positions, tli_view gate, tli_view dmixed, tli_view dw, tli_view dgate,
                              tli_view workspace);

/* The start that ConViT calls local: w [heads][features] so that head h looks at the patch in direction c_h, the
 * heads' directions laid out as a small grid about the query: w_h . f_ij = -|d|^2 + 2 c_h . d. Columns past the
 * axes are 0. */
void tli_convit_local(uint32_t heads, uint32_t axes, uint32_t features, float *w);

#endif
