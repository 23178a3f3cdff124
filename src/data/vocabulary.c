#include "data/vocabulary.h"

#include <string.h>

static tl_status open_chars(const char *stored, tli_vocabulary *v, tl_error *err)
{
    TLI_TRY(tli_chars_parse(stored, "of the checkpoint", &v->chars, err));
    v->size = v->chars.size;
    v->end_of_text = tli_chars_end_of_text(&v->chars);
    return TL_OK;
}

static tl_status open_bpe(const char *vocab_path, const char *encoder_path, tli_vocabulary *v, tl_error *err)
{
    TLI_TRY(tli_bpe_load(vocab_path, encoder_path, &v->bpe, err));
    TLI_TRY(tli_bpe_encoder_create(v->bpe, &v->encoder, err));
    v->size = tli_bpe_size(v->bpe);
    v->end_of_text = tli_bpe_end_of_text(v->bpe);
    return TL_OK;
}

tl_status tli_vocabulary_open(const char *stored, const char *vocab_path, const char *encoder_path,
                              tli_vocabulary *v, tl_error *err)
{
    const bool chars = stored != NULL && stored[0] == '{', vocab = vocab_path[0] != '\0',
               encoder = encoder_path[0] != '\0';
    memset(v, 0, sizeof *v);
    if (chars && (vocab || encoder))
        return tli_fail(
            err, TL_ERROR_USAGE,
            "the model speaks characters, which its checkpoint holds: leave out `vocab` and `encoder`");
    if (!chars && !(vocab && encoder))
        return tli_fail(err, TL_ERROR_USAGE,
                        "the model speaks the tokens of a BPE: give `vocab` vocab.bpe and `encoder` "
                        "encoder.json that its "
                        "text was tokenized with (tools/fetch-data gpt2 fetches GPT-2's)");
    const tl_status status = chars ? open_chars(stored, v, err) : open_bpe(vocab_path, encoder_path, v, err);
    if (status != TL_OK) tli_vocabulary_close(v);
    return status;
}

void tli_vocabulary_close(tli_vocabulary *v)
{
    tli_bpe_encoder_free(v->encoder);
    tli_bpe_free(v->bpe);
    tli_chars_free(&v->chars);
    memset(v, 0, sizeof *v);
}

tl_status tli_vocabulary_encode(tli_vocabulary *v, const char *text, size_t bytes, tli_ids *ids,
                                tl_error *err)
{
    return v->bpe != NULL ? tli_bpe_encode(v->encoder, (const uint8_t *)text, bytes, ids, err)
                          : tli_chars_encode(&v->chars, (const uint8_t *)text, bytes, ids, err);
}

const uint8_t *tli_vocabulary_token(const tli_vocabulary *v, uint32_t id, uint8_t buffer[4], size_t *bytes)
{
    *bytes = 0;
    if (id >= v->size) return NULL;
    if ((int32_t)id == v->end_of_text) return buffer;
    if (v->bpe != NULL) return tli_bpe_token(v->bpe, id, bytes);
    *bytes = tli_chars_write(&v->chars, id, buffer);
    return buffer;
}
