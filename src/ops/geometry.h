/* Which pairs of tokens share an offset: the table that every relative operation walks. */
#ifndef OPS_GEOMETRY_H
#define OPS_GEOMETRY_H

#include "device/device.h"

typedef enum tli_geometry_kind {
    TLI_GRID,  /* depth x height x width patches, row-major, behind an optional class token */
    TLI_CAUSAL /* a sequence; query i sees keys j <= i */
} tli_geometry_kind;

typedef struct tli_geometry {
    tli_geometry_kind kind;
    /* Grid; depth 0 counts as 1. A sequence: depth and height 1, width tokens in use. */
    uint32_t depth, height, width;
    uint32_t cls;        /* 1: token 0 is the class token (grid only) */
    uint32_t max_length; /* sequence: the length L that the tables are made for (>= width) */
    uint32_t first;      /* sequence: query i is token first + i; the tokens before are keys alone */
    tl_sharing sharing;  /* offsets past sharing_radius along an axis share matrices */
    uint32_t sharing_radius;
    /* Above 0: tokens farther apart than this along any axis do not see each other; the class token sees and is seen
     * by all. */
    uint32_t window;
    bool absolute; /* a matrix for every pair of tokens that see each other, nothing is shared */
} tli_geometry;

uint32_t tli_geometry_tokens(const tli_geometry *g);
/* Axes with a step of their own: 1 in a sequence, 2 on a plane, 3 in a volume. */
uint32_t tli_geometry_axes(const tli_geometry *g);
/* Where a token lies, {depth, row, column}, those of absent axes 0; false for the class token, which has no place. */
bool tli_geometry_place(const tli_geometry *g, uint32_t token, uint32_t place[3]);
/* Number of matrices K in a relative table. Per axis of n, offsets reach to n - 1 or to the window; with CLIP they
 * count up to the radius only, with LOG past it in octaves. The product over a grid's axes of (2 reach + 1), + 3
 * with a class token; reach + 1 for a sequence; tokens^2 when absolute, of a sequence max_length (max_length + 1) / 2. */
uint32_t tli_geometry_offsets(const tli_geometry *g);
/* Matrix of key and value for query i, key j; -1 when the pair is masked. */
int32_t tli_geometry_key_offset(const tli_geometry *g, uint32_t i, uint32_t j);
/* Matrix of the query for the same pair (off(j, i); in a sequence K - 1 less the key's); -1 when masked. */
int32_t tli_geometry_query_offset(const tli_geometry *g, uint32_t i, uint32_t j);
/* Whether some pairs that softmax would see are masked: those outside the window. */
bool tli_geometry_is_masked(const tli_geometry *g);
/* Which matrix of a table made for `from` belongs to the same offset as a matrix of a table made for `to`; of absolute
 * ones: to the same pair of tokens. The class token's three go by their kind. `query`: tables of the query, otherwise
 * those of key, value and biases. source: tli_geometry_offsets(to) numbers, -1 where `from` has no such offset. Where
 * offsets share a matrix, the nearest offset that both have decides. Returns how many have one. */
uint32_t tli_geometry_match(const tli_geometry *to, const tli_geometry *from, bool query, int32_t *source);

#endif
