#include "data/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static tl_status out_of_memory(tl_error *err)
{
    return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a tokenizer or its text");
}

/* ---- opening ------------------------------------------------------------------------------------- */

static tl_status open_chars(const char *stored, tl_tokenizer *t, tl_error *err)
{
    TLI_TRY(tli_chars_parse(stored, "of the checkpoint", &t->chars, err));
    t->size = t->chars.size;
    t->end_of_text = tli_chars_end_of_text(&t->chars);
    return TL_OK;
}

static tl_status open_bpe(const char *vocab_path, const char *encoder_path, tl_tokenizer *t, tl_error *err)
{
    TLI_TRY(tli_bpe_load(vocab_path, encoder_path, &t->bpe, err));
    TLI_TRY(tli_bpe_encoder_create(t->bpe, &t->encoder, err));
    t->size = tli_bpe_size(t->bpe);
    t->end_of_text = tli_bpe_end_of_text(t->bpe);
    return TL_OK;
}

tl_status tli_tokenizer_create(const char *stored, const char *vocab_path, const char *encoder_path,
                               tl_tokenizer **out, tl_error *err)
{
    const bool chars = stored != NULL && stored[0] == '{',
               vocab = vocab_path != NULL && vocab_path[0] != '\0',
               encoder = encoder_path != NULL && encoder_path[0] != '\0';
    *out = NULL;
    if (chars && (vocab || encoder))
        return tli_fail(
            err, TL_ERROR_USAGE,
            "the model's tokens are characters, which its checkpoint lists: leave out `vocab` and `encoder`");
    if (!chars && !(vocab && encoder))
        return tli_fail(
            err, TL_ERROR_USAGE,
            "the tokens are those of a BPE: give `vocab` vocab.bpe and `encoder` encoder.json, with "
            "which the text was tokenized (tools/fetch-data gpt2 fetches GPT-2's)");
    tl_tokenizer *t = calloc(1, sizeof *t);
    if (t == NULL) return out_of_memory(err);
    const tl_status status = chars ? open_chars(stored, t, err) : open_bpe(vocab_path, encoder_path, t, err);
    if (status == TL_OK)
        *out = t;
    else
        tl_tokenizer_destroy(t);
    return status;
}

void tl_tokenizer_destroy(tl_tokenizer *t)
{
    if (t == NULL) return;
    tli_bpe_encoder_free(t->encoder);
    tli_bpe_free(t->bpe);
    tli_chars_free(&t->chars);
    free(t);
}

uint32_t tl_tokenizer_size(const tl_tokenizer *t)
{
    return t != NULL ? t->size : 0;
}

int32_t tl_tokenizer_end_of_text(const tl_tokenizer *t)
{
    return t != NULL ? t->end_of_text : -1;
}

/* ---- encoding ------------------------------------------------------------------------------------ */

tl_status tli_tokenizer_encode(tl_tokenizer *t, const char *text, size_t bytes, tli_ids *ids, tl_error *err)
{
    return t->bpe != NULL ? tli_bpe_encode(t->encoder, (const uint8_t *)text, bytes, ids, err)
                          : tli_chars_encode(&t->chars, (const uint8_t *)text, bytes, ids, err);
}

tl_status tl_tokenizer_encode(tl_tokenizer *t, const char *text, size_t bytes, int32_t **ids, size_t *count,
                              tl_error *err)
{
    if (ids != NULL) *ids = NULL;
    if (t == NULL || (text == NULL && bytes > 0) || ids == NULL || count == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_tokenizer_encode takes a tokenizer, a text, and places for ids and their count: "
                        "one is NULL");
    tli_ids list = {0};
    tl_status status = tli_tokenizer_encode(t, text != NULL ? text : "", bytes, &list, err);
    int32_t *wide = status == TL_OK ? malloc((list.count + 1) * sizeof *wide) : NULL;
    if (status == TL_OK && wide == NULL) status = out_of_memory(err);
    if (status == TL_OK) {
        for (size_t i = 0; i < list.count; i++) wide[i] = list.items[i];
        *ids = wide;
        *count = list.count;
    }
    tli_ids_free(&list);
    return status;
}

/* ---- decoding ------------------------------------------------------------------------------------ */

const uint8_t *tli_tokenizer_token(const tl_tokenizer *t, uint32_t id, uint8_t buffer[4], size_t *bytes)
{
    *bytes = 0;
    if (id >= t->size) return NULL;
    if ((int32_t)id == t->end_of_text) return buffer;
    if (t->bpe != NULL) return tli_bpe_token(t->bpe, id, bytes);
    *bytes = tli_chars_write(&t->chars, id, buffer);
    return buffer;
}

/* The bytes of all ids together, which must be known. */
static tl_status measure_text(const tl_tokenizer *t, const int32_t *ids, size_t count, size_t *total,
                              tl_error *err)
{
    uint8_t buffer[4];
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        if (ids[i] < 0 || tli_tokenizer_token(t, (uint32_t)ids[i], buffer, &bytes) == NULL)
            return tli_fail(err, TL_ERROR_INPUT, "ids[%zu] is %d, which the vocabulary does not have", i,
                            ids[i]);
        *total += bytes;
    }
    return TL_OK;
}

tl_status tl_tokenizer_decode(const tl_tokenizer *t, const int32_t *ids, size_t count, char **text,
                              size_t *bytes, tl_error *err)
{
    size_t total = 0;
    if (text != NULL) *text = NULL;
    if (t == NULL || (ids == NULL && count > 0) || text == NULL || bytes == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_tokenizer_decode takes a tokenizer, ids, and places for the text and its length: "
                        "one is NULL");
    TLI_TRY(measure_text(t, ids, count, &total, err));
    char *out = malloc(total + 1), *end = out;
    if (out == NULL) return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        uint8_t buffer[4];
        size_t length;
        const uint8_t *token = tli_tokenizer_token(t, (uint32_t)ids[i], buffer, &length);
        memcpy(end, token, length);
        end += length;
    }
    *end = '\0';
    *text = out;
    *bytes = total;
    return TL_OK;
}
