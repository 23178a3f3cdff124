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

typedef struct tile_t {
    floatV c[MR][NV];
} tile_t;

#define TILE_EACH_ROW    _Pragma("unroll") for (int r = 0; r < MR; r++)
#define TILE_EACH_VECTOR _Pragma("unroll") for (int v = 0; v < NV; v++)

// c[r] += sum_k row[r][k * step] * packed[k], the rows given by pointers.
#define TILE_MULTIPLY_LOOP(acc, row, step, packed, kc)                                                       \
    do {                                                                                                     \
        const float *packed_ = (packed);                                                                     \
        const int kc_ = (kc);                                                                                \
        _Pragma("unroll 4") for (int k_ = 0; k_ < kc_; k_++)                                                 \
        {                                                                                                    \
            floatV b_[NV];                                                                                   \
            TILE_EACH_VECTOR b_[v] = vloadV(v, packed_ + (size_t)k_ * NR);                                   \
            TILE_EACH_ROW                                                                                    \
            {                                                                                                \
                floatV a_ = (floatV)((row)[r][(size_t)k_ * (step)]);                                         \
                TILE_EACH_VECTOR(acc)[r][v] = a_ * b_[v] + (acc)[r][v];                                      \
            }                                                                                                \
        }                                                                                                    \
    } while (0)

#define TILE_CLEAR(acc) TILE_EACH_ROW TILE_EACH_VECTOR(acc)[r][v] = (floatV)(0.0f)

// packed[k][0..NR) = b[k * ld + 0..columns), zero beyond `columns`.
inline void tile_pack(float *packed, const __global float *b, ulong ld, int kc, int columns)
{
    if (columns >= NR) {
        for (int k = 0; k < kc; k++, b += ld) {
            TILE_EACH_VECTOR vstoreV(vloadV(v, b), v, packed + (size_t)k * NR);
        }
        return;
    }
    for (int k = 0; k < kc; k++, b += ld) {
        for (int j = 0; j < NR; j++) packed[(size_t)k * NR + j] = j < columns ? b[j] : 0.0f;
    }
}

// The same for a transposed operand: packed[k][j] = b[j * ld + k]; beyond `columns` the last column is
// repeated. Transposes blocks of 8 x 8 in registers.
inline void tile_pack_transposed(float *packed, const __global float *b, ulong ld, int kc, int columns)
{
    for (int j = 0; j < NR; j += 8) {
        const __global float *s[8];
        for (int q = 0; q < 8; q++) s[q] = b + min(j + q, columns - 1) * ld;
        int k = 0;
        for (; k + 8 <= kc; k += 8) {
            float8 r0 = vload8(0, s[0] + k), r1 = vload8(0, s[1] + k), r2 = vload8(0, s[2] + k),
                   r3 = vload8(0, s[3] + k), r4 = vload8(0, s[4] + k), r5 = vload8(0, s[5] + k),
                   r6 = vload8(0, s[6] + k), r7 = vload8(0, s[7] + k);
            // Interleave rows four apart three times: each pass halves the distance of what belongs together.
#define TILE_LOW(x, y)  (float8)(x.s0, y.s0, x.s1, y.s1, x.s2, y.s2, x.s3, y.s3)
#define TILE_HIGH(x, y) (float8)(x.s4, y.s4, x.s5, y.s5, x.s6, y.s6, x.s7, y.s7)
            float8 t0 = TILE_LOW(r0, r4), t1 = TILE_HIGH(r0, r4), t2 = TILE_LOW(r1, r5),
                   t3 = TILE_HIGH(r1, r5), t4 = TILE_LOW(r2, r6), t5 = TILE_HIGH(r2, r6),
                   t6 = TILE_LOW(r3, r7), t7 = TILE_HIGH(r3, r7);
            r0 = TILE_LOW(t0, t4), r1 = TILE_HIGH(t0, t4), r2 = TILE_LOW(t1, t5), r3 = TILE_HIGH(t1, t5);
            r4 = TILE_LOW(t2, t6), r5 = TILE_HIGH(t2, t6), r6 = TILE_LOW(t3, t7), r7 = TILE_HIGH(t3, t7);
            float *d = packed + (size_t)k * NR + j;
            vstore8(TILE_LOW(r0, r4), 0, d);
            vstore8(TILE_HIGH(r0, r4), 0, d + NR);
            vstore8(TILE_LOW(r1, r5), 0, d + 2 * NR);
            vstore8(TILE_HIGH(r1, r5), 0, d + 3 * NR);
            vstore8(TILE_LOW(r2, r6), 0, d + 4 * NR);
            vstore8(TILE_HIGH(r2, r6), 0, d + 5 * NR);
            vstore8(TILE_LOW(r3, r7), 0, d + 6 * NR);
            vstore8(TILE_HIGH(r3, r7), 0, d + 7 * NR);
        }
        for (; k < kc; k++) {
            for (int q = 0; q < 8; q++) packed[(size_t)k * NR + j + q] = s[q][k];
        }
    }
}
