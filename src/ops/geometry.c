#include "ops/geometry.h"

uint32_t tl_geometry_tokens(const tl_geometry *g)
{
    return (g->depth > 0 ? g->depth : 1) * g->height * g->width + g->cls;
}

/* The distance that stands for `distance` in the tables. */
static uint32_t shared(const tl_geometry *g, uint32_t distance)
{
    const uint32_t radius = g->sharing_radius;
    if (g->sharing == TL_SHARING_NONE || distance <= radius) return distance;
    if (g->sharing == TL_SHARING_CLIP) return radius;
    uint32_t octave = 1, reach = radius > 0 ? 2 * radius : 1; /* (R, 2R], (2R, 4R], ... */
    for (; distance > reach; octave++) reach *= 2;
    return radius + octave;
}

/* The largest distance in the tables along an axis of n positions. */
static uint32_t reach(const tl_geometry *g, uint32_t n)
{
    const uint32_t farthest = g->window > 0 && g->window < n - 1 ? g->window : n - 1;
    return shared(g, farthest);
}

uint32_t tl_geometry_offsets(const tl_geometry *g)
{
    if (g->kind == TL_CAUSAL)
        return g->absolute ? g->max_length * (g->max_length + 1) / 2 : reach(g, g->max_length) + 1;
    const uint32_t tokens = tl_geometry_tokens(g), depth = g->depth > 0 ? g->depth : 1;
    if (g->absolute) return tokens * tokens;
    return (2 * reach(g, depth) + 1) * (2 * reach(g, g->height) + 1) * (2 * reach(g, g->width) + 1) +
           (g->cls ? 3 : 0);
}

/* The place of the difference a - b along an axis of n positions; -1 outside the window. */
static int32_t axis_offset(const tl_geometry *g, uint32_t a, uint32_t b, uint32_t n)
{
    const uint32_t distance = a > b ? a - b : b - a;
    if (g->window > 0 && distance > g->window) return -1;
    const int32_t step = (int32_t)shared(g, distance), middle = (int32_t)reach(g, n);
    return a > b ? middle + step : middle - step;
}

/* off(i, j) of a grid: the offset from token j to token i, the class token's three behind the grid's. */
static int32_t grid_offset(const tl_geometry *g, uint32_t i, uint32_t j)
{
    const int32_t count = (int32_t)tl_geometry_offsets(g);
    if (g->cls && (i == 0 || j == 0)) return i == j ? count - 3 : i == 0 ? count - 2 : count - 1;
    const uint32_t a = i - g->cls, b = j - g->cls, plane = g->height * g->width;
    const uint32_t depth = g->depth > 0 ? g->depth : 1;
    const int32_t z = axis_offset(g, a / plane, b / plane, depth);
    const int32_t y = axis_offset(g, a % plane / g->width, b % plane / g->width, g->height);
    const int32_t x = axis_offset(g, a % g->width, b % g->width, g->width);
    if (z < 0 || y < 0 || x < 0) return -1;
    const int32_t rows = 2 * (int32_t)reach(g, g->height) + 1, columns = 2 * (int32_t)reach(g, g->width) + 1;
    return (z * rows + y) * columns + x;
}

/* The matrix of a pair: by its offset, or, when absolute, its own. */
static int32_t grid_matrix(const tl_geometry *g, uint32_t i, uint32_t j, bool mirrored)
{
    const int32_t offset = mirrored ? grid_offset(g, j, i) : grid_offset(g, i, j);
    return g->absolute && offset >= 0 ? (int32_t)(i * tl_geometry_tokens(g) + j) : offset;
}

static int32_t causal_offset(const tl_geometry *g, uint32_t i, uint32_t j)
{
    if (j > i || (g->window > 0 && i - j > g->window)) return -1;
    if (g->absolute) return (int32_t)(i * (i + 1) / 2 + j);
    return (int32_t)shared(g, i - j);
}

int32_t tl_geometry_key_offset(const tl_geometry *g, uint32_t i, uint32_t j)
{
    return g->kind == TL_CAUSAL ? causal_offset(g, g->first + i, j) : grid_matrix(g, i, j, false);
}

int32_t tl_geometry_query_offset(const tl_geometry *g, uint32_t i, uint32_t j)
{
    if (g->kind == TL_GRID) return grid_matrix(g, i, j, true);
    const int32_t offset = causal_offset(g, g->first + i, j);
    return offset >= 0 && !g->absolute ? (int32_t)tl_geometry_offsets(g) - 1 - offset : offset;
}

bool tl_geometry_is_masked(const tl_geometry *g)
{
    const uint32_t depth = g->depth > 0 ? g->depth : 1;
    return g->window > 0 && (g->window < depth - 1 || g->window < g->height - 1 || g->window < g->width - 1);
}
