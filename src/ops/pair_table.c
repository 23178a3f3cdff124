#include "ops/pair_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/kernel_forms.h"

enum { PAIR_BLOCK = 16 }; /* pairs a work-group, of kernels/pair_table.cl */

/* Counts pairs per row of the key's table into counts[tli_geometry_rows]. */
static void count_pairs(const tli_geometry *geometry, uint32_t queries, uint32_t *counts)
{
    const uint32_t tokens = tli_geometry_tokens(geometry);
    for (uint32_t i = 0; i < queries; i++) {
        for (uint32_t j = 0; j < tokens; j++) {
            const int32_t row = tli_geometry_key_row(geometry, i, j);
            if (row >= 0) counts[row]++;
        }
    }
}

/* Whether pairs_of_matrix knows how many pairs there are. */
static bool is_usual(const tli_geometry *g, uint32_t queries)
{
    if (g->sharing != TL_SHARING_NONE || g->window > 0 || g->absolute) return false;
    const uint32_t tokens = tli_geometry_tokens(g);
    return queries == tokens || (queries == 1 && g->cls == 1);
}

/* Places on an axis of n that have one at this difference from them; `offset` counts from the most negative. */
static uint32_t places_apart(uint32_t offset, uint32_t n)
{
    return offset < n ? offset + 1 : 2 * n - 1 - offset;
}

/* Pairs of a key's matrix in the usual cases: plans ask for grids far too large to visit every pair. */
static uint32_t pairs_of_matrix(const tli_geometry *g, uint32_t queries, uint32_t matrix)
{
    if (g->kind == TLI_CAUSAL) return matrix < queries ? queries - matrix : 0;
    const uint32_t depth = g->depth > 0 ? g->depth : 1, rows = 2 * g->height - 1, columns = 2 * g->width - 1,
                   grid = (2 * depth - 1) * rows * columns;
    if (matrix >= grid)
        return matrix == grid ? 1 : matrix == grid + 1 || queries > 1 ? depth * g->height * g->width : 0;
    if (queries == 1 && g->cls) return 0;
    return places_apart(matrix / columns / rows, depth) * places_apart(matrix / columns % rows, g->height) *
           places_apart(matrix % columns, g->width);
}

