/* GPT-2's byte-level BPE: loads vocab.bpe and encoder.json, encodes text to ids and decodes it, byte for
 * byte.
 *
 * Text is split into pieces by GPT-2's regular expression, and the bytes of each piece are merged by rank,
 * as in the original. Bytes that are not valid UTF-8 become the id of the single byte, unmerged, and the
 * valid runs between them are encoded separately. Special tokens in the text are plain text; only the
 * caller inserts end-of-text ids between documents. */
#ifndef DATA_BPE_H
#define DATA_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "data/tokens.h"

typedef struct tli_bpe tli_bpe; /* immutable after loading: may be shared by threads */

/* TL_ERROR_INPUT names the file, and the line of vocab.bpe or the position in encoder.json, when something
 * is missing, truncated or malformed, for ids above 65535, and for two files that do not belong together. */
tl_status tli_bpe_load(const char *vocab_path, const char *encoder_path, tli_bpe **out, tl_error *err);
void tli_bpe_free(tli_bpe *bpe);

uint32_t tli_bpe_size(const tli_bpe *bpe); /* largest id + 1 */
/* Id of `<|endoftext|>` (50256 in GPT-2's files); -1: none. */
int32_t tli_bpe_end_of_text(const tli_bpe *bpe);
/* The bytes of a token, not terminated, owned by the vocabulary; NULL for an unknown id. */
const uint8_t *tli_bpe_token(const tli_bpe *bpe, uint32_t id, size_t *bytes);

/* Per-thread state of encoding: regex matcher and a cache of words (4 MiB). */
typedef struct tli_bpe_encoder tli_bpe_encoder;

tl_status tli_bpe_encoder_create(const tli_bpe *bpe, tli_bpe_encoder **out, tl_error *err);
void tli_bpe_encoder_free(tli_bpe_encoder *encoder);
/* Appends the ids of `text` to `ids`. */
tl_status tli_bpe_encode(tli_bpe_encoder *encoder, const uint8_t *text, size_t bytes, tli_ids *ids,
                         tl_error *err);

/* The last position in (0, bytes) where text can be split without changing its ids, whatever follows; 0:
 * none. The two parts are then encoded separately. */
size_t tli_bpe_cut(const uint8_t *text, size_t bytes);

#endif
