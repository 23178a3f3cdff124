/* Timing of device work, and GEMM rates as a reference. */
#ifndef CLI_TIMING_H
#define CLI_TIMING_H

#include <stdio.h>

#include "device/device.h"

typedef struct tli_timing {
    double median_ms, min_ms; /* of one call */
    /* Mean CPU time of this process's threads per call: on a CPU device the work itself, independent of
     * the load */
    double cpu_ms;
} tli_timing;

/* Enqueues the work to be measured once. */
typedef tl_status (*tli_measured)(tl_context *ctx, void *what);

/* Runs two warm-up calls (kernels are compiled then), then `rounds` timed rounds. A round waits for the
 * device and repeats the call for about `least_ms`, so that short calls are measurable (0: one call).
 * `progress`: where rounds are shown; NULL: nowhere. */
tl_status tli_measure(tl_context *ctx, tli_measured call, void *what, uint32_t rounds, double least_ms,
                      FILE *progress, tli_timing *timing);
/* Median and minimum of `count` milliseconds, which get sorted. */
tli_timing tli_timing_of(double *ms, uint32_t count);

typedef struct tli_product {
    uint32_t m, n, k, batch; /* batch: GEMMs per call, 0 counts as 1 */
    bool transpose_a, transpose_b;
} tli_product;

double tli_product_flops(const tli_product *p); /* of all GEMMs of a call */
/* Allocates matrices of random numbers, measures and frees them. */
tl_status tli_measure_product(tl_context *ctx, const tli_product *p, uint32_t rounds, FILE *progress,
                              tli_timing *timing);

/* GFLOP/s of plain GEMM on this device: the best round of a large square one and of [rows][dim] x
 * [dim][dim]; dim 0: only the square one. */
tl_status tli_measure_gemm_rate(tl_context *ctx, uint64_t rows, uint32_t dim, double *gflops);
/* The same for [rows][dim] x [dim][dim] only. */
tl_status tli_measure_rows_rate(tl_context *ctx, uint64_t rows, uint32_t dim, double *gflops);

/* Fraction of the GEMM rate reached: min(1, flops / gemm_rate / time). */
double tli_limit_fraction(double flops, double gemm_gflops, double ms);

#endif
