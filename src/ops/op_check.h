/* One check of an attention-like operation's whole shape, by the table of rules: models, layers, the memory plan, bench
 * and tests refuse the same with the same sentence. */
#ifndef OPS_OP_CHECK_H
#define OPS_OP_CHECK_H

#include "ops/op_shape.h"

/* Ranges, each from 1. No product of two of them overflows 32 bits where one is used. */
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

/* TL_ERROR_USAGE with one sentence when the shape, its batch aside, is no operation that this library computes. */
tl_status tli_op_check(const tli_op_shape *shape, tl_error *err);
/* The same for the batch: rows and attention weights must be countable. */
tl_status tli_op_check_batch(const tli_op_shape *shape, tl_error *err);

#endif
