// C = (alpha op(A) op(B) + beta C + bias + residual) * factor, row-major, batched. See src/ops/gemm.h.
// The CPU form, one work-item a work-group: group (x, y, z) owns columns [x*nb, +nb) of rows [y*mb, +mb) of batch z.
// A kernel for each choice of transposed operands, all in one program: a program costs a start of the compiler even
// where the driver has its kernels cached.

// Most of the inner dimension in a slice, and where both operands are copied, and the next slices of both fetched meanwhile. C is read and
// written once a slice.
#ifndef KC
#define KC        384
#define KC_PACKED 192
#else
#define KC_PACKED KC
#endif

#ifndef COLUMN_BLOCK
#define COLUMN_BLOCK GEMM_COLUMNS // at most in a work-group's block
#endif

// Slices are packed PACK_DEPTH rows at a time: whole rows of memory are read, which suits cache lines and
// pages, but few enough to be still cached when the last panel is packed. Panels are a multiple of a page apart, so
// writing to all of them in turn would make them evict each other.
#define PACK_DEPTH  16
#define FIRST_LEVEL (20 * 1024) // bytes of the first-level cache for packed panels

#define A_TILES     (COLUMN_BLOCK / NR >= MANY_PANELS ? TILES_TOGETHER : 1)
#define A_STRIDE    COPY_STRIDE(KC)
#if KC % PACK_DEPTH != 0
#error KC is no multiple of PACK_DEPTH
#endif

// packed[panel][k][NR] = b[k * ldb + column], zero past `columns`.
static inline void pack_b(float *packed, const __global float *b, ulong ldb, int kc, int columns)
{
    for (int k = 0; k < kc; k += PACK_DEPTH) {
        prefetch_rows(b + (ulong)min(k + PACK_DEPTH, kc) * ldb, ldb,
                      min(PACK_DEPTH, max(0, kc - k - PACK_DEPTH)), columns);
        for (int j = 0; j < columns; j += NR)
            tile_pack(packed + j * KC + k * NR, b + k * ldb + j, ldb, min(PACK_DEPTH, kc - k), columns - j);
    }
}

// c[at] = (x + keep c[at] + bias[column] + residual[at]) * factor[at]; keep 0 or a pointer NULL: without it.
static inline void gemm_finish(__global float *c, ulong at, int column, float x, float keep,
                               const __global float *bias, const __global float *residual,
                               const __global float *factor)
{
    if (keep != 0.0f) x += keep * c[at];
    if (bias) x += bias[column];
    if (residual) x += residual[at];
    if (factor) x *= factor[at];
    c[at] = x;
}

// The same for TL_VW columns, without writing them.
static inline floatV gemm_finish_vector(const __global float *c, ulong at, int column, floatV x, float keep,
                                        const __global float *bias, const __global float *residual,
                                        const __global float *factor)
{
    if (keep != 0.0f) x += keep * vloadV(0, c + at);
    if (bias) x += vloadV(0, bias + column);
    if (residual) x += vloadV(0, residual + at);
    if (factor) x *= vloadV(0, factor + at);
    return x;
}

// C = (alpha * acc + weight * plus) * times of a whole tile, with rows ldc apart in all of them; `plus` (which may be C) and `times`
// may be NULL; `stream`: by tl_stream. Which of them are NULL, and `stream`, are constants at each call.
__attribute__((always_inline)) static inline void tile_put(__global float *c, ulong ldc, float alpha,
                                                           float weight, const __global float *plus,
                                                           const __global float *times, const bool stream,
                                                           floatV acc[MR][NV])
{
#pragma unroll
    for (int r = 0; r < MR; r++) {
#pragma unroll
        for (int v = 0; v < NV; v++) {
            const ulong at = r * ldc + v * TL_VW;
            floatV x = alpha * acc[r][v];
            if (plus) x += weight * vloadV(0, plus + at);
            if (times) x *= vloadV(0, times + at);
            if (stream)
                tl_stream(x, c + at);
            else
                vstoreV(x, 0, c + at);
        }
    }
}

