/* Text files as a stream of chunks that can be encoded one by one, in any order, with the same ids as the
 * whole. */
#ifndef DATA_TOKENS_INPUT_H
#define DATA_TOKENS_INPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* A stretch of text with the ends of documents in it. A document may span chunks. */
typedef struct tli_chunk {
    uint8_t *text; /* owned */
    size_t bytes, capacity;
    size_t *ends; /* owned: documents end before text[ends[i]]; no document is empty */
    size_t end_count, end_room;
} tli_chunk;

void tli_chunk_free(tli_chunk *chunk);

typedef struct tli_input {
    const char *const *files; /* "-": standard input */
    size_t file_count, next_file;
    /* a line that ends a document and is no part of one; NULL: only files end documents */
    const char *separator;
    size_t separator_bytes;
    const volatile sig_atomic_t *stop; /* not 0: TL_INTERRUPTED; may be NULL */
    uint64_t bytes, total;             /* read so far; in all, 0: not known */
    uint64_t marks;                    /* files that began with a byte-order mark, which is no text */
    /* The file being read. */
    const char *path;
    int fd; /* -1: none */
    bool ended, line_start;
    bool checked; /* its beginning was looked at */
    uint8_t *raw; /* [begin, end) is read and not yet in a chunk */
    size_t begin, end, capacity;
    /* The document and the next chunk. */
    bool open; /* the document has text */
    uint8_t *carry;
    size_t carry_bytes, carry_room;
} tli_input;

/* Looks at all files first: TL_ERROR_INPUT names one that cannot be read or is no text (text_check.h). A separator
 * has no line end; it is seen in a line that ends in LF, CRLF, CR or the file's end, with blanks and tabs before
 * and behind it. */
tl_status tli_input_open(tli_input *input, const char *const *files, size_t count, const char *separator,
                         const volatile sig_atomic_t *stop, tl_error *err);
void tli_input_close(tli_input *input);
/* The next chunk, about `target` bytes: more when the text has no place to cut it. *more false: there is
 * none. */
tl_status tli_input_next(tli_input *input, size_t target, tli_chunk *chunk, bool *more, tl_error *err);

#endif
