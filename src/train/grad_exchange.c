#include "train/grad_exchange.h"

#include <stdlib.h>
#include <string.h>

#include "core/arithmetic.h"
#include "ops/add.h"

enum { PIECE = 1 << 18 }; /* floats that travel at a time */

uint64_t tli_grad_exchange_bytes(int ranks)
{
    return ranks > 1 ? PIECE * tli_element_bytes(TLI_DTYPE_F32) : 0;
}

/* ---- create and destroy -------------------------------------------------------------------------- */

static tl_status list_parameters(tl_context *ctx, const tli_registry *registry, tli_grad_exchange *x)
{
    x->count = registry->count;
    x->gradients = calloc((size_t)x->count, sizeof(tl_tensor *));
    x->values = calloc((size_t)x->count, sizeof(tl_tensor *));
    x->own = malloc(PIECE * sizeof *x->own);
    x->theirs = malloc(PIECE * sizeof *x->theirs);
    if (x->gradients == NULL || x->values == NULL || x->own == NULL || x->theirs == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "out of host memory for the exchange of gradients");
    for (int i = 0; i < x->count; i++) {
        x->gradients[i] = registry->items[i].gradient;
        x->values[i] = registry->items[i].value;
    }
    return TL_OK;
}

/* Shares begin where the device splits tensors, too: other shares than rank 0's would be added to other numbers. */
static tl_status compare_places(tl_context *ctx, const tli_grad_exchange *x, const uint64_t *own)
{
    const size_t bytes = ((size_t)x->shares.count + 1) * sizeof *own;
    uint64_t *first = malloc(bytes);
    if (first == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for shares");
    memcpy(first, own, bytes);
    tl_status status = tli_ranks_broadcast(x->ranks, first, bytes, tl_context_error(ctx));
    if (status == TL_OK && memcmp(first, own, bytes) != 0)
        status = tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                          "the device of rank %d has a smaller or larger largest buffer than that of rank 0, "
                          "which splits the model's tensors: give all ranks devices alike",
                          tl_ranks_rank(x->ranks));
    free(first);
    return status;
}

tl_status tli_grad_exchange_create(tl_context *ctx, tl_ranks *ranks, tli_registry *registry,
                                   tli_grad_exchange *x)
{
    const int size = tl_ranks_size(ranks), own = tli_shares_of(size, tl_ranks_rank(ranks));
    *x = (tli_grad_exchange){.ranks = ranks};
    if (ranks == NULL) return TL_OK;
    TLI_TRY(tli_shares_create(registry, size, tli_context_limits(ctx)->max_alloc_bytes, &x->shares,
                              tl_context_error(ctx)));
    TLI_TRY(compare_places(ctx, x, x->shares.cuts));
    TLI_TRY(compare_places(ctx, x, x->shares.sums));
    registry->share_begin = x->shares.cuts[own];
    registry->share_end = x->shares.cuts[own + 1];
    TLI_TRY(list_parameters(ctx, registry, x));
    return tli_tensor_create_uninitialized(ctx, "exchanged numbers", TL_MEMORY_WORKSPACE, 1, PIECE,
                                           &x->staging);
}

void tli_grad_exchange_destroy(tl_context *ctx, tli_grad_exchange *x)
{
    tl_tensor_destroy(ctx, x->staging);
    tli_shares_free(&x->shares);
    free(x->gradients);
    free(x->values);
    free(x->own);
    free(x->theirs);
    *x = (tli_grad_exchange){0};
}

/* ---- pieces -------------------------------------------------------------------------------------- */

/* Elements [from, to) of several tensors, one behind the other. */
typedef struct stretch {
    tl_tensor *const *tensors;
    uint64_t from, to;
} stretch;

static uint64_t stretch_length(const stretch *s)
{
    return s->to - s->from;
}

/* At most PIECE elements, from the `at`-th on; may be none. */
static stretch stretch_piece(const stretch *s, uint64_t at)
{
    const uint64_t left = at < stretch_length(s) ? stretch_length(s) - at : 0,
                   count = left < PIECE ? left : PIECE;
    return (stretch){s->tensors, s->to - left, s->to - left + count};
}

/* What of the stretch lies in one buffer, from its element `from` on. */
static tli_view stretch_begin(const stretch *s, uint64_t *count)
{
    uint64_t at = s->from;
    tl_tensor *const *t = s->tensors;
    for (; at >= (*t)->lead * (*t)->row; t++) at -= (*t)->lead * (*t)->row;
    const tli_view view = tli_element(*t, at, count);
    if (stretch_length(s) < *count) *count = stretch_length(s);
    return view;
}

/* Copies the piece to the staging tensor. */
static tl_status pack_piece(tl_context *ctx, const tli_grad_exchange *x, stretch s)
{
    const uint64_t first = s.from;
    for (uint64_t count; s.from < s.to; s.from += count) {
        const tli_view view = stretch_begin(&s, &count);
        TLI_TRY(tli_copy(ctx, view, tli_at(x->staging, s.from - first), count));
    }
    return TL_OK;
}

/* target = what was received, or with `adds` target + received. */
static tl_status take_received(tl_context *ctx, tli_view received, tli_view target, uint64_t count, bool adds)
{
    return adds ? tli_add(ctx, target, received, target, count) : tli_copy(ctx, received, target, count);
}

static tl_status unpack_piece(tl_context *ctx, const tli_grad_exchange *x, stretch s, bool adds)
{
    const uint64_t first = s.from;
    for (uint64_t count; s.from < s.to; s.from += count) {
        const tli_view view = stretch_begin(&s, &count);
        TLI_TRY(take_received(ctx, tli_at(x->staging, s.from - first), view, count, adds));
    }
    return TL_OK;
}

