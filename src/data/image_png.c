/* PNG, by libpng. */
#include "data/image_format.h"

#include <setjmp.h>
#include <string.h>

#include <png.h>

/* State of libpng's callbacks. It belongs to the caller of the function that calls setjmp. */
typedef struct png_state {
    tli_decoding *d;
    tl_status status;
    jmp_buf back;
    size_t at; /* bytes read so far */
} png_state;

static bool png_matches(const tli_bytes *file)
{
    return tli_bytes_begin(file, "\x89PNG\r\n\x1a\n", 8);
}

static void png_fail(png_structp png, png_const_charp text)
{
    png_state *s = png_get_error_ptr(png);
    if (s->status == TL_OK)
        s->status = tli_fail(s->d->err, TL_ERROR_INPUT, "%s is not a valid PNG file: %s", s->d->name, text);
    longjmp(s->back, 1);
}

static void png_warn(png_structp png, png_const_charp text) {}

static void png_more(png_structp png, png_bytep target, size_t count)
{
    png_state *s = png_get_io_ptr(png);
    const tli_bytes *file = s->d->file;
    if (count > file->count - s->at) {
        s->status = tli_decoding_truncated(s->d);
        png_error(png, "truncated");
    }
    memcpy(target, file->data + s->at, count);
    s->at += count;
}

/* A row of 16-bit samples, big-endian, in place. */
static void png_clip_deep(png_structp png, png_row_infop info, png_bytep row)
{
    for (size_t i = 0; i < info->rowbytes / 2; i++)
        row[i] = tli_grey_from_deep((uint32_t)row[2 * i] << 8 | row[2 * i + 1]);
}

/* Converts everything to 8-bit RGB. Of 16 bits the upper 8 are used, but greyscale without alpha is
 * clipped, as in Pillow; transparency is dropped; single-colour transparency is never expanded. */
static void png_set_conversions(png_structp png, png_infop info, tli_image *image)
{
    const int type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
    if (type == PNG_COLOR_TYPE_GRAY && depth == 16) {
        image->remarks |= TLI_IMAGE_DEEP_GREY;
        png_set_read_user_transform_fn(png, png_clip_deep);
        png_set_user_transform_info(png, NULL, 8, 3);
    } else {
        png_set_strip_16(png);
    }
}

static tl_status png_run(png_structp png, png_infop info, png_state *s)
{
    tli_decoding *d = s->d;
    if (setjmp(s->back) != 0) return s->status;
    png_set_read_fn(png, s, png_more);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* the project's own limits are stricter */
    png_read_info(png, info);
    d->width = png_get_image_width(png, info);
    d->height = png_get_image_height(png, info);
    TLI_TRY(tli_decoding_check_size(d));
    if (d->header_only) return TL_OK;
    png_set_conversions(png, info, d->image);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != (size_t)d->width * 3) png_error(png, "not RGB after conversion");
    TLI_TRY(tli_image_reserve(d->image, d->width, d->height, d->err));
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < d->height; y++)
            png_read_row(png, d->image->pixels + (size_t)y * d->width * 3, NULL);
    png_read_end(png, NULL);
    return TL_OK;
}

static tl_status png_decode(tli_decoding *d)
{
    png_state state = {.d = d};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, png_fail, png_warn);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    const tl_status status = info != NULL ? png_run(png, info, &state) : tli_decoding_no_memory(d);
    png_destroy_read_struct(&png, &info, NULL);
    return status;
}

const tli_image_format tli_image_png = {"PNG", {".png"}, png_matches, png_decode};
