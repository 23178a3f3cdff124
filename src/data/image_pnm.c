/* PBM, PGM and PPM, plain (P1 to P3) and raw (P4 to P6), with samples of up to 16 bits. */
#include "data/image_format.h"

#include <math.h>

typedef struct pnm_reader {
    tli_decoding *d;
    size_t at;        /* bytes read so far */
    uint32_t kind;    /* 1 to 6, as in "P6" */
    uint32_t largest; /* sample; 1 for bitmaps */
} pnm_reader;

static bool pnm_is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool pnm_matches(const tli_bytes *file)
{
    return file->count >= 3 && file->data[0] == 'P' && file->data[1] >= '1' && file->data[1] <= '6' &&
           (pnm_is_space(file->data[2]) || file->data[2] == '#');
}

/* The next byte that is neither white space nor in a comment (# to the end of the line); -1: none. */
static int pnm_next(pnm_reader *r)
{
    const tli_bytes *file = r->d->file;
    for (; r->at < file->count; r->at++) {
        const uint8_t c = file->data[r->at];
        if (c == '#')
            while (r->at + 1 < file->count && file->data[r->at + 1] != '\n' && file->data[r->at + 1] != '\r')
                r->at++;
        else if (!pnm_is_space(c))
            return c;
    }
    return -1;
}

/* A decimal number, up to `most`. */
static tl_status pnm_number(pnm_reader *r, uint32_t most, uint32_t *value)
{
    const tli_bytes *file = r->d->file;
    const int first = pnm_next(r);
    if (first < 0) return tli_decoding_truncated(r->d);
    *value = 0;
    if (first < '0' || first > '9')
        return tli_fail(r->d->err, TL_ERROR_INPUT, "%s is not a valid PNM file: byte %zu is no digit",
                        r->d->name, r->at);
    for (; r->at < file->count && file->data[r->at] >= '0' && file->data[r->at] <= '9'; r->at++) {
        *value = 10 * *value + (uint32_t)(file->data[r->at] - '0');
        if (*value > most)
            return tli_fail(r->d->err, TL_ERROR_INPUT,
                            "%s is not a valid PNM file: the number before byte %zu is larger than %u",
                            r->d->name, r->at, most);
    }
    return TL_OK;
}

static tl_status pnm_header(pnm_reader *r)
{
    tli_decoding *d = r->d;
    r->kind = (uint32_t)(d->file->data[1] - '0');
    r->at = 2;
    r->largest = 1;
    TLI_TRY(pnm_number(r, 99999999, &d->width));
    TLI_TRY(pnm_number(r, 99999999, &d->height));
    if (r->kind % 3 != 1) TLI_TRY(pnm_number(r, 65535, &r->largest));
    if (r->largest == 0)
        return tli_fail(d->err, TL_ERROR_INPUT, "%s is not a valid PNM file: its largest sample is 0",
                        d->name);
    if (r->at >= d->file->count) return tli_decoding_truncated(d);
    r->at++; /* exactly one white space before raw samples */
    return tli_decoding_check_size(d);
}

/* Scales a sample to 8 bits. rint rounds like Python's round, which Pillow uses: halves to even. */
static uint8_t pnm_scaled(const pnm_reader *r, uint32_t sample)
{
    const double share = (double)sample / r->largest;
    if (r->kind % 3 == 2 && r->largest > 255)
        return tli_grey_from_deep((uint32_t)rint(fmin(share, 1) * 65535));
    return (uint8_t)rint(fmin(share, 1) * 255);
}

static tl_status pnm_plain_sample(pnm_reader *r, uint32_t *sample)
{
    if (r->kind != 1) return pnm_number(r, r->largest, sample);
    const int digit = pnm_next(r); /* digits of bitmaps need no separators */
    if (digit < 0) return tli_decoding_truncated(r->d);
    if (digit != '0' && digit != '1')
        return tli_fail(r->d->err, TL_ERROR_INPUT, "%s is not a valid PNM file: byte %zu is neither 0 nor 1",
                        r->d->name, r->at);
    *sample = (uint32_t)(digit - '0');
    r->at++;
    return TL_OK;
}

/* Sample `index` of the raw row at `row`. */
static uint32_t pnm_raw_sample(const pnm_reader *r, const uint8_t *row, size_t index)
{
    if (r->kind == 4) return row[index / 8] >> (7 - index % 8) & 1;
    return r->largest < 256 ? row[index] : (uint32_t)row[2 * index] << 8 | row[2 * index + 1];
}

static tl_status pnm_pixels(pnm_reader *r)
{
    tli_decoding *d = r->d;
    const size_t width = d->width, channels = r->kind % 3 == 0 ? 3 : 1;
    const bool raw = r->kind > 3;
    const size_t row_bytes = r->kind == 4 ? (width + 7) / 8 : width * channels * (r->largest < 256 ? 1 : 2);
    /* Check the file size before allocating: a plain sample has at least one byte. */
    if (d->file->count - r->at < (raw ? row_bytes : width * channels) * d->height)
        return tli_decoding_truncated(d);
    TLI_TRY(tli_image_reserve(d->image, d->width, d->height, d->err));
    if (r->kind % 3 == 2 && r->largest > 255) d->image->remarks |= TLI_IMAGE_DEEP_GREY;
    uint8_t *pixel = d->image->pixels;
    for (uint32_t y = 0; y < d->height; y++)
        for (size_t x = 0; x < width; x++, pixel += 3) {
            for (size_t c = 0; c < channels; c++) {
                uint32_t sample = 0;
                if (raw)
                    sample = pnm_raw_sample(r, d->file->data + r->at + y * row_bytes, x * channels + c);
                else
                    TLI_TRY(pnm_plain_sample(r, &sample));
                pixel[c] = r->kind % 3 == 1 ? (sample != 0 ? 0 : 255)
                                            : pnm_scaled(r, sample); /* 1 is black */
            }
            if (channels == 1) pixel[1] = pixel[2] = pixel[0];
        }
    return TL_OK;
}

static tl_status pnm_decode(tli_decoding *d)
{
    pnm_reader r = {.d = d};
    TLI_TRY(pnm_header(&r));
    return d->header_only ? TL_OK : pnm_pixels(&r);
}

const tli_image_format tli_image_pnm = {"PNM", {".ppm", ".pgm"}, pnm_matches, pnm_decode};
