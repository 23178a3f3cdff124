#include "pillow_resize.h"

/* A line of `in` samples becomes one of `out`, samples `stride` apart in both. */
static void resize_line(const uint8_t *source, long in, uint8_t *target, long out, long stride)
{
    const double scale = (double)in / (double)out, support = scale < 1 ? 1 : scale;
    double *weights = malloc((size_t)in * sizeof *weights);
    assert_non_null(weights);
    for (long x = 0; x < out; x++) {
        const double centre = ((double)x + 0.5) * scale;
        long from = (long)(centre - support + 0.5), to = (long)(centre + support + 0.5);
        if (from < 0) from = 0;
        if (to > in) to = in;
        double total = 0;
        for (long i = from; i < to; i++) {
            const double distance = fabs(((double)i - centre + 0.5) / support);
            weights[i] = distance < 1 ? 1 - distance : 0;
            total += weights[i];
        }
        long sum = 1L << 21;
        for (long i = from; i < to; i++)
            sum += (long)(0.5 + weights[i] / total * (1L << 22)) * source[i * stride];
        sum >>= 22;
        target[x * stride] = (uint8_t)(sum > 255 ? 255 : sum);
    }
    free(weights);
}

void pillow_resize_centre(const uint8_t *pixels, long width, long height, long side, uint8_t *out)
{
    const long shorter = side * 256 / 224;
    const long w = width <= height ? shorter : shorter * width / height;
    const long h = height <= width ? shorter : shorter * height / width;
    uint8_t *columns = malloc((size_t)(w * height * 3)),
            *column = malloc((size_t)(height > h ? height : h) * 3);
    assert_true(columns != NULL);
    assert_true(column != NULL);
    for (long y = 0; y < height; y++)
        for (long c = 0; c < 3; c++)
            resize_line(pixels + y * width * 3 + c, width, columns + y * w * 3 + c, w, 3);
    const long left = lrint((double)(w - side) / 2), top = lrint((double)(h - side) / 2);
    uint8_t *resized = malloc((size_t)h * 3);
    assert_non_null(resized);
    for (long x = 0; x < side; x++) {
        for (long y = 0; y < height; y++) memcpy(column + y * 3, columns + (y * w + left + x) * 3, 3);
        for (long c = 0; c < 3; c++) resize_line(column + c, height, resized + c, h, 3);
        for (long y = 0; y < side; y++) memcpy(out + (y * side + x) * 3, resized + (top + y) * 3, 3);
    }
    free(columns), free(column), free(resized);
}

uint8_t *draw_scene(uint32_t width, uint32_t height)
{
    uint8_t *pixels = malloc((size_t)width * height * 3), *p = pixels;
    assert_non_null(pixels);
    uint32_t state = 12345;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++) {
                state = state * 1664525 + 1013904223;
                const uint32_t slope = (x * 160 / width + y * (c + 1) * 60 / height) & 255;
                const uint32_t edge = ((x / 37 + y / 23 + c) & 1) * 60, noise = state >> 27;
                const uint32_t value = slope + edge + noise;
                *p++ = (uint8_t)(value > 255 ? 255 : value);
            }
    return pixels;
}

uint8_t *decode_whole_jpeg(const char *path, uint32_t *width, uint32_t *height)
{
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    jpeg_stdio_src(&info, file);
    jpeg_read_header(&info, TRUE);
    jpeg_start_decompress(&info);
    *width = info.output_width;
    *height = info.output_height;
    uint8_t *pixels = malloc((size_t)*width * *height * 3);
    assert_true(pixels != NULL);
    assert_true(info.output_components == 3);
    while (info.output_scanline < info.output_height) {
        JSAMPROW row = pixels + (size_t)info.output_scanline * *width * 3;
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    fclose(file);
    return pixels;
}
