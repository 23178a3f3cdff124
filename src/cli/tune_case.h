/* A matrix product that translution tune measures: its operands, and one turn of its kernel. */
#ifndef CLI_TUNE_CASE_H
#define CLI_TUNE_CASE_H

#include "cli/timing.h"
#include "ops/offset_gemm.h"
#include "ops/pair_table.h"
#include "ops/tuning.h"

enum { TLI_TUNE_TENSORS = 13 };

typedef struct tli_tune_case {
    tl_context *ctx;
    tli_product_shape shape;
    uint32_t width; /* channels that come out of its matrices */
    uint32_t calls; /* of a turn */
    tli_product_call gemm;
    tli_pair_table pairs;
    tli_offset_gemm by_offset;
    tl_tensor *tensors[TLI_TUNE_TENSORS];
} tli_tune_case;

/* Shapes of GEMMs are as in tli_product_shape; of products by offset, in heads of n channels that have k together, for `count` tokens: a
 * square grid behind a class token, or a sequence where `causal`. After a failure there is nothing to destroy. */
tl_status tli_tune_case_create(tl_context *ctx, const tli_product_shape *shape, bool causal,
                               tli_tune_case *c);
void tli_tune_case_destroy(tli_tune_case *c);

/* Seconds of the product's kernel in one turn with this tile, or with NULL its default, by the device's events; and its flops. The context has
 * a profile. */
tl_status tli_tune_case_time(tli_tune_case *c, const tli_tile *tile, double *seconds, double *flops);

#endif
