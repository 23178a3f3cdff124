/* Small whole runs in `folder`, for the tests of training. */
#ifndef TESTS_RUNS_H
#define TESTS_RUNS_H

#include "context.h"
#include "files.h"

#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "train/checkpoint.h"

/* Six steps into the folder `out`, whose last batch of an epoch is a partial one: of digits, and of text. */
tl_settings small_run(tl_op_kind op, const char *out);
tl_settings small_text(tl_op_kind op, const char *out);

#define train(settings) train_at(HERE, settings)
tl_result train_at(const char *file, int line, tl_settings s);

/* The run begins from the drawn weights with the matrices, or the parameter `name`, times `factor`, and each step multiplies all
 * weights by about -1e6 (1 - lr * weight_decay): for matrices times 1e6 numbers are finite in the first two steps, and too large after them. */
void start_from_huge_weights(tl_settings *s, const char *name, float factor);

/* Both runs wrote the same model.safetensors. */
#define assert_same_model(a, b)                                                                              \
    assert_same_file(inside((a)->run.out, "model.safetensors"), inside((b)->run.out, "model.safetensors"))

#endif
