#include "train/grad_exchange.h"

#include <stdlib.h>

#include "ops/add.h"

enum { PIECE = 1 << 18 }; /* floats that travel at a time */

uint64_t tli_grad_exchange_bytes(int ranks)
{
    return ranks > 1 ? PIECE * tli_element_bytes(TLI_DTYPE_F32) : 0;
}

tl_status tli_grad_exchange_create(tl_context *ctx, tl_ranks *ranks, tli_grad_exchange *x)
{
    *x = (tli_grad_exchange){.ranks = ranks};
    if (ranks == NULL) return TL_OK;
    x->own = malloc(PIECE * sizeof *x->own);
    x->theirs = malloc(PIECE * sizeof *x->theirs);
    if (x->own == NULL || x->theirs == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "out of host memory for the exchange of gradients");
    return tli_tensor_create_uninitialized(ctx, "received gradients", TL_MEMORY_WORKSPACE, 1, PIECE,
                                           &x->received);
}

void tli_grad_exchange_destroy(tl_context *ctx, tli_grad_exchange *x)
{
    tl_tensor_destroy(ctx, x->received);
    free(x->own);
    free(x->theirs);
    *x = (tli_grad_exchange){0};
}

/* What becomes of this rank's sum and its partner's. */
typedef struct pairing {
    int partner;
    bool sends, receives; /* both: the sums are added. One alone has a sum: the other takes it */
} pairing;

/* `count` elements at `view`, at most PIECE. */
static tl_status exchange_piece(tl_context *ctx, const tli_grad_exchange *x, const pairing *p, tli_view view,
                                uint64_t count)
{
    const tli_view received = tli_at(x->received, 0);
    if (p->sends) {
        TLI_TRY(tli_copy(ctx, view, received, count));
        TLI_TRY(tl_tensor_read(ctx, x->received, 0, count, x->own));
    }
    TLI_TRY(tli_ranks_exchange(x->ranks, p->partner, p->sends ? x->own : NULL, p->receives ? x->theirs : NULL,
                               count * sizeof *x->own, tl_context_error(ctx)));
    if (!p->receives) return TL_OK;
    TLI_TRY(tl_tensor_write(ctx, x->received, 0, count, x->theirs));
    return p->sends ? tli_add(ctx, view, received, view, count) : tli_copy(ctx, received, view, count);
}

static tl_status exchange_tensor(tl_context *ctx, const tli_grad_exchange *x, const pairing *p,
                                 const tl_tensor *tensor)
{
    for (int shard = 0; shard < tensor->shards; shard++) {
        const tli_view view = tli_shard_view(tensor, shard);
        const uint64_t count = tli_shard_count(tensor, shard);
        for (uint64_t at = 0; at < count; at += PIECE)
            TLI_TRY(
                exchange_piece(ctx, x, p, tli_view_add(view, at), count - at < PIECE ? count - at : PIECE));
    }
    return TL_OK;
}

tl_status tli_grad_exchange_sum(tl_context *ctx, const tli_grad_exchange *x, const tli_registry *registry,
                                tli_view loss, int present)
{
    const int rank = tl_ranks_rank(x->ranks), size = tl_ranks_size(x->ranks);
    for (int width = 1; width < size; width *= 2) { /* of the subtrees that this level's pairs hold */
        const int partner = rank ^ width;
        const pairing p = {.partner = partner,
                           .sends = rank / width * width < present,
                           .receives = partner / width * width < present};
        if (!p.sends && !p.receives) continue;
        for (int i = 0; i < registry->count; i++)
            TLI_TRY(exchange_tensor(ctx, x, &p, registry->items[i].gradient));
        TLI_TRY(exchange_piece(ctx, x, &p, loss, 1));
    }
    return TL_OK;
}
