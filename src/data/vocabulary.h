/* A model's vocabulary: byte-level BPE or characters, behind one interface. */
#ifndef DATA_VOCABULARY_H
#define DATA_VOCABULARY_H

#include "data/bpe.h"
#include "data/tokens_chars.h"

typedef struct tli_vocabulary {
    tli_bpe *bpe; /* NULL: characters */
    tli_bpe_encoder *encoder;
    tli_chars chars;
    uint32_t size;       /* number of ids */
    int32_t end_of_text; /* its id; -1: none */
} tli_vocabulary;

/* `stored` is the vocabulary in a GPT checkpoint: a JSON object of characters, or else a BPE, which needs
 * both files. TL_ERROR_USAGE for superfluous or missing files. */
tl_status tli_vocabulary_open(const char *stored, const char *vocab_path, const char *encoder_path,
                              tli_vocabulary *vocabulary, tl_error *err);
void tli_vocabulary_close(tli_vocabulary *vocabulary); /* zeroes it; allowed on an empty one */

/* Appends the ids of a text. TL_ERROR_INPUT names a character that is not in the vocabulary. */
tl_status tli_vocabulary_encode(tli_vocabulary *vocabulary, const char *text, size_t bytes, tli_ids *ids,
                                tl_error *err);
/* The bytes of an id, in `buffer` (4 bytes) or owned by the vocabulary; NULL for an unknown id. The end of
 * text has none. */
const uint8_t *tli_vocabulary_token(const tli_vocabulary *vocabulary, uint32_t id, uint8_t buffer[4],
                                    size_t *bytes);

#endif
