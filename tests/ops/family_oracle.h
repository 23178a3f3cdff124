/* The family of operations by its formulas alone: loops over pairs of tokens in double precision, offsets counted
 * anew, nothing shared with the engine but the description of a shape. */
#ifndef TESTS_FAMILY_ORACLE_H
#define TESTS_FAMILY_ORACLE_H

#include <math.h>
#include <string.h>

#include "ops/op_sizes.h"

enum { MAX_TOKENS = 16, MAX_WIDTH = 16 };

/* An operation's weights, by the fields of tli_op_tensors. */
enum { F_QKV, F_Q, F_K, F_V, F_A_Q, F_A_K, F_A_V, F_V3, F_BIAS, F_R_K, F_R_V, F_W, F_GATE, FIELDS };
static const char *const field_names[FIELDS] = {"qkv", "q",    "k",   "v",   "a_q", "a_k", "a_v",
                                                "v3",  "bias", "r_k", "r_v", "w",   "gate"};
typedef struct oracle_weights {
    double *at[FIELDS];
} oracle_weights;

/* Distances past the radius in octaves, or clipped. */
static inline int oracle_bucket(const tli_geometry *g, int distance)
{
    int b = distance;
    if (g->sharing == TL_SHARING_CLIP && distance > (int)g->sharing_radius) b = (int)g->sharing_radius;
    if (g->sharing == TL_SHARING_LOG && distance > (int)g->sharing_radius) {
        b = (int)g->sharing_radius;
        for (int reach = b; reach < distance; reach *= 2) b++;
    }
    return b;
}

/* The table's index of the step from token j to token i; -1: they do not see each other. */
static inline int oracle_step(const tli_geometry *g, int i, int j, int *matrices)
{
    const int size[3] = {g->depth > 0 ? (int)g->depth : 1, (int)g->height, (int)g->width};
    const bool causal = g->kind == TLI_CAUSAL;
    int index = 0, count = 1, a = i - (int)g->cls, b = j - (int)g->cls;
    bool far = false;
    if (causal) {
        int farthest = (int)g->max_length - 1;
        if (g->window > 0 && farthest > (int)g->window) farthest = (int)g->window;
        *matrices = oracle_bucket(g, farthest) + 1;
        return j > i || (g->window > 0 && i - j > (int)g->window) ? -1 : oracle_bucket(g, i - j);
    }
    for (int axis = 2, scale = 1; axis >= 0; axis--) {
        int farthest = size[axis] - 1;
        if (g->window > 0 && farthest > (int)g->window) farthest = (int)g->window;
        const int most = oracle_bucket(g, farthest), difference = a % size[axis] - b % size[axis];
        const int distance = difference < 0 ? -difference : difference;
        if (g->window > 0 && distance > (int)g->window) far = true;
        index += scale * (most + (difference < 0 ? -1 : 1) * oracle_bucket(g, distance));
        scale *= 2 * most + 1;
        count = scale;
        a /= size[axis], b /= size[axis];
    }
    *matrices = count + (g->cls ? 3 : 0);
    if (g->cls && (i == 0 || j == 0)) return count + (i == j ? 0 : i == 0 ? 1 : 2);
    return far ? -1 : index;
}

/* out = row M, M [in][out] or its transpose as nn.Linear holds it. */
static inline void oracle_times(const double *row, const double *m, int in, int out, bool transposed,
                                double *target)
{
    for (int d = 0; d < out; d++) {
        target[d] = 0;
        for (int c = 0; c < in; c++) target[d] += row[c] * (transposed ? m[d * in + c] : m[c * out + d]);
    }
}

/* Turns the heads of a row by the token's position: in a sequence one list of frequencies; on a plane half of them
 * by the row, half by the column; in a volume a third by the slice, a third by the row, the rest by the column. */
static inline void oracle_rotate(const tli_op_shape *s, int token, double *row)
{
    const tli_geometry *g = &s->geometry;
    const int d = (int)s->head_dim, half = d / 2, patch = token - (int)g->cls;
    const int plane = (int)(g->height * g->width), width = (int)g->width;
    if (patch < 0) return;
    for (int c = 0; c < half; c++) {
        double angle = token * pow(10000.0, -(double)c / half);
        if (g->kind == TLI_GRID && g->depth <= 1) {
            const int n = half / 2;
            angle = (c < n ? patch / width : patch % width) * pow(10000.0, -(double)(c % n) / n);
        } else if (g->kind == TLI_GRID) {
            const int n = half / 3;
            if (c < n)
                angle = patch / plane * pow(10000.0, -(double)c / n);
            else if (c < 2 * n)
                angle = patch % plane / width * pow(10000.0, -(double)(c - n) / n);
            else
                angle = patch % width * pow(10000.0, -(double)(c - 2 * n) / (half - 2 * n));
        }
        for (int h = 0; h < (int)s->heads; h++) {
            double *low = row + h * d + c, *high = low + half, a = *low, b = *high;
            *low = a * cos(angle) - b * sin(angle);
            *high = b * cos(angle) + a * sin(angle);
        }
    }
}

