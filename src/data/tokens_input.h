/* Reads text files as a stream of chunks that can be encoded independently, in any order, with the same
 * ids as the whole text. */
#ifndef DATA_TOKENS_INPUT_H
#define DATA_TOKENS_INPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* A chunk of text and the ends of documents in it. A document may span chunks. */
typedef struct tli_chunk {
    uint8_t *text; /* owned */
    size_t bytes, capacity;
    size_t *ends; /* owned: documents end before text[ends[i]]; none is empty */
    size_t end_count, end_room;
} tli_chunk;

void tli_chunk_free(tli_chunk *chunk);

typedef struct tli_input {
    const char *const *files; /* "-": standard input */
    size_t file_count, next_file;
    /* a line that separates documents and belongs to none; NULL: each file is one document */
    const char *separator;
    size_t separator_bytes;
    const volatile sig_atomic_t *stop; /* nonzero: TL_INTERRUPTED; may be NULL */
    uint64_t bytes, total;             /* bytes read so far; total, 0: unknown */
    uint64_t marks;                    /* files with a byte-order mark, which is dropped */
    /* The file being read. */
    const char *path;
    int fd; /* -1: none */
    bool ended, line_start;
    bool checked; /* its beginning was checked */
    uint8_t *raw; /* buffer; [begin, end) is read but not yet in a chunk */
    size_t begin, end, capacity;
    /* The current document and the next chunk. */
    bool open; /* the document is not empty */
    uint8_t *carry;
    size_t carry_bytes, carry_room;
} tli_input;

/* Checks all files first: TL_ERROR_INPUT names one that cannot be read or is not text (text_check.h). The
 * separator has no line end; lines match it if they end in LF, CRLF, CR or at the file's end, ignoring
 * blanks and tabs on both sides. */
tl_status tli_input_open(tli_input *input, const char *const *files, size_t count, const char *separator,
                         const volatile sig_atomic_t *stop, tl_error *err);
void tli_input_close(tli_input *input);
/* The next chunk of about `target` bytes, more if the text cannot be split there. *more false: end of
 * input. */
tl_status tli_input_next(tli_input *input, size_t target, tli_chunk *chunk, bool *more, tl_error *err);

#endif
