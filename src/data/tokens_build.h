/* Tokenizes text files into train.bin and val.bin with several threads and in constant memory. */
#ifndef DATA_TOKENS_BUILD_H
#define DATA_TOKENS_BUILD_H

#include <signal.h>

#include "data/bpe.h"

typedef struct tli_build_progress {
    uint64_t bytes, total_bytes; /* bytes read; total bytes, 0: unknown */
    uint64_t documents, tokens;
} tli_build_progress;

typedef struct tli_build_options {
    const tli_bpe *bpe; /* NULL: characters, with chars.json written beside the token files */
    const char *const *files;
    size_t file_count;
    const char *out;       /* an existing folder */
    const char *separator; /* line that separates documents; NULL: each file is one document */
    double val_fraction;   /* fraction of the documents that goes to val.bin, 0..1; see tli_output_balance */
    bool cut_single;       /* a single document: this fraction of its tokens, at the end, goes to val.bin */
    uint64_t seed;
    uint32_t threads; /* threads that encode; the caller's thread reads and writes */
    size_t chunk;     /* bytes per unit of work; 0: default */
    void (*progress)(void *user,
                     const tli_build_progress *progress); /* called occasionally by the caller's thread */
    void *user;
    const volatile sig_atomic_t *stop; /* nonzero: TL_INTERRUPTED, and nothing is written; may be NULL */
} tli_build_options;

typedef struct tli_build_result {
    uint64_t bytes, documents, val_documents, train_tokens, val_tokens;
    uint64_t not_utf8, nuls; /* bytes of the text that are not UTF-8; NUL bytes */
    uint64_t marks;          /* files with a byte-order mark, which is dropped */
    uint32_t vocab_size;
} tli_build_result;

/* Equal text, options and seed give equal files for any number of threads. Existing files are replaced
 * only at the end; if encoding fails they are kept. Each document ends with the id of `<|endoftext|>`;
 * with characters only if there are several documents. */
tl_status tli_tokens_build(const tli_build_options *options, tli_build_result *result, tl_error *err);

#endif
