/* Validates the shape of an attention operation against its rule (op_rules.h). Models, layers, the memory
 * plan, bench and tests use this one check, with the same messages. */
#ifndef OPS_OP_CHECK_H
#define OPS_OP_CHECK_H

#include "ops/op_shape.h"

/* Upper limits, each range starts at 1. No product that the code computes in 32 bits overflows. */
enum {
    OP_MAX_DIM = 65536,
    OP_MAX_HEADS = 1024,
    OP_MAX_LOW_RANK = 1024, /* relenc_dim */
    OP_MAX_WIDTH = 1 << 20, /* heads x head_dim */
    OP_MAX_TOKENS = 32768,
    OP_MAX_RADIUS = 65535
};
/* TL_ERROR_USAGE, naming `name`, unless 1 <= value <= most. */
tl_status tli_check_range(tl_error *err, const char *name, uint32_t value, uint32_t most);

/* TL_ERROR_USAGE with one sentence when the shape, apart from its batch, is not a supported operation. */
tl_status tli_op_check(const tli_op_shape *shape, tl_error *err);
/* The same for the batch size: the numbers of rows and attention weights must not overflow. */
tl_status tli_op_check_batch(const tli_op_shape *shape, tl_error *err);

#endif
