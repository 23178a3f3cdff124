/* Shared by the self-tests: test arrays on host and device, and the comparison of results. */
#ifndef OPS_SELF_TEST_PROBE_H
#define OPS_SELF_TEST_PROBE_H

#include "core/random.h"
#include "device/device.h"

typedef struct tli_probe_array {
    float *host; /* host copy of the input */
    tl_tensor *tensor;
    tli_view view; /* its first element */
    uint64_t count;
} tli_probe_array;

enum { TLI_PROBE_ARRAYS = 24 };

typedef struct tli_probe {
    tl_context *ctx;
    tli_random random;
    double error; /* the largest so far, in units of the expected rounding error */
    double unit;  /* of products whose operands are rounded, as of tli_precision_unit; else 0 */
    tli_probe_array arrays[TLI_PROBE_ARRAYS];
    double *wanted[TLI_PROBE_ARRAYS];
    int used, expected;
} tli_probe;

/* An array [lead][row] of normally distributed numbers (`drawn`) or zeros, on the host and on the device. */
tl_status tli_probe_make(tli_probe *p, uint64_t lead, uint64_t row, bool drawn, tli_probe_array **out);
/* Replaces the contents of `array` by `values`, array->count numbers of four bytes. */
tl_status tli_probe_write(tli_probe *p, tli_probe_array *array, const void *values);
/* `count` zeros for the results of the plain loops. */
tl_status tli_probe_expect(tli_probe *p, uint64_t count, double **out);
/* Compares with the array on the device: an element that is a sum of `terms` products of size `scale` may
 * differ by 16 units in the last place times sqrt(terms) and, where operands are rounded, by twelve of their units times
 * what elements are in the root mean square. */
tl_status tli_probe_compare(tli_probe *p, const tli_probe_array *array, const double *want, double terms,
                            double scale);
/* Records an error that a check computed itself. */
void tli_probe_count(tli_probe *p, double error);
void tli_probe_free(tli_probe *p);

typedef tl_status (*tli_probe_check)(tli_probe *p);
tl_status tli_probe_add(tli_probe *p);
tl_status tli_probe_clip(tli_probe *p);
tl_status tli_probe_column_sum(tli_probe *p);
tl_status tli_probe_decode_attention(tli_probe *p);
tl_status tli_probe_embedding(tli_probe *p);
tl_status tli_probe_gated(tli_probe *p);
tl_status tli_probe_gelu(tli_probe *p);
tl_status tli_probe_gemv(tli_probe *p);
tl_status tli_probe_gemm(tli_probe *p);
tl_status tli_probe_image(tli_probe *p);
tl_status tli_probe_layernorm(tli_probe *p);
tl_status tli_probe_loss(tli_probe *p);
tl_status tli_probe_optimizer(tli_probe *p);
tl_status tli_probe_pairs(tli_probe *p);
tl_status tli_probe_random(tli_probe *p);
tl_status tli_probe_offset_gemm(tli_probe *p);
tl_status tli_probe_decoding(tli_probe *p); /* part of tli_probe_offset_gemm */
tl_status tli_probe_rope(tli_probe *p);
tl_status tli_probe_softmax(tli_probe *p);

#endif
