/* BMP of Windows and OS/2: palettes of 1, 4 and 8 bits, optionally run-length encoded, and 16, 24 and 32
 * bits per pixel, optionally with colour masks. */
#include "data/image_format.h"

#include <string.h>

enum { FILE_HEADER = 14, PALETTE = 256 };
enum { BMP_PLAIN = 0, BMP_RLE8 = 1, BMP_RLE4 = 2, BMP_MASKS = 3 };

/* Position of a colour in a pixel. */
typedef struct bmp_mask {
    uint32_t bits, shift, largest; /* largest: value, bits of the mask shifted down */
} bmp_mask;

typedef struct bmp_reader {
    tli_decoding *d;
    uint32_t header, bits, compression,
        colours; /* header: bytes of the second one; colours: entries of the palette */
    bool top_down;
    size_t at; /* offset of the pixels */
    bmp_mask red, green, blue;
    uint8_t palette[PALETTE][3];
} bmp_reader;

static bool bmp_matches(const tli_bytes *file)
{
    return tli_bytes_begin(file, "BM", 2);
}

static uint32_t bmp_u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t bmp_u32(const uint8_t *p)
{
    return bmp_u16(p) | bmp_u16(p + 2) << 16;
}

static tl_status bmp_unsupported(const bmp_reader *r, const char *what, uint32_t value)
{
    return tli_fail(r->d->err, TL_ERROR_INPUT, "%s is a BMP file with %s %u, which cannot be read",
                    r->d->name, what, value);
}

static bmp_mask bmp_mask_of(uint32_t bits)
{
    bmp_mask mask = {.bits = bits};
    if (bits == 0) return mask;
    while ((bits >> mask.shift & 1) == 0) mask.shift++;
    mask.largest = bits >> mask.shift;
    return mask;
}

static uint8_t bmp_masked(const bmp_mask *mask, uint32_t pixel)
{
    const uint32_t value = (pixel & mask->bits) >> mask->shift;
    return mask->largest > 0 ? (uint8_t)((uint64_t)value * 255 / mask->largest) : 0;
}

/* Colour masks of the file, or the defaults. They follow 40 bytes of header, also in longer headers. */
static tl_status bmp_read_masks(bmp_reader *r)
{
    const tli_bytes *file = r->d->file;
    uint32_t red = r->bits == 16 ? 0x7c00 : 0xff0000, green = r->bits == 16 ? 0x3e0 : 0xff00,
             blue = r->bits == 16 ? 0x1f : 0xff;
    if (r->compression == BMP_MASKS) {
        if (r->bits < 16) return bmp_unsupported(r, "colour masks and bits a pixel", r->bits);
        if (file->count < FILE_HEADER + 40 + 12) return tli_decoding_truncated(r->d);
        const uint8_t *masks = file->data + FILE_HEADER + 40;
        if ((bmp_u32(masks) | bmp_u32(masks + 4) | bmp_u32(masks + 8)) != 0)
            red = bmp_u32(masks), green = bmp_u32(masks + 4), blue = bmp_u32(masks + 8);
    }
    r->red = bmp_mask_of(red);
    r->green = bmp_mask_of(green);
    r->blue = bmp_mask_of(blue);
    return TL_OK;
}

/* Missing entries are black. */
static tl_status bmp_read_palette(bmp_reader *r, size_t at, size_t entry_bytes)
{
    const tli_bytes *file = r->d->file;
    const uint32_t count = r->colours < PALETTE ? r->colours : PALETTE;
    if (at + count * entry_bytes > file->count) return tli_decoding_truncated(r->d);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = file->data + at + i * entry_bytes; /* blue, green, red */
        for (int c = 0; c < 3; c++) r->palette[i][c] = entry[2 - c];
    }
    return TL_OK;
}

