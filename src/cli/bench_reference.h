/* A plain product that is timed in turn with what a bench measures. Other work on the machine slows both, so that
 * what one takes in units of the other stays, and a product that is slower at the end than at the beginning tells
 * that the milliseconds beside it are not to be believed. */
#ifndef CLI_BENCH_REFERENCE_H
#define CLI_BENCH_REFERENCE_H

#include <cjson/cJSON.h>

#include "cli/timing.h"

typedef struct tli_reference {
    tli_product product;
    tli_product_call call;
    uint32_t calls;       /* in a turn */
    double before, after; /* GFLOP/s, medians of the turns before and after the rounds */
    double best;          /* GFLOP/s of the fastest turn of all */
} tli_reference;

/* Creates the fastest of `count` products and takes the turns before. Its memory and launches do not count in the
 * context's statistics: call it when what is measured has all of its memory. */
tl_status tli_reference_begin(tl_context *ctx, const tli_product *products, int count,
                              tli_reference *reference);
/* For tli_measure, or for rounds of one's own; `reference` stays where it is until they end. */
tli_beside tli_reference_beside(tli_reference *reference);
/* Frees the matrices and returns `status`, that of the rounds. After TL_OK takes the turns after, and logs a notice
 * if the product has become faster or slower than is steady. Also for one of zeros. */
tl_status tli_reference_end(tl_context *ctx, tli_reference *reference, tl_status status);

/* Whether rates differ by no more than 15 %. */
bool tli_reference_is_steady(double before, double after);
/* Fraction of the product's rate, at most 1, of work that takes `relative` times as long as a call of it: as
 * tli_limit_fraction, but by what ran beside each other. */
double tli_reference_fraction(const tli_reference *reference, double flops, double relative);
/* A line of the table, and the members gemm_gflops_before, gemm_gflops_after and steady. */
void tli_reference_line(const tli_reference *reference);
void tli_reference_json(cJSON *object, const tli_reference *reference);

#endif
