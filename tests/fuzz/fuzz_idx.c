/* First byte odd: the labels, else the images; the other file of the pair is a sound one of three. */
#include "fuzz.h"

#include "data/dataset.h"

static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[160];
    tli_dataset set = {0};
    tl_error err = {0};
    if (size == 0) return 0;
    const int of_labels = data[0] & 1;
    const uint32_t limit = (uint32_t)(data[0] >> 4); /* 0: all */
    data++, size--;
    fuzz_write(path, "train-images-idx3-ubyte", of_labels ? images : data, of_labels ? sizeof images : size);
    fuzz_write(path, "train-labels-idx1-ubyte", of_labels ? data : labels, of_labels ? size : sizeof labels);
    const tl_status status = tli_idx_load(fuzz_folder(), 1, limit, &set, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < (uint64_t)set.count * set.height * set.width; i++) sum += set.pixels[i];
    for (uint32_t i = 0; i < set.count; i++) sum += set.labels[i];
    FUZZ_CHECK(sum < UINT64_MAX && (status == TL_OK) == (set.count > 0));
    tli_dataset_free(&set);
    return 0;
}
