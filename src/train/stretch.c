#include "train/stretch.h"

#include <string.h>

#include "core/arithmetic.h"
#include "ops/add.h"

uint64_t tli_stretch_length(const tli_stretch *s)
{
    return s->to - s->from;
}

tli_stretch tli_stretch_piece(const tli_stretch *s, uint64_t at)
{
    const uint64_t left = at < tli_stretch_length(s) ? tli_stretch_length(s) - at : 0,
                   count = left < TLI_STRETCH_PIECE ? left : TLI_STRETCH_PIECE;
    return (tli_stretch){s->tensors, s->to - left, s->to - left + count};
}

/* The tensor of the first element, which is its element *at. */
static const tl_tensor *stretch_tensor(const tli_stretch *s, uint64_t *at)
{
    tl_tensor *const *t = s->tensors;
    for (*at = s->from; *at >= (*t)->lead * (*t)->row; t++) *at -= (*t)->lead * (*t)->row;
    return *t;
}

static bool stretch_is_mapped(const tli_stretch *s)
{
    uint64_t at;
    return tli_stretch_length(s) > 0 && stretch_tensor(s, &at)->host != NULL;
}

/* What of the stretch lies in one buffer, from its element `from` on: for the device, and for the host where it is mapped. */
static tli_view stretch_begin(const tli_stretch *s, uint64_t *count)
{
    uint64_t at;
    const tl_tensor *t = stretch_tensor(s, &at);
    const tli_view view = tli_element(t, at, count);
    *count = tli_smaller(*count, tli_stretch_length(s));
    return view;
}

static float *stretch_host(const tli_stretch *s, uint64_t *count)
{
    uint64_t at;
    const tl_tensor *t = stretch_tensor(s, &at);
    float *host = tli_tensor_host(t, at, count);
    *count = tli_smaller(*count, tli_stretch_length(s));
    return host;
}

float *tli_stretch_place(const tli_stretch *s)
{
    uint64_t count;
    float *host = stretch_is_mapped(s) ? stretch_host(s, &count) : NULL;
    return host != NULL && count == tli_stretch_length(s) ? host : NULL;
}

tl_status tli_stretch_pack(tl_context *ctx, tli_stretch s, tl_tensor *staging, float *own,
                           const float **numbers)
{
    const tli_stretch all = s;
    const bool mapped = stretch_is_mapped(&s);
    *numbers = tli_stretch_place(&s);
    if (*numbers != NULL) return TL_OK;
    *numbers = own;
    for (uint64_t count; s.from < s.to; s.from += count) {
        const uint64_t at = s.from - all.from;
        if (mapped) {
            const float *host = stretch_host(&s, &count);
            memcpy(own + at, host, count * sizeof *host);
        } else {
            const tli_view view = stretch_begin(&s, &count);
            TLI_TRY(tli_copy(ctx, view, tli_at(staging, at), count));
        }
    }
    if (mapped || tli_stretch_length(&all) == 0) return TL_OK;
    return tl_tensor_read(ctx, staging, 0, tli_stretch_length(&all), own);
}

tl_status tli_take_received(tl_context *ctx, tli_view received, tli_view target, uint64_t count, bool adds)
{
    return adds ? tli_add(ctx, target, received, target, count) : tli_copy(ctx, received, target, count);
}

/* As tli_take_received on the host, where `received` may be `target`. */
static void take_mapped(const float *received, float *target, uint64_t count, bool adds)
{
    if (adds)
        for (uint64_t i = 0; i < count; i++) target[i] += received[i];
    else if (received != target)
        memcpy(target, received, count * sizeof *target);
}

tl_status tli_stretch_unpack(tl_context *ctx, tli_stretch s, tl_tensor *staging, const float *received,
                             bool adds)
{
    const tli_stretch all = s;
    const bool mapped = stretch_is_mapped(&s);
    if (!mapped && tli_stretch_length(&all) > 0)
        TLI_TRY(tl_tensor_write(ctx, staging, 0, tli_stretch_length(&all), received));
    for (uint64_t count; s.from < s.to; s.from += count) {
        const uint64_t at = s.from - all.from;
        if (mapped) {
            float *host = stretch_host(&s, &count);
            take_mapped(received + at, host, count, adds);
        } else {
            const tli_view view = stretch_begin(&s, &count);
            TLI_TRY(tli_take_received(ctx, tli_at(staging, at), view, count, adds));
        }
    }
    return TL_OK;
}
