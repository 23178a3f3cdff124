#include "train/state_gather.h"

#include <stdlib.h>

/* Elements [from, to) of a parameter that are in share k. */
static void find_overlap(const tli_shares *s, int k, const tli_parameter *p, uint64_t *from, uint64_t *to)
{
    const uint64_t begin = s->cuts[k] > p->at ? s->cuts[k] - p->at : 0,
                   end = s->cuts[k + 1] > p->at ? s->cuts[k + 1] - p->at : 0;
    if (begin > *from) *from = begin;
    if (end < *to) *to = end;
}

/* Rank 0 gets share k's part of a piece of state, of which `out` is the first element; its owner sends it. */
static tl_status move_overlap(tl_context *ctx, const tli_state_gather *g, int k, int parameter, int slot,
                              uint64_t at, uint64_t count, float *out)
{
    const tli_grad_exchange *x = g->exchange;
    const tli_parameter *p = &g->registry->items[parameter];
    const int rank = tl_ranks_rank(x->ranks), owner = tli_shares_of(x->shares.count, k);
    uint64_t from = at, to = at + count, first;
    find_overlap(&x->shares, k, p, &from, &to);
    if (from >= to || (rank != 0 && rank != owner)) return TL_OK;
    const size_t bytes = (to - from) * sizeof *out;
    if (rank != owner)
        return tli_ranks_exchange(x->ranks, owner, NULL, 0, out + (from - at), bytes, tl_context_error(ctx));
    tli_registry_shared(g->registry, parameter, &first);
    TLI_TRY(tl_tensor_read(ctx, p->state[slot], from - first, to - from, out + (from - at)));
    if (rank == 0) return TL_OK;
    return tli_ranks_exchange(x->ranks, 0, out + (from - at), bytes, NULL, 0, tl_context_error(ctx));
}

static tl_status gather_piece(const void *user, tl_context *ctx, int parameter, int slot, uint64_t at,
                              uint64_t count, float *out)
{
    const tli_state_gather *g = user;
    for (int k = 0; k < g->exchange->shares.count; k++)
        TLI_TRY(move_overlap(ctx, g, k, parameter, slot, at, count, out));
    return TL_OK;
}

tli_state_source tli_state_gather_source(const tli_state_gather *gather)
{
    return (tli_state_source){gather_piece, gather};
}

/* In the order in which the file is written. */
static tl_status send_pieces(tl_context *ctx, const tli_state_gather *g, float *piece)
{
    const tli_state_source source = tli_state_gather_source(g);
    for (int slot = 0; slot < g->registry->rule->slots; slot++)
        for (int i = 0; i < g->registry->count; i++) {
            const uint64_t count = tli_parameter_count(&g->registry->items[i]);
            for (uint64_t at = 0; at < count; at += TLI_MODEL_PIECE)
                TLI_TRY(source.read(source.user, ctx, i, slot, at,
                                    count - at < TLI_MODEL_PIECE ? count - at : TLI_MODEL_PIECE, piece));
        }
    return TL_OK;
}

tl_status tli_state_gather_send(tl_context *ctx, const tli_state_gather *g)
{
    float *piece = malloc(TLI_MODEL_PIECE * sizeof *piece);
    if (piece == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "out of host memory for the optimizer's state in a checkpoint");
    const tl_status status = send_pieces(ctx, g, piece);
    free(piece);
    return status;
}