/* Exchanges the staging tensor's first elements with the partner's. */
static tl_status exchange_staged(tl_context *ctx, const tli_grad_exchange *x, int partner, uint64_t sent,
                                 uint64_t received)
{
    if (sent > 0) TLI_TRY(tl_tensor_read(ctx, x->staging, 0, sent, x->own));
    TLI_TRY(tli_ranks_exchange(x->ranks, partner, x->own, sent * sizeof *x->own, x->theirs,
                               received * sizeof *x->theirs, tl_context_error(ctx)));
    return received > 0 ? tl_tensor_write(ctx, x->staging, 0, received, x->theirs) : TL_OK;
}

static tl_status exchange_stretches(tl_context *ctx, const tli_grad_exchange *x, int partner,
                                    const stretch *sent, const stretch *received, bool adds)
{
    const uint64_t longest = tli_larger(stretch_length(sent), stretch_length(received));
    for (uint64_t at = 0; at < longest; at += PIECE) {
        const stretch s = stretch_piece(sent, at), r = stretch_piece(received, at);
        TLI_TRY(pack_piece(ctx, x, s));
        TLI_TRY(exchange_staged(ctx, x, partner, stretch_length(&s), stretch_length(&r)));
        TLI_TRY(unpack_piece(ctx, x, r, adds));
    }
    return TL_OK;
}

/* What the rank holds before the level of `width`, in tensors that `cuts` cut into shares; nothing unless `is`. */
static stretch held_stretch(const tli_grad_exchange *x, tl_tensor *const *tensors, const uint64_t *cuts,
                            int rank, int width, bool is)
{
    const tli_held_shares held = tli_shares_held(x->shares.count, rank, width);
    const uint64_t from = cuts[held.first];
    return (stretch){tensors, from, is ? cuts[held.first + held.count] : from};
}

/* ---- collectives --------------------------------------------------------------------------------- */

static tl_status exchange_loss(tl_context *ctx, const tli_grad_exchange *x, int partner, tli_view loss,
                               bool sends, bool receives)
{
    if (sends) TLI_TRY(tli_copy(ctx, loss, tli_at(x->staging, 0), 1));
    TLI_TRY(exchange_staged(ctx, x, partner, sends, receives));
    return receives ? take_received(ctx, tli_at(x->staging, 0), loss, 1, sends) : TL_OK;
}

tl_status tli_grad_exchange_sum(tl_context *ctx, const tli_grad_exchange *x, tli_view loss, int present)
{
    const int rank = tl_ranks_rank(x->ranks);
    for (int width = 1; width < x->shares.count;
         width *= 2) { /* of the subtrees that this level's pairs hold */
        const int partner = rank ^ width;
        const bool sends = rank / width * width < present, receives = partner / width * width < present;
        const stretch given = held_stretch(x, x->gradients, x->shares.cuts, partner, 2 * width, sends),
                      kept = held_stretch(x, x->gradients, x->shares.cuts, rank, 2 * width, receives);
        TLI_TRY(exchange_stretches(ctx, x, partner, &given, &kept, sends)); /* who has a sum adds */
        TLI_TRY(exchange_loss(ctx, x, partner, loss, sends, receives));
    }
    return TL_OK;
}

/* The levels backwards: partners give each other what they hold. */
static tl_status gather_shares(tl_context *ctx, const tli_grad_exchange *x, tl_tensor *const *tensors,
                               const uint64_t *cuts)
{
    const int rank = tl_ranks_rank(x->ranks);
    for (int width = x->shares.count / 2; width > 0; width /= 2) {
        const int partner = rank ^ width;
        const stretch own = held_stretch(x, tensors, cuts, rank, 2 * width, true),
                      theirs = held_stretch(x, tensors, cuts, partner, 2 * width, true);
        TLI_TRY(exchange_stretches(ctx, x, partner, &own, &theirs, false));
    }
    return TL_OK;
}

tl_status tli_grad_exchange_squares(tl_context *ctx, const tli_grad_exchange *x, tl_tensor *partial)
{
    return gather_shares(ctx, x, &partial, x->shares.sums);
}

tl_status tli_grad_exchange_values(tl_context *ctx, const tli_grad_exchange *x)
{
    return gather_shares(ctx, x, x->values, x->shares.cuts);
}

/* ---- counting ------------------------------------------------------------------------------------ */

/* What lies between the cuts of the shares that the rank holds before the level of `width`. */
static uint64_t held_length(const tli_shares *shares, const uint64_t *cuts, int rank, int width)
{
    const tli_held_shares held = tli_shares_held(shares->count, rank, width);
    return cuts[held.first + held.count] - cuts[held.first];
}

static void count_exchange(uint64_t sent, uint64_t received, tli_traffic *traffic)
{
    traffic->bytes += sent * tli_element_bytes(TLI_DTYPE_F32);
    traffic->messages += tli_ceil_div(tli_larger(sent, received), PIECE);
}

tli_traffic tli_grad_exchange_traffic(const tli_shares *shares, int rank, bool clips)
{
    tli_traffic traffic = {0};
    for (int width = 1; width < shares->count; width *= 2) {
        const int partner = rank ^ width;
        const uint64_t own = held_length(shares, shares->cuts, rank, 2 * width),
                       theirs = held_length(shares, shares->cuts, partner, 2 * width);
        count_exchange(theirs, own, &traffic); /* gradients: each gets those of the shares that it keeps */
        count_exchange(1, 1, &traffic);        /* the loss */
        count_exchange(own, theirs, &traffic); /* weights: back again */
        if (clips)
            count_exchange(held_length(shares, shares->sums, rank, 2 * width),
                           held_length(shares, shares->sums, partner, 2 * width), &traffic);
    }
    return traffic;
}
