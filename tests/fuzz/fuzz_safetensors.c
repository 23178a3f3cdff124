#include "fuzz.h"

#include "data/checksum.h"
#include "tasks/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[160];
    tli_safetensors st;
    tl_error err = {0};
    fuzz_write(path, "file.safetensors", data, size);
    tl_status status = tli_st_open(path, &st, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    if (status != TL_OK) return 0;
    uint64_t next = 0;
    for (int i = 0; i < st.count; i++) {
        const tli_st_entry *e = &st.entries[i];
        FUZZ_CHECK(e->begin == next && e->end >= e->begin && st.data_at + e->end <= size);
        next = e->end;
        const uint64_t width = e->dtype == ST_I64  ? 8
                               : e->dtype == ST_U8 ? 1
                                                   : 4,
                       count = (e->end - e->begin) / width;
        void *out = malloc((size_t)(count * width) + 1);
        FUZZ_CHECK(out != NULL && tli_st_read(&st, e, 0, count, out, NULL) == TL_OK);
        FUZZ_CHECK(tli_st_read(&st, e, count, 1, out, NULL) != TL_OK);
        free(out);
        FUZZ_CHECK(tli_st_find(&st, e->name) == e);
    }
    FUZZ_CHECK(st.data_at + next == size);
    tl_settings settings;
    tl_settings_default(&settings, "mnist");
    err = (tl_error){0};
    status = tli_settings_from_metadata(&st, &settings, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    err = (tl_error){0};
    status = tli_checksum_verify(&st, false, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    tli_st_close(&st);
    return 0;
}
