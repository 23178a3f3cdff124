/* Token ids in memory and in files: nanoGPT's train.bin and val.bin, ids of 16 bits, little-endian, nothing
 * else. Files are mapped, so that sets larger than memory can be read. */
#ifndef DATA_TOKENS_H
#define DATA_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* ---- a growing list of ids ----------------------------------------------------------------------- */

typedef struct tli_ids {
    uint16_t *items; /* owned; zero-initialise before the first use */
    size_t count, capacity;
} tli_ids;

/* Room for `more` ids behind the ones that are there. */
tl_status tli_ids_reserve(tli_ids *ids, size_t more, tl_error *err);
void tli_ids_free(tli_ids *ids);

/* ---- a token file -------------------------------------------------------------------------------- */

typedef struct tli_tokens {
    const uint8_t *bytes; /* the mapped file, or memory of its own: two bytes an id */
    uint64_t count;       /* ids */
    char path[1024];
    uint8_t *owned;  /* memory to free; NULL: the bytes are a file's */
    uint64_t mapped; /* bytes of the file */
} tli_tokens;

/* TL_ERROR_INPUT names the file and what is wrong: missing, empty, an odd number of bytes, or an id that is
 * not below `vocab_size`, with its place (vocab_size 0: ids are not looked at). Unless by_chars, what other tools
 * write (wider ids, headers) and text are refused, too; ids of characters are `tokenize`'s own, and text of a character
 * a line looks as ids of 32 bits do. */
tl_status tli_tokens_open(const char *path, uint32_t vocab_size, bool by_chars, tli_tokens *tokens,
                          tl_error *err);
void tli_tokens_close(tli_tokens *tokens); /* zeroes it; fine on an empty one */

static inline uint16_t tli_tokens_at(const tli_tokens *tokens, uint64_t i)
{
    return (uint16_t)(tokens->bytes[2 * i] | tokens->bytes[2 * i + 1] << 8);
}

/* ---- windows ------------------------------------------------------------------------------------- */

/* A window of T ids is an input x = tokens[i .. i+T) and what is to be predicted, y = tokens[i+1 .. i+T]. */

/* TL_ERROR_INPUT when the file is shorter than one window, length + 1 ids. The functions below need it. */
tl_status tli_tokens_check_window(const tli_tokens *tokens, uint32_t length, tl_error *err);
/* Where the window of a training sample begins: uniform over all count - length places, a pure function of
 * (seed, epoch, sample), so that neither batches nor threads nor a resume change it. sample < 2^32. */
uint64_t tli_tokens_random_window(const tli_tokens *tokens, uint64_t seed, uint64_t epoch, uint64_t sample,
                                  uint32_t length);
/* Consecutive windows of validation: how many there are (the rest shorter than a window is left out), and
 * window i begins at i * length. */
uint64_t tli_tokens_window_count(const tli_tokens *tokens, uint32_t length);
/* Copies the window at `start`: `length` ids to x and as many to y. y may be NULL. */
void tli_tokens_read_window(const tli_tokens *tokens, uint64_t start, uint32_t length, uint32_t *x,
                            uint32_t *y);

#endif
