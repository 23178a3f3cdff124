/* The golden vectors: a safetensors file of tests/golden, its tensors as host arrays. Everything fails the test with a message
 * instead of returning an error. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "context.h"

#include "data/safetensors.h"

tli_safetensors golden_open(const char *name);

/* The tensor's elements (floats or int64), freed by the caller; *count may be NULL. */
#define golden_read(st, name, count) golden_read_at(HERE, st, name, count)
void *golden_read_at(const char *file, int line, tli_safetensors *st, const char *name, uint64_t *count);

/* [outer][inner][channels] -> [inner][outer][channels], freed by the caller: the files have the batch
 * outermost, the engine the tokens. */
float *golden_swap(const float *x, uint64_t outer, uint64_t inner, uint64_t channels);

#endif
