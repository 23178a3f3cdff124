/* UTF-8, one sequence at a time. */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence at p, where n > 0 bytes are available; 0: none starts here. */
static inline size_t tli_utf8_sequence(const uint8_t *p, size_t n)
{
    const uint8_t a = p[0];
    if (a < 0x80) return 1;
    if (a < 0xc2 || a > 0xf4) return 0;
    const size_t length = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
    if (n < length) return 0;
    /* the allowed range of the second byte excludes overlong forms, surrogates, and values above U+10FFFF */
    const uint8_t low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return length;
}

/* The code point of a well-formed sequence. */
static inline uint32_t tli_utf8_code(const uint8_t *p, size_t length)
{
    uint32_t code = length == 1 ? p[0] : p[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) code = code << 6 | (p[i] & 0x3f);
    return code;
}

/* Writes a code point and returns its length, at most 4. */
static inline size_t tli_utf8_write(uint32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; code >>= 6) out[i] = (uint8_t)(0x80 | (code & 0x3f));
    out[0] = (uint8_t)(0xf00u >> length | code);
    return length;
}

#endif
