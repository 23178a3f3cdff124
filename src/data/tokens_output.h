/* Writes train.bin and val.bin under temporary names until they are complete. */
#ifndef DATA_TOKENS_OUTPUT_H
#define DATA_TOKENS_OUTPUT_H

#include <stdbool.h>

#include "data/tokens.h"

enum { TLI_TRAIN, TLI_VAL, TLI_OUTPUT_PATH = 1200, TLI_OUTPUT_BUFFER = 1 << 16 };

/* A document that may be moved to the other file: its position in its file, in tokens. */
typedef struct tli_output_candidate {
    uint32_t word; /* random word: documents with the smallest words go to val */
    uint64_t begin, count;
} tli_output_candidate;

/* Heap of a file's documents closest to the other file; the farthest is on top. */
typedef struct tli_output_candidates {
    tli_output_candidate *items; /* owned */
    size_t count, capacity;
} tli_output_candidates;

typedef struct tli_output_file {
    int fd; /* -1: not open */
    char path[TLI_OUTPUT_PATH], temporary[TLI_OUTPUT_PATH];
    uint64_t tokens, documents;
    tli_output_candidates candidates; /* train: the smallest words; val: the largest */
    uint8_t *buffer;
    size_t used;
} tli_output_file;

typedef struct tli_output {
    tli_output_file files[2];
    double val_fraction;
    uint64_t seed, documents; /* documents completed */
    bool open;                /* a document is being written ... */
    int side;                 /* ... to this file */
    uint32_t word;
    uint64_t begin;
} tli_output;

/* fraction x count rounded to nearest; for 0 < fraction < 1 at least 1 and at most count - 1. */
uint64_t tli_output_share(uint64_t count, double fraction);

tl_status tli_output_open(tli_output *output, const char *folder, double val_fraction, uint64_t seed,
                          tl_error *err);
/* The file to which a document is written is a pure function of (seed, its number). */
tl_status tli_output_write(tli_output *output, const uint16_t *ids, size_t count, tl_error *err);
tl_status tli_output_end_document(tli_output *output, tl_error *err);
/* Removes the last `count` tokens of the last document. */
tl_status tli_output_take_back(tli_output *output, uint64_t count, tl_error *err);
/* Makes val.bin's fraction exact: val gets tli_output_share of the documents, those with the smallest
 * random words. A single document goes to train, or with `cut` that fraction of its tokens, at the end, to
 * val. */
tl_status tli_output_balance(tli_output *output, bool cut, tl_error *err);
/* Replaces every id by map[id] ([65536]). */
tl_status tli_output_map(tli_output *output, const uint16_t *map, tl_error *err);
/* Renames both files to their final names. */
tl_status tli_output_commit(tli_output *output, tl_error *err);
/* Closes; removes what was not committed. */
void tli_output_close(tli_output *output);

#endif
