/* Counter-based random numbers: Philox 4x32-10 (Random123). A number is a pure function of
 * (seed, stream, index), so results depend neither on threads nor on the order of calls, and the device
 * kernels of kernels/init.cl draw the very same values. */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct tli_random {
    uint64_t seed;   /* Philox key */
    uint64_t stream; /* upper half of the counter: one stream per purpose, see tli_random_stream */
    uint64_t index;  /* next 32-bit word to draw */
} tli_random;

/* A stream number from a name ("init/mlp_head.weight", "motion/test"): FNV-1a, 64 bits. */
uint64_t tli_random_stream(const char *name);
tli_random tli_random_make(uint64_t seed, uint64_t stream);

/* Word `index` of the stream: element index%4 of the Philox block with counter {index/4 lo, index/4 hi,
 * stream lo, stream hi} and key {seed lo, seed hi}. */
uint32_t tli_random_word(uint64_t seed, uint64_t stream, uint64_t index);

uint32_t tli_random_u32(tli_random *r);
/* Uniform in [0, n) without modulo bias; n > 0. */
uint32_t tli_random_below(tli_random *r, uint32_t n);
/* Uniform in [0, 1): the word's top 24 bits times 2^-24. */
float tli_random_uniform(tli_random *r);
/* Standard normal (Box-Muller on two words). */
float tli_random_normal(tli_random *r);
/* Fisher-Yates over [0, n). */
void tli_random_permutation(tli_random *r, uint32_t *out, uint32_t n);

#endif
