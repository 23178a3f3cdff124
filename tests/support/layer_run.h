/* For tests that compare ways of computing a layer: all that its forward and backward compute. */
#ifndef TESTS_LAYER_RUN_H
#define TESTS_LAYER_RUN_H

#include "context.h"

/* The output, the gradient of the input and those of the parameters, in the caller's memory until layer_results_release. */
enum { LAYER_RESULTS = 12 };
typedef struct layer_results {
    float *values[LAYER_RESULTS];
    uint64_t counts[LAYER_RESULTS];
    int count;
} layer_results;

/* Of a layer whose input, parameters and gradient of the output are normally distributed, the same numbers at every call. */
layer_results layer_run(tl_context *ctx, const tl_layer_config *c);
#define layer_run(...) VALUE_FROM_HERE(layer_run(__VA_ARGS__))
void layer_results_release(layer_results *r);

#endif
