#include "ops/geometry.h"

uint32_t tl_geometry_tokens(const tl_geometry *g)
{
    return g->height * g->width + g->cls;
}

uint32_t tl_geometry_offsets(const tl_geometry *g)
{
    if (g->kind == TL_CAUSAL) return g->max_length;
    return (2 * g->height - 1) * (2 * g->width - 1) + (g->cls ? 3 : 0);
}

/* off(i, j) of a grid: the offset from token j to token i, the class token's three behind the grid's. */
static int32_t grid_offset(const tl_geometry *g, uint32_t i, uint32_t j)
{
    const int32_t height = (int32_t)g->height, width = (int32_t)g->width;
    if (g->cls && (i == 0 || j == 0)) {
        const int32_t grid = (2 * height - 1) * (2 * width - 1);
        return i == j ? grid : i == 0 ? grid + 1 : grid + 2;
    }
    const int32_t a = (int32_t)(i - g->cls), b = (int32_t)(j - g->cls);
    return (a / width - b / width + height - 1) * (2 * width - 1) + (a % width - b % width + width - 1);
}

int32_t tl_geometry_key_offset(const tl_geometry *g, uint32_t i, uint32_t j)
{
    if (g->kind == TL_CAUSAL) return j <= i ? (int32_t)(i - j) : -1;
    return grid_offset(g, i, j);
}

int32_t tl_geometry_query_offset(const tl_geometry *g, uint32_t i, uint32_t j)
{
    if (g->kind == TL_CAUSAL) return j <= i ? (int32_t)(g->max_length - 1 - (i - j)) : -1;
    return grid_offset(g, j, i);
}
