#include "core/random.h"

#include <math.h>

#include <Random123/philox.h>

uint64_t tli_random_stream(const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (; *name != '\0'; name++) hash = (hash ^ (uint8_t)*name) * 1099511628211u;
    return hash;
}

tli_random tli_random_make(uint64_t seed, uint64_t stream)
{
    return (tli_random){.seed = seed, .stream = stream, .index = 0};
}

uint32_t tli_random_word(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint64_t block = index / 4;
    philox4x32_ctr_t counter = {
        {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    return philox4x32(counter, key).v[index % 4];
}

uint32_t tli_random_u32(tli_random *r)
{
    return tli_random_word(r->seed, r->stream, r->index++);
}

uint32_t tli_random_below(tli_random *r, uint32_t n)
{
    uint32_t threshold = (uint32_t)(-n) % n; /* 2^32 mod n: rejecting smaller words removes the bias */
    for (;;) {
        uint64_t product = (uint64_t)tli_random_u32(r) * n;
        if ((uint32_t)product >= threshold) return (uint32_t)(product >> 32);
    }
}

float tli_random_uniform(tli_random *r)
{
    return (float)(tli_random_u32(r) >> 8) * 0x1p-24f;
}

float tli_random_normal(tli_random *r)
{
    double u = ((double)tli_random_u32(r) + 0.5) * 0x1p-32; /* in (0, 1), so the logarithm is finite */
    double angle = 6.283185307179586 * ((double)tli_random_u32(r) * 0x1p-32);
    return (float)(sqrt(-2.0 * log(u)) * cos(angle));
}

void tli_random_permutation(tli_random *r, uint32_t *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) out[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = tli_random_below(r, i);
        uint32_t t = out[i - 1];
        out[i - 1] = out[j];
        out[j] = t;
    }
}