// The same with at most one of `plus` and `times`, and `times` only with `stream`. Each case by itself: where cases join,
// compilers put the tile into memory.
static inline void tile_write(__global float *c, ulong ldc, float alpha, float weight,
                              const __global float *plus, const __global float *times, bool stream,
                              floatV acc[MR][NV])
{
    if (plus && stream)
        tile_put(c, ldc, alpha, weight, plus, 0, true, acc);
    else if (plus)
        tile_put(c, ldc, alpha, weight, plus, 0, false, acc);
    else if (times)
        tile_put(c, ldc, alpha, 0.0f, 0, times, true, acc);
    else if (stream)
        tile_put(c, ldc, alpha, 0.0f, 0, 0, true, acc);
    else
        tile_put(c, ldc, alpha, 0.0f, 0, 0, false, acc);
}

// sums[i] = the sum of a[k * lda + i] over k, or, not `first`, added to it.
static inline void sum_columns(__global float *sums, const __global float *a, ulong lda, int kc, int columns,
                               bool first)
{
    int i = 0;
    for (; i + 4 * TL_VW <= columns; i += 4 * TL_VW) {
        floatV sum[4];
#pragma unroll
        for (int v = 0; v < 4; v++) sum[v] = first ? (floatV)(0.0f) : vloadV(v, sums + i);
        for (int k = 0; k < kc; k++) {
#pragma unroll
            for (int v = 0; v < 4; v++) sum[v] += vloadV(v, a + (ulong)k * lda + i);
        }
#pragma unroll
        for (int v = 0; v < 4; v++) vstoreV(sum[v], v, sums + i);
    }
    for (; i < columns; i++) {
        float sum = first ? 0.0f : sums[i];
        for (int k = 0; k < kc; k++) sum += a[(ulong)k * lda + i];
        sums[i] = sum;
    }
}

// Where an operand of batch z begins, `inner` matrices of which lie `inner_step` apart, and those `outer_step`.
static inline ulong matrix_at(int z, int inner, ulong outer_step, ulong inner_step)
{
    return z / inner * outer_step + z % inner * inner_step;
}

// Rows of an operand that are read next; 0 of them: none.
typedef struct reading {
    const __global float *at;
    int rows, columns;
} reading;

// Asks for part `part` of `parts` of them, for the second-level cache: they come while something else is computed, which takes
// longer than reading them.
static inline void prefetch_part(reading next, ulong ld, int part, int parts)
{
    const int each = (next.rows + parts - 1) / parts, begin = part * each;
    prefetch_rows_to(true, next.at + begin * ld, ld, min(each, next.rows - begin), next.columns);
}