/* The header of OS/2's first version, with 16-bit sizes, or one of the later ones. */
static void bmp_read_sizes(bmp_reader *r, const uint8_t *p)
{
    tli_decoding *d = r->d;
    if (r->header == 12) {
        d->width = bmp_u16(p + 4);
        d->height = bmp_u16(p + 6);
        r->bits = bmp_u16(p + 10);
        return;
    }
    const uint32_t height = bmp_u32(p + 8);
    d->width = bmp_u32(p + 4);
    r->top_down = (height & 0x80000000) != 0;
    d->height = r->top_down ? 0 - height : height;
    r->bits = bmp_u16(p + 14);
    r->compression = bmp_u32(p + 16);
    r->colours = bmp_u32(p + 32);
}

static tl_status bmp_header(bmp_reader *r)
{
    static const uint32_t headers[] = {12, 40, 52, 56, 64, 108, 124};
    const tli_bytes *file = r->d->file;
    bool known = false;
    if (file->count < FILE_HEADER + 4) return tli_decoding_truncated(r->d);
    r->header = bmp_u32(file->data + FILE_HEADER);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) known |= r->header == headers[i];
    if (!known) return bmp_unsupported(r, "a header of bytes", r->header);
    if (file->count < FILE_HEADER + (size_t)r->header) return tli_decoding_truncated(r->d);
    bmp_read_sizes(r, file->data + FILE_HEADER);
    if (r->bits != 1 && r->bits != 4 && r->bits != 8 && r->bits != 16 && r->bits != 24 && r->bits != 32)
        return bmp_unsupported(r, "bits a pixel", r->bits);
    const uint32_t packed = r->compression == BMP_RLE8 ? 8 : r->compression == BMP_RLE4 ? 4 : r->bits;
    if (r->compression > BMP_MASKS || packed != r->bits)
        return bmp_unsupported(r, "compression", r->compression);
    return tli_decoding_check_size(r->d);
}

/* Reads the masks and the palette between header and pixels. */
static tl_status bmp_colours(bmp_reader *r)
{
    const tli_bytes *file = r->d->file;
    const size_t entry_bytes = r->header == 12 ? 3 : 4, behind = FILE_HEADER + (size_t)r->header;
    r->at = bmp_u32(file->data + 10);
    if (r->bits > 8) {
        if (r->at == 0) r->at = behind + (r->compression == BMP_MASKS && r->header == 40 ? 12 : 0);
        return bmp_read_masks(r);
    }
    if (r->colours == 0) r->colours = UINT32_C(1) << r->bits;
    if (r->colours > 65536) return bmp_unsupported(r, "colours in its palette", r->colours);
    if (r->at == 0 || r->at == behind) r->at = behind + entry_bytes * r->colours;
    return bmp_read_palette(r, behind, entry_bytes);
}

/* Row y in file order. */
static uint8_t *bmp_row(const bmp_reader *r, uint32_t y)
{
    return r->d->image->pixels + (size_t)(r->top_down ? y : r->d->height - 1 - y) * r->d->width * 3;
}

static void bmp_plain_pixel(const bmp_reader *r, const uint8_t *row, size_t x, uint8_t *pixel)
{
    if (r->bits <= 8) {
        const size_t bit = x * r->bits;
        const uint32_t index = row[bit / 8] >> (8 - r->bits - bit % 8) & ((1u << r->bits) - 1);
        memcpy(pixel, r->palette[index], 3);
        return;
    }
    const uint8_t *p = row + x * (r->bits / 8);
    const uint32_t value = r->bits == 16 ? bmp_u16(p)
                                         : bmp_u16(p) | (uint32_t)p[2] << 16 |
                                               (r->bits == 32 ? (uint32_t)p[3] << 24 : 0);
    pixel[0] = bmp_masked(&r->red, value);
    pixel[1] = bmp_masked(&r->green, value);
    pixel[2] = bmp_masked(&r->blue, value);
}

static tl_status bmp_read_plain(const bmp_reader *r)
{
    const tli_decoding *d = r->d;
    const size_t stride = ((size_t)d->width * r->bits + 31) / 32 * 4, count = d->file->count;
    if (r->at > count || count - r->at < stride * d->height) return tli_decoding_truncated(d);
    TLI_TRY(tli_image_reserve(d->image, d->width, d->height, d->err));
    for (uint32_t y = 0; y < d->height; y++) {
        uint8_t *pixel = bmp_row(r, y);
        for (uint32_t x = 0; x < d->width; x++, pixel += 3)
            bmp_plain_pixel(r, d->file->data + r->at + y * stride, x, pixel);
    }
    return TL_OK;
}

