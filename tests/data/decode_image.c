/* What the program sees of an image file, as a PPM file, for comparing with other decoders: the whole, or with SIDE the middle
 * of it as evaluation takes it.  decode_image FILE OUT.ppm [SIDE] */
#include <stdio.h>
#include <stdlib.h>

#include "data/augment.h"

static tl_status decode(const char *path, uint32_t side, tli_image *out, tl_error *err)
{
    tli_bytes bytes = {0};
    tli_image whole = {0};
    tli_resampler resampler = {0};
    uint32_t width, height;
    tl_status status = tli_bytes_read(&bytes, path, err);
    if (status == TL_OK) status = tli_image_size(&bytes, path, &width, &height, err);
    if (status == TL_OK) status = tli_image_decode(&bytes, path, 1, side > 0 ? &whole : out, err);
    if (status == TL_OK && side > 0) {
        const tli_resize plan = tli_resize_centre(width, height, side);
        status = tli_resample(&whole, width, height, &plan, &resampler, out, err);
    }
    tli_bytes_free(&bytes);
    tli_image_free(&whole);
    tli_resampler_free(&resampler);
    return status;
}

int main(int argc, char **argv)
{
    tli_image image = {0};
    tl_error err = {0};
    if (argc < 3) return 2;
    if (decode(argv[1], argc > 3 ? (uint32_t)atoi(argv[3]) : 0, &image, &err) != TL_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    FILE *file = fopen(argv[2], "wb");
    if (file == NULL) return 2;
    fprintf(file, "P6 %u %u 255\n", image.width, image.height);
    fwrite(image.pixels, 3, (size_t)image.width * image.height, file);
    const int failed = ferror(file) != 0;
    tli_image_free(&image);
    return fclose(file) != 0 || failed ? 2 : 0;
}
