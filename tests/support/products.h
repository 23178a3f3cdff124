/* For the tests of dense products: one of them against a plain loop in double precision. */
#ifndef TESTS_PRODUCTS_H
#define TESTS_PRODUCTS_H

#include "context.h"

#include "ops/gemm_choice.h"

typedef struct product_size {
    uint32_t m, n, k;
} product_size;

/* What a product ends with. */
enum { WITH_BIAS = 1, WITH_RESIDUAL = 2, WITH_FACTOR = 4, ALL_EXTRAS = 7, RESIDUAL_IS_C = 8 };

typedef struct product_case {
    product_size size;
    bool transpose_a, transpose_b;
    float alpha, beta;
    unsigned extras;
    uint32_t outer, inner;
    bool
        dense; /* rows lie one behind the other from a buffer's start, otherwise apart from it and from each other */
} product_case;

/* Every element, and what stands between rows, is what it should be: within what rounding in this precision explains. */
#define product_is_right(ctx, product, precision, c) product_is_right_at(HERE, ctx, product, precision, c)
void product_is_right_at(const char *file, int line, tl_context *ctx, tli_gemm_function product,
                         tl_precision precision, const product_case *c);

/* Skips, and destroys the context, where the products of tensor cores cannot be emulated. */
void skip_without_matrix_units(tl_context *ctx);

/* A context that emulates NVIDIA's tensor cores; skips where that cannot be. */
tl_context *emulating_tensor_cores(void);
#define emulating_tensor_cores(...) VALUE_FROM_HERE(emulating_tensor_cores(__VA_ARGS__))

#endif