/* ---- run-length encoding ------------------------------------------------------------------------- */

/* Position of the next pixel, in file order; runs do not wrap to the next row. */
typedef struct bmp_pen {
    const bmp_reader *r;
    size_t pixel, pixels;
    uint32_t column;
} bmp_pen;

static void bmp_put(bmp_pen *pen, uint32_t index)
{
    if (pen->pixel >= pen->pixels) return;
    const uint32_t width = pen->r->d->width;
    memcpy(bmp_row(pen->r, (uint32_t)(pen->pixel / width)) + pen->pixel % width * 3, pen->r->palette[index],
           3);
    pen->pixel++;
}

/* Writes `count` pixels of index 0: skipped pixels. */
static void bmp_skip(bmp_pen *pen, size_t count)
{
    for (; count > 0 && pen->pixel < pen->pixels; count--) bmp_put(pen, 0);
}

/* Index `i` of packed bytes; RLE4: half bytes, the upper one first. */
static uint32_t bmp_packed(const bmp_reader *r, const uint8_t *bytes, size_t i)
{
    if (r->bits == 8) return bytes[i];
    return i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15;
}

/* A run of one byte's index or indices. */
static void bmp_run(bmp_pen *pen, uint32_t count, const uint8_t *byte)
{
    const uint32_t width = pen->r->d->width, left = pen->column < width ? width - pen->column : 0;
    if (count > left) count = left;
    for (uint32_t i = 0; i < count; i++)
        bmp_put(pen, bmp_packed(pen->r, byte, pen->r->bits == 8 ? 0 : i % 2));
    pen->column += count;
}

static tl_status bmp_read_runs(const bmp_reader *r)
{
    const tli_decoding *d = r->d;
    const uint8_t *p = d->file->data + (r->at < d->file->count ? r->at : d->file->count);
    const uint8_t *end = d->file->data + d->file->count;
    TLI_TRY(tli_image_reserve(d->image, d->width, d->height, d->err));
    bmp_pen pen = {.r = r, .pixels = (size_t)d->width * d->height};
    while (pen.pixel < pen.pixels) {
        if (end - p < 2) return tli_decoding_truncated(d);
        const uint32_t count = p[0], what = p[1];
        p += 2;
        if (count > 0) {
            bmp_run(&pen, count, p - 1);
        } else if (what == 0) { /* end of the row */
            if (pen.pixel % d->width != 0) bmp_skip(&pen, d->width - pen.pixel % d->width);
            pen.column = 0;
        } else if (what == 1) { /* end of the image */
            bmp_skip(&pen, pen.pixels);
        } else if (what == 2) { /* skip columns and rows */
            if (end - p < 2) return tli_decoding_truncated(d);
            bmp_skip(&pen, p[0] + (size_t)p[1] * d->width);
            pen.column = (uint32_t)(pen.pixel % d->width);
            p += 2;
        } else { /* literal indices, padded to 16 bits */
            const size_t bytes = r->bits == 8 ? what : (what + 1) / 2;
            if ((size_t)(end - p) < bytes) return tli_decoding_truncated(d);
            for (uint32_t i = 0; i < what; i++) bmp_put(&pen, bmp_packed(r, p, i));
            pen.column += what;
            p += bytes;
            if (bytes % 2 == 1 && p < end) p++;
        }
    }
    return TL_OK;
}

static tl_status bmp_decode(tli_decoding *d)
{
    bmp_reader r = {.d = d};
    TLI_TRY(bmp_header(&r));
    if (d->header_only) return TL_OK;
    TLI_TRY(bmp_colours(&r));
    return r.compression == BMP_RLE8 || r.compression == BMP_RLE4 ? bmp_read_runs(&r) : bmp_read_plain(&r);
}

const tli_image_format tli_image_bmp = {"BMP", {".bmp"}, bmp_matches, bmp_decode};
