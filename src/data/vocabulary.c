#include "data/vocabulary.h"

#include <string.h>

static tl_status open_chars(const char *stored, tl_vocabulary *v, tl_error *err)
{
    TL_TRY(tl_chars_parse(stored, "of the checkpoint", &v->chars, err));
    v->size = v->chars.size;
    v->end_of_text = tl_chars_end_of_text(&v->chars);
    return TL_OK;
}

static tl_status open_bpe(const char *vocab_path, const char *encoder_path, tl_vocabulary *v, tl_error *err)
{
    TL_TRY(tl_bpe_load(vocab_path, encoder_path, &v->bpe, err));
    TL_TRY(tl_bpe_encoder_create(v->bpe, &v->encoder, err));
    v->size = tl_bpe_size(v->bpe);
    v->end_of_text = tl_bpe_end_of_text(v->bpe);
    return TL_OK;
}

tl_status tl_vocabulary_open(const char *stored, const char *vocab_path, const char *encoder_path,
                             tl_vocabulary *v, tl_error *err)
{
    const bool chars = stored != NULL && stored[0] == '{', vocab = vocab_path[0] != '\0',
               encoder = encoder_path[0] != '\0';
    memset(v, 0, sizeof *v);
    if (chars && (vocab || encoder))
        return tl_fail(
            err, TL_ERROR_USAGE,
            "the model speaks characters, which its checkpoint holds: leave out --vocab and --encoder");
    if (!chars && !(vocab && encoder))
        return tl_fail(err, TL_ERROR_USAGE,
                       "the model speaks the tokens of a BPE: give --vocab vocab.bpe and --encoder "
                       "encoder.json that its "
                       "text was tokenized with (tools/fetch-data gpt2 fetches GPT-2's)");
    const tl_status status = chars ? open_chars(stored, v, err) : open_bpe(vocab_path, encoder_path, v, err);
    if (status != TL_OK) tl_vocabulary_close(v);
    return status;
}

void tl_vocabulary_close(tl_vocabulary *v)
{
    tl_bpe_encoder_free(v->encoder);
    tl_bpe_free(v->bpe);
    tl_chars_free(&v->chars);
    memset(v, 0, sizeof *v);
}

tl_status tl_vocabulary_encode(tl_vocabulary *v, const char *text, size_t bytes, tl_ids *ids, tl_error *err)
{
    return v->bpe != NULL ? tl_bpe_encode(v->encoder, (const uint8_t *)text, bytes, ids, err)
                          : tl_chars_encode(&v->chars, (const uint8_t *)text, bytes, ids, err);
}

const uint8_t *tl_vocabulary_token(const tl_vocabulary *v, uint32_t id, uint8_t room[4], size_t *bytes)
{
    *bytes = 0;
    if (id >= v->size) return NULL;
    if ((int32_t)id == v->end_of_text) return room;
    if (v->bpe != NULL) return tl_bpe_token(v->bpe, id, bytes);
    *bytes = tl_chars_write(&v->chars, id, room);
    return room;
}
