/* From text files to train.bin and val.bin: reads, encodes on several threads, writes, in constant memory. */
#ifndef DATA_TOKENS_BUILD_H
#define DATA_TOKENS_BUILD_H

#include <signal.h>

#include "data/bpe.h"

typedef struct tli_build_progress {
    uint64_t bytes, total_bytes; /* read; in all, 0: not known */
    uint64_t documents, tokens;
} tli_build_progress;

typedef struct tli_build_options {
    const tli_bpe *bpe; /* NULL: by characters, with chars.json beside the token files */
    const char *const *files;
    size_t file_count;
    const char *out;       /* a folder that exists */
    const char *separator; /* a line between documents; NULL: only files part documents */
    double val_fraction;   /* share of the documents that goes to val.bin, 0..1; see tli_output_balance */
    bool cut_single;       /* one document alone: this share of its tokens, the last ones, goes to val.bin */
    uint64_t seed;
    uint32_t threads; /* that encode, besides the caller's own, which reads and writes */
    size_t chunk;     /* bytes encoded at a time; 0: as is good */
    void (*progress)(void *user,
                     const tli_build_progress *progress); /* now and then, by the caller's thread */
    void *user;
    const volatile sig_atomic_t *stop; /* not 0: TL_INTERRUPTED, and nothing is written; may be NULL */
} tli_build_options;

typedef struct tli_build_result {
    uint64_t bytes, documents, val_documents, train_tokens, val_tokens;
    uint64_t not_utf8, nuls; /* bytes of the text that are not UTF-8; that are NUL */
    uint64_t marks;          /* files whose byte-order mark was dropped */
    uint32_t vocab_size;
} tli_build_result;

/* Equal text, options and seed give equal files, whatever the number of threads. Files that stood there
 * before are replaced at the end, all or none of them when encoding fails. Each document ends with the id of
 * `<|endoftext|>`; by characters, only when there are several. */
tl_status tli_tokens_build(const tli_build_options *options, tli_build_result *result, tl_error *err);

#endif
