/* GPT-2's byte-level BPE: vocabulary from vocab.bpe and encoder.json, text to ids and back, byte for byte.
 *
 * Text is cut into pieces by GPT-2's pattern, and the bytes of each piece are merged by rank, as the original
 * does. Bytes that are not UTF-8 are no text: each becomes the id of its byte, unmerged, and the valid runs
 * between them are encoded as if each stood alone. Special tokens in the text are plain text; only the caller
 * puts the end-of-text id between documents. */
#ifndef DATA_BPE_H
#define DATA_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "data/tokens.h"

typedef struct tli_bpe tli_bpe; /* never changes after loading: any number of threads may share it */

/* TL_ERROR_INPUT names the file, and the line of vocab.bpe or the place in encoder.json, for what is missing,
 * cut short or malformed, for ids beyond 65535, and for two files that do not belong together. */
tl_status tli_bpe_load(const char *vocab_path, const char *encoder_path, tli_bpe **out, tl_error *err);
void tli_bpe_free(tli_bpe *bpe);

uint32_t tli_bpe_size(const tli_bpe *bpe); /* largest id + 1 */
/* Id of `<|endoftext|>` (50256 in GPT-2's files); -1: the vocabulary has none. */
int32_t tli_bpe_end_of_text(const tli_bpe *bpe);
/* The bytes of a token, not terminated, owned by the vocabulary; NULL for an id that it does not have. */
const uint8_t *tli_bpe_token(const tli_bpe *bpe, uint32_t id, size_t *bytes);
/* Decoding is writing the tokens' bytes one after the other: here into a new string of *bytes bytes, which
 * the caller frees and which is also terminated by a 0 behind them. TL_ERROR_INPUT names an unknown id. */
tl_status tli_bpe_decode(const tli_bpe *bpe, const uint16_t *ids, size_t count, uint8_t **text, size_t *bytes,
                         tl_error *err);

/* Working memory of one thread that encodes: the matcher's state and a cache of words (4 MiB). */
typedef struct tli_bpe_encoder tli_bpe_encoder;

tl_status tli_bpe_encoder_create(const tli_bpe *bpe, tli_bpe_encoder **out, tl_error *err);
void tli_bpe_encoder_free(tli_bpe_encoder *encoder);
/* Appends the ids of `text` to `ids`. */
tl_status tli_bpe_encode(tli_bpe_encoder *encoder, const uint8_t *text, size_t bytes, tli_ids *ids,
                         tl_error *err);

/* The last place in (0, bytes) where text may be cut in two without changing its ids, whatever follows; 0:
 * none was found. Both parts must then be encoded as texts of their own. */
size_t tli_bpe_cut(const uint8_t *text, size_t bytes);

#endif