static uint32_t larger_count(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Of each number the largest that a share has. */
static void measure_shares(const tli_geometry *geometry, uint32_t queries, uint32_t *groups, uint32_t *count,
                           uint32_t *largest)
{
    tli_geometry one = *geometry;
    *groups = *count = *largest = 0;
    for (one.share = 0; one.share < one.shares; one.share++) {
        uint32_t own_groups, own_count, own_largest;
        tli_pair_table_measure(&one, queries, &own_groups, &own_count, &own_largest);
        *groups = larger_count(*groups, own_groups);
        *count = larger_count(*count, own_count);
        *largest = larger_count(*largest, own_largest);
    }
}

void tli_pair_table_measure(const tli_geometry *geometry, uint32_t queries, uint32_t *groups, uint32_t *count,
                            uint32_t *largest)
{
    if (geometry->shares > 1 && geometry->share == geometry->shares) {
        measure_shares(geometry, queries, groups, count, largest);
        return;
    }
    const uint32_t rows = tli_geometry_rows(geometry);
    const bool usual = is_usual(geometry, queries);
    uint32_t *counts = usual ? NULL : calloc(rows, sizeof *counts);
    *groups = *count = *largest = 0;
    if (!usual && counts == NULL) return;
    if (!usual) count_pairs(geometry, queries, counts);
    for (uint32_t row = 0; row < rows; row++) {
        const int32_t matrix = tli_geometry_matrix(geometry, row, false);
        const uint32_t pairs = matrix < 0 ? 0
                               : usual    ? pairs_of_matrix(geometry, queries, (uint32_t)matrix)
                                          : counts[row];
        *groups += pairs > 0;
        *count += pairs;
        if (pairs > *largest) *largest = pairs;
    }
    free(counts);
}

/* Fills the index of one side (0: query, 1: key) at `index`: spans of `tokens`, then {pair, group} by
 * token. */
static void index_side(const tli_pair_table *pairs, const int32_t (*list)[2], int side, uint32_t tokens,
                       int32_t (*index)[2])
{
    int32_t(*entries)[2] = index + tokens;
    memset(index, 0, tokens * sizeof *index);
    for (uint32_t p = 0; p < pairs->count; p++) index[list[p][side]][1]++;
    for (uint32_t t = 0, at = 0; t < tokens; t++) {
        const uint32_t count = (uint32_t)index[t][1];
        index[t][0] = index[t][1] = (int32_t)at; /* the span's end grows as entries are added */
        at += count;
    }
    for (uint32_t g = 0; g < pairs->groups; g++) {
        for (int32_t p = pairs->group[g].first; p < pairs->group[g].first + pairs->group[g].count; p++) {
            int32_t *entry = entries[index[list[p][side]][1]++];
            entry[0] = p;
            entry[1] = (int32_t)g;
        }
    }
}

/* Offsets of all blocks of 2^size tokens of one side, whose index this is. last: of each group, in which block it was last. */
static uint32_t count_block_steps(const tli_pair_table *pairs, const int32_t (*index)[2], uint32_t tokens,
                                  uint32_t size, int32_t *last)
{
    const int32_t(*entries)[2] = index + tokens;
    uint32_t steps = 0;
    for (uint32_t g = 0; g < pairs->groups; g++) last[g] = -1;
    for (uint32_t t = 0; t < tokens; t++) {
        const int32_t block = (int32_t)(t >> size);
        for (int32_t e = index[t][0]; e < index[t][1]; e++) {
            int32_t *of_group = &last[entries[e][1]];
            steps += *of_group != block;
            *of_group = block;
        }
    }
    return steps;
}

static tl_status create_data(tl_context *ctx, const char *name, const char *what, uint64_t count,
                             tl_tensor **out)
{
    char full[96];
    snprintf(full, sizeof full, "%.70s.%s", name, what);
    return tl_tensor_create(ctx, full, TL_MEMORY_DATA, 1, count, out);
}

/* Host memory for building a table. */
typedef struct pair_builder {
    uint32_t *counts;         /* pairs per row of the key's table */
    int32_t *group_of, *next; /* group of such a row; where a group's next pair goes */
    int32_t *ends, *order;    /* see order_by_size */
    int32_t (*list)[2];       /* the contents of device_pairs */
} pair_builder;

static void free_builder(pair_builder *b)
{
    free(b->counts);
    free(b->group_of);
    free(b->next);
    free(b->ends);
    free(b->order);
    free(b->list);
}

uint64_t tli_pair_table_groups(uint32_t groups)
{
    return 5 * (uint64_t)(groups > 0 ? groups : 1); /* a share may have none */
}

static size_t list_rows(const tli_pair_table *pairs)
{
    return 3 * (size_t)pairs->count + pairs->queries + pairs->keys;
}

static bool create_builder(const tli_pair_table *pairs, uint32_t rows, pair_builder *b)
{
    b->counts = calloc(rows, sizeof *b->counts);
    b->group_of = malloc(rows * sizeof *b->group_of);
    b->next = calloc(pairs->groups + 1, sizeof *b->next);
    b->ends = malloc((pairs->largest + 1) * sizeof *b->ends);
    b->order = malloc((pairs->groups + 1) * sizeof *b->order);
    b->list = malloc(list_rows(pairs) * sizeof *b->list);
    return b->counts != NULL && b->group_of != NULL && b->next != NULL && b->ends != NULL &&
           b->order != NULL && b->list != NULL;
}

/* Groups in ascending order of the key's row, and the pairs of each. */
static void build_table(const tli_geometry *geometry, uint32_t rows, tli_pair_table *pairs, pair_builder *b)
{
    count_pairs(geometry, pairs->queries, b->counts);
    int32_t groups = 0, first = 0;
    for (uint32_t k = 0; k < rows; k++) {
        if (b->counts[k] == 0) continue;
        pairs->group[groups] = (tli_pair_group){
            .first = first, .count = (int32_t)b->counts[k], .key = (int32_t)k};
        b->next[groups] = first;
        first += (int32_t)b->counts[k];
        b->group_of[k] = groups++;
    }
    for (uint32_t i = 0; i < pairs->queries; i++) {
        for (uint32_t j = 0; j < pairs->keys; j++) {
            const int32_t key = tli_geometry_key_row(geometry, i, j);
            if (key < 0) continue;
            const int32_t g = b->group_of[key];
            pairs->group[g].query = tli_geometry_query_row(geometry, i, j);
            b->list[b->next[g]][0] = (int32_t)i;
            b->list[b->next[g]++][1] = (int32_t)j;
        }
    }
    int32_t(*index[2])[2] = {b->list + pairs->count, b->list + 2 * (size_t)pairs->count + pairs->queries};
    for (int side = 0; side < 2; side++) {
        const uint32_t tokens = side == 0 ? pairs->queries : pairs->keys;
        index_side(pairs, b->list, side, tokens, index[side]);
        for (uint32_t size = 0; size < TLI_BLOCK_SIZES; size++)
            pairs->block_steps[side][size] = count_block_steps(pairs, index[side], tokens, size, b->next);
    }
}

/* Groups by falling numbers of pairs, those of the same number as they come. ends: scratch for one number more than pairs->largest. */
static void order_by_size(const tli_pair_table *pairs, int32_t *ends, int32_t *order)
{
    const uint32_t largest = pairs->largest;
    memset(ends, 0, (largest + 1) * sizeof *ends);
    for (uint32_t g = 0; g < pairs->groups; g++) ends[largest - (uint32_t)pairs->group[g].count]++;
    for (uint32_t size = 1; size <= largest; size++) ends[size] += ends[size - 1];
    for (uint32_t g = pairs->groups; g-- > 0;)
        order[--ends[largest - (uint32_t)pairs->group[g].count]] = (int32_t)g;
}

static tl_status no_memory(tl_context *ctx, const char *name)
{
    return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the pair table of %s",
                    name);
}

