#include "golden.h"

tli_safetensors golden_open(const char *name)
{
    char path[512];
    tli_safetensors st;
    tl_error err = {0};
    snprintf(path, sizeof path, "%s/%s.safetensors", TL_GOLDEN_DIR, name);
    if (tli_st_open(path, &st, &err) != TL_OK) fail_msg("%s", err.text);
    return st;
}

static uint64_t golden_count(const tli_st_entry *e)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < e->rank; i++) count *= e->shape[i];
    return count;
}

void *golden_read_at(const char *file, int line, tli_safetensors *st, const char *name, uint64_t *count)
{
    tl_error err = {0};
    const tli_st_entry *e = tli_st_find(st, name);
    if (e == NULL) fail_at(file, line, "%s holds no %s", st->path, name);
    const uint64_t n = golden_count(e);
    void *data = malloc(n * (e->dtype == ST_I64 ? 8 : 4));
    assert_non_null(data);
    if (tli_st_read(st, e, 0, n, data, &err) != TL_OK) fail_msg("%s", err.text);
    if (count != NULL) *count = n;
    return data;
}

float *golden_swap(const float *x, uint64_t outer, uint64_t inner, uint64_t channels)
{
    float *y = malloc(outer * inner * channels * sizeof *y);
    assert_non_null(y);
    for (uint64_t a = 0; a < outer; a++)
        for (uint64_t b = 0; b < inner; b++)
            memcpy(y + (b * outer + a) * channels, x + (a * inner + b) * channels, channels * sizeof *y);
    return y;
}
