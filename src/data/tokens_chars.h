/* Character vocabularies, for small experiments: an id for each character in the text, in code point
 * order. Bytes that are not UTF-8, and NUL, have their own ids, written <0xNN>. Stored in chars.json, one
 * object {"character": id, ...}; `<|endoftext|>` is last if the text had several documents. */
#ifndef DATA_TOKENS_CHARS_H
#define DATA_TOKENS_CHARS_H

#include "data/tokens.h"

enum { TLI_CHARS_CODES = 0x110000, TLI_CHARS_SYMBOLS = TLI_CHARS_CODES + 257, TLI_CHARS_NONE = 0xffff };

typedef struct tli_chars {
    uint16_t *ids;     /* [TLI_CHARS_SYMBOLS] id of a symbol, or TLI_CHARS_NONE */
    uint32_t *symbols; /* [size] symbol of an id: code point, TLI_CHARS_CODES + byte, or end of text */
    uint32_t size;
} tli_chars;

#define TLI_CHARS_END (TLI_CHARS_CODES + 256) /* the symbol of `<|endoftext|>` */

tl_status tli_chars_create(tli_chars *chars, tl_error *err); /* empty */
void tli_chars_free(tli_chars *chars);                       /* zeroes it; allowed on an empty one */

/* Appends the ids of a text; TL_ERROR_INPUT names the first unknown character. */
tl_status tli_chars_encode(const tli_chars *chars, const uint8_t *text, size_t bytes, tli_ids *ids,
                           tl_error *err);
/* The same, adding unknown characters with the next id. TL_ERROR_INPUT for more than 65535. */
tl_status tli_chars_learn(tli_chars *chars, const uint8_t *text, size_t bytes, tli_ids *ids, tl_error *err);
/* Renumbers the ids in symbol order, with end of text last if `end`; map[old id] = new id ([65536]). */
tl_status tli_chars_sort(tli_chars *chars, bool end, uint16_t *map, tl_error *err);
/* The bytes of an id, at most 4; 0 for an unknown id and for the end of text. */
size_t tli_chars_write(const tli_chars *chars, uint32_t id, uint8_t out[4]);
/* Id of the end of text; -1: none. */
int32_t tli_chars_end_of_text(const tli_chars *chars);

/* chars.json. Saves to an open file; loading names the file in its messages about malformed contents. */
tl_status tli_chars_save(const tli_chars *chars, FILE *file, const char *path, tl_error *err);
tl_status tli_chars_load(const char *path, tli_chars *chars, tl_error *err);
/* The same in memory; `name` is for messages. *text is freed by the caller. */
tl_status tli_chars_parse(const char *text, const char *name, tli_chars *chars, tl_error *err);
tl_status tli_chars_text(const tli_chars *chars, char **text, tl_error *err);

#endif
