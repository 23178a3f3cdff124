/* A check of the kernels against plain loops in double precision, on small odd shapes: a driver that compiles one of them
 * wrongly is found before a run begins, not by its result. */
#ifndef OPS_SELF_TEST_H
#define OPS_SELF_TEST_H

#include "device/device.h"

enum { TLI_SELF_TEST_MAX = 16 };

typedef struct tli_self_test_row {
    const char *kernels; /* which file of kernels/ */
    double error; /* largest error, in units of what rounding may do; infinite when it could not be run */
    bool right;   /* error <= 1 */
} tli_self_test_row;

/* Checks all families in the form `path` of the kernels, on a context of its own on the device of `ctx`; rows: room for
 * TLI_SELF_TEST_MAX, *count of them are set. A kernel that does not build or run is a row that is not right, no error of
 * this function. */
tl_status tli_self_test_form(tl_context *ctx, tl_kernel_path path, tli_self_test_row *rows, int *count);

/* Which form of the kernels a run on this device shall use: *path is the context's own where its kernels are right, or
 * else the other, with a notice; when neither is, TL_ERROR_DEVICE names the kernels. Once per device, driver and
 * kernel sources: a good result is kept in the cache folder. `may_change`: the other form may be chosen.
 * Not checked when TRANSLUTION_SELF_TEST is off, or with TRANSLUTION_FAULT, whose calls are counted. */
tl_status tli_self_test_choose(tl_context *ctx, bool may_change, tl_kernel_path *path);

/* Whether the device can run this form: tiles of the form for GPUs take groups of 256. */
bool tli_self_test_has_form(const tl_context *ctx, tl_kernel_path path);

#endif
