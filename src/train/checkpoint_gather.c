#include "train/checkpoint_gather.h"

#include <stdlib.h>
#include <string.h>

#include "core/arithmetic.h"

tl_status tli_checkpoint_gather_create(const tli_registry *registry, const tli_grad_exchange *exchange,
                                       tl_ranks *ranks, int offset_ranks, tli_checkpoint_gather *g,
                                       tl_error *err)
{
    *g = (tli_checkpoint_gather){registry, exchange, ranks, offset_ranks,
                                 malloc(TLI_MODEL_PIECE * sizeof *g->packed)};
    if (g->packed != NULL) return TL_OK;
    return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for what a checkpoint gathers from ranks");
}

void tli_checkpoint_gather_free(tli_checkpoint_gather *g)
{
    free(g->packed);
    g->packed = NULL;
}

/* Elements [at, at + count) of a parameter as files number them. */
typedef struct piece {
    const tli_parameter *parameter;
    tl_tensor *tensor; /* NULL: none of it is here */
    uint64_t first;    /* of the elements here that the tensor holds */
    bool state;
    uint64_t at, count;
} piece;

static piece piece_of(const tli_checkpoint_gather *g, tli_model_part part, int parameter, int slot,
                      uint64_t at, uint64_t count)
{
    const tli_parameter *p = &g->registry->items[parameter];
    piece s = {.parameter = p, .state = part == TLI_PART_STATE, .at = at, .count = count};
    s.tensor = s.state ? p->state[slot] : p->value;
    if (s.state) tli_registry_shared(g->registry, parameter, &s.first);
    return s;
}

/* A stretch of a piece that one rank has. */
typedef struct stretch {
    uint64_t here;          /* its first element in that rank's part of the parameter */
    uint64_t offset, count; /* its first element in the piece; may be none */
} stretch;

/* What rank `owner` has of the elements from `*done` of the piece on, up to where another share begins; moves *done there. */
static stretch next_stretch(const tli_checkpoint_gather *g, const piece *s, int owner, uint64_t *done)
{
    uint32_t share;
    stretch x = {.offset = *done};
    x.count = tli_parameter_find(s->parameter, s->at + *done, &share, &x.here);
    if (s->count - *done < x.count) x.count = s->count - *done;
    *done += x.count;
    if ((int)share != owner % g->offset_ranks) x.count = 0;
    const tli_shares *shares = &g->exchange->shares;
    const int replica = owner / g->offset_ranks;
    if (x.count == 0 || !s->state || shares->count <= 1) { /* the first replica has all */
        if (replica > 0) x.count = 0;
        return x;
    }
    const int k = tli_shares_of(shares->count, replica);
    const uint64_t at = s->parameter->at, begin = tli_larger(shares->cuts[k], at + x.here),
                   end = tli_smaller(shares->cuts[k + 1], at + x.here + x.count);
    x.count = end > begin ? end - begin : 0;
    x.offset += begin - (at + x.here);
    x.here = begin - at;
    return x;
}

/* How many elements of the piece the rank has. */
static uint64_t count_owned(const tli_checkpoint_gather *g, const piece *s, int owner)
{
    uint64_t owned = 0;
    for (uint64_t done = 0; done < s->count;) owned += next_stretch(g, s, owner, &done).count;
    return owned;
}

/* Those of this rank, one behind the other. */
static tl_status pack_owned(tl_context *ctx, const tli_checkpoint_gather *g, const piece *s, int owner)
{
    uint64_t packed = 0;
    for (uint64_t done = 0; done < s->count;) {
        const stretch x = next_stretch(g, s, owner, &done);
        if (x.count > 0)
            TLI_TRY(tl_tensor_read(ctx, s->tensor, x.here - s->first, x.count, g->packed + packed));
        packed += x.count;
    }
    return TL_OK;
}

static void unpack_owned(const tli_checkpoint_gather *g, const piece *s, int owner, float *out)
{
    uint64_t packed = 0;
    for (uint64_t done = 0; done < s->count;) {
        const stretch x = next_stretch(g, s, owner, &done);
        memcpy(out + x.offset, g->packed + packed, x.count * sizeof *out);
        packed += x.count;
    }
}

/* Rank 0 gets what `owner` has of the piece, who sends it; `out` of others is NULL. */
static tl_status move_owned(tl_context *ctx, const tli_checkpoint_gather *g, const piece *s, int owner,
                            float *out)
{
    const int rank = tl_ranks_rank(g->ranks);
    tl_error *err = tl_context_error(ctx);
    if (rank != 0 && rank != owner) return TL_OK;
    const uint64_t bytes = count_owned(g, s, owner) * sizeof *out;
    if (bytes == 0) return TL_OK;
    if (rank == owner) TLI_TRY(pack_owned(ctx, g, s, owner));
    if (out == NULL) return tli_ranks_exchange(g->ranks, 0, g->packed, bytes, NULL, 0, err);
    if (owner != 0) TLI_TRY(tli_ranks_exchange(g->ranks, owner, NULL, 0, g->packed, bytes, err));
    unpack_owned(g, s, owner, out);
    return TL_OK;
}

static tl_status gather_piece(const void *user, tl_context *ctx, tli_model_part part, int parameter, int slot,
                              uint64_t at, uint64_t count, float *out)
{
    const tli_checkpoint_gather *g = user;
    const piece s = piece_of(g, part, parameter, slot, at, count);
    const int owners = s.state ? tl_ranks_size(g->ranks) : g->offset_ranks;
    for (int owner = 0; owner < owners; owner++) TLI_TRY(move_owned(ctx, g, &s, owner, out));
    return TL_OK;
}

tli_model_source tli_checkpoint_gather_source(const tli_checkpoint_gather *gather)
{
    return (tli_model_source){gather_piece, gather};
}

/* In the order in which the file is written. */
tl_status tli_checkpoint_gather_send(tl_context *ctx, const tli_checkpoint_gather *g, tli_model_part part)
{
    for (int slot = 0; slot < tli_model_slots(g->registry, part); slot++)
        for (int i = 0; i < g->registry->count; i++) {
            const uint64_t count = tli_parameter_whole(&g->registry->items[i]);
            for (uint64_t at = 0; at < count; at += TLI_MODEL_PIECE)
                TLI_TRY(
                    gather_piece(g, ctx, part, i, slot, at, tli_smaller(count - at, TLI_MODEL_PIECE), NULL));
        }
    return TL_OK;
}
