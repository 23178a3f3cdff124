/* Shared by bpe.c (vocabulary) and bpe_encode.c (text to ids). */
#ifndef DATA_BPE_INTERNAL_H
#define DATA_BPE_INTERNAL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "data/bpe.h"

enum { TLI_BPE_IDS = 65536 }; /* ids are uint16 in token files */
#define TLI_BPE_NO_RANK UINT32_MAX

/* One merge: two adjacent tokens become one. */
typedef struct tli_bpe_merge {
    uint32_t pair; /* left << 16 | right */
    uint32_t rank; /* line in vocab.bpe; TLI_BPE_NO_RANK: empty slot */
    uint32_t id;   /* of the merged token */
} tli_bpe_merge;

struct tli_bpe {
    uint16_t byte_ids[256]; /* the token of each single byte */
    uint32_t size;
    int32_t end_of_text;
    uint8_t *arena;        /* bytes of all tokens */
    uint32_t *offsets;     /* [TLI_BPE_IDS] into the arena */
    uint32_t *lengths;     /* [TLI_BPE_IDS]; 0: no such id */
    uint32_t *by_bytes;    /* id + 1 by hash of the token's bytes, 0: empty; [by_bytes_mask + 1] */
    tli_bpe_merge *merges; /* by hash of the pair; [merge_mask + 1] */
    uint32_t by_bytes_mask, merge_mask;
    pcre2_code *pattern;
    bool jit;
};

static inline uint32_t tli_bpe_hash_pair(uint32_t pair)
{
    uint32_t h = pair * 0x9E3779B1u;
    return h ^ h >> 15;
}

/* NULL: the two do not merge. */
static inline const tli_bpe_merge *tli_bpe_find_merge(const tli_bpe *bpe, uint32_t left, uint32_t right)
{
    const uint32_t pair = left << 16 | right;
    for (uint32_t slot = tli_bpe_hash_pair(pair) & bpe->merge_mask;; slot = (slot + 1) & bpe->merge_mask) {
        const tli_bpe_merge *m = &bpe->merges[slot];
        if (m->rank == TLI_BPE_NO_RANK) return NULL;
        if (m->pair == pair) return m;
    }
}

/* Compiles the pattern (bpe_encode.c). */
tl_status tli_bpe_compile(tli_bpe *bpe, tl_error *err);

#endif
