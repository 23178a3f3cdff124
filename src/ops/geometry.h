/* Token layouts, and which pairs of tokens share an offset (and so a per-offset matrix). */
#ifndef OPS_GEOMETRY_H
#define OPS_GEOMETRY_H

#include "device/device.h"

typedef enum tli_geometry_kind {
    TLI_GRID,  /* depth x height x width patches, row-major, behind an optional class token */
    TLI_CAUSAL /* a sequence; query i sees keys j <= i */
} tli_geometry_kind;

typedef struct tli_geometry {
    tli_geometry_kind kind;
    /* Grid; depth 0 counts as 1. Sequence: depth and height 1, width = current tokens. */
    uint32_t depth, height, width;
    uint32_t cls;        /* 1: token 0 is the class token (grid only) */
    uint32_t max_length; /* sequence: the length L that the tables are made for (>= width) */
    uint32_t first;      /* sequence: query i is token first + i; earlier tokens (KV cache) are keys only */
    tl_sharing sharing;  /* offsets beyond sharing_radius on an axis share matrices */
    uint32_t sharing_radius;
    /* Above 0: tokens farther apart than this on any axis are masked; the class token sees and is seen by
     * all. */
    uint32_t window;
    bool absolute; /* one matrix per visible pair of tokens instead of per offset */
    /* Above 1: so many ranks share the matrices out, and a table has rows for those of rank `share` alone. In plans `share`
     * may be the number of shares: whichever has most. */
    uint32_t shares, share;
} tli_geometry;

uint32_t tli_geometry_tokens(const tli_geometry *g);
/* Number of axes: 1 in a sequence, 2 in an image, 3 in a volume. */
uint32_t tli_geometry_axes(const tli_geometry *g);
/* Coordinates of a token, {depth, row, column}, 0 on absent axes; false for the class token, which has
 * none. */
bool tli_geometry_place(const tli_geometry *g, uint32_t token, uint32_t place[3]);
/* Number of matrices K in a per-offset table: the product over the axes of (2 reach + 1), + 3 with a class
 * token; a sequence: reach + 1. On an axis of n positions reach is n - 1 or the window; CLIP limits it to
 * the radius, LOG adds one per octave beyond the radius. When absolute: tokens^2, for a sequence
 * max_length (max_length + 1) / 2. */
uint32_t tli_geometry_offsets(const tli_geometry *g);
/* Index of the key's and value's matrix for query i, key j; -1 when the pair is masked. */
int32_t tli_geometry_key_offset(const tli_geometry *g, uint32_t i, uint32_t j);
/* Index of the query's matrix for the same pair (off(j, i); in a sequence K - 1 minus the key's); -1 when
 * masked. */
int32_t tli_geometry_query_offset(const tli_geometry *g, uint32_t i, uint32_t j);
/* Rows of a table here: the matrices of a share, which are dealt out so that shares have pairs alike. All shares have
 * as many rows, of which the last may stand for no matrix. Without shares row and matrix are the same. */
uint32_t tli_geometry_rows(const tli_geometry *g);
/* Matrix that a row stands for, in tables of the query or of key and value; -1: none. */
int32_t tli_geometry_matrix(const tli_geometry *g, uint32_t row, bool query);
/* The share that has a matrix, and its row there. */
uint32_t tli_geometry_share_of(const tli_geometry *g, uint32_t matrix, bool query, uint32_t *row);
/* Rows of the matrices for query i, key j; -1 when the pair is masked or another share's. */
int32_t tli_geometry_key_row(const tli_geometry *g, uint32_t i, uint32_t j);
int32_t tli_geometry_query_row(const tli_geometry *g, uint32_t i, uint32_t j);
/* Whether a window masks pairs that the softmax would otherwise see. */
bool tli_geometry_is_masked(const tli_geometry *g);
/* Maps the matrices of a table made for `to` to those of a table made for `from` with the same offset;
 * absolute tables: with the same pair of tokens; the class token's three: of the same kind. `query`:
 * tables of the query, else of key, value and biases. source: tli_geometry_offsets(to) numbers, -1 where
 * `from` has no such offset. Where offsets share a matrix, the nearest offset that both have is used.
 * Returns how many were found. */
uint32_t tli_geometry_match(const tli_geometry *to, const tli_geometry *from, bool query, int32_t *source);

#endif
