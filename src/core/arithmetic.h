/* Small functions of whole numbers. */
#ifndef CORE_ARITHMETIC_H
#define CORE_ARITHMETIC_H

#include <stdint.h>

/* a / b, rounded up. */
static inline uint64_t tli_ceil_div(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

static inline uint64_t tli_larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t tli_smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
