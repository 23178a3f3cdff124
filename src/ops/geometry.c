#include "ops/geometry.h"

uint32_t tli_geometry_tokens(const tli_geometry *g)
{
    return (g->depth > 0 ? g->depth : 1) * g->height * g->width + g->cls;
}

uint32_t tli_geometry_axes(const tli_geometry *g)
{
    return g->kind == TLI_CAUSAL ? 1 : g->depth > 1 ? 3 : 2;
}

bool tli_geometry_place(const tli_geometry *g, uint32_t token, uint32_t place[3])
{
    if (token < g->cls) return false;
    const uint32_t patch = token - g->cls, plane = g->height * g->width;
    place[0] = patch / plane, place[1] = patch % plane / g->width, place[2] = patch % g->width;
    return true;
}

/* Representative distance under sharing: equal results share a matrix. */
static uint32_t shared_distance(const tli_geometry *g, uint32_t distance)
{
    const uint32_t radius = g->sharing_radius;
    if (g->sharing == TL_SHARING_NONE || distance <= radius) return distance;
    if (g->sharing == TL_SHARING_CLIP) return radius;
    uint32_t octave = 1, reach = radius > 0 ? 2 * radius : 1; /* (R, 2R], (2R, 4R], ... */
    for (; distance > reach; octave++) reach *= 2;
    return radius + octave;
}

/* Largest representative distance on an axis of n positions. */
static uint32_t axis_reach(const tli_geometry *g, uint32_t n)
{
    const uint32_t farthest = g->window > 0 && g->window < n - 1 ? g->window : n - 1;
    return shared_distance(g, farthest);
}

uint32_t tli_geometry_offsets(const tli_geometry *g)
{
    if (g->kind == TLI_CAUSAL)
        return g->absolute ? g->max_length * (g->max_length + 1) / 2 : axis_reach(g, g->max_length) + 1;
    const uint32_t tokens = tli_geometry_tokens(g), depth = g->depth > 0 ? g->depth : 1;
    if (g->absolute) return tokens * tokens;
    return (2 * axis_reach(g, depth) + 1) * (2 * axis_reach(g, g->height) + 1) *
               (2 * axis_reach(g, g->width) + 1) +
           (g->cls ? 3 : 0);
}

/* Index of the difference a - b on an axis of n positions; -1 outside the window. */
static int32_t axis_offset(const tli_geometry *g, uint32_t a, uint32_t b, uint32_t n)
{
    const uint32_t distance = a > b ? a - b : b - a;
    if (g->window > 0 && distance > g->window) return -1;
    const int32_t step = (int32_t)shared_distance(g, distance), middle = (int32_t)axis_reach(g, n);
    return a > b ? middle + step : middle - step;
}

/* off(i, j) of a grid: index of the offset from token j to token i; the class token's three follow the
 * grid's. */
static int32_t grid_offset(const tli_geometry *g, uint32_t i, uint32_t j)
{
    const int32_t count = (int32_t)tli_geometry_offsets(g);
    uint32_t a[3], b[3];
    if (!tli_geometry_place(g, i, a) || !tli_geometry_place(g, j, b))
        return i == j ? count - 3 : i == 0 ? count - 2 : count - 1;
    const int32_t z = axis_offset(g, a[0], b[0], g->depth > 0 ? g->depth : 1);
    const int32_t y = axis_offset(g, a[1], b[1], g->height), x = axis_offset(g, a[2], b[2], g->width);
    if (z < 0 || y < 0 || x < 0) return -1;
    const int32_t rows = 2 * (int32_t)axis_reach(g, g->height) + 1,
                  columns = 2 * (int32_t)axis_reach(g, g->width) + 1;
    return (z * rows + y) * columns + x;
}

/* Matrix of a pair: by its offset or, when absolute, by the pair. */
static int32_t grid_matrix(const tli_geometry *g, uint32_t i, uint32_t j)
{
    const int32_t offset = grid_offset(g, i, j);
    return g->absolute && offset >= 0 ? (int32_t)(i * tli_geometry_tokens(g) + j) : offset;
}

static int32_t causal_offset(const tli_geometry *g, uint32_t i, uint32_t j)
{
    if (j > i || (g->window > 0 && i - j > g->window)) return -1;
    if (g->absolute) return (int32_t)(i * (i + 1) / 2 + j);
    return (int32_t)shared_distance(g, i - j);
}

int32_t tli_geometry_key_offset(const tli_geometry *g, uint32_t i, uint32_t j)
{
    return g->kind == TLI_CAUSAL ? causal_offset(g, g->first + i, j) : grid_matrix(g, i, j);
}

