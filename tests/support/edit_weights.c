#include "edit_weights.h"

#include "data/checksum.h"
#include "data/safetensors_write.h"

typedef struct edit {
    const char *drop;   /* key that is left out of the metadata, or NULL */
    const char *tensor; /* whose numbers change, or NULL */
    long index;         /* element; -1: all of them */
    float value;
} edit;

/* Metadata without the key; a checksum becomes a blank, for the writer to fill in. */
static int edited_metadata(const tli_safetensors *st, const edit *e, tli_st_item *pairs)
{
    static char blank[] = TLI_CHECKSUM_BLANK;
    int count = 0;
    for (int i = 0; i < st->metadata_count; i++) {
        if (e->drop != NULL && strcmp(st->metadata[i].key, e->drop) == 0) continue;
        pairs[count] = st->metadata[i];
        if (strcmp(pairs[count].key, TLI_CHECKSUM_KEY) == 0) pairs[count].value = blank;
        count++;
    }
    return count;
}

static void edit_file(const char *from, const char *to, edit e)
{
    tl_error err = {0};
    tli_safetensors st;
    tli_st_writer w = {0};
    tli_st_item pairs[64];
    if (tli_st_open(from, &st, &err) != TL_OK) fail_msg("%s", err.text);
    assert_true(st.metadata_count <= 64);
    assert_true(e.tensor == NULL || tli_st_find(&st, e.tensor) != NULL);
    assert_true(e.drop == NULL || tli_st_metadata(&st, e.drop) != NULL);
    tli_st_entry *entries = malloc((size_t)st.count * sizeof *entries);
    assert_non_null(entries);
    memcpy(entries, st.entries, (size_t)st.count * sizeof *entries);
    const int count = edited_metadata(&st, &e, pairs);
    if (tli_st_write_begin(&w, to, entries, st.count, pairs, count, &err) != TL_OK) fail_msg("%s", err.text);
    for (int i = 0; i < st.count; i++) {
        const tli_st_entry *entry = &st.entries[i];
        const uint64_t n = (entry->end - entry->begin) / sizeof(float);
        float *values = malloc(n * sizeof *values);
        assert_non_null(values);
        assert_int_equal(tli_st_read(&st, entry, 0, n, values, &err), TL_OK);
        for (uint64_t k = 0; e.tensor != NULL && k < n && strcmp(entry->name, e.tensor) == 0; k++)
            if (e.index < 0 || k == (uint64_t)e.index) values[k] = e.value;
        assert_int_equal(tli_st_write_data(&w, values, n * sizeof *values, &err), TL_OK);
        free(values);
    }
    assert_int_equal(tli_st_write_commit(&w, &err), TL_OK);
    free(entries);
    tli_st_close(&st);
}

void edit_weights(const char *from, const char *to, const char *name, long index, float value)
{
    edit_file(from, to, (edit){.tensor = name, .index = index, .value = value});
}

void drop_setting(const char *from, const char *to, const char *key)
{
    edit_file(from, to, (edit){.drop = key});
}
