/* Elements of several tensors as one array, of which pieces travel: between ranks and in the host's memory. */
#ifndef TRAIN_STRETCH_H
#define TRAIN_STRETCH_H

#include "device/device.h"

enum { TLI_STRETCH_PIECE = 1 << 18 }; /* floats that travel at a time */

/* Elements [from, to) of the tensors, one behind the other. The host has all of these tensors (tli_tensor_map), or none. */
typedef struct tli_stretch {
    tl_tensor *const *tensors;
    uint64_t from, to;
} tli_stretch;

uint64_t tli_stretch_length(const tli_stretch *s);
/* At most TLI_STRETCH_PIECE elements, from the `at`-th on; may be none. */
tli_stretch tli_stretch_piece(const tli_stretch *s, uint64_t at);
/* Where the host has all of it in one place; NULL: nowhere. */
float *tli_stretch_place(const tli_stretch *s);

/* Of a piece, by way of `staging`, a tensor as large, where the device has it.
 * *numbers: it in the host's memory, copied to `own` only where it lies in the device's or in several buffers. */
tl_status tli_stretch_pack(tl_context *ctx, tli_stretch s, tl_tensor *staging, float *own,
                           const float **numbers);
/* It becomes what was received, or with `adds` its sum with that. Without, `received` may be its place. */
tl_status tli_stretch_unpack(tl_context *ctx, tli_stretch s, tl_tensor *staging, const float *received,
                             bool adds);
/* Enqueued: target = received, or with `adds` target + received. */
tl_status tli_take_received(tl_context *ctx, tli_view received, tli_view target, uint64_t count, bool adds);

#endif
