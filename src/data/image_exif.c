#include "data/image_exif.h"

#include <string.h>

/* A TIFF structure, of either byte order. */
typedef struct exif_reader {
    const uint8_t *data;
    size_t count;
    int big; /* big-endian */
} exif_reader;

static uint32_t exif_u16(const exif_reader *r, size_t at)
{
    const uint32_t first = r->data[at], second = r->data[at + 1];
    return r->big ? first << 8 | second : second << 8 | first;
}

static uint32_t exif_u32(const exif_reader *r, size_t at)
{
    const uint32_t first = exif_u16(r, at), second = exif_u16(r, at + 2);
    return r->big ? first << 16 | second : second << 16 | first;
}

static uint32_t big_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little_u32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Tag 274 of the first directory; 0: missing or invalid. */
static uint32_t exif_orientation(const uint8_t *data, size_t count)
{
    enum { ENTRY = 12, ORIENTATION = 274, SHORT = 3 };
    if (count >= 6 && memcmp(data, "Exif\0\0", 6) == 0) data += 6, count -= 6;
    if (count < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0)) return 0;
    const exif_reader r = {data, count, data[0] == 'M'};
    const size_t directory = exif_u32(&r, 4);
    if (directory > count - 2) return 0;
    const size_t entries = exif_u16(&r, directory), first = directory + 2;
    for (size_t i = 0; i < entries && first + (i + 1) * ENTRY <= count; i++) {
        const size_t entry = first + i * ENTRY;
        if (exif_u16(&r, entry) != ORIENTATION || exif_u16(&r, entry + 2) != SHORT) continue;
        const uint32_t value = exif_u16(&r, entry + 8);
        return value <= 8 ? value : 0;
    }
    return 0;
}

/* JPEG: segments of a marker and a length, up to the scan; Exif is in APP1. */
static uint32_t jpeg_orientation(const uint8_t *data, size_t count)
{
    for (size_t at = 2; at + 4 <= count && data[at] == 0xff;) {
        const uint32_t marker = data[at + 1], length = (uint32_t)data[at + 2] << 8 | data[at + 3];
        if (marker == 0xff) { /* padding */
            at++;
            continue;
        }
        if (marker == 0xda || length < 2 || count - at - 2 < length) return 0;
        if (marker == 0xe1 && length >= 8 && memcmp(data + at + 4, "Exif\0\0", 6) == 0)
            return exif_orientation(data + at + 4, length - 2);
        at += 2 + (size_t)length;
    }
    return 0;
}

/* PNG: chunks of a length, a name, data and a checksum; Exif is in eXIf. */
static uint32_t png_orientation(const uint8_t *data, size_t count)
{
    for (size_t at = 8; at + 12 <= count;) {
        const size_t length = big_u32(data + at);
        if (count - at - 12 < length) return 0;
        if (memcmp(data + at + 4, "eXIf", 4) == 0) return exif_orientation(data + at + 8, length);
        at += 12 + length;
    }
    return 0;
}

/* WebP: chunks of a name, a length and data of an even number of bytes; Exif is in "EXIF". */
static uint32_t webp_orientation(const uint8_t *data, size_t count)
{
    for (size_t at = 12; at + 8 <= count;) {
        const size_t length = little_u32(data + at + 4);
        if (count - at - 8 < length) return 0;
        if (memcmp(data + at, "EXIF", 4) == 0) return exif_orientation(data + at + 8, length);
        at += 8 + length + length % 2;
    }
    return 0;
}

bool tli_image_is_oriented(const tli_bytes *file)
{
    const uint8_t *data = file->data;
    const size_t count = file->count;
    uint32_t orientation = 0;
    if (count > 12 && data[0] == 0xff && data[1] == 0xd8) orientation = jpeg_orientation(data, count);
    if (count > 12 && memcmp(data, "\x89PNG", 4) == 0) orientation = png_orientation(data, count);
    if (count > 12 && memcmp(data, "RIFF", 4) == 0) orientation = webp_orientation(data, count);
    return orientation > 1;
}
