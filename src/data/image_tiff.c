/* TIFF, by libtiff: the first image of a file. Samples of 1 to 16 bits in greyscale, palette, RGB and CMYK
 * are converted here, as in Pillow; YCbCr other than JPEG's by libtiff. Unlike in other formats the
 * orientation is applied, as in Pillow. */
#include "data/image_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

enum { MAX_SAMPLES = 6 };

typedef struct tiff_reader {
    tli_decoding *d;
    TIFF *tiff;
    uint64_t at;            /* file position, for libtiff */
    char text[160];         /* libtiff's first error message, or empty */
    uint32_t width, height; /* as stored: before the orientation */
    uint16_t bits, samples, photometric, planar, orientation,
        extra;                  /* extra: the first extra sample's meaning */
    const uint16_t *palette[3]; /* libtiff's */
    bool tiled;
    uint32_t block_width, block_height; /* of a tile, or of a strip */
    size_t block_bytes, row_bytes;      /* of one plane's block and of a row in it */
    uint8_t *blocks;                    /* owned: a block for every plane */
} tiff_reader;

static bool tiff_matches(const tli_bytes *file)
{
    return tli_bytes_begin(file, "II*\0", 4) || tli_bytes_begin(file, "MM\0*", 4) ||
           tli_bytes_begin(file, "II+\0", 4) || tli_bytes_begin(file, "MM\0+", 4);
}

/* ---- I/O callbacks of libtiff ----------------------------------------------------------------------- */

static tmsize_t tiff_read(thandle_t handle, void *target, tmsize_t count)
{
    tiff_reader *r = handle;
    const tli_bytes *file = r->d->file;
    if (count <= 0 || r->at >= file->count) return 0;
    const size_t left = file->count - (size_t)r->at, n = (size_t)count < left ? (size_t)count : left;
    memcpy(target, file->data + r->at, n);
    r->at += n;
    return (tmsize_t)n;
}

static tmsize_t tiff_write(thandle_t handle, void *source, tmsize_t count)
{
    return 0;
}

static toff_t tiff_seek(thandle_t handle, toff_t offset, int whence)
{
    tiff_reader *r = handle;
    r->at = (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->at : r->d->file->count) + offset;
    return r->at;
}

static int tiff_close(thandle_t handle)
{
    return 0;
}

static toff_t tiff_size(thandle_t handle)
{
    return ((tiff_reader *)handle)->d->file->count;
}

static int tiff_keep_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments)
{
    tiff_reader *r = user;
    if (r->text[0] == '\0') vsnprintf(r->text, sizeof r->text, format, arguments);
    return 1; /* suppresses printing */
}

static int tiff_ignore_warning(TIFF *tiff, void *user, const char *module, const char *format,
                               va_list arguments)
{
    return 1;
}

static TIFF *tiff_open(tiff_reader *r)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options == NULL) return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, tiff_keep_error, r);
    TIFFOpenOptionsSetWarningHandlerExtR(options, tiff_ignore_warning, r);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)1 << 30);
    /* "m": no mapping into memory, which the bytes are in anyway */
    TIFF *tiff = TIFFClientOpenExt("image", "rm", r, tiff_read, tiff_write, tiff_seek, tiff_close, tiff_size,
                                   NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

static tl_status tiff_failed(const tiff_reader *r)
{
    return tli_fail(r->d->err, TL_ERROR_INPUT, "%s is not a valid TIFF file: %s", r->d->name,
                    r->text[0] != '\0' ? r->text : "it cannot be decoded");
}

static tl_status tiff_unsupported(const tiff_reader *r, const char *what, uint32_t value)
{
    return tli_fail(r->d->err, TL_ERROR_INPUT, "%s is a TIFF file with %s %u, which cannot be read",
                    r->d->name, what, value);
}

/* ---- the header ---------------------------------------------------------------------------------- */

static tl_status tiff_header(tiff_reader *r)
{
    uint16_t extras = 0, format = SAMPLEFORMAT_UINT, *meanings = NULL;
    if (!TIFFGetField(r->tiff, TIFFTAG_IMAGEWIDTH, &r->width) ||
        !TIFFGetField(r->tiff, TIFFTAG_IMAGELENGTH, &r->height))
        return tiff_failed(r);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ORIENTATION, &r->orientation);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_BITSPERSAMPLE, &r->bits);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SAMPLESPERPIXEL, &r->samples);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_PLANARCONFIG, &r->planar);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    if (TIFFGetFieldDefaulted(r->tiff, TIFFTAG_EXTRASAMPLES, &extras, &meanings) && extras > 0)
        r->extra = meanings[0];
    if (!TIFFGetField(r->tiff, TIFFTAG_PHOTOMETRIC, &r->photometric)) r->photometric = PHOTOMETRIC_MINISWHITE;
    if (r->orientation < 1 || r->orientation > 8) r->orientation = 1;
    r->d->width = r->orientation < 5 ? r->width : r->height;
    r->d->height = r->orientation < 5 ? r->height : r->width;
    TLI_TRY(tli_decoding_check_size(r->d));
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return tiff_unsupported(r, "samples of format", format);
    return TL_OK;
}

