/* Flops of a model: the GEMMs of the operations, the Linear layers, the MLP and the head. Row kernels and
 * recomputation do not count, so that flops over time can be compared with the rate of a plain GEMM. Needs
 * no device. */
#ifndef MODELS_COST_H
#define MODELS_COST_H

#include "models/model.h"
#include "ops/attention.h"

typedef struct tli_flops {
    double forward, backward;
} tli_flops;

/* Adds y[rows][out] = x[rows][in] W: one GEMM forward, two of its size backward (dx and dW). */
void tli_linear_flops(tli_flops *f, double rows, double in, double out);

/* An operation alone, from x to o. With fewer queries than tokens only the queries' rows count. */
tli_flops tli_op_flops(const tli_op_shape *shape);
/* One training step without the optimizer. If the head reads only the class token, the last block counts
 * with one row. */
tli_flops tli_model_flops(const tl_model_config *config, uint32_t batch);

#endif
