/* A check of every kernel against plain loops in double precision, on small odd shapes: a driver that compiles one of them
 * wrongly is found before its results are used, not by them. */
#ifndef OPS_SELF_TEST_H
#define OPS_SELF_TEST_H

#include "ops/kernel_forms.h"

/* Checks a family in its form in this context, as tli_kernel_check describes. */
tl_status tli_self_test_family(tl_context *ctx, const char *family, double *error);

/* From now on this context checks every family of kernels before its first use, see ops/kernel_forms.h. Not with
 * TRANSLUTION_SELF_TEST=off, nor with TRANSLUTION_FAULT, whose calls are counted. */
tl_status tli_self_test_switch_on(tl_context *ctx);

typedef struct tli_self_test_row {
    const char *kernels; /* file of kernels/, without ".cl" */
    double error; /* the largest, in units of what rounding may do; infinite when it could not be run */
    bool right;   /* error <= 1 */
} tli_self_test_row;

/* Checks all families in one form; rows: TLI_KERNEL_FAMILIES of them. */
void tli_self_test_form(tl_context *ctx, bool cpu, tli_self_test_row *rows);

#endif