/* Number of colour samples per pixel; 0: not supported here. */
static uint16_t tiff_colour_samples(const tiff_reader *r)
{
    switch (r->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        return r->bits == 1 || r->bits == 2 || r->bits == 4 || r->bits == 8 || r->bits == 16;
    case PHOTOMETRIC_PALETTE: return r->bits == 1 || r->bits == 2 || r->bits == 4 || r->bits == 8;
    case PHOTOMETRIC_YCBCR: /* JPEG's decoder has converted it to RGB */
    case PHOTOMETRIC_RGB: return r->bits == 8 || r->bits == 16 ? 3 : 0;
    case PHOTOMETRIC_SEPARATED: return r->bits == 8 || r->bits == 16 ? 4 : 0;
    default: return 0;
    }
}

/* ---- samples ------------------------------------------------------------------------------------- */

/* Sample `s` of pixel (x, y) of the current block. */
static uint32_t tiff_sample(const tiff_reader *r, uint32_t x, uint32_t y, uint32_t s)
{
    const bool planes = r->planar == PLANARCONFIG_SEPARATE;
    const uint8_t *row = r->blocks + (planes ? s * r->block_bytes : 0) + y * r->row_bytes;
    const size_t index = planes ? x : (size_t)x * r->samples + s;
    if (r->bits == 16) {
        uint16_t value;
        memcpy(&value, row + 2 * index, 2); /* libtiff converts to host byte order */
        return value;
    }
    const size_t bit = index * r->bits;
    return row[bit / 8] >> (8 - r->bits - bit % 8) & ((1u << r->bits) - 1);
}

/* The same as 8 bits: the upper bits, or scaled to the full range. */
static uint8_t tiff_sample8(const tiff_reader *r, uint32_t x, uint32_t y, uint32_t s)
{
    const uint32_t value = tiff_sample(r, x, y, s);
    return (uint8_t)(r->bits == 16 ? value >> 8 : value * 255 / ((1u << r->bits) - 1));
}

/* Undoes premultiplied alpha. */
static void tiff_divide_opacity(uint8_t *pixel, uint32_t opacity)
{
    for (int c = 0; c < 3; c++) {
        const uint32_t value = opacity > 0 ? pixel[c] * 255u / opacity : 0;
        pixel[c] = (uint8_t)(value > 255 ? 255 : value);
    }
}