tl_status tli_pair_table_fit(tl_context *ctx, const char *name, const tli_geometry *geometry,
                             uint32_t queries, tli_pair_table *pairs)
{
    const uint32_t rows = tli_geometry_rows(geometry);
    tli_pair_table_measure(geometry, queries, &pairs->groups, &pairs->count, &pairs->largest);
    pairs->queries = queries;
    pairs->keys = tli_geometry_tokens(geometry);
    pair_builder b = {0};
    tl_status status = create_builder(pairs, rows, &b) ? TL_OK : no_memory(ctx, name);
    if (status == TL_OK) {
        build_table(geometry, rows, pairs, &b);
        order_by_size(pairs, b.ends, b.order);
        status = tl_tensor_write(ctx, pairs->device_groups, 0, (uint64_t)pairs->groups * 4, pairs->group);
    }
    if (status == TL_OK)
        status = tl_tensor_write(ctx, pairs->device_groups, (uint64_t)pairs->groups * 4, pairs->groups,
                                 b.order);
    if (status == TL_OK) status = tl_tensor_write(ctx, pairs->device_pairs, 0, list_rows(pairs) * 2, b.list);
    free_builder(&b);
    return status;
}

tl_status tli_pair_table_create(tl_context *ctx, const char *name, const tli_geometry *geometry,
                                uint32_t queries, tli_pair_table *pairs)
{
    memset(pairs, 0, sizeof *pairs);
    tli_pair_table_measure(geometry, queries, &pairs->groups, &pairs->count, &pairs->largest);
    pairs->queries = queries;
    pairs->keys = tli_geometry_tokens(geometry);
    pairs->group = calloc(pairs->groups + 1, sizeof *pairs->group);
    tl_status status = pairs->group != NULL ? TL_OK : no_memory(ctx, name);
    if (status == TL_OK)
        status = create_data(ctx, name, "groups", tli_pair_table_groups(pairs->groups),
                             &pairs->device_groups);
    if (status == TL_OK) status = create_data(ctx, name, "pairs", list_rows(pairs) * 2, &pairs->device_pairs);
    if (status == TL_OK) status = tli_pair_table_fit(ctx, name, geometry, queries, pairs);
    if (status != TL_OK) tli_pair_table_destroy(ctx, pairs);
    return status;
}

void tli_pair_table_destroy(tl_context *ctx, tli_pair_table *pairs)
{
    tl_tensor_destroy(ctx, pairs->device_groups);
    tl_tensor_destroy(ctx, pairs->device_pairs);
    free(pairs->group);
    memset(pairs, 0, sizeof *pairs);
}

tl_status tli_mask_fit(tl_context *ctx, const char *name, const tli_geometry *geometry, uint32_t queries,
                       tl_tensor *mask)
{
    const uint32_t keys = tli_geometry_tokens(geometry);
    const uint64_t count = (uint64_t)queries * keys;
    float *values = malloc(count * sizeof *values);
    if (values == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the mask of %s",
                        name);
    for (uint32_t i = 0; i < queries; i++)
        for (uint32_t j = 0; j < keys; j++)
            values[(uint64_t)i * keys + j] = tli_geometry_key_offset(geometry, i, j) >= 0 ? 1.0f : 0.0f;
    const tl_status status = tl_tensor_write(ctx, mask, 0, count, values);
    free(values);
    return status;
}

