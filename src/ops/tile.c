#include "ops/tile.h"

#include <stdio.h>
#include <string.h>

#include "core/arithmetic.h"
#include "kernels/gemm_sizes.cl"
#include "kernels/tile_sizes.cl"

static const struct {
    const char *name, *family, *kernel;
} products[TLI_PRODUCT_KINDS] = {
    [TLI_GEMM_NN] = {"gemm_nn", "gemm", "gemm"},
    [TLI_GEMM_NT] = {"gemm_nt", "gemm", "gemm"},
    [TLI_GEMM_TN] = {"gemm_tn", "gemm", "gemm"},
    [TLI_GEMM_TT] = {"gemm_tt", "gemm", "gemm"},
    [TLI_OFFSET_LOGITS] = {"logits", "offset_gemm", "offset_gemm_logits"},
    [TLI_OFFSET_LOGITS_BACKWARD] = {"logits_backward", "offset_gemm", "offset_gemm_logits_backward"},
    [TLI_OFFSET_VALUES] = {"values", "offset_gemm", "offset_gemm_values"},
    [TLI_OFFSET_VALUES_BACKWARD] = {"values_backward", "offset_gemm", "offset_gemm_values_backward"},
    [TLI_OFFSET_WEIGHT_GRADIENT] = {"weight_gradient", "offset_gemm", "offset_gemm_weight_gradient"},
};

tli_product_kind tli_gemm_kind(bool transpose_a, bool transpose_b)
{
    return transpose_a ? transpose_b ? TLI_GEMM_TT : TLI_GEMM_TN : transpose_b ? TLI_GEMM_NT : TLI_GEMM_NN;
}

const char *tli_product_name(tli_product_kind kind)
{
    return products[kind].name;
}

const char *tli_product_family(tli_product_kind kind)
{
    return products[kind].family;
}

const char *tli_product_kernel(tli_product_kind kind, bool cpu)
{
    return cpu && tli_product_is_gemm(kind) ? products[kind].name : products[kind].kernel;
}

bool tli_product_is_gemm(tli_product_kind kind)
{
    return kind <= TLI_GEMM_TT;
}

bool tli_product_find(const char *name, tli_product_kind *kind)
{
    for (int i = 0; i < TLI_PRODUCT_KINDS; i++) {
        if (strcmp(products[i].name, name) != 0) continue;
        *kind = (tli_product_kind)i;
        return true;
    }
    return false;
}

/* ---- parameters ------------------------------------------------------------------------------------- */

enum {
    GEMMS = 1 << TLI_GEMM_NN | 1 << TLI_GEMM_NT | 1 << TLI_GEMM_TN | 1 << TLI_GEMM_TT,
    BACKWARDS = 1 << TLI_OFFSET_LOGITS_BACKWARD | 1 << TLI_OFFSET_VALUES_BACKWARD,
    GRADIENT = 1 << TLI_OFFSET_WEIGHT_GRADIENT,
    ALL = (1 << TLI_PRODUCT_KINDS) - 1
};

