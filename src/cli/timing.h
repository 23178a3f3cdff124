/* Times on the device: of anything that can be enqueued, and of matrix products as the yardstick for the
 * rest. */
#ifndef CLI_TIMING_H
#define CLI_TIMING_H

#include "device/device.h"

typedef struct tl_timing {
    double median_ms, min_ms; /* of one call */
    double cpu_ms; /* that this process's threads computed for a call, the mean; a CPU device's work is
                               * theirs, whatever else the machine does */
} tl_timing;

/* Enqueues once what is measured. */
typedef tl_status (*tl_measured)(tl_context *ctx, void *what);

/* Calls twice to warm up (kernels are built then), then times `rounds` rounds. A round is finished on the
 * device and has as many calls as fill about `least_ms`, so that short calls are not lost in the clock (0:
 * one call). */
tl_status tl_measure(tl_context *ctx, tl_measured call, void *what, uint32_t rounds, double least_ms,
                     tl_timing *timing);
/* Median and least of `count` milliseconds, which are sorted. */
tl_timing tl_timing_of(double *ms, uint32_t count);

typedef struct tl_product {
    uint32_t m, n, k, batch; /* batch: products in one call, 0 counts as 1 */
    bool transpose_a, transpose_b;
} tl_product;

double tl_product_flops(const tl_product *p); /* of all its products */
/* Allocates the matrices, fills them with random numbers, measures and frees them. */
tl_status tl_measure_product(tl_context *ctx, const tl_product *p, uint32_t rounds, tl_timing *timing);

/* GFLOP/s that this device reaches with plain products: the best round of a large square one and of
 * [rows][dim] x [dim][dim]; dim 0: the square one alone. */
tl_status tl_measure_gemm_rate(tl_context *ctx, uint64_t rows, uint32_t dim, double *gflops);
/* The same of [rows][dim] x [dim][dim] alone. */
tl_status tl_measure_rows_rate(tl_context *ctx, uint64_t rows, uint32_t dim, double *gflops);

/* What the flops would take at the rate of plain products, in parts of what they took: at most 1. */
double tl_limit_fraction(double flops, double gemm_gflops, double ms);

#endif
