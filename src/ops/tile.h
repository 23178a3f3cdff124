/* Tiles of matrix products: what they consist of in the CPU form (kernels/tile.cl) and in the GPU form (kernels/tile_fma.cl), and
 * which kernels have them. */
#ifndef OPS_TILE_H
#define OPS_TILE_H

#include "device/device.h"

/* Of the GPU form's kernels by offset: rows and columns of the largest tile. */
enum { TLI_TILE_LARGEST_BY_OFFSET = 64 };

/* A parameter that the product and form do not have is 0. */
typedef struct tli_tile {
    uint32_t rows, vectors; /* CPU form: of accumulators, a register tile */
    uint32_t depth;         /* of the inner dimension in a packed block */
    uint32_t tiles, panels; /* of the block of a work-group: register tiles below, and side by side */
    uint32_t side;          /* GPU form: rows and columns of results of a work-group */
    uint32_t parts;         /* work-items that share a result */
    uint32_t padding;       /* floats behind a row in local memory */
} tli_tile;

typedef enum tli_product_kind {
    TLI_GEMM_NN, /* which of the operands are transposed */
    TLI_GEMM_NT,
    TLI_GEMM_TN,
    TLI_GEMM_TT,
    TLI_OFFSET_LOGITS,
    TLI_OFFSET_LOGITS_BACKWARD,
    TLI_OFFSET_VALUES,
    TLI_OFFSET_VALUES_BACKWARD,
    TLI_OFFSET_WEIGHT_GRADIENT,
    TLI_PRODUCT_KINDS
} tli_product_kind;

/* A product, as far as its tile may depend on it. */
typedef struct tli_product_shape {
    tli_product_kind kind;
    uint32_t m, n, k,
        count; /* GEMM: count products of m x n results over k; by offset: the batch, a head's channels, the channels
                                that go in, and the tokens that are keys */
} tli_product_shape;

tli_product_kind tli_gemm_kind(bool transpose_a, bool transpose_b);
const char *tli_product_name(tli_product_kind kind);             /* in tables */
const char *tli_product_family(tli_product_kind kind);           /* of tli_kernel_families */
const char *tli_product_kernel(tli_product_kind kind, bool cpu); /* its name in the CPU or the GPU form */
bool tli_product_is_gemm(tli_product_kind kind);
/* false: no product has this name. */
bool tli_product_find(const char *name, tli_product_kind *kind);

/* ---- parameters ------------------------------------------------------------------------------------- */

enum { TLI_TILE_PARAMETERS = 8, TLI_TILE_VALUES = 16 };

typedef struct tli_tile_parameter {
    const char *name; /* in tables */
    bool cpu;         /* of the CPU form, else of the GPU form */
    uint32_t kinds;   /* bits 1 << kind of the products that have it */
    size_t at;        /* in tli_tile */
    int count;
    uint32_t legal[TLI_TILE_VALUES]; /* rising */
} tli_tile_parameter;

extern const tli_tile_parameter tli_tile_parameters[TLI_TILE_PARAMETERS];

/* Whether tiles of this product have parameter number i in this form. */
bool tli_tile_has(int i, tli_product_kind kind, bool cpu);
uint32_t tli_tile_get(const tli_tile *tile, int i);
void tli_tile_set(tli_tile *tile, int i, uint32_t value);
bool tli_tile_value_is_legal(int i, uint32_t value);

/* "rows=6 vectors=4": the parameters that the tile has, each with a space before it but for the first; "" for none. */
enum { TLI_TILE_TEXT = 128 };
char *tli_tile_text(const tli_tile *tile, char text[TLI_TILE_TEXT]);

/* Why the kernel of this product cannot have the tile, with vectors of so many floats, and `width` channels that come out of its matrices;
 * NULL: it can. */
const char *tli_tile_refuses(const tli_tile *tile, const tli_product_shape *shape, bool cpu,
                             uint32_t vector_width, uint32_t width);

#endif
