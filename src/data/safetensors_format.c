#include "data/safetensors_format.h"

#include <stdlib.h>
#include <string.h>

const char *const tli_st_dtype_names[ST_DTYPES] = {
    [ST_F32] = "F32", [ST_I64] = "I64", [ST_I32] = "I32", [ST_U8] = "U8"};
const size_t tli_st_dtype_widths[ST_DTYPES] = {[ST_F32] = 4, [ST_I64] = 8, [ST_I32] = 4, [ST_U8] = 1};

bool tli_st_host_is_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

void tli_st_swap_elements(unsigned char *data, size_t count, size_t width)
{
    for (size_t i = 0; i < count; i++, data += width) {
        for (size_t low = 0, high = width - 1; low < high; low++, high--) {
            unsigned char byte = data[low];
            data[low] = data[high];
            data[high] = byte;
        }
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *tli_st_find_duplicate(const char **names, int count)
{
    if (count > 1) qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 1; i < count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) return names[i];
    }
    return NULL;
}

bool tli_st_entry_bytes(const tli_st_entry *entry, uint64_t *bytes)
{
    uint64_t product = tli_st_dtype_widths[entry->dtype];
    bool overflow = false, empty = false;
    for (uint32_t i = 0; i < entry->rank; i++) {
        uint64_t dim = entry->shape[i];
        if (dim == 0) {
            empty = true;
        } else if (product > UINT64_MAX / dim) {
            overflow = true;
        } else {
            product *= dim;
        }
    }
    *bytes = empty ? 0 : product;
    return empty || !overflow;
}

bool tli_st_has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return true;
    }
    return false;
}

#undef tli_st_out_of_memory
tl_status tli_st_out_of_memory(tl_error *err, const char *path)
{
    return tli_fail(err, TL_ERROR_MEMORY, "%s: not enough host memory for its header", path);
}
