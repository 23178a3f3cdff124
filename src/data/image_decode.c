#include "data/image_decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>

#include <jerror.h>
#include <png.h>

enum { FILE_LIMIT = 1 << 30 };

/* ---- buffers ------------------------------------------------------------------------------------- */

void tl_bytes_free(tl_bytes *bytes)
{
    free(bytes->data);
    *bytes = (tl_bytes){0};
}

tl_status tl_bytes_read(tl_bytes *bytes, const char *path, tl_error *err)
{
    struct stat info;
    bytes->count = 0;
    /* Looked at first, because opening a pipe would wait for someone to write into it. */
    if (stat(path, &info) != 0) return tl_fail(err, TL_ERROR_INPUT, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return tl_fail(err, TL_ERROR_INPUT, "%s is not a file", path);
    if (info.st_size == 0) return tl_fail(err, TL_ERROR_INPUT, "%s is empty: it has 0 bytes", path);
    if (info.st_size > FILE_LIMIT)
        return tl_fail(err, TL_ERROR_INPUT, "%s is too large for an image: it has more than %d bytes", path,
                       FILE_LIMIT);
    const size_t size = (size_t)info.st_size;
    if (size > bytes->room) {
        free(bytes->data);
        bytes->data = malloc(size);
        bytes->room = bytes->data != NULL ? size : 0;
        if (bytes->data == NULL) return tl_fail(err, TL_ERROR_MEMORY, "%s: not enough host memory", path);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) return tl_fail(err, TL_ERROR_INPUT, "%s cannot be opened: %s", path, strerror(errno));
    bytes->count = fread(bytes->data, 1, size, file);
    const bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) return tl_fail(err, TL_ERROR_INPUT, "%s cannot be read", path);
    return TL_OK;
}

void tl_image_free(tl_image *image)
{
    free(image->pixels);
    *image = (tl_image){0};
}

tl_status tl_image_reserve(tl_image *image, uint32_t width, uint32_t height, tl_error *err)
{
    const size_t size = (size_t)width * height * 3;
    if (size > image->room) {
        free(image->pixels);
        image->pixels = malloc(size);
        image->room = image->pixels != NULL ? size : 0;
        if (image->pixels == NULL)
            return tl_fail(err, TL_ERROR_MEMORY, "not enough host memory for an image of %u x %u pixels",
                           width, height);
    }
    image->width = width;
    image->height = height;
    return TL_OK;
}

/* ---- what both formats share --------------------------------------------------------------------- */

/* A decoding on its way. It lives in the caller of the function that calls setjmp, so that nothing of it is
 * in a register when the library jumps back. */
typedef struct decoding {
    const tl_bytes *file;
    const char *name;
    tl_error *err;
    bool header_only;
    uint32_t shrink;
    uint32_t width, height; /* from the header */
    tl_image *image;
    tl_status status;
    jmp_buf back;
    uint8_t *row; /* owned: one row of CMYK */
    size_t at;    /* PNG: bytes read so far */
} decoding;

static tl_status check_size(const decoding *d)
{
    if (d->width == 0 || d->height == 0)
        return tl_fail(d->err, TL_ERROR_INPUT, "%s has a side of 0 pixels", d->name);
    if (d->width > TL_IMAGE_SIDE_LIMIT || d->height > TL_IMAGE_SIDE_LIMIT ||
        (uint64_t)d->width * d->height > TL_IMAGE_PIXEL_LIMIT)
        return tl_fail(d->err, TL_ERROR_INPUT,
                       "%s is too large: %u x %u pixels; %u a side and %llu in all can be read", d->name,
                       d->width, d->height, TL_IMAGE_SIDE_LIMIT, (unsigned long long)TL_IMAGE_PIXEL_LIMIT);
    return TL_OK;
}

/* ---- JPEG ---------------------------------------------------------------------------------------- */