tl_status tli_mask_create(tl_context *ctx, const char *name, const tli_geometry *geometry, uint32_t queries,
                          tl_tensor **out)
{
    TLI_TRY(create_data(ctx, name, "mask", (uint64_t)queries * tli_geometry_tokens(geometry), out));
    return tli_mask_fit(ctx, name, geometry, queries, *out);
}

tl_status tli_mask_rows(tl_context *ctx, const tl_tensor *mask, uint64_t count, uint64_t matrices,
                        tli_view rows, float value)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "pair_table", "mask_rows", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, tli_launch1(matrices, tli_kernel_form_of(ctx, "pair_table").row_group),
                      TLI_ARG_MEM(mask->mem[0]), TLI_ARG_U64(count), TLI_ARG_VIEW(rows), TLI_ARG_F32(value));
}

tl_status tli_fill(tl_context *ctx, tli_view values, uint64_t count, float value)
{
    enum { BLOCK = 16384 };
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "pair_table", "fill", "", &kernel));
    tli_launch launch = tli_launch1((count + BLOCK - 1) / BLOCK,
                                    tli_kernel_form_of(ctx, "pair_table").row_group);
    launch.bytes = 4.0 * (double)count;
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(values), TLI_ARG_U64(count), TLI_ARG_F32(value),
                      TLI_ARG_U32(BLOCK));
}

/* Launch over pairs with `heads` weights each for every sample, of which a kernel reads or writes `values`. */
static tli_launch pair_blocks(tl_context *ctx, uint32_t count, uint32_t batch, uint32_t heads,
                              uint32_t values)
{
    tli_launch launch = tli_launch3((count + PAIR_BLOCK - 1) / PAIR_BLOCK, heads, 1,
                                    tli_kernel_form_of(ctx, "pair_table").row_group);
    launch.bytes = 4.0 * count * batch * heads * values;
    return launch;
}

/* Launch of a conversion between rows and pairs: work-groups as kernels/pair_table.cl has them. */
static tli_launch conversion(tl_context *ctx, const tli_pair_table *pairs, uint32_t batch, uint32_t heads)
{
    enum { SAMPLES = 16 }; /* of a work-group in the CPU form */
    tli_launch launch = pair_blocks(ctx, pairs->count, batch, heads, 2);
    if (!tli_kernel_form_of(ctx, "pair_table").cpu) return launch;
    tli_launch by_query = tli_launch3(pairs->queries, heads, (batch + SAMPLES - 1) / SAMPLES, 1);
    by_query.bytes = launch.bytes;
    return by_query;
}

tl_status tli_pairs_to_rows(tl_context *ctx, const tli_pair_table *pairs, uint32_t batch, uint32_t heads,
                            tli_view values, tli_view rows, bool accumulate)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "pair_table", "pairs_to_rows", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, conversion(ctx, pairs, batch, heads),
                      TLI_ARG_MEM(pairs->device_pairs->mem[0]), TLI_ARG_I32(pairs->count), TLI_ARG_I32(batch),
                      TLI_ARG_I32(heads), TLI_ARG_I32(pairs->queries), TLI_ARG_I32(pairs->keys),
                      TLI_ARG_VIEW(values), TLI_ARG_VIEW(rows), TLI_ARG_I32(accumulate));
}

tl_status tli_rows_to_pairs(tl_context *ctx, const tli_pair_table *pairs, uint32_t batch, uint32_t heads,
                            tli_view rows, tli_view values)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "pair_table", "rows_to_pairs", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, conversion(ctx, pairs, batch, heads),
                      TLI_ARG_MEM(pairs->device_pairs->mem[0]), TLI_ARG_I32(pairs->count), TLI_ARG_I32(batch),
                      TLI_ARG_I32(heads), TLI_ARG_I32(pairs->queries), TLI_ARG_I32(pairs->keys),
                      TLI_ARG_VIEW(rows), TLI_ARG_VIEW(values));
}

tl_status tli_pair_table_sum_slices(tl_context *ctx, const tli_pair_table *pairs, uint32_t slices,
                                    uint32_t batch, uint32_t heads, int32_t begin, int32_t end,
                                    tli_view partial, tli_view values)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "pair_table", "pair_table_sum_slices", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, pair_blocks(ctx, (uint32_t)(end - begin), batch, heads, slices + 1),
                      TLI_ARG_I32(slices), TLI_ARG_I32(heads), TLI_ARG_I32(begin), TLI_ARG_I32(end),
                      TLI_ARG_I32(pairs->count), TLI_ARG_I32(batch), TLI_ARG_VIEW(partial),
                      TLI_ARG_VIEW(values));
}
