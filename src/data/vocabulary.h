/* What a model's ids stand for: the tokens of a byte-level BPE or single characters, behind one interface. */
#ifndef DATA_VOCABULARY_H
#define DATA_VOCABULARY_H

#include "data/bpe.h"
#include "data/tokens_chars.h"

typedef struct tli_vocabulary {
    tli_bpe *bpe; /* NULL: characters */
    tli_bpe_encoder *encoder;
    tli_chars chars;
    uint32_t size;       /* ids are below it */
    int32_t end_of_text; /* its id; -1: there is none */
} tli_vocabulary;

/* `stored` as a checkpoint of a GPT names its vocabulary: a JSON object of characters, or else a BPE of the two files,
 * which are then needed. TL_ERROR_USAGE for files that are not needed or not given. */
tl_status tli_vocabulary_open(const char *stored, const char *vocab_path, const char *encoder_path,
                              tli_vocabulary *vocabulary, tl_error *err);
void tli_vocabulary_close(tli_vocabulary *vocabulary); /* zeroes it; fine on an empty one */

/* Appends the ids of a text. TL_ERROR_INPUT names a character that the vocabulary does not have. */
tl_status tli_vocabulary_encode(tli_vocabulary *vocabulary, const char *text, size_t bytes, tli_ids *ids,
                                tl_error *err);
/* The bytes of an id, at `room` (4 bytes) or the vocabulary's own; NULL for one that it does not have. The end of text
 * has none. */
const uint8_t *tli_vocabulary_token(const tli_vocabulary *vocabulary, uint32_t id, uint8_t capacity[4],
                                    size_t *bytes);

#endif
