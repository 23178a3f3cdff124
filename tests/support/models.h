/* The smallest models that have everything, for tests to change. */
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H

#include "models/model.h"

/* Two blocks of two heads: on images 12 x 12 of one channel in 3 x 3 patches with three classes, or on seven tokens of five. */
tl_model_config small_model(tl_arch arch, tl_op_kind op);

#endif