static void tiff_convert(const tiff_reader *r, uint32_t x, uint32_t y, uint32_t colours, uint8_t *pixel)
{
    if (r->photometric == PHOTOMETRIC_PALETTE) {
        const uint32_t index = tiff_sample(r, x, y, 0);
        for (int c = 0; c < 3; c++) pixel[c] = (uint8_t)(r->palette[c][index] >> 8);
        return;
    }
    if (colours == 4) {
        uint8_t inks[4];
        for (uint32_t s = 0; s < 4; s++) inks[s] = tiff_sample8(r, x, y, s);
        tli_rgb_from_inks(inks, pixel);
        return;
    }
    if (colours == 3) {
        for (uint32_t s = 0; s < 3; s++) pixel[s] = tiff_sample8(r, x, y, s);
    } else {
        uint8_t grey = r->bits == 16 && r->samples == 1 ? tli_grey_from_deep(tiff_sample(r, x, y, 0))
                                                        : tiff_sample8(r, x, y, 0);
        if (r->photometric == PHOTOMETRIC_MINISWHITE && r->bits <= 8) grey = (uint8_t)~grey;
        memset(pixel, grey, 3);
    }
    if (r->samples > colours && r->extra == EXTRASAMPLE_ASSOCALPHA)
        tiff_divide_opacity(pixel, tiff_sample8(r, x, y, colours));
}

/* ---- blocks: tiles, or strips as tiles of the image's width -------------------------------------- */

static tl_status tiff_begin_blocks(tiff_reader *r)
{
    r->tiled = TIFFIsTiled(r->tiff) != 0;
    if (r->tiled) {
        TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &r->block_width);
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &r->block_height);
    } else {
        r->block_width = r->width;
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &r->block_height);
        if (r->block_height > r->height) r->block_height = r->height;
    }
    if (r->block_width == 0 || r->block_height == 0) return tiff_failed(r);
    if (r->block_width > TLI_IMAGE_SIDE_LIMIT || r->block_height > TLI_IMAGE_SIDE_LIMIT)
        return tiff_unsupported(r, "tiles of a side of",
                                r->block_width > r->block_height ? r->block_width : r->block_height);
    const tmsize_t bytes = r->tiled ? TIFFTileSize(r->tiff) : TIFFStripSize(r->tiff),
                   row = r->tiled ? TIFFTileRowSize(r->tiff) : TIFFScanlineSize(r->tiff);
    const size_t planes = r->planar == PLANARCONFIG_SEPARATE ? r->samples : 1,
                 row_samples = (size_t)r->block_width * (planes == 1 ? r->samples : 1);
    /* Checks that libtiff's sizes are consistent with what is read from the block. */
    if (bytes <= 0 || row <= 0 || (size_t)row < (row_samples * r->bits + 7) / 8 ||
        (size_t)bytes < (size_t)row * r->block_height)
        return tiff_failed(r);
    r->block_bytes = (size_t)bytes;
    r->row_bytes = (size_t)row;
    r->blocks = malloc(planes * r->block_bytes);
    return r->blocks != NULL ? TL_OK : tli_decoding_no_memory(r->d);
}

/* Reads the block with top left corner (x, y), all its planes. */
static tl_status tiff_read_block(tiff_reader *r, uint32_t x, uint32_t y)
{
    const uint16_t planes = r->planar == PLANARCONFIG_SEPARATE ? r->samples : 1;
    for (uint16_t plane = 0; plane < planes; plane++) {
        uint8_t *target = r->blocks + plane * r->block_bytes;
        const uint32_t rows = r->height - y < r->block_height ? r->height - y : r->block_height;
        const tmsize_t wanted = (tmsize_t)(r->tiled ? r->block_bytes : rows * r->row_bytes);
        const tmsize_t got = r->tiled ? TIFFReadEncodedTile(r->tiff, TIFFComputeTile(r->tiff, x, y, 0, plane),
                                                            target, wanted)
                                      : TIFFReadEncodedStrip(r->tiff, TIFFComputeStrip(r->tiff, y, plane),
                                                             target, wanted);
        if (got < wanted) return tiff_failed(r);
    }
    return TL_OK;
}

/* Target position of the stored pixel (x, y). */
static uint8_t *tiff_place(const tiff_reader *r, uint32_t x, uint32_t y)
{
    static const struct {
        bool transpose, right, bottom; /* rows are columns; x from the right, y from the bottom, as stored */
    } ways[8] = {{0, 0, 0}, {0, 1, 0}, {0, 1, 1}, {0, 0, 1}, {1, 0, 0}, {1, 0, 1}, {1, 1, 1}, {1, 1, 0}};
    const int way = r->orientation - 1;
    if (ways[way].right) x = r->width - 1 - x;
    if (ways[way].bottom) y = r->height - 1 - y;
    const size_t at = ways[way].transpose ? (size_t)x * r->height + y : (size_t)y * r->width + x;
    return r->d->image->pixels + 3 * at;
}

