/* The smallest models that have everything, for tests to change, and the sizes that have names. */
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H

#include "models/model.h"

/* Two blocks of two heads: on images 12 x 12 of one channel in 3 x 3 patches with three classes, or on seven tokens of five. */
tl_model_config small_model(tl_arch arch, tl_op_kind op);

/* Gives a configuration the sizes of the preset of that name, which must be there. */
void apply_preset(const char *name, tl_model_config *config);
#define apply_preset(...) FROM_HERE(apply_preset(__VA_ARGS__))

#endif
