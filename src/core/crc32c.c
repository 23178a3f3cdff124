#include "core/crc32c.h"

/* A bit at a time: fast enough for records of some fifty bytes, and without a table. */
uint32_t tli_crc32c(const void *data, size_t bytes)
{
    const unsigned char *byte = data;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (UINT32_C(0x82f63b78) & (0 - (crc & 1)));
    }
    return ~crc;
}
