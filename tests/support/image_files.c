#include "image_files.h"

void write_jpeg(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height, int components,
                int quality, int progressive, int ycck)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    FILE *file = fopen(at(path), "wb");
    assert_non_null(file);
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_stdio_dest(&info, file);
    info.image_width = width;
    info.image_height = height;
    info.input_components = components;
    info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&info);
    if (ycck) jpeg_set_colorspace(&info, JCS_YCCK);
    jpeg_set_quality(&info, quality, TRUE);
    if (progressive) jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels +
                                             (size_t)info.next_scanline * width * (size_t)components);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    fclose(file);
}

void write_png(const char *path, const uint8_t *rows, uint32_t width, uint32_t height, int depth, int type,
               int interlaced, int transparent)
{
    const int channels = type == PNG_COLOR_TYPE_RGB          ? 3
                         : type == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
                         : type == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                             : 1;
    const size_t row_bytes = ((size_t)width * (size_t)channels * (size_t)depth + 7) / 8;
    FILE *file = fopen(at(path), "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, width, height, depth, type, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[256];
        const int entries = 1 << depth;
        for (int i = 0; i < entries; i++)
            palette[i] = (png_color){(png_byte)i, (png_byte)(2 * i), (png_byte)(255 - i)};
        png_set_PLTE(png, info, palette, entries);
    }
    if (transparent) {
        png_byte alpha[2] = {0, 128};
        png_color_16 colour = {.gray = 1, .red = 1, .green = 2, .blue = 3};
        png_set_tRNS(png, info, alpha, 2, &colour);
    }
    png_bytep *pointers = malloc(height * sizeof *pointers);
    assert_non_null(pointers);
    for (uint32_t y = 0; y < height; y++) pointers[y] = (png_bytep)(uintptr_t)(rows + y * row_bytes);
    png_write_info(png, info);
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(pointers);
    fclose(file);
}
