#include "train/guard.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/add.h"

tl_status tl_guard_create(tl_context *ctx, const tl_registry *registry, tl_guard *guard)
{
    uint64_t partial = 0;
    guard->shards = 0;
    for (int i = 0; i < registry->count; i++) {
        const tl_tensor *g = registry->items[i].gradient;
        const uint64_t count = tl_squares_workspace(g->lead_per_shard * g->row);
        guard->shards += (uint64_t)g->shards;
        if (count > partial) partial = count;
    }
    guard->host = malloc((size_t)guard->shards * sizeof *guard->host);
    if (guard->host == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the gradients' norm");
    return tl_tensor_create(ctx, "gradient norm", TL_MEMORY_WORKSPACE, 1, guard->shards + partial,
                            &guard->squares);
}

void tl_guard_destroy(tl_context *ctx, tl_guard *guard)
{
    tl_tensor_destroy(ctx, guard->squares);
    free(guard->host);
    *guard = (tl_guard){0};
}

tl_status tl_guard_norm(tl_context *ctx, tl_guard *guard, const tl_registry *registry, double *norm,
                        const char **broken)
{
    uint64_t at = 0;
    for (int i = 0; i < registry->count; i++) {
        const tl_tensor *g = registry->items[i].gradient;
        for (uint64_t lead = 0; lead < g->lead; lead += g->lead_per_shard) {
            const uint64_t left = g->lead - lead, leads = left < g->lead_per_shard ? left : g->lead_per_shard;
            uint64_t first;
            TL_TRY(tl_squares_sum(ctx, tl_shard(g, lead, &first), leads * g->row, tl_at(guard->squares, at++),
                                  tl_at(guard->squares, guard->shards)));
        }
    }
    TL_TRY(tl_tensor_read(ctx, guard->squares, 0, guard->shards, guard->host));
    double sum = 0.0;
    *broken = NULL;
    at = 0;
    for (int i = 0; i < registry->count; i++)
        for (int s = 0; s < registry->items[i].gradient->shards; s++, at++) {
            sum += (double)guard->host[at];
            if (*broken == NULL && !isfinite(guard->host[at])) *broken = registry->items[i].name;
        }
    *norm = sqrt(sum);
    return TL_OK;
}

static tl_status is_finite(tl_context *ctx, const tl_tensor *t, float *piece, uint64_t most, bool *finite)
{
    const uint64_t count = t->lead * t->row;
    *finite = true;
    for (uint64_t at = 0; at < count && *finite; at += most) {
        const uint64_t n = count - at < most ? count - at : most;
        TL_TRY(tl_tensor_read(ctx, t, at, n, piece));
        for (uint64_t i = 0; i < n && *finite; i++) *finite = isfinite(piece[i]);
    }
    return TL_OK;
}

tl_status tl_guard_find(tl_context *ctx, const tl_registry *registry, char *text, size_t room)
{
    enum { PIECE = 1 << 20 };
    float *piece = malloc(PIECE * sizeof *piece);
    if (piece == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a search");
    tl_status status = TL_OK;
    bool finite = true;
    snprintf(text, room, "the loss alone");
    for (int k = 0; k < 2 * registry->count && finite && status == TL_OK; k++) {
        const tl_parameter *p = &registry->items[k % registry->count];
        const bool gradient = k < registry->count;
        status = is_finite(ctx, gradient ? p->gradient : p->value, piece, PIECE, &finite);
        if (!finite) snprintf(text, room, "the %s %s", gradient ? "gradient of" : "weight", p->name);
    }
    free(piece);
    return status;
}
