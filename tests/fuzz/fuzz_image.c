/* First byte: how much smaller a JPEG should come; behind it stands the file. */
#include "fuzz.h"

#include "data/image_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t shrinks[] = {1, 2, 4, 8};
    if (size < 2) return 0;
    tli_bytes file = {.data = malloc(size - 1), .count = size - 1, .capacity = size - 1};
    tli_image image = {0};
    tl_error err = {0};
    uint32_t width = 0, height = 0;
    FUZZ_CHECK(file.data != NULL);
    memcpy(file.data, data + 1, size - 1);
    const tl_status sized = tli_image_size(&file, "the image", &width, &height, &err);
    FUZZ_CHECK_MESSAGE(sized, err);
    /* Large ones are allowed but slow: not what is looked for here. */
    if (sized == TL_OK && (uint64_t)width * height <= 1 << 20) {
        err = (tl_error){0};
        const tl_status status = tli_image_decode(&file, "the image", shrinks[data[0] & 3], &image, &err);
        FUZZ_CHECK_MESSAGE(status, err);
        uint64_t sum = 0;
        for (size_t i = 0; status == TL_OK && i < (size_t)image.width * image.height * 3; i++)
            sum += image.pixels[i];
        FUZZ_CHECK(status != TL_OK || (image.width > 0 && image.width <= width && image.height <= height));
        FUZZ_CHECK(sum < UINT64_MAX);
    }
    tli_image_free(&image);
    tli_bytes_free(&file);
    return 0;
}
