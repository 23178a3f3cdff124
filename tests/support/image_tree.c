#include "image_tree.h"

#include "core/random.h"

void put_image(const char *root, const char *split, const char *class_name, int index, uint32_t colour)
{
    char path[1600];
    root = at(root);
    static uint8_t pixels[72 * 72 * 3];
    mkdir(root, 0755);
    snprintf(path, sizeof path, "%s/%s", root, split);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", root, split, class_name);
    mkdir(path, 0755);
    tli_random r = tli_random_make(colour + (split[0] == 'v' ? 1000 : 0), (uint64_t)index);
    const uint32_t width = 40 + tli_random_below(&r, 33), height = 40 + tli_random_below(&r, 33);
    for (uint32_t i = 0; i < width * height * 3; i++)
        pixels[i] = (uint8_t)((colour * 97 + i % 3 * 61 * colour + i / 3 % width * 2 +
                               tli_random_below(&r, 60)) %
                              256);
    snprintf(path, sizeof path, "%s/%s/%s/%03d.%s", root, split, class_name, index,
             index % 3 ? "JPEG" : "png");
    if (index % 3)
        write_jpeg(path, pixels, width, height, 3, 90, index % 3 == 2, 0);
    else
        write_png(path, pixels, width, height, 8, PNG_COLOR_TYPE_RGB, 0, 0);
}

void put_tree(const char *root, int classes, int train, int val)
{
    for (int c = 0; c < classes; c++)
        for (int i = 0; i < train + val; i++) {
            const char name[] = {'c', 'l', 'a', 's', 's', (char)('a' + c), '\0'};
            put_image(root, i < train ? "train" : "val", name, i < train ? i : i - train, (uint32_t)c);
        }
}

int make_image_folder(void **state)
{
    if (make_folder(state) != 0) return -1;
    put_tree("good", 3, 8, 3);
    return 0;
}
