/* Arithmetic that a model cannot do without: the dense flops of the operations' products, the Linear layers,
 * the MLP and the head. Row kernels and what is computed again to save memory do not count, so that flops
 * over time is a rate to hold against a plain matrix product's. No device needed. */
#ifndef MODELS_COST_H
#define MODELS_COST_H

#include "models/model.h"
#include "ops/attention.h"

typedef struct tli_flops {
    double forward, backward;
} tli_flops;

/* Adds y[rows][out] = x[rows][in] W: one such product forward, two of its size backward (dx and dW). */
void tli_linear_flops(tli_flops *f, double rows, double in, double out);

/* An operation alone, from x to o. With fewer queries than tokens only their rows count. */
tli_flops tli_op_flops(const tli_op_shape *shape);
/* One training step without the optimizer. When the head reads the class token alone, the last block counts
 * with the one row that is computed of it. */
tli_flops tli_model_flops(const tl_model_config *config, uint32_t batch);

#endif
