#include "train/grad_exchange.h"

#include <stdlib.h>
#include <string.h>

#include "core/arithmetic.h"
#include "core/variable.h"
#include "ops/rank_sum.h"
#include "train/grad_clip.h"
#include "train/stretch.h"

uint64_t tli_grad_exchange_bytes(int ranks)
{
    return ranks > 1 ? TLI_STRETCH_PIECE * tli_element_bytes(TLI_DTYPE_F32) : 0;
}

/* ---- create and destroy -------------------------------------------------------------------------- */

static tl_status list_parameters(tl_context *ctx, const tli_registry *registry, tli_grad_exchange *x)
{
    x->count = registry->count;
    x->gradients = calloc((size_t)x->count, sizeof(tl_tensor *));
    x->values = calloc((size_t)x->count, sizeof(tl_tensor *));
    x->alike = calloc((size_t)x->count, sizeof(tl_tensor *));
    x->own = malloc(TLI_STRETCH_PIECE * sizeof *x->own);
    x->theirs = malloc(TLI_STRETCH_PIECE * sizeof *x->theirs);
    if (x->gradients == NULL || x->values == NULL || x->alike == NULL || x->own == NULL || x->theirs == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "out of host memory for the exchange of gradients");
    for (int i = 0, alike = 0; i < x->count; i++) {
        x->gradients[i] = registry->items[i].gradient;
        x->values[i] = registry->items[i].value;
        if (!tli_parameter_is_shared(&registry->items[i])) x->alike[alike++] = registry->items[i].gradient;
    }
    return TL_OK;
}

/* On one machine an exchange takes the cores that compute, and one way after the other longer (docs/measurements). */
static bool wants_overlap(const tl_ranks *ranks)
{
    return tli_variable_value(TLI_VARIABLE_OVERLAP, tl_ranks_of_machine(ranks) < tl_ranks_size(ranks));
}

