#include "data/image_encode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <png.h>

#include "data/augment.h"

static void fail_silently(png_structp png, png_const_charp text)
{
    longjmp(*(jmp_buf *)png_get_error_ptr(png), 1);
}

static void warn_silently(png_structp png, png_const_charp text) {}

/* No local variable is modified after the setjmp. */
static int image_encode(png_structp png, png_infop info, FILE *file, const tl_picture *image, jmp_buf *back)
{
    if (setjmp(*back) != 0) return 0;
    png_init_io(png, file);
    png_set_IHDR(png, info, image->width, image->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < image->height; y++)
        png_write_row(png, image->pixels + (size_t)y * image->width * 3);
    png_write_end(png, info);
    return 1;
}

tl_status tl_picture_write_png(const char *path, const tl_picture *picture, tl_error *err)
{
    if (path == NULL || picture == NULL || picture->pixels == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a picture to be written needs a path and pixels: one of them is NULL");
    TLI_TRY(tli_image_check_size("the picture", picture->width, picture->height, TL_ERROR_USAGE, err));
    jmp_buf back;
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return tli_fail(err, TL_ERROR_IO, "the picture %s cannot be written: %s", path, strerror(errno));
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &back, fail_silently, warn_silently);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    const int good = info != NULL && image_encode(png, info, file, picture, &back);
    png_destroy_write_struct(&png, &info);
    if (fclose(file) == 0 && good) return TL_OK;
    unlink(path);
    return tli_fail(err, TL_ERROR_IO, "the picture %s cannot be written", path);
}

void tli_image_paint(tli_image *image, uint32_t left, uint32_t top, const float *values, uint32_t width,
                     uint32_t height)
{
    for (uint32_t y = 0; y < height && top + y < image->height; y++)
        for (uint32_t x = 0; x < width && left + x < image->width; x++) {
            uint8_t *pixel = image->pixels + ((size_t)(top + y) * image->width + left + x) * 3;
            for (int c = 0; c < 3; c++) {
                const float value = values[((size_t)c * height + y) * width + x];
                const float level = (value * tli_image_deviation[c] + tli_image_mean[c]) * 255.0f + 0.5f;
                pixel[c] = (uint8_t)(level < 0.0f ? 0.0f : level > 255.0f ? 255.0f : level);
            }
        }
}
