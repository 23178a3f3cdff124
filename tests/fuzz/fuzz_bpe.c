/* vocab.bpe, a zero byte, encoder.json, a zero byte, a text. What is loaded must give back every text that it encodes. */
#include "fuzz.h"

#include "data/bpe.h"

static void round_trip(const tli_bpe *bpe, const uint8_t *text, size_t size)
{
    tli_bpe_encoder *encoder = NULL;
    tli_ids ids = {0};
    size_t at = 0;
    FUZZ_CHECK(tli_bpe_cut(text, size) <= size);
    FUZZ_CHECK(tli_bpe_encoder_create(bpe, &encoder, NULL) == TL_OK);
    FUZZ_CHECK(tli_bpe_encode(encoder, text, size, &ids, NULL) == TL_OK);
    for (size_t i = 0, n; i < ids.count; i++, at += n) {
        const uint8_t *token = tli_bpe_token(bpe, ids.items[i], &n);
        FUZZ_CHECK(token != NULL && n <= size - at && memcmp(text + at, token, n) == 0);
    }
    FUZZ_CHECK(at == size);
    tli_ids_free(&ids);
    tli_bpe_encoder_free(encoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char vocab[160], encoder[160];
    const uint8_t *part;
    tli_bpe *bpe = NULL;
    tl_error err = {0};
    size_t length = fuzz_part(&data, &size, &part);
    fuzz_write(vocab, "vocab.bpe", part, length);
    length = fuzz_part(&data, &size, &part);
    fuzz_write(encoder, "encoder.json", part, length);
    const tl_status status = tli_bpe_load(vocab, encoder, &bpe, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    if (status == TL_OK) round_trip(bpe, data, size);
    tli_bpe_free(bpe);
    return 0;
}