#define CPU_PARAMETER(name, kinds, count, ...)                                                               \
    {                                                                                                        \
#name, true, kinds, offsetof(tli_tile, name), count,                                                 \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define GPU_PARAMETER(name, count, ...)                                                                      \
    {                                                                                                        \
#name, false, ALL, offsetof(tli_tile, name), count,                                                  \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

const tli_tile_parameter tli_tile_parameters[TLI_TILE_PARAMETERS] = {
    CPU_PARAMETER(rows, ALL, 14, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 24),
    CPU_PARAMETER(vectors, ALL, 4, 1, 2, 3, 4),
    CPU_PARAMETER(depth, GEMMS | GRADIENT, 7, 32, 64, 96, 128, 192, 256, 384),
    CPU_PARAMETER(tiles, GEMMS | BACKWARDS | 1 << TLI_OFFSET_LOGITS, 7, 1, 2, 4, 8, 16, 32, 64),
    CPU_PARAMETER(panels, GEMMS | BACKWARDS, 6, 1, 2, 3, 4, 6, 8),
    GPU_PARAMETER(side, 4, 16, 32, 64, 128),
    GPU_PARAMETER(parts, 3, 1, 2, 4),
    GPU_PARAMETER(padding, 3, 0, 4, 8),
};

bool tli_tile_has(int i, tli_product_kind kind, bool cpu)
{
    return tli_tile_parameters[i].cpu == cpu && (tli_tile_parameters[i].kinds >> kind & 1) != 0;
}

uint32_t tli_tile_get(const tli_tile *tile, int i)
{
    uint32_t value;
    memcpy(&value, (const char *)tile + tli_tile_parameters[i].at, sizeof value);
    return value;
}

void tli_tile_set(tli_tile *tile, int i, uint32_t value)
{
    memcpy((char *)tile + tli_tile_parameters[i].at, &value, sizeof value);
}

bool tli_tile_value_is_legal(int i, uint32_t value)
{
    for (int v = 0; v < tli_tile_parameters[i].count; v++)
        if (tli_tile_parameters[i].legal[v] == value) return true;
    return false;
}

char *tli_tile_text(const tli_tile *tile, char text[TLI_TILE_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    const bool gpu = tile->side > 0; /* whose padding may be 0 */
    for (int i = 0; i < TLI_TILE_PARAMETERS && used < TLI_TILE_TEXT; i++) {
        const uint32_t value = tli_tile_get(tile, i);
        if (tli_tile_parameters[i].cpu == gpu || (value == 0 && !gpu)) continue;
        used += (size_t)snprintf(text + used, TLI_TILE_TEXT - used, "%s%s=%u", used > 0 ? " " : "",
                                 tli_tile_parameters[i].name, (unsigned)value);
    }
    return text;
}

/* Bytes of private memory that a work-item of the CPU form may take: runtimes have it on their threads' stacks. */
enum { PRIVATE_BYTES = 1 << 20 };
enum { NARROWEST_BLOCK = 16 }; /* columns: the workspace of backward by offset has room for as many blocks */

static const char *cpu_tile_refuses(const tli_tile *t, const tli_product_shape *s, uint32_t vector_width,
                                    uint32_t width)
{
    const uint64_t columns = (uint64_t)t->vectors * vector_width, block = columns * t->panels;
    uint64_t packed = 0, rows = 0; /* floats */
    if (columns % TRANSPOSED_COLUMNS != 0) return "its columns are no multiple of 8";
    if (tli_product_is_gemm(s->kind))
        packed = (tli_larger(block, GEMM_COLUMNS) + TOGETHER_ROWS + t->rows) * t->depth;
    else if (s->kind == TLI_OFFSET_WEIGHT_GRADIENT)
        packed = (tli_smaller(MOST_PANELS * columns, width + columns) + TOGETHER_ROWS + t->rows) * t->depth;
    else if (s->kind == TLI_OFFSET_VALUES)
        packed = columns * s->k;
    else if (s->kind == TLI_OFFSET_LOGITS)
        packed = 2 * (uint64_t)s->k * (s->n + columns);
    else {
        packed = (block + columns) * width;
        rows = (uint64_t)t->tiles * t->rows * width;
        if (block < NARROWEST_BLOCK) return "its block is narrower than 16 columns";
    }
    return (packed + rows) * sizeof(float) > PRIVATE_BYTES ? "it takes too much private memory" : NULL;
}

const char *tli_tile_refuses(const tli_tile *tile, const tli_product_shape *shape, bool cpu,
                             uint32_t vector_width, uint32_t width)
{
    if (cpu) return cpu_tile_refuses(tile, shape, vector_width, width);
    const bool halved = tile->side > TLI_TILE_LARGEST_BY_OFFSET;
    if (halved && !tli_product_is_gemm(shape->kind)) return "kernels by offset have tiles of at most 64";
    if (halved && tile->parts > 1) return "of a tile of 128 no result has parts";
    const bool by_group = shape->kind == TLI_OFFSET_LOGITS || shape->kind == TLI_OFFSET_WEIGHT_GRADIENT;
    return by_group && tile->parts > 1 ? "in its kernel no result has parts" : NULL;
}
