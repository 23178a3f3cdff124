/* What the checks of self_test.c share: arrays of a check, and the comparison of a result. */
#ifndef TL_OPS_SELF_TEST_PROBE_H
#define TL_OPS_SELF_TEST_PROBE_H

#include "core/random.h"
#include "device/device.h"

typedef struct tl_probe_array {
    float *host; /* what was sent to the device */
    tl_tensor *tensor;
    tl_view view; /* its first element */
    uint64_t count;
} tl_probe_array;

enum { TL_PROBE_ARRAYS = 24 };

typedef struct tl_probe {
    tl_context *ctx;
    tl_random random;
    double error; /* the largest so far, in units of what rounding may do */
    tl_probe_array arrays[TL_PROBE_ARRAYS];
    double *wanted[TL_PROBE_ARRAYS];
    int used, expected;
} tl_probe;

/* An array [lead][row] of normal numbers (`drawn`) or zeros, on the host and on the device. */
tl_status tl_probe_make(tl_probe *p, uint64_t lead, uint64_t row, bool drawn, tl_probe_array **out);
/* `count` zeros for what the plain loops compute. */
tl_status tl_probe_expect(tl_probe *p, uint64_t count, double **out);
/* Compares the array on the device: an element that is a sum of `terms` products of size `scale` may be off by
 * 16 units in the last place times the root of `terms`. */
tl_status tl_probe_compare(tl_probe *p, const tl_probe_array *array, const double *want, double terms,
                           double scale);
void tl_probe_free(tl_probe *p);

typedef tl_status (*tl_probe_check)(tl_probe *p);
tl_status tl_probe_layernorm(tl_probe *p);
tl_status tl_probe_softmax(tl_probe *p);
tl_status tl_probe_loss(tl_probe *p);
tl_status tl_probe_gelu(tl_probe *p);
tl_status tl_probe_optimizer(tl_probe *p);
tl_status tl_probe_clip(tl_probe *p);
tl_status tl_probe_columns(tl_probe *p);
tl_status tl_probe_add(tl_probe *p);
tl_status tl_probe_gemm(tl_probe *p);
tl_status tl_probe_relative(tl_probe *p);

#endif
