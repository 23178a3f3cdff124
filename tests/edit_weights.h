/* Checkpoints with other numbers in one tensor, made without the trainer. */
#ifndef TESTS_EDIT_WEIGHTS_H
#define TESTS_EDIT_WEIGHTS_H

#include <stdlib.h>
#include <string.h>

#include "train/checksum.h"
#include "train/safetensors.h"

/* Copies the file `from` to `to` with element `index` of the tensor `name` set to `value`; index -1: all of them. Settings
 * stay, the checksum is left out, as in files of other programs. */
static inline void edit_weights(const char *from, const char *to, const char *name, long index, float value)
{
    tl_error err = {0};
    tl_safetensors st;
    tl_st_writer w = {0};
    if (tl_st_open(from, &st, &err) != TL_OK) fail_msg("%s", err.text);
    assert_non_null(tl_st_find(&st, name));
    int count = 0;
    for (int i = 0; i < st.metadata_count; i++)
        if (strcmp(st.metadata[i].key, TL_CHECKSUM_KEY) != 0) {
            const tl_st_pair swapped = st.metadata[count];
            st.metadata[count++] = st.metadata[i];
            st.metadata[i] = swapped;
        }
    tl_st_entry *entries = malloc((size_t)st.count * sizeof *entries);
    assert_non_null(entries);
    memcpy(entries, st.entries, (size_t)st.count * sizeof *entries);
    if (tl_st_write_begin(&w, to, entries, st.count, st.metadata, count, &err) != TL_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < st.count; i++) {
        const tl_st_entry *e = &st.entries[i];
        const uint64_t n = (e->end - e->begin) / sizeof(float);
        float *values = malloc(n * sizeof *values);
        assert_non_null(values);
        assert_int_equal(tl_st_read(&st, e, 0, n, values, &err), TL_OK);
        for (uint64_t k = 0; k < n && strcmp(e->name, name) == 0; k++)
            if (index < 0 || k == (uint64_t)index) values[k] = value;
        assert_int_equal(tl_st_write_data(&w, values, n * sizeof *values, &err), TL_OK);
        free(values);
    }
    assert_int_equal(tl_st_write_commit(&w, &err), TL_OK);
    free(entries);
    tl_st_close(&st);
}

#endif
