/* Which pairs of tokens share an offset: the table that every relative operation walks. */
#ifndef TL_OPS_GEOMETRY_H
#define TL_OPS_GEOMETRY_H

#include "device/device.h"

typedef enum tl_geometry_kind {
    TL_GRID,  /* height x width patches, row-major, behind an optional class token */
    TL_CAUSAL /* a sequence; query i sees keys j <= i */
} tl_geometry_kind;

typedef struct tl_geometry {
    tl_geometry_kind kind;
    uint32_t height, width; /* grid; a sequence has height 1 and width = tokens in use */
    uint32_t cls;           /* 1: token 0 is the class token (grid only) */
    uint32_t max_length;    /* sequence: the length L that the tables are made for (>= width) */
} tl_geometry;

uint32_t tl_geometry_tokens(const tl_geometry *g);
/* Number of matrices K in a relative table: (2H-1)(2W-1), + 3 with a class token; L for a sequence. */
uint32_t tl_geometry_offsets(const tl_geometry *g);
/* Matrix of key and value for query i, key j; -1 when the pair is masked. */
int32_t tl_geometry_key_offset(const tl_geometry *g, uint32_t i, uint32_t j);
/* Matrix of the query for the same pair (see DESIGN: off(j, i); L-1-(i-j) in a sequence); -1 when masked. */
int32_t tl_geometry_query_offset(const tl_geometry *g, uint32_t i, uint32_t j);

#endif