/* Parts of at least a piece, but for the last. */
static tl_status list_parts(tl_context *ctx, const tl_model_config *model, tli_grad_exchange *x)
{
    const tli_parameter *items = x->registry->items;
    int waits = !tli_context_maps(ctx) || !wants_overlap(x->ranks);
    x->parts = calloc((size_t)model->depth + 3, sizeof *x->parts);
    if (x->parts == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for parts of gradients");
    TLI_TRY(tli_ranks_largest(x->ranks, &waits, tl_context_error(ctx))); /* all exchange alike */
    x->overlaps = x->ranks != NULL && !waits;
    x->parts[0] = x->count;
    uint64_t end = tli_registry_count(x->registry);
    for (uint32_t blocks = 0; x->overlaps && blocks <= model->depth; blocks++) {
        const int first = tli_model_first_ready(model, x->registry, blocks);
        if (first == 0 || first == x->count || end - items[first].at < TLI_STRETCH_PIECE) continue;
        x->parts[++x->part_count] = first;
        end = items[first].at;
    }
    x->parts[++x->part_count] = 0;
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

/* This rank's share of the registry among those that compute other slices. */
static tl_status take_share(tl_context *ctx, tli_registry *registry, tli_grad_exchange *x)
{
    const int size = tl_ranks_size(x->ranks), own = tli_shares_of(size, tl_ranks_rank(x->ranks));
    if (x->ranks == NULL) return TL_OK;
    TLI_TRY(tli_shares_create(registry, size, tli_context_limits(ctx)->max_alloc_bytes, &x->shares,
                              tl_context_error(ctx)));
    TLI_TRY(compare_places(ctx, x, x->shares.cuts));
    TLI_TRY(compare_places(ctx, x, x->shares.sums));
    registry->share_begin = x->shares.cuts[own];
    registry->share_end = x->shares.cuts[own + 1];
    return TL_OK;
}

tl_status tli_grad_exchange_create(tl_context *ctx, tl_ranks *ranks, tl_ranks *offsets,
                                   const tl_model_config *model, tli_registry *registry, tli_grad_exchange *x)
{
    *x = (tli_grad_exchange){.ranks = ranks, .offsets = offsets, .registry = registry};
    if (ranks == NULL && offsets == NULL) return TL_OK;
    TLI_TRY(take_share(ctx, registry, x));
    TLI_TRY(list_parameters(ctx, registry, x));
    TLI_TRY(list_parts(ctx, model, x));
    return tli_tensor_create_uninitialized(ctx, "exchanged numbers", TL_MEMORY_WORKSPACE, 1,
                                           TLI_STRETCH_PIECE, &x->staging);
}

void tli_grad_exchange_destroy(tl_context *ctx, tli_grad_exchange *x)
{
    tl_tensor_destroy(ctx, x->staging);
    tli_shares_free(&x->shares);
    free(x->gradients);
    free(x->values);
    free(x->alike);
    free(x->parts);
    free(x->own);
    free(x->theirs);
    *x = (tli_grad_exchange){0};
}

/* ---- stretches of tensors ------------------------------------------------------------------------- */

/* From when the device has given all gradients to the host, an exchange takes the step's time. */
static void watch_device(tli_grad_exchange *x)
{
    if (!x->computes || !tli_tensor_is_given(x->gradients[0])) return;
    x->computes = false;
    tli_ranks_in_background(x->ranks, false);
    tli_ranks_begin(x->ranks, TLI_EXCHANGE_GRADIENTS); /* anew */
}

static tl_status exchange_stretches(tl_context *ctx, tli_grad_exchange *x, int partner,
                                    const tli_stretch *sent, const tli_stretch *received, bool adds)
{
    const uint64_t longest = tli_larger(tli_stretch_length(sent), tli_stretch_length(received));
    for (uint64_t at = 0; at < longest; at += TLI_STRETCH_PIECE) {
        const tli_stretch s = tli_stretch_piece(sent, at), r = tli_stretch_piece(received, at);
        const float *own;
        watch_device(x);
        float *place = adds ? NULL : tli_stretch_place(&r), *theirs = place != NULL ? place : x->theirs;
        TLI_TRY(tli_stretch_pack(ctx, s, x->staging, x->own, &own));
        TLI_TRY(tli_ranks_exchange(x->ranks, partner, own, tli_stretch_length(&s) * sizeof *own, theirs,
                                   tli_stretch_length(&r) * sizeof *theirs, tl_context_error(ctx)));
        TLI_TRY(tli_stretch_unpack(ctx, r, x->staging, theirs, adds));
    }
    return TL_OK;
}

/* Where the device computes in the host's memory, the host takes the tensors for an exchange. */
static tl_status map_tensors(tl_context *ctx, const tli_grad_exchange *x, tl_tensor *const *tensors)
{
    const int count = x->ranks != NULL && tli_context_maps(ctx) ? x->count : 0;
    for (int i = 0; i < count; i++) TLI_TRY(tli_tensor_map(ctx, tensors[i]));
    for (int i = 0; i < count; i++) TLI_TRY(tli_tensor_await_map(ctx, tensors[i]));
    return TL_OK;
}

static tl_status unmap_tensors(tl_context *ctx, const tli_grad_exchange *x, tl_tensor *const *tensors)
{
    for (int i = 0; i < x->count; i++) TLI_TRY(tli_tensor_unmap(ctx, tensors[i]));
    return TL_OK;
}

/* What the rank holds before the level of `width`, in tensors that `cuts` cut into shares; nothing unless `is`. */
static tli_stretch held_stretch(const tli_grad_exchange *x, tl_tensor *const *tensors, const uint64_t *cuts,
                                int rank, int width, bool is)
{
    const tli_held_shares held = tli_shares_held(x->shares.count, rank, width);
    const uint64_t from = cuts[held.first];
    return (tli_stretch){tensors, from, is ? cuts[held.first + held.count] : from};
}

/* ---- ranks that share matrices out ---------------------------------------------------------------- */

/* Elements of `alike` among the registry's before `element`. */
static uint64_t alike_before(const tli_grad_exchange *x, uint64_t element)
{
    uint64_t before = 0;
    for (int i = 0; i < x->count && x->registry->items[i].at < element; i++) {
        const tli_parameter *p = &x->registry->items[i];
        if (!tli_parameter_is_shared(p)) before += tli_smaller(tli_parameter_count(p), element - p->at);
    }
    return before;
}

/* The first rank's numbers of the piece, to all. */
static tl_status broadcast_piece(tl_context *ctx, const tli_grad_exchange *x, tli_stretch s)
{
    const bool first = tl_ranks_rank(x->offsets) == 0;
    const float *own = x->own;
    if (first) TLI_TRY(tli_stretch_pack(ctx, s, x->staging, x->own, &own));
    TLI_TRY(
        tli_ranks_broadcast(x->offsets, x->own, tli_stretch_length(&s) * sizeof *own, tl_context_error(ctx)));
    return first ? TL_OK : tli_stretch_unpack(ctx, s, x->staging, own, false);
}

/* x->own[0]: the number. */
static tl_status read_number(tl_context *ctx, const tli_grad_exchange *x, tli_view number)
{
    TLI_TRY(tli_copy(ctx, number, tli_at(x->staging, 0), 1));
    return tl_tensor_read(ctx, x->staging, 0, 1, x->own);
}

/* The same of one number. */
static tl_status broadcast_loss(tl_context *ctx, const tli_grad_exchange *x, tli_view loss)
{
    TLI_TRY(read_number(ctx, x, loss));
    TLI_TRY(tli_ranks_broadcast(x->offsets, x->own, sizeof *x->own, tl_context_error(ctx)));
    TLI_TRY(tl_tensor_write(ctx, x->staging, 0, 1, x->own));
    return tli_copy(ctx, tli_at(x->staging, 0), loss, 1);
}

/* What all have computed alike becomes the first one's, as devices may round differently. */
static tl_status share_alike(tl_context *ctx, const tli_grad_exchange *x, tli_view loss)
{
    if (x->offsets == NULL) return TL_OK;
    const uint64_t end = x->registry->share_end > 0 ? x->registry->share_end
                                                    : tli_registry_count(x->registry);
    const tli_stretch own = {x->alike, alike_before(x, x->registry->share_begin), alike_before(x, end)};
    for (uint64_t at = 0; at < tli_stretch_length(&own); at += TLI_STRETCH_PIECE) {
        TLI_TRY(broadcast_piece(ctx, x, tli_stretch_piece(&own, at)));
    }
    return broadcast_loss(ctx, x, loss);
}

/* Partial sums of squares of the matrices that are shared out. */
static tl_status sum_squares(tl_context *ctx, const tli_grad_exchange *x, tl_tensor *partial)
{
    const uint64_t buffer = tli_context_limits(ctx)->max_alloc_bytes;
    for (int i = 0; x->offsets != NULL && i < x->count; i++) {
        const tli_parameter *p = &x->registry->items[i];
        if (!tli_parameter_is_shared(p)) continue;
        const uint64_t end = tli_grad_clip_sums(x->registry, p->at + tli_parameter_count(p), buffer);
        for (uint64_t n, at = tli_grad_clip_sums(x->registry, p->at, buffer); at < end; at += n) {
            n = tli_smaller(end - at, TLI_STRETCH_PIECE);
            TLI_TRY(tl_tensor_read(ctx, partial, at, n, x->own));
            TLI_TRY(tli_ranks_sum(x->offsets, x->own, n, x->theirs, tl_context_error(ctx)));
            TLI_TRY(tl_tensor_write(ctx, partial, at, n, x->own));
        }
    }
    return TL_OK;
}

/* ---- collectives --------------------------------------------------------------------------------- */

static tl_status exchange_loss(tl_context *ctx, const tli_grad_exchange *x, int partner, tli_view loss,
                               bool sends, bool receives)
{
    if (sends) TLI_TRY(read_number(ctx, x, loss));
    TLI_TRY(tli_ranks_exchange(x->ranks, partner, x->own, sends * sizeof *x->own, x->theirs,
                               receives * sizeof *x->theirs, tl_context_error(ctx)));
    if (!receives) return TL_OK;
    TLI_TRY(tl_tensor_write(ctx, x->staging, 0, 1, x->theirs));
    return tli_take_received(ctx, tli_at(x->staging, 0), loss, 1, sends);
}

tl_status tli_grad_exchange_ready(tl_context *ctx, tli_grad_exchange *x, int first)
{
    const int before = x->ready;
    if (!x->overlaps) return TL_OK;
    for (; x->ready < x->part_count && first <= x->parts[x->ready + 1]; x->ready++)
        for (int i = x->parts[x->ready + 1]; i < x->parts[x->ready]; i++)
            TLI_TRY(tli_tensor_map(ctx, x->gradients[i]));
    return x->ready > before ? tli_flush(ctx) : TL_OK;
}

/* Waits until the device has computed the part. */
static tl_status await_part(tl_context *ctx, const tli_grad_exchange *x, int part)
{
    if (!x->overlaps) return TL_OK;
    for (int i = x->parts[part + 1]; i < x->parts[part]; i++)
        TLI_TRY(tli_tensor_await_map(ctx, x->gradients[i]));
    return TL_OK;
}

/* What of the stretch lies in the part; may be none. */
static tli_stretch cut_stretch(const tli_grad_exchange *x, tli_stretch s, int part)
{
    const tli_parameter *items = x->registry->items;
    const int end = x->parts[part];
    const uint64_t from = tli_larger(s.from, items[x->parts[part + 1]].at),
                   to = end < x->count ? tli_smaller(s.to, items[end].at) : s.to;
    return (tli_stretch){s.tensors, from, tli_larger(from, to)};
}

static tl_status sum_part(tl_context *ctx, tli_grad_exchange *x, int part, int present)
{
    const int rank = tl_ranks_rank(x->ranks);
    for (int width = 1; width < x->shares.count;
         width *= 2) { /* of the subtrees that this level's pairs hold */
        const int partner = rank ^ width;
        const bool sends = rank / width * width < present, receives = partner / width * width < present;
        const tli_stretch given = cut_stretch(
                              x, held_stretch(x, x->gradients, x->shares.cuts, partner, 2 * width, sends),
                              part),
                          kept = cut_stretch(
                              x, held_stretch(x, x->gradients, x->shares.cuts, rank, 2 * width, receives),
                              part);
        TLI_TRY(exchange_stretches(ctx, x, partner, &given, &kept, sends)); /* who has a sum adds */
    }
    return TL_OK;
}

static tl_status sum_loss(tl_context *ctx, const tli_grad_exchange *x, tli_view loss, int present)
{
    const int rank = tl_ranks_rank(x->ranks);
    for (int width = 1; width < x->shares.count; width *= 2) {
        const int partner = rank ^ width;
        TLI_TRY(exchange_loss(ctx, x, partner, loss, rank / width * width < present,
                              partner / width * width < present));
    }
    return TL_OK;
}

static tl_status sum_gradients(tl_context *ctx, tli_grad_exchange *x, tli_view loss, int present)
{
    if (x->overlaps)
        TLI_TRY(tli_grad_exchange_ready(ctx, x, 0)); /* also where this rank had no slice */
    else
        TLI_TRY(map_tensors(ctx, x, x->gradients));
    for (int part = 0; part < x->part_count; part++) {
        TLI_TRY(await_part(ctx, x, part));
        watch_device(x);
        TLI_TRY(sum_part(ctx, x, part, present));
    }
    TLI_TRY(unmap_tensors(ctx, x, x->gradients));
    x->ready = 0;
    TLI_TRY(sum_loss(ctx, x, loss, present));
    return share_alike(ctx, x, loss);
}

/* Of an exchange, which begins when the device has computed. */
static tl_status begin_exchange(tl_context *ctx, const tli_grad_exchange *x, tli_exchange_kind kind)
{
    if (x->staging == NULL) return TL_OK; /* alone */
    TLI_TRY(tl_finish(ctx));
    tli_ranks_begin(x->ranks != NULL ? x->ranks : x->offsets, kind);
    return TL_OK;
}

static void end_exchange(const tli_grad_exchange *x)
{
    tli_ranks_end(x->ranks != NULL ? x->ranks : x->offsets);
}

tl_status tli_grad_exchange_sum(tl_context *ctx, tli_grad_exchange *x, tli_view loss, int present)
{
    if (x->overlaps) {
        x->computes = true;
        tli_ranks_in_background(x->ranks, true);
        tli_ranks_begin(x->ranks, TLI_EXCHANGE_GRADIENTS);
    } else {
        TLI_TRY(begin_exchange(ctx, x, TLI_EXCHANGE_GRADIENTS));
    }
    TLI_TRY(sum_gradients(ctx, x, loss, present));
    end_exchange(x);
    return TL_OK;
}

/* The levels backwards: partners give each other what they hold. */
static tl_status gather_shares(tl_context *ctx, tli_grad_exchange *x, tl_tensor *const *tensors,
                               const uint64_t *cuts)
{
    const int rank = tl_ranks_rank(x->ranks);
    for (int width = x->shares.count / 2; width > 0; width /= 2) {
        const int partner = rank ^ width;
        const tli_stretch own = held_stretch(x, tensors, cuts, rank, 2 * width, true),
                          theirs = held_stretch(x, tensors, cuts, partner, 2 * width, true);
        TLI_TRY(exchange_stretches(ctx, x, partner, &own, &theirs, false));
    }
    return TL_OK;
}

tl_status tli_grad_exchange_squares(tl_context *ctx, tli_grad_exchange *x, tl_tensor *partial)
{
    TLI_TRY(begin_exchange(ctx, x, TLI_EXCHANGE_GRADIENTS));
    TLI_TRY(gather_shares(ctx, x, &partial, x->shares.sums));
    TLI_TRY(sum_squares(ctx, x, partial));
    end_exchange(x);
    return TL_OK;
}

tl_status tli_grad_exchange_values(tl_context *ctx, tli_grad_exchange *x)
{
    TLI_TRY(begin_exchange(ctx, x, TLI_EXCHANGE_WEIGHTS));
    TLI_TRY(map_tensors(ctx, x, x->values));
    TLI_TRY(gather_shares(ctx, x, x->values, x->shares.cuts));
    TLI_TRY(unmap_tensors(ctx, x, x->values));
    end_exchange(x);
    return TL_OK;
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
    traffic->messages += tli_ceil_div(tli_larger(sent, received), TLI_STRETCH_PIECE);
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

tli_traffic tli_grad_exchange_alike_traffic(const tli_registry *registry, int offset_ranks, int parts,
                                            uint64_t largest_buffer, bool clips)
{
    tli_traffic traffic = {0};
    uint64_t alike = 0;
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        const uint64_t sums = tli_grad_clip_sums(registry, p->at + tli_parameter_count(p), largest_buffer) -
                              tli_grad_clip_sums(registry, p->at, largest_buffer);
        if (!tli_parameter_is_shared(p))
            alike += tli_parameter_count(p);
        else if (clips)
            traffic.bytes += tli_rank_sum_sent(offset_ranks, sums, 1, &traffic.messages);
    }
    for (int have = 1; have < offset_ranks; have *= 2) {
        count_exchange(tli_ceil_div(alike, (uint64_t)parts), 0, &traffic);
        count_exchange(1, 0, &traffic); /* the loss */
    }
    return traffic;
}
