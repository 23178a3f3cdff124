/* train.bin and val.bin while they are written: under temporary names until all is well. */
#ifndef DATA_TOKENS_OUTPUT_H
#define DATA_TOKENS_OUTPUT_H

#include <stdbool.h>

#include "data/tokens.h"

enum { TLI_TRAIN, TLI_VAL, TLI_OUTPUT_PATH = 1200, TLI_OUTPUT_BUFFER = 1 << 16 };

/* A document that may have to change sides: where it stands in its file, in tokens. */
typedef struct tli_output_candidate {
    uint32_t word; /* what was drawn for it: documents with the smallest words go to val */
    uint64_t begin, count;
} tli_output_candidate;

/* The documents of a file nearest to the other side, as a heap: the farthest of them stands first. */
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
    uint64_t seed, documents; /* documents ended */
    bool open;                /* a document is being written ... */
    int side;                 /* ... to this file */
    uint32_t word;
    uint64_t begin;
} tli_output;

/* fraction x count to the nearest whole number; with a fraction between 0 and 1 at least 1 and at most count - 1. */
uint64_t tli_output_share(uint64_t count, double fraction);

tl_status tli_output_open(tli_output *output, const char *folder, double val_fraction, uint64_t seed,
                          tl_error *err);
/* The side that a document is written to is a pure function of (seed, its place among all documents). */
tl_status tli_output_write(tli_output *output, const uint16_t *ids, size_t count, tl_error *err);
tl_status tli_output_end_document(tli_output *output, tl_error *err);
/* Takes back the last `count` tokens of the document written last. */
tl_status tli_output_take_back(tli_output *output, uint64_t count, tl_error *err);
/* Makes val.bin's share exact: of several documents, tli_output_share of them are in val, those for which the seed drew
 * the smallest words. One document alone is in train, or, with `cut`, that share of its tokens, the last, in val. */
tl_status tli_output_balance(tli_output *output, bool cut, tl_error *err);
/* Replaces every id by map[id] ([65536]). */
tl_status tli_output_map(tli_output *output, const uint16_t *map, tl_error *err);
/* Gives both files their names. */
tl_status tli_output_commit(tli_output *output, tl_error *err);
/* Closes; what was not committed is removed. */
void tli_output_close(tli_output *output);

#endif
