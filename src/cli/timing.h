/* Times on the device: of anything that can be enqueued, and of matrix products as the yardstick for the
 * rest. */
#ifndef CLI_TIMING_H
#define CLI_TIMING_H

#include <stdio.h>

#include "device/device.h"

typedef struct tli_timing {
    double median_ms, min_ms; /* of one call */
    double cpu_ms; /* that this process's threads computed for a call, the mean; a CPU device's work is
                               * theirs, whatever else the machine does */
} tli_timing;

/* Enqueues once what is measured. */
typedef tl_status (*tli_measured)(tl_context *ctx, void *what);

/* Calls twice to warm up (kernels are built then), then times `rounds` rounds. A round is finished on the
 * device and has as many calls as fill about `least_ms`, so that short calls are not lost in the clock (0:
 * one call). `progress`: where the rounds are counted for a person; NULL: nowhere. */
tl_status tli_measure(tl_context *ctx, tli_measured call, void *what, uint32_t rounds, double least_ms,
                      FILE *progress, tli_timing *timing);
/* Median and least of `count` milliseconds, which are sorted. */
tli_timing tli_timing_of(double *ms, uint32_t count);

typedef struct tli_product {
    uint32_t m, n, k, batch; /* batch: products in one call, 0 counts as 1 */
    bool transpose_a, transpose_b;
} tli_product;

double tli_product_flops(const tli_product *p); /* of all its products */
/* Allocates the matrices, fills them with random numbers, measures and frees them. */
tl_status tli_measure_product(tl_context *ctx, const tli_product *p, uint32_t rounds, FILE *progress,
                              tli_timing *timing);

/* GFLOP/s that this device reaches with plain products: the best round of a large square one and of
 * [rows][dim] x [dim][dim]; dim 0: the square one alone. */
tl_status tli_measure_gemm_rate(tl_context *ctx, uint64_t rows, uint32_t dim, double *gflops);
/* The same of [rows][dim] x [dim][dim] alone. */
tl_status tli_measure_rows_rate(tl_context *ctx, uint64_t rows, uint32_t dim, double *gflops);

/* What the flops would take at the rate of plain products, in parts of what they took: at most 1. */
double tli_limit_fraction(double flops, double gemm_gflops, double ms);

#endif