/* The query's matrix where `matrix` is the key's, and the other way round. */
static int32_t other_side(const tli_geometry *g, int32_t matrix)
{
    const int32_t count = (int32_t)tli_geometry_offsets(g), grid = count - (g->cls ? 3 : 0);
    if (g->absolute || matrix < 0) return matrix;
    if (matrix < grid) return grid - 1 - matrix; /* the opposite offset; in a sequence the order of files */
    return matrix == count - 3 ? matrix : matrix == count - 2 ? count - 1 : count - 2;
}

int32_t tli_geometry_query_offset(const tli_geometry *g, uint32_t i, uint32_t j)
{
    return other_side(g, tli_geometry_key_offset(g, i, j));
}

/* ---- shares --------------------------------------------------------------------------------------- */

/* Matrices of keys are dealt out one by one; those of queries go with them. The class token's two with all patches, the last of a
 * grid, come in the middle of the others: there offsets have as many pairs, so that no share gets much more in a round. */
static bool moves_class_token(const tli_geometry *g, uint32_t *grid)
{
    *grid = tli_geometry_offsets(g) - 3;
    return g->cls && !g->absolute;
}

static uint32_t dealing_place(const tli_geometry *g, uint32_t matrix)
{
    uint32_t grid; /* matrices before the class token's, of which the first is with itself */
    if (!moves_class_token(g, &grid) || matrix < grid / 2) return matrix;
    return matrix <= grid ? matrix + 2 : grid / 2 + matrix - grid - 1;
}

/* The same the other way round. */
static uint32_t dealt_matrix(const tli_geometry *g, uint32_t place)
{
    uint32_t grid;
    if (!moves_class_token(g, &grid) || place < grid / 2) return place;
    return place < grid / 2 + 2 ? grid + 1 + place - grid / 2 : place - 2;
}

/* In a sequence rounds have ever fewer pairs: forwards and backwards in turn. In a grid they are alike from both ends; only where a
 * round is one longer than its rows of offsets, places would be diagonals, of which one is through the middle. */
static uint32_t turned(const tli_geometry *g, uint32_t round)
{
    const uint32_t columns = 2 * axis_reach(g, g->width) + 1;
    return !g->absolute && columns + 1 == g->shares ? 2 * round % g->shares : 0;
}

/* The share that has a place of the round. */
static uint32_t dealt(const tli_geometry *g, uint32_t round, uint32_t place)
{
    if (g->kind == TLI_CAUSAL) return round % 2 == 0 ? place : g->shares - 1 - place;
    return (place + turned(g, round)) % g->shares;
}

/* The same the other way round. */
static uint32_t place_of(const tli_geometry *g, uint32_t round, uint32_t share)
{
    if (g->kind == TLI_CAUSAL) return dealt(g, round, share);
    return (share + g->shares - turned(g, round)) % g->shares;
}

uint32_t tli_geometry_rows(const tli_geometry *g)
{
    const uint32_t count = tli_geometry_offsets(g);
    return g->shares > 1 ? (count + g->shares - 1) / g->shares : count;
}

int32_t tli_geometry_matrix(const tli_geometry *g, uint32_t row, bool query)
{
    if (g->shares <= 1) return (int32_t)row;
    const uint32_t place = row * g->shares + place_of(g, row, g->share);
    if (place >= tli_geometry_offsets(g)) return -1;
    const uint32_t matrix = dealt_matrix(g, place);
    return query ? other_side(g, (int32_t)matrix) : (int32_t)matrix;
}

uint32_t tli_geometry_share_of(const tli_geometry *g, uint32_t matrix, bool query, uint32_t *row)
{
    *row = matrix;
    if (g->shares <= 1) return 0;
    const uint32_t of_key = query ? (uint32_t)other_side(g, (int32_t)matrix) : matrix;
    const uint32_t place = dealing_place(g, of_key);
    *row = place / g->shares;
    return dealt(g, *row, place % g->shares);
}

int32_t tli_geometry_key_row(const tli_geometry *g, uint32_t i, uint32_t j)
{
    const int32_t matrix = tli_geometry_key_offset(g, i, j);
    uint32_t row;
    if (matrix < 0 || g->shares <= 1) return matrix;
    return tli_geometry_share_of(g, (uint32_t)matrix, false, &row) == g->share ? (int32_t)row : -1;
}

int32_t tli_geometry_query_row(const tli_geometry *g, uint32_t i, uint32_t j)
{
    return g->shares > 1 ? tli_geometry_key_row(g, i, j) : tli_geometry_query_offset(g, i, j);
}

bool tli_geometry_is_masked(const tli_geometry *g)
{
    const uint32_t depth = g->depth > 0 ? g->depth : 1;
    return g->window > 0 && (g->window < depth - 1 || g->window < g->height - 1 || g->window < g->width - 1);
}

/* ---- mapping between tables ------------------------------------------------------------------------- */

