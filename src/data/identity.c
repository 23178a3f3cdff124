#include "data/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#define ENDS (UINT64_C(1) << 20)

void tli_identity_add(tli_set_identity *set, const void *bytes, size_t size)
{
    set->hash = XXH3_64bits_withSeed(bytes, size, set->hash);
}

void tli_identity_add_ends(tli_set_identity *set, const void *bytes, uint64_t size)
{
    const uint64_t piece = size < ENDS ? size : ENDS;
    tli_identity_add_number(set, size);
    tli_identity_add(set, bytes, (size_t)piece);
    tli_identity_add(set, (const unsigned char *)bytes + (size - piece), (size_t)piece);
}

void tli_identity_add_number(tli_set_identity *set, uint64_t number)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(number >> 8 * i);
    tli_identity_add(set, bytes, sizeof bytes);
}

/* ---- in checkpoints ------------------------------------------------------------------------------ */

#define TRAIN_KEY "data_train" /* "SAMPLES HASH" */
#define TEST_KEY  "data_test"  /* "SAMPLES HASH LIMIT" */

int tli_identity_write(const tli_data_identity *data, tli_identity_text *text,
                       tli_st_item pairs[TLI_IDENTITY_PAIRS])
{
    if (!data->known) return 0;
    snprintf(text->text[0], TLI_IDENTITY_TEXT, "%" PRIu64 " %016" PRIx64, data->train.samples,
             data->train.hash);
    snprintf(text->text[1], TLI_IDENTITY_TEXT, "%" PRIu64 " %016" PRIx64 " %" PRIu32, data->test.samples,
             data->test.hash, data->limit_test);
    pairs[0] = (tli_st_item){(char *)(uintptr_t)TRAIN_KEY, text->text[0]};
    pairs[1] = (tli_st_item){(char *)(uintptr_t)TEST_KEY, text->text[1]};
    return TLI_IDENTITY_PAIRS;
}

tli_data_identity tli_identity_read(const tli_safetensors *st)
{
    tli_data_identity data = {0};
    const char *train = tli_st_metadata(st, TRAIN_KEY), *test = tli_st_metadata(st, TEST_KEY);
    data.known = train != NULL && test != NULL &&
                 sscanf(train, "%" SCNu64 " %" SCNx64, &data.train.samples, &data.train.hash) == 2 &&
                 sscanf(test, "%" SCNu64 " %" SCNx64 " %" SCNu32, &data.test.samples, &data.test.hash,
                        &data.limit_test) == 3;
    return data;
}

/* ---- comparing ----------------------------------------------------------------------------------- */

static bool describe_difference(const char *set, const char *unit, const tli_set_identity *stored,
                                const tli_set_identity *now, const char *path, char *text, size_t capacity)
{
    if (stored->samples != now->samples)
        snprintf(text, capacity, "its %s set has %" PRIu64 " %s, and that of %s has %" PRIu64, set,
                 stored->samples, unit, path, now->samples);
    else if (stored->hash != now->hash)
        snprintf(text, capacity, "its %s set has as many %s, %" PRIu64 ", as that of %s, but other contents",
                 set, unit, stored->samples, path);
    else
        return false;
    return true;
}

bool tli_identity_differs(const tli_data_identity *first, const tli_data_identity *now, const char *unit,
                          const char *path, char *what, size_t capacity)
{
    return first->known && now->known &&
           (describe_difference("training", unit, &first->train, &now->train, path, what, capacity) ||
            (first->limit_test == now->limit_test &&
             describe_difference("test", unit, &first->test, &now->test, path, what, capacity)));
}

tl_status tli_identity_check(const tli_data_identity *stored, const tli_data_identity *now, const char *unit,
                             const char *out, const char *path, bool allow_other, const tl_log *log,
                             tl_error *err)
{
    char what[TLI_IDENTITY_DIFFERENCE];
    if (!tli_identity_differs(stored, now, unit, path, what, sizeof what)) return TL_OK;
    if (!allow_other)
        return tli_fail(
            err, TL_ERROR_INPUT,
            "cannot resume %s with other data: %s; give the same `run.data`, or `run.allow_other_data`", out,
            what);
    tli_log_write(log, TL_LOG_NOTICE, "%s goes on with other data: %s", out, what);
    return TL_OK;
}