/* libjpeg hands back its jpeg_error_mgr, which therefore stands first. */
typedef struct jpeg_errors {
    struct jpeg_error_mgr manager;
    decoding *d;
} jpeg_errors;

static void jpeg_fail(j_common_ptr info)
{
    decoding *d = ((jpeg_errors *)info->err)->d;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    d->status = tl_fail(d->err, info->err->msg_code == JERR_OUT_OF_MEMORY ? TL_ERROR_MEMORY : TL_ERROR_INPUT,
                        "%s is no sound JPEG file: %s", d->name, text);
    longjmp(d->back, 1);
}

/* Warnings that mean lost pixels are failures; the others (stray bytes between markers, odd version numbers)
 * are common in the wild and do no harm. */
static void jpeg_warn(j_common_ptr info, int level)
{
    if (level >= 0) return;
    switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL: jpeg_fail(info);
    }
}

static void jpeg_print_nothing(j_common_ptr info) {}

static void jpeg_source_begin(j_decompress_ptr info) {}
static void jpeg_source_end(j_decompress_ptr info) {}

static boolean jpeg_source_more(j_decompress_ptr info)
{
    decoding *d = ((jpeg_errors *)info->err)->d;
    d->status = tl_fail(d->err, TL_ERROR_INPUT, "%s is truncated after %zu bytes", d->name, d->file->count);
    longjmp(d->back, 1);
    return FALSE;
}

static void jpeg_source_skip(j_decompress_ptr info, long count)
{
    if (count <= 0) return;
    if ((size_t)count > info->src->bytes_in_buffer) jpeg_source_more(info);
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= (size_t)count;
}

/* Files with four inks keep them inverted, as Adobe's programs do: 255 is no ink. */
static void row_from_cmyk(const uint8_t *cmyk, uint8_t *rgb, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++, cmyk += 4, rgb += 3)
        for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)((cmyk[c] * cmyk[3] + 127) / 255);
}

static tl_status jpeg_run(struct jpeg_decompress_struct *info, jpeg_errors *errors,
                          struct jpeg_source_mgr *source, decoding *d)
{
    if (setjmp(d->back) != 0) return d->status;
    jpeg_create_decompress(info);
    *source = (struct jpeg_source_mgr){.next_input_byte = d->file->data,
                                       .bytes_in_buffer = d->file->count,
                                       .init_source = jpeg_source_begin,
                                       .fill_input_buffer = jpeg_source_more,
                                       .skip_input_data = jpeg_source_skip,
                                       .resync_to_restart = jpeg_resync_to_restart,
                                       .term_source = jpeg_source_end};
    info->src = source;
    jpeg_read_header(info, TRUE);
    d->width = info->image_width;
    d->height = info->image_height;
    TL_TRY(check_size(d));
    if (d->header_only) return TL_OK;
    const bool inks = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    info->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    info->scale_num = 1;
    info->scale_denom = d->shrink;
    jpeg_start_decompress(info);
    TL_TRY(tl_image_reserve(d->image, info->output_width, info->output_height, d->err));
    if (inks) {
        d->row = malloc((size_t)info->output_width * 4);
        if (d->row == NULL) return tl_fail(d->err, TL_ERROR_MEMORY, "%s: not enough host memory", d->name);
    }
    while (info->output_scanline < info->output_height) {
        uint8_t *target = d->image->pixels + (size_t)info->output_scanline * info->output_width * 3;
        JSAMPROW row = inks ? d->row : target;
        if (jpeg_read_scanlines(info, &row, 1) == 1 && inks)
            row_from_cmyk(d->row, target, info->output_width);
    }
    return TL_OK;
}

