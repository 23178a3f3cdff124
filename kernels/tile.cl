// Register tile of the CPU GEMMs: MR rows by NR = NV * TL_VW columns of accumulators, one work-item per
// work-group, no barriers. The right operand is packed in private memory, [k][NR], so that one step of k is
// NV vector loads, MR broadcast scalars and MR * NV fused multiply-adds, all in registers.
//
// Concatenated between common.cl and the file that uses it. Tunables (the defaults fit the vector registers
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
    for (int j = 0; j < NR; j += 8) {
        const __global float *s[8];
        for (int q = 0; q < 8; q++) s[q] = b + min(j + q, columns - 1) * ld;
        prefetch_rows(b + (ulong)(j + 8) * ld, ld, min(8, columns - j - 8), kc); // what is transposed next
        int k = 0;
        for (; k + 8 <= kc; k += 8) {
            float8 r0 = vload8(0, s[0] + k), r1 = vload8(0, s[1] + k), r2 = vload8(0, s[2] + k),
                   r3 = vload8(0, s[3] + k), r4 = vload8(0, s[4] + k), r5 = vload8(0, s[5] + k),
                   r6 = vload8(0, s[6] + k), r7 = vload8(0, s[7] + k);
            // Pairs, then fours of rows, within halves of 4 floats, as registers are shuffled fastest; then the halves.
            // By elements: oclgrind takes vectors that are made of vectors for unwritten.
#define TILE_LOW(x, y)    (float8)(x.s0, y.s0, x.s1, y.s1, x.s4, y.s4, x.s5, y.s5)
#define TILE_HIGH(x, y)   (float8)(x.s2, y.s2, x.s3, y.s3, x.s6, y.s6, x.s7, y.s7)
#define TILE_FIRST(x, y)  (float8)(x.s0, x.s1, y.s0, y.s1, x.s4, x.s5, y.s4, y.s5)
#define TILE_SECOND(x, y) (float8)(x.s2, x.s3, y.s2, y.s3, x.s6, x.s7, y.s6, y.s7)
#define TILE_LEFT(x, y)   (float8)(x.s0, x.s1, x.s2, x.s3, y.s0, y.s1, y.s2, y.s3)
#define TILE_RIGHT(x, y)  (float8)(x.s4, x.s5, x.s6, x.s7, y.s4, y.s5, y.s6, y.s7)
            const float8 t0 = TILE_LOW(r0, r1), t1 = TILE_HIGH(r0, r1), t2 = TILE_LOW(r2, r3),
                         t3 = TILE_HIGH(r2, r3), t4 = TILE_LOW(r4, r5), t5 = TILE_HIGH(r4, r5),
                         t6 = TILE_LOW(r6, r7), t7 = TILE_HIGH(r6, r7);
            r0 = TILE_FIRST(t0, t2), r1 = TILE_SECOND(t0, t2), r2 = TILE_FIRST(t1, t3),
            r3 = TILE_SECOND(t1, t3);
            r4 = TILE_FIRST(t4, t6), r5 = TILE_SECOND(t4, t6), r6 = TILE_FIRST(t5, t7),
            r7 = TILE_SECOND(t5, t7);
            float *d = packed + (size_t)k * NR + j;
            vstore8(TILE_LEFT(r0, r4), 0, d);
            vstore8(TILE_LEFT(r1, r5), 0, d + NR);
            vstore8(TILE_LEFT(r2, r6), 0, d + 2 * NR);
            vstore8(TILE_LEFT(r3, r7), 0, d + 3 * NR);
            vstore8(TILE_RIGHT(r0, r4), 0, d + 4 * NR);
            vstore8(TILE_RIGHT(r1, r5), 0, d + 5 * NR);
            vstore8(TILE_RIGHT(r2, r6), 0, d + 6 * NR);
            vstore8(TILE_RIGHT(r3, r7), 0, d + 7 * NR);
        }
        for (; k < kc; k++) {
            for (int q = 0; q < 8; q++) packed[(size_t)k * NR + j + q] = s[q][k];
        }
    }
}
