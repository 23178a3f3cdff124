// Register tile of the CPU GEMMs: MR rows by NR = NV * TL_VW columns of accumulators, one work-item per
// work-group, no barriers. The right operand is packed in private memory, [k][NR], so that one step of k is
// NV vector loads, MR broadcast scalars and MR * NV fused multiply-adds, all in registers.
//
// Concatenated between transpose.cl, tile_sizes.cl and the file that uses it. Tunables (the defaults fit the vector registers
// of the instruction set: 16 of them at 8 floats, 32 at 16 floats):
#ifndef MR
#define MR 6 // rows of the tile
#endif
#ifndef NV
#if TL_VW == 16
#define NV 4 // vectors a row of the tile
#else
#define NV 2
#endif
#endif
#define NR (NV * TL_VW)

// Loops over a tile's rows and vectors are unrolled by pragma: only then are its accumulators registers.

static inline void tile_clear(floatV acc[MR][NV])
{
#pragma unroll
    for (int r = 0; r < MR; r++) {
#pragma unroll
        for (int v = 0; v < NV; v++) acc[r][v] = (floatV)(0.0f);
    }
}

// acc[r] = b of NR columns.
static inline void tile_begin(floatV acc[MR][NV], const __global float *b)
{
#pragma unroll
    for (int v = 0; v < NV; v++) {
        const floatV vector = vloadV(v, b);
#pragma unroll
        for (int r = 0; r < MR; r++) acc[r][v] = vector;
    }
}

// acc[r] += a[r] * b: one step of the inner dimension.
static inline void tile_step(floatV acc[MR][NV], const float a[MR], const float *b)
{
    floatV vector[NV];
#pragma unroll
    for (int v = 0; v < NV; v++) vector[v] = vloadV(v, b);
#pragma unroll
    for (int r = 0; r < MR; r++) {
        const floatV scalar = (floatV)(a[r]);
#pragma unroll
        for (int v = 0; v < NV; v++) acc[r][v] = scalar * vector[v] + acc[r][v];
    }
}

// acc[r] += sum_k row[r][k * step] * packed[k], the rows given by pointers.
static inline void tile_multiply(floatV acc[MR][NV], const __global float *const *row, size_t step,
                                 const float *packed, int kc)
{
#pragma unroll 4
    for (int k = 0; k < kc; k++) {
        float a[MR];
#pragma unroll
        for (int r = 0; r < MR; r++) a[r] = row[r][k * step];
        tile_step(acc, a, packed + (size_t)k * NR);
    }
}

// The same with rows in private memory.
static inline void tile_multiply_private(floatV acc[MR][NV], const float *const *row, size_t step,
                                         const float *packed, int kc)
{
#pragma unroll 4
    for (int k = 0; k < kc; k++) {
        float a[MR];
#pragma unroll
        for (int r = 0; r < MR; r++) a[r] = row[r][k * step];
        tile_step(acc, a, packed + (size_t)k * NR);
    }
}

// values[0..NR) = a row of a tile.
static inline void tile_row_store(float *values, const floatV row[NV])
{
#pragma unroll
    for (int v = 0; v < NV; v++) vstoreV(row[v], v, values);
}

// target[0..columns) += scale * a row of a tile.
static inline void tile_row_add(__global float *target, float scale, const floatV row[NV], int columns)
{
    if (columns == NR) {
#pragma unroll
        for (int v = 0; v < NV; v++) vstoreV(scale * row[v] + vloadV(v, target), v, target);
        return;
    }
    floatV scaled[NV];
    float values[NR];
#pragma unroll
    for (int v = 0; v < NV; v++) scaled[v] = scale * row[v];
    tile_row_store(values, scaled);
    for (int q = 0; q < columns; q++) target[q] += values[q];
}

// Prefetches `rows` rows of `columns` floats: hardware prefetchers do not follow short rows at long strides. `second`, a
// constant where it is called: only as far as the second-level cache.
static inline void prefetch_rows_to(const bool second, const __global float *source, ulong ld, int rows,
                                    int columns)
{
    for (int k = 0; k < rows; k++, source += ld) {
        for (int j = 0; j < columns; j += TL_LINE) {
            if (second)
                PREFETCH_SECOND(source + j);
            else
                PREFETCH(source + j);
        }
    }
}

static inline void prefetch_rows(const __global float *source, ulong ld, int rows, int columns)
{
    prefetch_rows_to(false, source, ld, rows, columns);
}

// packed[k][0..NR) = b[k * ld + 0..columns), zero beyond `columns`.
static inline void tile_pack(float *packed, const __global float *b, ulong ld, int kc, int columns)
{
    if (columns >= NR) {
        for (int k = 0; k < kc; k++, b += ld) {
#pragma unroll
            for (int v = 0; v < NV; v++) vstoreV(vloadV(v, b), v, packed + (size_t)k * NR);
        }
        return;
    }
    for (int k = 0; k < kc; k++, b += ld) {
        for (int j = 0; j < NR; j++) packed[(size_t)k * NR + j] = j < columns ? b[j] : 0.0f;
    }
}

// The same for a transposed operand: packed[k][j] = b[j * ld + k]; beyond `columns` the last column is
// repeated. Transposes blocks of 8 x 8 in registers.
static inline void tile_pack_transposed(float *packed, const __global float *b, ulong ld, int kc, int columns)
{
    for (int j = 0; j < NR; j += TRANSPOSED_COLUMNS) {
        const __global float *s[8];
        for (int q = 0; q < 8; q++) s[q] = b + min(j + q, columns - 1) * ld;
        prefetch_rows(b + (ulong)(j + 8) * ld, ld, min(8, columns - j - 8), kc); // what is transposed next
        int k = 0;
        for (; k + 8 <= kc; k += 8) {
            float8 rows[8];
#pragma unroll
            for (int q = 0; q < 8; q++) rows[q] = vload8(0, s[q] + k);
            transpose8(rows);
#pragma unroll
            for (int q = 0; q < 8; q++) vstore8(rows[q], 0, packed + (size_t)(k + q) * NR + j);
        }
        for (; k < kc; k++) {
            for (int q = 0; q < 8; q++) packed[(size_t)k * NR + j + q] = s[q][k];
        }
    }
}

// A row of the left operand is read once a panel. Where a block has MANY_PANELS, as with vectors of 8, some TOGETHER_ROWS of its rows go through
// all panels before the next, which stay in the second-level cache, and are copied tile by tile where the operand is transposed. Fewer
// panels do not pay for that. Copied tiles begin a cache line further than they are long, so that they are in different sets.
#define TILES_TOGETHER     ((TOGETHER_ROWS + MR - 1) / MR)
#define COPY_STRIDE(depth) ((depth)*MR + TL_LINE)

// packed[tile][k][MR] = a[k * ld + row], tiles `stride` apart: rows of a transposed operand; past `rows` the last one again.
static inline void tile_pack_rows(float *packed, int stride, const __global float *a, ulong ld, int kc,
                                  int rows)
{
    const int whole = rows / MR;
    for (int k = 0; k < kc; k++, a += ld) {
        float *to = packed + k * MR;
        for (int t = 0; t < whole; t++, to += stride) {
#pragma unroll
            for (int r = 0; r < MR; r++) to[r] = a[t * MR + r];
        }
        for (int r = 0; whole * MR < rows && r < MR; r++) to[r] = a[min(whole * MR + r, rows - 1)];
    }
}