/* ConViT: what head h makes of the positions of query i and key j. */
static inline double oracle_position(const tli_op_shape *s, const double *w, int h, int i, int j)
{
    const tli_geometry *g = &s->geometry;
    const int axes = g->kind == TLI_CAUSAL ? 1 : g->depth > 1 ? 3 : 2;
    const int features = 1 + axes + (g->cls ? 3 : 0),
              size[3] = {(int)g->width, (int)g->height, (int)g->depth};
    w += h * features;
    if (g->cls && i == 0) return w[1 + axes + (j == 0 ? 0 : 1)];
    if (g->cls && j == 0) return w[1 + axes + 2];
    double sum = 0, square = 0;
    for (int axis = 0, a = i - (int)g->cls, b = j - (int)g->cls; axis < axes; axis++) {
        const double d = axes == 1 ? b - a : b % size[axis] - a % size[axis];
        sum += w[1 + axis] * d;
        square += d * d;
        a /= size[axis], b /= size[axis];
    }
    return sum + w[0] * square;
}

/* ALiBi's slopes as its authors list them: for 2, 4, 8 heads from 2^(-8/heads) on in equal steps of the exponent; for 3 and
 * 6 those of 2 and 4, then the first, third ... of 4 and 8. */
static inline double oracle_slope(int head, int heads)
{
    static const double exponents[][6] = {
        {0}, {8}, {4, 8}, {4, 8, 2}, {2, 4, 6, 8}, {2, 4, 6, 8, 1}, {2, 4, 6, 8, 1, 3}};
    return exp2(-exponents[heads][head]);
}

static inline double oracle_distance(const tli_geometry *g, int i, int j)
{
    if (g->kind == TLI_CAUSAL) return abs(i - j);
    if (g->cls && (i == 0 || j == 0)) return 0;
    const int a = i - (int)g->cls, b = j - (int)g->cls, width = (int)g->width, plane = width * (int)g->height;
    const double x = a % width - b % width, y = a / width % (int)g->height - b / width % (int)g->height,
                 z = a / plane - b / plane;
    return sqrt(x * x + y * y + z * z);
}

/* p_j = softmax of a_j over the tokens seen. */
static inline void oracle_softmax(double *a, const bool *seen, int n)
{
    double total = 0;
    for (int j = 0; j < n; j++) total += seen[j] ? exp(a[j]) : 0;
    for (int j = 0; j < n; j++) a[j] = seen[j] ? exp(a[j]) / total : 0;
}