// `sums` (NULL: none; only with `ta`): becomes the sums of the rows of op(A), m floats of each outer matrix. The groups
// that have the first columns of C compute them, which brings A into the cache for their product.
// `ta`, `tb`: op is the transpose. Constants of the kernel that this is inlined in.
__attribute__((always_inline)) static inline void
gemm_block(__global const float *a0, __global const float *b0, __global float *c0, __global const float *bias,
           __global const float *residual, __global const float *factor, __global float *sums,
           const gemm_sizes s, const bool ta, const bool tb)
{
    const int m = s.m, n = s.n, k_total = s.k, lda = s.lda, ldb = s.ldb, ldc = s.ldc;
    const float alpha = s.alpha, beta = s.beta;
    const int z = get_group_id(2);
    const __global float *a = a0 + s.a_at + matrix_at(z, s.inner, s.a_outer, s.a_inner);
    const __global float *b = b0 + s.b_at + matrix_at(z, s.inner, s.b_outer, s.b_inner);
    const ulong c_shift = matrix_at(z, s.inner, s.c_outer, s.c_inner);
    __global float *c = c0 + s.c_at + c_shift;
    const int row_begin = get_group_id(1) * s.mb, row_end = min(m, row_begin + s.mb);
    const int column_begin = get_group_id(0) * s.nb, column_end = min(n, column_begin + s.nb);

    // Slices of nearly equal depth, a multiple of PACK_DEPTH. That of B stays in the second-level cache.
    float packed[COLUMN_BLOCK * KC];
    float packed_a[A_TILES * A_STRIDE];
    const bool pack = ta &&
                      min((int)s.nb, n) > (MANY_PANELS - 1) * NR; // else only tiles with fewer rows than MR
    const int most = pack ? KC_PACKED : KC, slices = max(1, (k_total + most - 1) / most),
              even = max(1, (k_total + slices - 1) / slices),
              depth = (even + PACK_DEPTH - 1) / PACK_DEPTH * PACK_DEPTH; // of a slice; the last may have less
    // Whole lines that are written once: by another kernel, later.
    const bool stream = slices == 1 && beta == 0.0f && ((n | ldc) % TL_LINE == 0) && tl_is_line(c);

    for (int kb = 0; kb == 0 || kb < k_total; kb += depth) {
        const int kc = min(depth, k_total - kb);
        const bool first = kb == 0, last = kb + depth >= k_total;
        if (ta && sums && column_begin == 0)
            sum_columns(sums + s.sums_at + (ulong)(z / s.inner) * m + row_begin,
                        a + (ulong)kb * lda + row_begin, lda, kc, row_end - row_begin, first);
        if (tb) {
            for (int j = column_begin; j < column_end; j += NR)
                tile_pack_transposed(packed + (j - column_begin) * KC, b + (ulong)j * ldb + kb, ldb, kc,
                                     min(NR, column_end - j));
        } else {
            pack_b(packed, b + (ulong)kb * ldb + column_begin, ldb, kc, column_end - column_begin);
        }
        // `together` tiles of rows at a time, panel by panel; or, when the first-level cache holds all panels, tile by tile, so
        // that rows of A are read once, however far apart they lie.
        const int panels = (column_end - column_begin + NR - 1) / NR,
                  tiles = (row_end - row_begin + MR - 1) / MR;
        const bool by_tile = panels * NR * kc * (int)sizeof(float) <= FIRST_LEVEL;
        const int together = pack || panels >= MANY_PANELS ? A_TILES : tiles;
        // This group's next slices or, behind the last, the first of the next group, which has the columns behind these,
        // behind the last the rows, and then the next batch. Not of rows along the inner dimension, which processors
        // foresee by themselves, but in a batch, whose rows are short.
        const int first_depth = min(depth, k_total);
        reading next_a = {a, 0, 0}, next_b = {b, 0, 0};
        if (!last) {
            const int begin = kb + depth, next = min(depth, k_total - begin);
            if (ta) next_a = (reading){a + (ulong)begin * lda + row_begin, next, row_end - row_begin};
            if (!tb)
                next_b = (reading){b + (ulong)begin * ldb + column_begin, next, column_end - column_begin};
        } else if (column_end < n) {
            const int next = min((int)s.nb, n - column_end);
            next_b = tb ? (reading){b + (ulong)column_end * ldb, next, first_depth}
                        : (reading){b + column_end, first_depth, next};
        } else if (row_end < m) {
            if (ta) next_a = (reading){a + row_end, first_depth, min((int)s.mb, m - row_end)};
        } else if (z + 1 < (int)get_num_groups(2)) {
            const int next_rows = min((int)s.mb, m), next_columns = min((int)s.nb, n);
            const __global float *a1 = a0 + s.a_at + matrix_at(z + 1, s.inner, s.a_outer, s.a_inner);
            const __global float *b1 = b0 + s.b_at + matrix_at(z + 1, s.inner, s.b_outer, s.b_inner);
            next_a = ta ? (reading){a1, first_depth, next_rows} : (reading){a1, next_rows, first_depth};
            next_b = tb ? (reading){b1, next_columns, first_depth} : (reading){b1, first_depth, next_columns};
        }
        for (int step = 0; step < panels * tiles; step++) {
            const int pass = step / (panels * together), first_tile = pass * together,
                      some = min(together, tiles - first_tile), at = step - panels * first_tile;
            const int tile = by_tile ? at / panels : at % some; // of those that are together
            const int j = column_begin + (by_tile ? at % panels : at / some) * NR;
            const int i = row_begin + (first_tile + tile) * MR;
            if (pack && at == 0)
                tile_pack_rows(packed_a, A_STRIDE, a + (ulong)kb * lda + i, lda, kc,
                               min(some * MR, row_end - i));
            const int columns = min(NR, column_end - j), rows = min(MR, row_end - i);
            const float *panel = packed + (j - column_begin) * KC;
            floatV acc[MR][NV];
            const float keep = first ? beta : 1.0f;
            const __global float *bias_here = first && bias ? bias + s.bias_at : 0; // left to be added
            const __global float *residual_here = first && residual ? residual + s.residual_at + c_shift : 0;
            const __global float *factor_here = last && factor ? factor + s.factor_at + c_shift : 0;
            const ulong corner = (ulong)i * ldc + j; // what the tile ends in comes while it is computed
            if (!stream) prefetch_rows(c + corner, ldc, rows, columns);
            if (residual_here) prefetch_rows(residual_here + corner, ldc, rows, columns);
            if (factor_here) prefetch_rows(factor_here + corner, ldc, rows, columns);
            if (next_a.rows + next_b.rows > 0) {
                prefetch_part(next_b, ldb, step, panels * tiles);
                prefetch_part(next_a, lda, step, panels * tiles);
            }
            if (bias_here && columns == NR && alpha == 1.0f) {
                tile_begin(acc, bias_here + j);
                bias_here = 0;
            } else {
                tile_clear(acc);
            }
            // Whether the tile is written from registers.
            const bool whole = rows == MR && columns == NR && !bias_here &&
                               (factor_here ? stream && !residual_here : keep == 0.0f || !residual_here);
            if (!ta) {
                const __global float *row[MR];
#pragma unroll
                for (int r = 0; r < MR; r++) row[r] = a + (ulong)min(i + r, row_end - 1) * lda + kb;
                tile_multiply(acc, row, 1, panel, kc);
            } else if (!pack && rows == MR) {
                const __global float *row[MR];
#pragma unroll
                for (int r = 0; r < MR; r++) row[r] = a + (ulong)kb * lda + i + r;
                tile_multiply(acc, row, lda, panel, kc);
            } else {
                if (!pack) tile_pack_rows(packed_a, A_STRIDE, a + (ulong)kb * lda + i, lda, kc, rows);
                const float *row[MR];
#pragma unroll
                for (int r = 0; r < MR; r++) row[r] = packed_a + (pack ? tile : 0) * A_STRIDE + r;
                tile_multiply_private(acc, row, MR, panel, kc);
            }
            if (whole) {
                tile_write(c + corner, ldc, alpha, residual_here ? 1.0f : keep,
                           residual_here  ? residual_here + corner
                           : keep != 0.0f ? c + corner
                                          : 0,
                           factor_here ? factor_here + corner : 0, stream, acc);
                continue;
            }
            // By way of memory: one epilogue to compile instead of one a vector of the tile.
            float values[MR * NR];
#pragma unroll
            for (int r = 0; r < MR; r++) tile_row_store(values + r * NR, acc[r]);
            const int end = columns - TL_VW; // a row's last vector may overlap that before it
            for (int r = 0; r < rows; r++) {
                const ulong at = (ulong)(i + r) * ldc + j;
                const float *value = values + r * NR;
                if (end < 0) {
                    for (int q = 0; q < columns; q++)
                        gemm_finish(c, at + q, j + q, alpha * value[q], keep, bias_here, residual_here,
                                    factor_here);
                    continue;
                }
                const floatV last_vector = gemm_finish_vector(
                    c, at + end, j + end, alpha * vloadV(0, value + end), keep, bias_here, residual_here,
                    factor_here); // before C is written
#pragma unroll
                for (int v = 0; v < NV; v++) {
                    if (v * TL_VW >= end) continue;
                    const floatV vector = gemm_finish_vector(c, at + v * TL_VW, j + v * TL_VW,
                                                             alpha * vloadV(v, value), keep, bias_here,
                                                             residual_here, factor_here);
                    vstoreV(vector, v, c + at);
                }
                vstoreV(last_vector, 0, c + at + end);
            }
        }
    }
    if (stream) tl_stream_end();
}

#define GEMM_ARGUMENTS                                                                                       \
    __global const float *a, __global const float *b, __global float *c, __global const float *bias,         \
        __global const float *residual, __global const float *factor, __global float *sums,                  \
        const gemm_sizes sizes
#define GEMM_BLOCK(ta, tb) gemm_block(a, b, c, bias, residual, factor, sums, sizes, ta, tb)

__kernel void gemm_nn(GEMM_ARGUMENTS)
{
    GEMM_BLOCK(false, false);
}

__kernel void gemm_nt(GEMM_ARGUMENTS)
{
    GEMM_BLOCK(false, true);
}

__kernel void gemm_tn(GEMM_ARGUMENTS)
{
    GEMM_BLOCK(true, false);
}

__kernel void gemm_tt(GEMM_ARGUMENTS)
{
    GEMM_BLOCK(true, true);
}
