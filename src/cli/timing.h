/* Timing of device work, and GEMM rates as a reference. */
#ifndef CLI_TIMING_H
#define CLI_TIMING_H

#include <stdio.h>

#include "ops/gemm.h"

typedef struct tli_timing {
    double median_ms, min_ms; /* of one call */
    /* Mean CPU time of this process's threads per call: on a CPU device the work itself, independent of
     * the load */
    double cpu_ms;
    /* Median over the rounds of a call's time in units of what was timed beside it; 0: nothing was. */
    double relative;
} tli_timing;

/* Enqueues the work to be measured once. */
typedef tl_status (*tli_measured)(tl_context *ctx, void *what);

/* Milliseconds of a call, as the mean of `calls` of them, until the device has finished. */
tl_status tli_time_calls(tl_context *ctx, tli_measured call, void *what, uint32_t calls, double *ms);
/* How many calls of `once` milliseconds fill `least_ms`. */
uint32_t tli_calls_of(double least_ms, double once);

/* Something else that is timed after each round: milliseconds of one turn. `turn` NULL: nothing. */
typedef struct tli_beside {
    tl_status (*turn)(tl_context *ctx, void *what, double *ms);
    void *what;
} tli_beside;

/* Runs two warm-up calls (kernels are compiled then), then `rounds` timed rounds. A round waits for the
 * device and repeats the call for about `least_ms`, so that short calls are measurable (0: one call).
 * `progress`: where rounds are shown; NULL: nowhere. */
tl_status tli_measure(tl_context *ctx, tli_measured call, void *what, uint32_t rounds, double least_ms,
                      tli_beside beside, FILE *progress, tli_timing *timing);
/* Median and minimum of `count` milliseconds, which get sorted. */
tli_timing tli_timing_of(double *ms, uint32_t count);

typedef struct tli_product {
    uint32_t m, n, k, batch; /* batch: GEMMs per call, 0 counts as 1 */
    bool transpose_a, transpose_b;
} tli_product;

double tli_product_flops(const tli_product *p); /* of all GEMMs of a call */
/* Matrices of random numbers and the call that multiplies them. */
typedef struct tli_product_call {
    tl_tensor *matrices[3];
    tli_gemm_args gemm;
} tli_product_call;
/* After a failure there is nothing to destroy. */
tl_status tli_product_call_create(tl_context *ctx, const tli_product *product, tli_product_call *call);
void tli_product_call_destroy(tl_context *ctx, tli_product_call *call); /* also one of zeros */
tl_status tli_product_call_run(tl_context *ctx, void *call);            /* a tli_measured */
/* Creates, measures and destroys one. */
tl_status tli_measure_product(tl_context *ctx, const tli_product *product, uint32_t rounds,
                              tli_timing *timing);

/* A large square product, with which the device reaches its full rate, as large as its free memory allows. */
tli_product tli_square_product(const tl_context *ctx);
/* [rows][dim] x [dim][dim] */
tli_product tli_rows_product(uint64_t rows, uint32_t dim);

/* Fraction of the GEMM rate reached: min(1, flops / gemm_rate / time). */
double tli_limit_fraction(double flops, double gemm_gflops, double ms);

#endif
