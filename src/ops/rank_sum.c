#include "ops/rank_sum.h"

#include <stdlib.h>

#include "core/arithmetic.h"

enum { PIECE = 1 << 18 }; /* floats that travel at a time */

uint64_t tli_rank_sum_bytes(int ranks)
{
    return ranks > 1 ? PIECE * tli_element_bytes(TLI_DTYPE_F32) : 0;
}

tl_status tli_rank_sum_create(tl_context *ctx, tl_ranks *ranks, tli_rank_sum *sum)
{
    *sum = (tli_rank_sum){.ranks = ranks,
                          .own = malloc(PIECE * sizeof *sum->own),
                          .scratch = malloc(PIECE / 2 * sizeof *sum->scratch)};
    if (sum->own == NULL || sum->scratch == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for sums over ranks");
    return tli_tensor_create_uninitialized(ctx, "sums over ranks", TL_MEMORY_WORKSPACE, 1, PIECE,
                                           &sum->staging);
}

void tli_rank_sum_destroy(tl_context *ctx, tli_rank_sum *sum)
{
    tl_tensor_destroy(ctx, sum->staging);
    free(sum->own);
    free(sum->scratch);
    *sum = (tli_rank_sum){0};
}

/* Where the device has the rows: by way of the host's memory. */
static tl_status sum_copied(tl_context *ctx, const tli_rank_sum *sum, tli_view piece, uint64_t n)
{
    TLI_TRY(tli_copy(ctx, piece, tli_at(sum->staging, 0), n));
    TLI_TRY(tl_tensor_read(ctx, sum->staging, 0, n, sum->own));
    TLI_TRY(tli_ranks_sum(sum->ranks, sum->own, n, sum->scratch, tl_context_error(ctx)));
    TLI_TRY(tl_tensor_write(ctx, sum->staging, 0, n, sum->own));
    return tli_copy(ctx, tli_at(sum->staging, 0), piece, n);
}

/* `host`: the rows, where the host has them; else NULL. */
static tl_status sum_pieces(tl_context *ctx, const tli_rank_sum *sum, tli_view rows, float *host,
                            uint64_t count)
{
    for (uint64_t at = 0; at < count; at += PIECE) {
        const uint64_t n = tli_smaller(count - at, PIECE);
        TLI_TRY(host != NULL ? tli_ranks_sum(sum->ranks, host + at, n, sum->scratch, tl_context_error(ctx))
                             : sum_copied(ctx, sum, tli_view_add(rows, at), n));
    }
    return TL_OK;
}

tl_status tli_rank_sum_rows(tl_context *ctx, const tli_rank_sum *sum, tli_view rows, uint64_t count)
{
    void *host = NULL;
    if (sum == NULL || count == 0) return TL_OK;
    TLI_TRY(tl_finish(ctx)); /* computing is no exchange */
    tli_ranks_begin(sum->ranks, TLI_EXCHANGE_ROWS);
    if (tli_context_maps(ctx)) TLI_TRY(tli_view_map(ctx, rows, count, &host));
    tl_status status = sum_pieces(ctx, sum, rows, host, count);
    if (host != NULL && status == TL_OK) status = tli_view_unmap(ctx, rows, host);
    tli_ranks_end(sum->ranks);
    return status;
}

tl_status tli_rank_sum_keep_one(tl_context *ctx, const tli_rank_sum *sum, tli_view rows, uint64_t count)
{
    return sum != NULL && tl_ranks_rank(sum->ranks) > 0 ? tli_zero(ctx, rows, count) : TL_OK;
}

uint64_t tli_rank_sum_sent(int ranks, uint64_t count, uint64_t sums, uint64_t *messages)
{
    for (int width = ranks / 2; width > 0; width /= 2) *messages += 2 * (sums + count / PIECE);
    return 2 * count * (uint64_t)(ranks - 1) / (uint64_t)ranks * tli_element_bytes(TLI_DTYPE_F32);
}