typedef struct match {
    const tli_geometry *to, *from;
    bool query;
    int32_t *source;
} match;

static int32_t matrix_of(const tli_geometry *g, bool query, uint32_t i, uint32_t j)
{
    return query ? tli_geometry_query_offset(g, i, j) : tli_geometry_key_offset(g, i, j);
}

/* The pair (i, j) of `to` corresponds to (a, b) of `from`. */
static void match_pair(const match *m, uint32_t i, uint32_t j, uint32_t a, uint32_t b)
{
    const int32_t to = matrix_of(m->to, m->query, i, j), from = matrix_of(m->from, m->query, a, b);
    if (to >= 0 && from >= 0 && m->source[to] < 0) m->source[to] = from;
}

/* Positions on the three axes; a sequence has one axis. */
static void geometry_extents(const tli_geometry *g, uint32_t n[3])
{
    n[0] = g->depth > 0 ? g->depth : 1;
    n[1] = g->height;
    n[2] = g->kind == TLI_CAUSAL ? g->max_length : g->width;
}

static uint32_t token_at(const tli_geometry *g, const uint32_t at[3])
{
    uint32_t n[3];
    geometry_extents(g, n);
    return g->cls + (at[0] * n[1] + at[1]) * n[2] + at[2];
}

/* Any pair of tokens whose coordinates differ by `offset`. */
static void pair_of_offset(const tli_geometry *g, const int32_t offset[3], uint32_t *i, uint32_t *j)
{
    uint32_t a[3], b[3];
    for (int axis = 0; axis < 3; axis++) {
        a[axis] = offset[axis] > 0 ? (uint32_t)offset[axis] : 0;
        b[axis] = offset[axis] < 0 ? (uint32_t)-offset[axis] : 0;
    }
    *i = token_at(g, a);
    *j = token_at(g, b);
}

/* 0, 1, -1, 2, -2, ... */
static int32_t by_distance(uint32_t number)
{
    return number % 2 == 1 ? (int32_t)(number + 1) / 2 : -(int32_t)(number / 2);
}

static void match_offsets(const match *m)
{
    uint32_t n[3], other[3], at[3], i, j, a, b;
    geometry_extents(m->to, n);
    geometry_extents(m->from, other);
    for (int axis = 0; axis < 3; axis++) n[axis] = 2 * (n[axis] < other[axis] ? n[axis] : other[axis]) - 1;
    for (at[0] = 0; at[0] < n[0]; at[0]++)
        for (at[1] = 0; at[1] < n[1]; at[1]++)
            for (at[2] = 0; at[2] < n[2]; at[2]++) {
                const int32_t offset[3] = {by_distance(at[0]), by_distance(at[1]), by_distance(at[2])};
                pair_of_offset(m->to, offset, &i, &j);
                pair_of_offset(m->from, offset, &a, &b);
                match_pair(m, i, j, a, b);
            }
    if (m->to->cls == 0 || m->from->cls == 0) return;
    match_pair(m, 0, 0, 0, 0);
    match_pair(m, 0, 1, 0, 1);
    match_pair(m, 1, 0, 1, 0);
}

/* The token of `from` with the coordinates of token i of `to`; -1: there is none. */
static int32_t same_token(const match *m, uint32_t i)
{
    uint32_t n[3], other[3];
    if (i < m->to->cls) return m->from->cls > 0 ? 0 : -1;
    geometry_extents(m->to, n);
    geometry_extents(m->from, other);
    i -= m->to->cls;
    const uint32_t at[3] = {i / n[2] / n[1], i / n[2] % n[1], i % n[2]};
    if (at[0] >= other[0] || at[1] >= other[1] || at[2] >= other[2]) return -1;
    return (int32_t)token_at(m->from, at);
}

static void match_tokens(const match *m)
{
    uint32_t n[3];
    geometry_extents(m->to, n);
    const uint32_t tokens = m->to->cls + n[0] * n[1] * n[2];
    for (uint32_t i = 0; i < tokens; i++)
        for (uint32_t j = 0; j < tokens; j++) {
            const int32_t a = same_token(m, i), b = same_token(m, j);
            if (a >= 0 && b >= 0) match_pair(m, i, j, (uint32_t)a, (uint32_t)b);
        }
}

uint32_t tli_geometry_match(const tli_geometry *to, const tli_geometry *from, bool query, int32_t *source)
{
    const match m = {to, from, query, source};
    const uint32_t count = tli_geometry_offsets(to);
    uint32_t found = 0;
    for (uint32_t k = 0; k < count; k++) source[k] = -1;
    if (to->kind != from->kind || to->absolute != from->absolute) return 0;
    if (to->absolute)
        match_tokens(&m);
    else
        match_offsets(&m);
    for (uint32_t k = 0; k < count; k++) found += source[k] >= 0;
    return found;
}