static tl_status decode_jpeg(decoding *d)
{
    struct jpeg_decompress_struct info;
    struct jpeg_source_mgr source;
    jpeg_errors errors = {.d = d};
    memset(&info, 0, sizeof info); /* so that destroying is fine when creating failed */
    info.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = jpeg_fail;
    errors.manager.emit_message = jpeg_warn;
    errors.manager.output_message = jpeg_print_nothing;
    const tl_status status = jpeg_run(&info, &errors, &source, d);
    jpeg_destroy_decompress(&info);
    free(d->row);
    return status;
}

/* ---- PNG ----------------------------------------------------------------------------------------- */

static void png_fail(png_structp png, png_const_charp text)
{
    decoding *d = png_get_error_ptr(png);
    if (d->status == TL_OK)
        d->status = tl_fail(d->err, TL_ERROR_INPUT, "%s is no sound PNG file: %s", d->name, text);
    longjmp(d->back, 1);
}

static void png_warn(png_structp png, png_const_charp text) {}

static void png_more(png_structp png, png_bytep target, size_t count)
{
    decoding *d = png_get_io_ptr(png);
    if (count > d->file->count - d->at) {
        d->status = tl_fail(d->err, TL_ERROR_INPUT, "%s is truncated after %zu bytes", d->name,
                            d->file->count);
        png_error(png, "truncated");
    }
    memcpy(target, d->file->data + d->at, count);
    d->at += count;
}

static tl_status png_run(png_structp png, png_infop info, decoding *d)
{
    if (setjmp(d->back) != 0) return d->status;
    png_set_read_fn(png, d, png_more);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* our own limits say more */
    png_read_info(png, info);
    d->width = png_get_image_width(png, info);
    d->height = png_get_image_height(png, info);
    TL_TRY(check_size(d));
    if (d->header_only) return TL_OK;
    png_set_scale_16(png);
    png_set_expand(png);
    png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != (size_t)d->width * 3) png_error(png, "not RGB after conversion");
    TL_TRY(tl_image_reserve(d->image, d->width, d->height, d->err));
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < d->height; y++)
            png_read_row(png, d->image->pixels + (size_t)y * d->width * 3, NULL);
    png_read_end(png, NULL);
    return TL_OK;
}

static tl_status decode_png(decoding *d)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, png_fail, png_warn);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    const tl_status status = info != NULL
                                 ? png_run(png, info, d)
                                 : tl_fail(d->err, TL_ERROR_MEMORY, "%s: not enough host memory", d->name);
    png_destroy_read_struct(&png, &info, NULL);
    return status;
}

/* ---- both ---------------------------------------------------------------------------------------- */

static tl_status decode(decoding *d)
{
    static const uint8_t png_magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t jpeg_magic[] = {0xff, 0xd8, 0xff};
    const tl_bytes *file = d->file;
    if (file->count >= sizeof png_magic && memcmp(file->data, png_magic, sizeof png_magic) == 0)
        return decode_png(d);
    if (file->count >= sizeof jpeg_magic && memcmp(file->data, jpeg_magic, sizeof jpeg_magic) == 0)
        return decode_jpeg(d);
    if (file->count < sizeof png_magic)
        return tl_fail(d->err, TL_ERROR_INPUT, "%s is no image: it has %zu bytes", d->name, file->count);
    return tl_fail(d->err, TL_ERROR_INPUT,
                   "%s is neither JPEG nor PNG: it begins with the bytes %02x %02x %02x %02x", d->name,
                   file->data[0], file->data[1], file->data[2], file->data[3]);
}

tl_status tl_image_size(const tl_bytes *file, const char *name, uint32_t *width, uint32_t *height,
                        tl_error *err)
{
    decoding d = {.file = file, .name = name, .err = err, .header_only = true, .shrink = 1};
    const tl_status status = decode(&d);
    *width = d.width;
    *height = d.height;
    return status;
}

tl_status tl_image_decode(const tl_bytes *file, const char *name, uint32_t shrink, tl_image *image,
                          tl_error *err)
{
    decoding d = {.file = file, .name = name, .err = err, .shrink = shrink, .image = image};
    return decode(&d);
}