static tl_status tiff_read_pixels(tiff_reader *r, uint32_t colours)
{
    const bool palette = r->photometric == PHOTOMETRIC_PALETTE;
    if (palette && !TIFFGetField(r->tiff, TIFFTAG_COLORMAP, &r->palette[0], &r->palette[1], &r->palette[2]))
        return tiff_failed(r);
    if (r->samples < colours || r->samples > MAX_SAMPLES)
        return tiff_unsupported(r, "samples a pixel", r->samples);
    if (r->bits == 16 && r->samples == 1) r->d->image->remarks |= TLI_IMAGE_DEEP_GREY;
    TLI_TRY(tiff_begin_blocks(r));
    TLI_TRY(tli_image_reserve(r->d->image, r->d->width, r->d->height, r->d->err));
    for (uint32_t top = 0; top < r->height; top += r->block_height)
        for (uint32_t left = 0; left < r->width; left += r->block_width) {
            TLI_TRY(tiff_read_block(r, left, top));
            for (uint32_t y = 0; y < r->block_height && top + y < r->height; y++)
                for (uint32_t x = 0; x < r->block_width && left + x < r->width; x++)
                    tiff_convert(r, x, y, colours, tiff_place(r, left + x, top + y));
        }
    return TL_OK;
}

/* ---- YCbCr --------------------------------------------------------------------------------------- */

static tl_status tiff_read_rgba(tiff_reader *r)
{
    const size_t pixels = (size_t)r->width * r->height;
    uint32_t *raster = malloc(pixels * sizeof *raster);
    if (raster == NULL) return tli_decoding_no_memory(r->d);
    TIFFSetField(r->tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT); /* tiff_place applies the orientation */
    const bool good = TIFFReadRGBAImageOriented(r->tiff, r->width, r->height, raster, ORIENTATION_TOPLEFT,
                                                1) != 0;
    tl_status status = good ? tli_image_reserve(r->d->image, r->d->width, r->d->height, r->d->err)
                            : tiff_failed(r);
    for (size_t i = 0; i < pixels && status == TL_OK; i++) {
        uint8_t *pixel = tiff_place(r, (uint32_t)(i % r->width), (uint32_t)(i / r->width));
        pixel[0] = (uint8_t)TIFFGetR(raster[i]);
        pixel[1] = (uint8_t)TIFFGetG(raster[i]);
        pixel[2] = (uint8_t)TIFFGetB(raster[i]);
    }
    free(raster);
    return status;
}

static tl_status tiff_run(tiff_reader *r)
{
    uint16_t compression = COMPRESSION_NONE;
    TLI_TRY(tiff_header(r));
    if (r->d->header_only) return TL_OK;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_COMPRESSION, &compression);
    if (r->photometric == PHOTOMETRIC_YCBCR && r->samples == 3) {
        if (compression != COMPRESSION_JPEG) return tiff_read_rgba(r);
        TIFFSetField(r->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    const uint16_t colours = tiff_colour_samples(r);
    if (colours == 0) {
        if (r->photometric <= PHOTOMETRIC_YCBCR) return tiff_unsupported(r, "bits a sample", r->bits);
        return tiff_unsupported(r, "colours of kind", r->photometric);
    }
    return tiff_read_pixels(r, colours);
}

static tl_status tiff_decode(tli_decoding *d)
{
    tiff_reader r = {.d = d};
    r.tiff = tiff_open(&r);
    const tl_status status = r.tiff != NULL ? tiff_run(&r) : tiff_failed(&r);
    if (r.tiff != NULL) TIFFClose(r.tiff);
    free(r.blocks);
    return status;
}

const tli_image_format tli_image_tiff = {"TIFF", {".tif", ".tiff"}, tiff_matches, tiff_decode};
