/* Token ids in memory and in files: nanoGPT's train.bin and val.bin, raw little-endian uint16 ids. Files
 * are memory-mapped, so data may be larger than memory. */
#ifndef DATA_TOKENS_H
#define DATA_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* ---- a growing list of ids ----------------------------------------------------------------------- */

typedef struct tli_ids {
    uint16_t *items; /* owned; initialise the struct with {0} */
    size_t count, capacity;
} tli_ids;

/* Reserves space for `more` further ids. */
tl_status tli_ids_reserve(tli_ids *ids, size_t more, tl_error *err);
void tli_ids_free(tli_ids *ids);

/* ---- a token file -------------------------------------------------------------------------------- */

typedef struct tli_tokens {
    const uint8_t *bytes; /* the mapped file or owned memory: two bytes per id */
    uint64_t count;       /* ids */
    char path[1024];
    uint8_t *owned;  /* memory to free; NULL: mapped file */
    uint64_t mapped; /* bytes mapped */
} tli_tokens;

/* TL_ERROR_INPUT names the file and the error: missing, empty, an odd number of bytes, or an id >=
 * `vocab_size`, with its position (vocab_size 0: not checked). Unless by_chars, token files of other tools
 * (wider ids, headers) and text are recognised and refused, too; for character ids, which only `tokenize`
 * writes, that test would be ambiguous. */
tl_status tli_tokens_open(const char *path, uint32_t vocab_size, bool by_chars, tli_tokens *tokens,
                          tl_error *err);
void tli_tokens_close(tli_tokens *tokens); /* zeroes it; allowed on an empty one */

static inline uint16_t tli_tokens_at(const tli_tokens *tokens, uint64_t i)
{
    return (uint16_t)(tokens->bytes[2 * i] | tokens->bytes[2 * i + 1] << 8);
}

/* ---- windows ------------------------------------------------------------------------------------- */

/* A window of T ids has inputs x = tokens[i .. i+T) and targets y = tokens[i+1 .. i+T]. */

/* TL_ERROR_INPUT when the file is shorter than one window, length + 1 ids. Precondition of the functions
 * below. */
tl_status tli_tokens_check_window(const tli_tokens *tokens, uint32_t length, tl_error *err);
/* Start of a training sample's window: uniform over the count - length positions, a pure function of
 * (seed, epoch, sample), independent of batch size, threads and resuming. sample < 2^32. */
uint64_t tli_tokens_random_window(const tli_tokens *tokens, uint64_t seed, uint64_t epoch, uint64_t sample,
                                  uint32_t length);
/* Number of consecutive validation windows (a shorter remainder is dropped); window i starts at i *
 * length. */
uint64_t tli_tokens_window_count(const tli_tokens *tokens, uint32_t length);
/* Copies the window at `start`: `length` ids to x and as many to y. y may be NULL. */
void tli_tokens_read_window(const tli_tokens *tokens, uint64_t start, uint32_t length, uint32_t *x,
                            uint32_t *y);

#endif
