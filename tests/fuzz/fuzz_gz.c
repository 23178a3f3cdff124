/* The images as a .gz file, the labels as a sound plain one of three. */
#include "fuzz.h"

#include "data/dataset.h"

static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[160];
    tli_dataset set = {0};
    tl_error err = {0};
    fuzz_write(path, "train-images-idx3-ubyte.gz", data, size);
    fuzz_write(path, "train-labels-idx1-ubyte", labels, sizeof labels);
    const tl_status status = tli_idx_load(fuzz_folder(), 1, 0, &set, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    FUZZ_CHECK((status == TL_OK) == (set.count == 3));
    tli_dataset_free(&set);
    return 0;
}
