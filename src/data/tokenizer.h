/* The public tl_tokenizer: byte-level BPE or characters, behind one interface. */
#ifndef DATA_TOKENIZER_H
#define DATA_TOKENIZER_H

#include "data/bpe.h"
#include "data/tokens_chars.h"

struct tl_tokenizer {
    tli_bpe *bpe; /* NULL: characters */
    tli_bpe_encoder *encoder;
    tli_chars chars;
    uint32_t size;       /* number of ids */
    int32_t end_of_text; /* its id; -1: none */
};

/* `stored` is the vocabulary in a GPT checkpoint: a JSON object of characters, or else (also NULL) a BPE, which
 * needs both files; NULL or empty: no file. TL_ERROR_USAGE for superfluous or missing files. */
tl_status tli_tokenizer_create(const char *stored, const char *vocab_path, const char *encoder_path,
                               tl_tokenizer **out, tl_error *err);

/* Appends the ids of a text. TL_ERROR_INPUT names a character that is not in the vocabulary. */
tl_status tli_tokenizer_encode(tl_tokenizer *tokenizer, const char *text, size_t bytes, tli_ids *ids,
                               tl_error *err);
/* The bytes of an id, in `buffer` (4 bytes) or owned by the tokenizer; NULL for an unknown id. The end of
 * text has none. */
const uint8_t *tli_tokenizer_token(const tl_tokenizer *tokenizer, uint32_t id, uint8_t buffer[4],
                                   size_t *bytes);

#endif
