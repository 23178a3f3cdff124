/* Vocabularies of characters, for small experiments: an id for each character that the text has, in the order
 * of their code points. Bytes that are not UTF-8, and NUL, have ids of their own, written <0xNN>. Kept as
 * chars.json, one object {"character": id, ...}; `<|endoftext|>` stands last when the text had several
 * documents. */
#ifndef DATA_TOKENS_CHARS_H
#define DATA_TOKENS_CHARS_H

#include "data/tokens.h"

enum { TLI_CHARS_CODES = 0x110000, TLI_CHARS_SYMBOLS = TLI_CHARS_CODES + 257, TLI_CHARS_NONE = 0xffff };

typedef struct tli_chars {
    uint16_t *ids;     /* [TLI_CHARS_SYMBOLS] id of a symbol; TLI_CHARS_NONE: it has none */
    uint32_t *symbols; /* [size] symbol of an id: a code point, TLI_CHARS_CODES + byte, or the end of text */
    uint32_t size;
} tli_chars;

#define TLI_CHARS_END (TLI_CHARS_CODES + 256) /* the symbol of `<|endoftext|>` */

tl_status tli_chars_create(tli_chars *chars, tl_error *err); /* empty */
void tli_chars_free(tli_chars *chars);                       /* zeroes it; fine on an empty one */

/* Appends the ids of a text whose characters are all known; TL_ERROR_INPUT names the first that is not. */
tl_status tli_chars_encode(const tli_chars *chars, const uint8_t *text, size_t bytes, tli_ids *ids,
                           tl_error *err);
/* The same, giving new characters the next id. TL_ERROR_INPUT beyond 65535 of them. */
tl_status tli_chars_learn(tli_chars *chars, const uint8_t *text, size_t bytes, tli_ids *ids, tl_error *err);
/* Puts the ids in the order of the symbols, with the end of text last when `end`; map[old id] = new id
 * ([65536]). */
tl_status tli_chars_sort(tli_chars *chars, bool end, uint16_t *map, tl_error *err);
/* The bytes of an id, at most 4; 0 for an unknown id and for the end of text. */
size_t tli_chars_write(const tli_chars *chars, uint32_t id, uint8_t out[4]);
/* Id of the end of text; -1: none. */
int32_t tli_chars_end_of_text(const tli_chars *chars);

/* chars.json. Saving writes to an open file; loading refuses with the file's name what is malformed. */
tl_status tli_chars_save(const tli_chars *chars, FILE *file, const char *path, tl_error *err);
tl_status tli_chars_load(const char *path, tli_chars *chars, tl_error *err);
/* The same from and to memory: what chars.json would hold, with `name` for messages. *text is the caller's (free()). */
tl_status tli_chars_parse(const char *text, const char *name, tli_chars *chars, tl_error *err);
tl_status tli_chars_text(const tli_chars *chars, char **text, tl_error *err);

#endif
