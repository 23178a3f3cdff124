// The gradient of matrices by offset, CPU form. Behind offset_gemm_rows.cl, which says what groups, pairs and weights are.

#if !defined(LANES) && !defined(ONE_QUERY) // as there
#ifndef KC
#define KC 128 // rows of an inner block
#endif
#define GRADIENT_PANELS (HEADS * HEAD_PANELS < MOST_PANELS ? HEADS * HEAD_PANELS : MOST_PANELS)
#define A_TILES         (GRADIENT_PANELS >= MANY_PANELS ? TILES_TOGETHER : 1)
#define A_STRIDE        COPY_STRIDE(KC)

// Where the row of x begins that a pair has with batch index b.
static inline ulong gradient_row(int2 pair, int side, int batch, int b)
{
    return ((ulong)(side == 0 ? pair.x : pair.y) * batch + b) * INNER;
}

// offset_gemm_weight_gradient: dW[matrix] = sum over the group's rows of x[token]^T (w g), overwritten, with w = weights of a row
// and head.
//   side 0  query's matrix: token i, g = k of the row      side 1  key's matrix: token j, g = q of the row
//   (rows from pair_begin, as offset_gemm_logits keeps them)          side 2  value's matrix: token j, g = dy_i
// Work-group (group, block of panels) owns those s.panels column panels of the group's matrix, which go through heads, and through the panels
// of each. From MANY_PANELS on, each of which reads all rows of x^T, these are copied tile by tile.
__kernel void offset_gemm_weight_gradient(__global const int4 *groups, __global const int2 *pairs,
                                          __global const float *x, __global const float *gradient,
                                          __global const float *weights, __global float *dw,
                                          const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, pair_begin = s.pair_begin, all_pairs = s.all_pairs,
              batch = s.batch, side = s.side, dw_first = s.side == 0 ? s.query_first : s.key_first;
    const int4 group = groups[group_begin + get_group_id(0)];
    const int first_panel = get_group_id(1) * s.panels,
              panels = min(s.panels, HEADS * HEAD_PANELS - first_panel), rows = group.y * batch;
    const bool copy = panels >= MANY_PANELS;
    const int together = copy ? A_TILES * MR : INNER; // rows of the matrix that go through all panels
    __global float *target = dw + (ulong)((side == 0 ? group.z : group.w) - dw_first) * MATRIX;
    float packed[GRADIENT_PANELS * KC * NR], packed_x[A_TILES * A_STRIDE];

    for (int begin = 0; begin < rows; begin += KC) {
        const int count = min(KC, rows - begin);
        const row_t first = {group.x + begin / batch, begin % batch};
        for (int p = 0; p < panels; p++) {
            const int head = (first_panel + p) / HEAD_PANELS, panel = (first_panel + p) % HEAD_PANELS;
            const int columns = PANEL_COLUMNS(panel, HEAD_DIM), column = head * HEAD_DIM + panel * NR;
            __global const float *weight = weights + s.weights_at +
                                           ((ulong)head * all_pairs + group.x) * batch;
            float *to = packed + p * KC * NR;
            row_t next = first;
            for (int k = 0; k < count; k++, to += NR) {
                const ulong row = side == 2 ? (ulong)pairs[next.pair].x * batch + next.b
                                            : (ulong)(next.pair - pair_begin) * batch + next.b;
                const float w = weight[begin + k];
                panel_load(to, gradient + s.gradient_at + row * WIDTH + column, columns);
#pragma unroll
                for (int v = 0; v < NV; v++) vstoreV(w * vloadV(v, to), v, to);
                next = row_next(next, 0, batch);
            }
        }
        for (int c0 = 0; c0 < INNER; c0 += together) {
            const int c_end = min(INNER, c0 + together);
            // The rows of a pair have a constant stride: a run of them is one GEMM.
            row_t at = first;
            for (int k = 0; copy && k < count; at.pair++, at.b = 0) {
                const int run = min(batch - at.b, count - k);
                tile_pack_rows(packed_x + k * MR, A_STRIDE,
                               x + s.x_at + gradient_row(pairs[at.pair], side, batch, at.b) + c0, INNER, run,
                               c_end - c0);
                k += run;
            }
            for (int p = 0; p < panels; p++) {
                const int head = (first_panel + p) / HEAD_PANELS, panel = (first_panel + p) % HEAD_PANELS;
                const int columns = PANEL_COLUMNS(panel, HEAD_DIM);
                for (int c = c0; c < c_end; c += MR) {
                    floatV acc[MR][NV];
                    tile_clear(acc);
                    if (copy) {
                        const float *row[MR];
#pragma unroll
                        for (int r = 0; r < MR; r++) row[r] = packed_x + (c - c0) / MR * A_STRIDE + r;
                        tile_multiply_private(acc, row, MR, packed + p * KC * NR, count);
                    } else {
                        at = first;
                        for (int k = 0; k < count; at.pair++, at.b = 0) {
                            const int run = min(batch - at.b, count - k);
                            __global const float *base = x + s.x_at +
                                                         gradient_row(pairs[at.pair], side, batch, at.b);
                            __global const float *row[MR];
#pragma unroll
                            for (int r = 0; r < MR; r++) row[r] = base + min(c + r, INNER - 1);
                            tile_multiply(acc, row, INNER, packed + (p * KC + k) * NR, run);
                            k += run;
                        }
                    }
#pragma unroll
                    for (int r = 0; r < MR; r++) {
                        __global float *out = target + (ulong)(c + r) * WIDTH + head * HEAD_DIM + panel * NR;
                        if (c + r >= INNER) continue;
                        if (begin == 0) {
                            float values[NR];
                            tile_row_store(values, acc[r]);
                            panel_store(out, values, columns);
                        } else {
                            tile_row_add(out, 1.0f, acc[r], columns);
                        }
                    }
                }
            }
        }
    }
}
#endif