/* o [query][batch][D] from x [token][batch][C]. */
static inline void oracle_forward(const tli_op_shape *s, const oracle_weights *w, const double *x, double *o)
{
    const int n = (int)tli_geometry_tokens(&s->geometry), batch = (int)s->batch, dim = (int)s->dim;
    const int heads = (int)s->heads, wide = heads * (int)s->head_dim, thin = heads * (int)s->relenc_dim;
    const bool narrow = s->kind == TL_OP_ALPHA || s->kind == TL_OP_ALPHA_PURE;
    const bool beside = s->kind == TL_OP_ATTENTION || s->kind == TL_OP_ALPHA; /* a standard path */
    const tl_roles roles = s->kind == TL_OP_ATTENTION ? 0
                           : s->kind == TL_OP_CONV    ? TL_ROLE_V
                           : s->relative == 0         ? TL_ROLE_QKV
                                                      : s->relative;
    const bool moved_scores = (roles & (TL_ROLE_Q | TL_ROLE_K)) != 0, moved_values = (roles & TL_ROLE_V) != 0;
    const int in = narrow ? thin : dim, out = narrow ? thin : wide;
    assert_true(n <= MAX_TOKENS && dim <= MAX_WIDTH && wide <= MAX_WIDTH && thin <= MAX_WIDTH);
    const double scale = s->kind == TL_OP_ALPHA_PURE ? 1 / sqrt((double)s->relenc_dim)
                         : beside && moved_scores    ? 0.5 / sqrt((double)s->head_dim)
                                                     : 1 / sqrt((double)s->head_dim);
    for (int b = 0; b < batch; b++) {
        static double plain[3][MAX_TOKENS][MAX_WIDTH], rows[3][MAX_TOKENS][MAX_WIDTH];
        for (int t = 0; t < n; t++) {
            const double *token = x + (t * batch + b) * dim;
            for (int r = 0, column = 0; r < 3; r++) {
                const bool shared = beside || (s->kind != TL_OP_ALPHA_PURE && s->kind != TL_OP_CONV &&
                                               (roles & (1u << r)) == 0);
                if (shared)
                    oracle_times(token, w->at[F_QKV] + column++ * wide * dim, dim, wide, true, plain[r][t]);
                if (shared && s->positions == TL_POSITIONS_ROPE && r < 2) oracle_rotate(s, t, plain[r][t]);
                if (narrow && w->at[F_A_Q + r] != NULL)
                    oracle_times(token, w->at[F_A_Q + r], dim, thin, true, rows[r][t]);
                else if (!narrow)
                    memcpy(rows[r][t], token, (size_t)dim * sizeof *token);
            }
        }
        for (int i = 0; i < (int)s->queries; i++) {
            static double v[MAX_TOKENS][MAX_WIDTH], a[MAX_WIDTH][MAX_TOKENS];
            bool seen[MAX_TOKENS];
            for (int j = 0; j < n; j++) {
                int matrices;
                const int to = oracle_step(&s->geometry, i, j, &matrices),
                          back = oracle_step(&s->geometry, j, i, &matrices);
                const int key = s->kind == TL_OP_ABSOLUTE ? i * n + j : to;
                const int query = s->kind == TL_OP_ABSOLUTE        ? key
                                  : s->geometry.kind == TLI_CAUSAL ? matrices - 1 - to
                                                                   : back;
                const int matrix[3] = {query, key, key}, token[3] = {i, j, j};
                double made[3][MAX_WIDTH]; /* q_ij, k_ij, v_ij */
                seen[j] = to >= 0;
                if (!seen[j]) continue;
                for (int r = 0; r < 3; r++) {
                    const bool moved = (roles & (1u << r)) != 0;
                    const double *row = moved || narrow ? rows[r][token[r]] : plain[r][token[r]];
                    if (moved)
                        oracle_times(row, w->at[F_Q + r] + matrix[r] * in * out, in, out, false, made[r]);
                    else
                        memcpy(made[r], row, (size_t)out * sizeof *row);
                }
                for (int h = 0; h < heads; h++) {
                    double content = 0, relative = 0;
                    for (int c = h * (int)s->head_dim; c < (h + 1) * (int)s->head_dim; c++) {
                        const double rk = s->positions == TL_POSITIONS_SHAW ? w->at[F_R_K][key * wide + c]
                                                                            : 0;
                        content += plain[0][i][c] * (plain[1][j][c] + rk);
                    }
                    for (int c = h * out / heads; c < (h + 1) * out / heads; c++)
                        relative += made[0][c] * made[1][c];
                    a[h][j] = 0;
                    if (beside || !moved_scores) a[h][j] += scale * content;
                    if (moved_scores) a[h][j] += scale * relative;
                    if (s->positions == TL_POSITIONS_SWIN) a[h][j] += w->at[F_BIAS][key * heads + h];
                    if (s->positions == TL_POSITIONS_ALIBI)
                        a[h][j] -= oracle_slope(h, heads) * oracle_distance(&s->geometry, i, j);
                }
                memcpy(v[j], made[2], sizeof v[j]);
                for (int c = 0; c < wide && s->positions == TL_POSITIONS_SHAW; c++)
                    v[j][c] = plain[2][j][c] + w->at[F_R_V][key * wide + c];
            }
            for (int h = 0; h < heads; h++) {
                if (s->kind == TL_OP_CONV) {
                    for (int j = 0; j < n; j++) a[h][j] = seen[j];
                    continue;
                }
                oracle_softmax(a[h], seen, n);
                if (s->positions != TL_POSITIONS_CONVIT) continue;
                double position[MAX_TOKENS];
                const double g = 1 / (1 + exp(-w->at[F_GATE][h]));
                for (int j = 0; j < n; j++) position[j] = oracle_position(s, w->at[F_W], h, i, j);
                oracle_softmax(position, seen, n);
                for (int j = 0; j < n; j++) a[h][j] = (1 - g) * a[h][j] + g * position[j];
            }
            double standard[MAX_WIDTH] = {0}, sums[MAX_WIDTH] = {0}, wider[MAX_WIDTH];
            for (int j = 0; j < n; j++) {
                if (!seen[j]) continue;
                for (int c = 0; c < wide; c++) standard[c] += a[c / (wide / heads)][j] * plain[2][j][c];
                for (int c = 0; c < out; c++) sums[c] += a[c / (out / heads)][j] * v[j][c];
            }
            if (narrow && moved_values) oracle_times(sums, w->at[F_V3], thin, wide, true, wider);
            double *target = o + (i * batch + b) * wide;
            for (int c = 0; c < wide; c++) {
                const double second = narrow ? wider[c] : sums[c];
                target[c] = s->positions == TL_POSITIONS_SHAW ? sums[c]
                            : !moved_values                   ? standard[c]
                            : s->kind == TL_OP_ALPHA          ? 0.5 * (standard[c] + second)
                                                              : second;
            }
        }
    }
}
#define oracle_forward(...) FROM_HERE(oracle_forward(__VA_ARGS__))

#endif
