// Of the grouped GEMMs over token pairs, GPU form: sizes in tiles, and how a work-item reads and writes its four columns of a row
// of results, of which there are `columns` in this tile. Behind tile_gpu.cl.

#define HEAD_PANELS ((HEAD_DIM + TILE - 1) / TILE)
#define HEAD_PADDED ((HEAD_DIM + TILE_K - 1) / TILE_K * TILE_K) // a head's channels in whole slices

static inline void store_columns(__global float *target, float4 values, int columns)
{
    float v[4];
    vstore4(values, 0, v);
    for (int q = 0; q < 4 && TILE_COLUMN + TILE_COLUMN_STEP(q) < columns; q++)
        target[TILE_COLUMN + TILE_COLUMN_STEP(q)] = v[q];
}

static inline float4 load_columns(__global const float *source, int columns)
{
    float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int q = 0; q < 4 && TILE_COLUMN + TILE_COLUMN_STEP(q) < columns; q++)
        v[q] = source[TILE_COLUMN + TILE_COLUMN_STEP(q)];
    return vload4(0, v);
}

static inline void add_columns(__global float *target, float4 values, int columns)
{
    float v[4];
    vstore4(values, 0, v);
    for (int q = 0; q < 4 && TILE_COLUMN + TILE_COLUMN_STEP(q) < columns; q++)
        target[TILE_COLUMN + TILE_COLUMN_STEP(q)] += v[q];
}
