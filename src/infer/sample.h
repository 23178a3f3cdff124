/* Samples the next token from a model's logits. */
#ifndef INFER_SAMPLE_H
#define INFER_SAMPLE_H

#include <stdint.h>

#include "core/status.h"

typedef struct tli_sampling {
    float temperature; /* divides the logits; 0: greedy, ties by the smaller id */
    uint32_t top_k;    /* top-k sampling; 0: all */
    float top_p;       /* nucleus sampling: the fewest tokens with this probability; 1: all */
} tli_sampling;

typedef struct tli_candidate {
    float logit;
    uint32_t id;
} tli_candidate;

/* Larger logits first, ties by the smaller id. */
void tli_candidates_sort(tli_candidate *candidates, uint32_t count);

/* The chosen id; u is uniform in [0, 1). A logit of -INFINITY is never chosen. `candidates`: scratch of
 * `count` elements. TL_ERROR_DEVICE when a logit is NaN or INFINITY, or all are -INFINITY. */
tl_status tli_sample(const float *logits, uint32_t count, const tli_sampling *sampling, double u,
                     tli_candidate *candidates, uint32_t *id, tl_error *err);

#endif
