/* What Translution is, as properties: with equal matrices it is self-attention; shifted content shifts the
 * output; the directional derivative of every operation agrees with finite differences, at odd sizes too. And
 * per-offset values alone, with weights 1 in a window, are a convolution. */
#include "context.h"

#include "core/random.h"
#include "models/layer.h"
#include "ops/offset_gemm.h"

/* An operation with random weights, and its input and output on one device. */
typedef struct bench {
    tl_context *ctx;
    tli_op_shape shape;
    tl_layer *layer;
    tl_tensor *x, *o, *d_o, *dx;
    uint64_t x_count, o_count;
} bench;

static void fill_random(tl_context *ctx, tli_random *r, tl_tensor *t, float scale)
{
    const uint64_t count = t->lead * t->row;
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    for (uint64_t i = 0; i < count; i++) values[i] = scale * tli_random_normal(r);
    MUST(ctx, tl_tensor_write(ctx, t, 0, count, values));
    free(values);
}
#define fill_random(...) FROM_HERE(fill_random(__VA_ARGS__))

static tl_tensor *random_tensor(tl_context *ctx, tli_random *r, uint64_t lead, uint64_t row, float scale)
{
    tl_tensor *t = upload(ctx, NULL, lead, row);
    fill_random(ctx, r, t, scale);
    return t;
}

static bench make_bench(tl_context *ctx, tli_op_shape s, uint64_t seed)
{
    bench b = {.ctx = ctx, .shape = s};
    tli_random r = tli_random_make(seed, 7);
    const uint32_t tokens = tli_geometry_tokens(&s.geometry), width = s.heads * s.head_dim;
    MUST(ctx, tli_layer_create(ctx, &s, (tli_layer_use){.training = true}, seed, &b.layer));
    for (int i = 0; i < b.layer->registry.count;
         i++) { /* larger than a model's, for the sake of the differences */
        const tli_parameter *p = &b.layer->registry.items[i];
        fill_random(ctx, &r, p->value, 1.0f / sqrtf((float)p->shape[1]));
    }
    b.x_count = (uint64_t)tokens * s.batch * s.dim;
    b.o_count = (uint64_t)s.queries * s.batch * width;
    b.x = random_tensor(ctx, &r, 1, b.x_count, 1.0f);
    b.d_o = random_tensor(ctx, &r, 1, b.o_count, 1.0f);
    b.o = upload(ctx, NULL, 1, b.o_count);
    b.dx = upload(ctx, NULL, 1, b.x_count);
    return b;
}
#define make_bench(...) VALUE_FROM_HERE(make_bench(__VA_ARGS__))

static void forward(bench *b)
{
    MUST(b->ctx, tli_layer_forward(b->ctx, b->layer, b->x, b->o));
}
#define forward(...) FROM_HERE(forward(__VA_ARGS__))

static void free_bench(bench *b)
{
    tl_tensor_destroy(b->ctx, b->x), tl_tensor_destroy(b->ctx, b->o), tl_tensor_destroy(b->ctx, b->d_o);
    tl_tensor_destroy(b->ctx, b->dx);
    tli_layer_destroy(b->ctx, b->layer);
}

/* ---- directional finite differences -------------------------------------------------------------- */

static double dot(tl_context *ctx, const tl_tensor *a, const float *b)
{
    float *x = download(ctx, a);
    double sum = 0;
    for (uint64_t i = 0; i < a->lead * a->row; i++) sum += (double)x[i] * b[i];
    free(x);
    return sum;
}

/* d(o . d_o)/d(t) along a random direction, by the gradient and by central differences. */
static void check_direction(bench *b, tl_tensor *t, const tl_tensor *gradient, const float *d_o,
                            const char *what)
{
    const uint64_t n = t->lead * t->row;
    tli_random r = tli_random_make(3, n);
    float *base = download(b->ctx, t), *direction = malloc(n * sizeof *direction);
    float *moved = malloc(n * sizeof *moved);
    for (uint64_t i = 0; i < n; i++) direction[i] = tli_random_normal(&r);
    const double analytic = dot(b->ctx, gradient, direction);
    const float h = 4e-3f;
    double value[2];
    for (int side = 0; side < 2; side++) {
        for (uint64_t i = 0; i < n; i++) moved[i] = base[i] + (side ? h : -h) * direction[i];
        MUST(b->ctx, tl_tensor_write(b->ctx, t, 0, n, moved));
        forward(b);
        value[side] = dot(b->ctx, b->o, d_o);
    }
    MUST(b->ctx, tl_tensor_write(b->ctx, t, 0, n, base));
    const double numeric = (value[1] - value[0]) / (2.0 * (double)h);
    const double scale = fabs(analytic) + fabs(value[0]) + sqrt((double)n);
    if (!(fabs(numeric - analytic) <= 4e-3 * scale))
        fail_msg("%s: derivative %g, finite differences %g", what, analytic, numeric);
    free(base), free(direction), free(moved);
}
#define check_direction(...) FROM_HERE(check_direction(__VA_ARGS__))

static void check_differences(tl_context *ctx, tli_op_shape s, uint64_t seed)
{
    bench b = make_bench(ctx, s, seed);
    float *d_o = download(ctx, b.d_o);
    forward(&b);
    MUST(ctx, tli_layer_backward(ctx, b.layer, b.x, b.d_o, b.dx));
    char what[64];
    snprintf(what, sizeof what, "x of shape %llu, kind %d", (unsigned long long)seed, (int)s.kind);
    check_direction(&b, b.x, b.dx, d_o, what);
    for (int w = 0; w < b.layer->registry.count; w++) {
        snprintf(what, sizeof what, "weight %d of shape %llu, kind %d", w, (unsigned long long)seed,
                 (int)s.kind);
        check_direction(&b, b.layer->registry.items[w].value, b.layer->registry.items[w].gradient, d_o, what);
    }
    free(d_o);
    free_bench(&b);
}
#define check_differences(...) FROM_HERE(check_differences(__VA_ARGS__))

static void differences(tl_kernel_path path)
{
    const tli_geometry point = {.kind = TLI_GRID, .height = 1, .width = 1},
                       wide = {.kind = TLI_GRID, .height = 2, .width = 5, .cls = 1};
    const tli_geometry tall = {.kind = TLI_GRID, .height = 3, .width = 1},
                       line = {.kind = TLI_CAUSAL, .height = 1, .width = 5, .max_length = 9};
    const tli_op_shape shapes[] = {
        {.geometry = point, .batch = 1, .dim = 5, .heads = 1, .head_dim = 5, .relenc_dim = 3, .queries = 1},
        {.geometry = wide, .batch = 3, .dim = 10, .heads = 2, .head_dim = 17, .relenc_dim = 5, .queries = 11},
        {.geometry = wide, .batch = 2, .dim = 8, .heads = 2, .head_dim = 4, .relenc_dim = 2, .queries = 1},
        {.geometry = tall, .batch = 1, .dim = 7, .heads = 1, .head_dim = 3, .relenc_dim = 1, .queries = 3},
        {.geometry = line, .batch = 2, .dim = 6, .heads = 3, .head_dim = 2, .relenc_dim = 8, .queries = 5},
    };
    tl_context *ctx = new_context(path);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        /* Building the GPU form takes long on a CPU: the two shapes that reach most of its edges. */
        if (path == TL_PATH_GPU && i != 1 && i != 4) continue;
        for (int kind = TL_OP_ATTENTION; kind <= TL_OP_ALPHA; kind++) {
            tli_op_shape s = shapes[i];
            s.kind = (tl_op_kind)kind;
            check_differences(ctx, s, i + 1);
        }
    }
    tl_context_destroy(ctx);
}

/* The rest of the family, all on grids of the same widths, which share their kernels' builds. */
static void family(tl_kernel_path path)
{
    const tli_geometry plain = {.kind = TLI_GRID, .height = 2, .width = 5, .cls = 1},
                       pool = {.kind = TLI_GRID, .height = 3, .width = 4},
                       cube = {.kind = TLI_GRID, .depth = 2, .height = 3, .width = 2, .cls = 1},
                       line = {.kind = TLI_CAUSAL, .height = 1, .width = 9, .max_length = 11};
    const tli_op_shape base = {
        .kind = TL_OP_TRANSLUTION, .batch = 3, .dim = 6, .heads = 2, .head_dim = 4, .relenc_dim = 2};
    tli_op_shape list[20];
    int count = 0;
#define ADD(g, ...)                                                                                          \
    do {                                                                                                     \
        tli_op_shape s = base;                                                                               \
        s.geometry = (g);                                                                                    \
        __VA_ARGS__;                                                                                         \
        s.queries = tli_geometry_tokens(&s.geometry);                                                        \
        list[count++] = s;                                                                                   \
    } while (0)
    ADD(cube, s.kind = TL_OP_TRANSLUTION);
    ADD(plain, s.geometry.window = 1);
    ADD(line, s.geometry.window = 3);
    ADD(plain, s.geometry.sharing = TL_SHARING_CLIP, s.geometry.sharing_radius = 1);
    ADD(line, s.geometry.sharing = TL_SHARING_LOG, s.geometry.sharing_radius = 1);
    ADD(plain, s.kind = TL_OP_ABSOLUTE, s.geometry.absolute = true);
    ADD(pool, s.kind = TL_OP_CONV, s.geometry.window = 1);
    ADD(plain, s.kind = TL_OP_ATTENTION, s.geometry.window = 2);
    ADD(plain, s.kind = TL_OP_ATTENTION, s.positions = TL_POSITIONS_SWIN);
    ADD(plain, s.kind = TL_OP_ATTENTION, s.positions = TL_POSITIONS_SHAW);
    ADD(line, s.kind = TL_OP_ATTENTION, s.positions = TL_POSITIONS_SHAW, s.positions = TL_POSITIONS_ROPE);
    ADD(plain, s.kind = TL_OP_ATTENTION, s.positions = TL_POSITIONS_CONVIT);
    ADD(line, s.kind = TL_OP_ATTENTION, s.positions = TL_POSITIONS_CONVIT, s.geometry.window = 3);
    ADD(plain, s.kind = TL_OP_ALPHA_PURE);
    ADD(pool, s.kind = TL_OP_ALPHA, s.geometry.window = 1, s.relative = TL_ROLE_V,
        s.positions = TL_POSITIONS_ROPE);
    ADD(plain, s.kind = TL_OP_ABSOLUTE, s.geometry.absolute = true, s.relative = TL_ROLE_K);
    tl_context *ctx = new_context(path);
    for (int i = 0; i < count; i++) check_differences(ctx, list[i], (uint64_t)i + 20);
    tl_context_destroy(ctx);
}

static void family_cpu(void **unused)
{
    family(TL_PATH_CPU);
}
static void family_gpu(void **unused)
{
    family(TL_PATH_GPU);
}

static void differences_cpu(void **unused)
{
    differences(TL_PATH_CPU);
}
static void differences_gpu(void **unused)
{
    differences(TL_PATH_GPU);
}

/* ---- kept q and k change nothing, nor does the number of compute units ----------------------------- */

/* Output and gradients of an operation on random weights. */
enum { RESULTS = 5 };
typedef struct results {
    float *values[RESULTS];
    uint64_t counts[RESULTS];
} results;

static results compute(tl_context *ctx, tli_op_shape s)
{
    bench b = make_bench(ctx, s, 5);
    results r;
    forward(&b);
    MUST(ctx, tli_layer_backward(ctx, b.layer, b.x, b.d_o, b.dx));
    const tl_tensor *list[RESULTS] = {b.o, b.dx, b.layer->registry.items[0].gradient,
                                      b.layer->registry.items[1].gradient,
                                      b.layer->registry.items[2].gradient};
    for (int i = 0; i < RESULTS; i++) {
        r.values[i] = download(ctx, list[i]);
        r.counts[i] = list[i]->lead * list[i]->row;
    }
    free_bench(&b);
    return r;
}
#define compute(...) VALUE_FROM_HERE(compute(__VA_ARGS__))

static void free_results(results r)
{
    for (int i = 0; i < RESULTS; i++) free(r.values[i]);
}

/* The same bits. Frees `got`. */
static void check_alike(const results *want, results got)
{
    for (int i = 0; i < RESULTS; i++)
        assert_close("a result", got.values[i], want->values[i], want->counts[i], 0);
    free_results(got);
}
#define check_alike(...) FROM_HERE(check_alike(__VA_ARGS__))

static void keeping(tl_kernel_path path)
{
    tl_context *ctx = new_context(path);
    const tli_geometry wide = {.kind = TLI_GRID, .height = 2, .width = 5, .cls = 1};
    tli_op_shape s = {.geometry = wide,
                      .batch = 3,
                      .dim = 10,
                      .heads = 2,
                      .head_dim = 17,
                      .queries = 11,
                      .kind = TL_OP_TRANSLUTION};
    const results without = compute(ctx, s);
    s.save_pairs = true;
    check_alike(&without, compute(ctx, s));
    free_results(without);
    tl_context_destroy(ctx);
}
#define keeping(...) FROM_HERE(keeping(__VA_ARGS__))

/* Translution's products are cut by batch, tokens and columns for a device's compute units: the same bits however many it has,
 * where a token is the key of one pair of an offset, of all (the class token) or of some (shared offsets). */
static void compute_units(void **unused)
{
    static const uint32_t units[] = {2, 7, 64, 1000};
    static const tli_geometry geometries[] = {
        {.kind = TLI_GRID, .height = 2, .width = 5, .cls = 1},
        {.kind = TLI_CAUSAL, .height = 1, .width = 9, .max_length = 11},
        {.kind = TLI_GRID, .height = 3, .width = 4, .sharing = TL_SHARING_CLIP, .sharing_radius = 1}};
    static const uint32_t batches[] = {1, 40};
    for (size_t i = 0; i < 6; i++) {
        const tli_geometry *g = &geometries[i / 2];
        const tli_op_shape s = {.geometry = *g,
                                .batch = batches[i % 2],
                                .dim = 150,
                                .heads = 2,
                                .head_dim = 17,
                                .queries = tli_geometry_tokens(g),
                                .kind = TL_OP_TRANSLUTION};
        tl_context *ctx = new_context(TL_PATH_CPU);
        tli_context_dry_launches(ctx, 1, NULL, NULL);
        const results one = compute(ctx, s);
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            tli_context_dry_launches(ctx, units[u], NULL, NULL);
            check_alike(&one, compute(ctx, s));
        }
        free_results(one);
        tl_context_destroy(ctx);
    }
}

static void keeping_cpu(void **unused)
{
    keeping(TL_PATH_CPU);
}
static void keeping_gpu(void **unused)
{
    keeping(TL_PATH_GPU);
}

/* ---- equal matrices are self-attention ----------------------------------------------------------- */

static void equal_matrices(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const tli_geometry grid = {.kind = TLI_GRID, .height = 3, .width = 4, .cls = 1};
    tli_op_shape s = {.geometry = grid, .batch = 2, .dim = 12, .heads = 3, .head_dim = 4, .queries = 13};
    s.kind = TL_OP_ATTENTION;
    bench attention = make_bench(ctx, s, 11);
    s.kind = TL_OP_TRANSLUTION;
    bench translution = make_bench(ctx, s, 11);
    float *qkv = download(ctx, attention.layer->values.qkv), *x = download(ctx, attention.x);
    MUST(ctx, tl_tensor_write(ctx, translution.x, 0, attention.x_count, x));
    const uint32_t width = 12, offsets = tli_geometry_offsets(&grid);
    for (int role = 0; role < 3; role++) { /* W[o][c][d] = qkv[role D + d][c] for every offset */
        float *table = malloc((size_t)offsets * s.dim * width * sizeof *table);
        for (uint32_t o = 0; o < offsets; o++)
            for (uint32_t c = 0; c < s.dim; c++)
                for (uint32_t d = 0; d < width; d++)
                    table[((size_t)o * s.dim + c) * width + d] = qkv[((size_t)role * width + d) * s.dim + c];
        MUST(ctx, tl_tensor_write(ctx, translution.layer->registry.items[role].value, 0,
                                  (uint64_t)offsets * s.dim * width, table));
        free(table);
    }
    forward(&attention);
    forward(&translution);
    float *want = download(ctx, attention.o), *got = download(ctx, translution.o);
    assert_close("o", got, want, attention.o_count, 5e-6);
    free(qkv), free(x), free(want), free(got);
    free_bench(&attention), free_bench(&translution);
    tl_context_destroy(ctx);
}

/* ---- weights 1 inside a window are a convolution ------------------------------------------------- */

static void window_is_convolution(void **unused)
{
    enum { H = 5, W = 4, C = 6, D = 8, B = 2 };
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const tli_geometry grid = {.kind = TLI_GRID, .height = H, .width = W};
    const uint32_t offsets = tli_geometry_offsets(&grid);
    tli_random r = tli_random_make(5, 5);
    tli_pair_table pairs;
    MUST(ctx, tli_pair_table_create(ctx, "test", &grid, H * W, &pairs));
    tl_tensor *table = random_tensor(ctx, &r, offsets, C * D, 0.4f),
              *x = random_tensor(ctx, &r, 1, H * W * B * C, 1.0f);
    float *rows = calloc((size_t)B * H * W * H * W, sizeof *rows);
    for (int b = 0; b < B; b++)
        for (int i = 0; i < H * W; i++)
            for (int j = 0; j < H * W; j++)
                rows[((size_t)b * H * W + i) * H * W + j] = abs(i / W - j / W) <= 1 &&
                                                            abs(i % W - j % W) <= 1;
    tl_tensor *window = upload(ctx, rows, 1, (uint64_t)B * H * W * H * W);
    tl_tensor *weights = upload(ctx, NULL, 1, (uint64_t)pairs.count * B),
              *y = upload(ctx, NULL, 1, H * W * B * D),
              *workspace = upload(
                  ctx, NULL, 1,
                  tli_offset_gemm_workspace(0, H * W, pairs.count, pairs.largest, B, C, 1, D, true));
    const tli_offset_gemm relative = {.pairs = &pairs, .batch = B, .inner = C, .heads = 1, .head_dim = D};
    MUST(ctx, tli_rows_to_pairs(ctx, &pairs, B, 1, tli_at(window, 0), tli_at(weights, 0)));
    MUST(ctx, tli_offset_gemm_values(ctx, &relative, tli_at(x, 0), table, tli_at(weights, 0), tli_at(y, 0),
                                     tli_at(workspace, 0)));
    float *got = download(ctx, y), *w = download(ctx, table), *in = download(ctx, x);
    float want[H * W * B * D] = {0};
    for (int yo = 0; yo < H; yo++)
        for (int xo = 0; xo < W; xo++)
            for (int ky = -1; ky <= 1; ky++)
                for (int kx = -1; kx <= 1; kx++) {
                    const int yi = yo + ky, xi = xo + kx; /* zero padding outside the field */
                    if (yi < 0 || yi >= H || xi < 0 || xi >= W) continue;
                    const float *kernel = w + ((size_t)(-ky + H - 1) * (2 * W - 1) + (size_t)(-kx + W - 1)) *
                                                  C * D;
                    for (int b = 0; b < B; b++)
                        for (int c = 0; c < C; c++)
                            for (int d = 0; d < D; d++)
                                want[((yo * W + xo) * B + b) * D + d] += in[((yi * W + xi) * B + b) * C + c] *
                                                                         kernel[c * D + d];
                }
    assert_close("convolution", got, want, H * W * B * D, 2e-6);
    free(rows), free(got), free(w), free(in);
    tli_pair_table_destroy(ctx, &pairs);
    tl_context_destroy(ctx);
}

/* ---- shifted content shifts the output ----------------------------------------------------------- */

static void shift(void **unused)
{
    enum { H = 6, W = 5, C = 8, D = 8, SHIFT_Y = 2, SHIFT_X = 1 };
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tli_op_shape s = {.kind = TL_OP_TRANSLUTION,
                      .geometry = {.kind = TLI_GRID, .height = H, .width = W},
                      .batch = 1,
                      .dim = C,
                      .heads = 2,
                      .head_dim = 4,
                      .queries = H * W};
    bench b = make_bench(ctx, s, 21);
    /* Content on a 3 x 3 patch of an otherwise zero field: a zero token has zero keys and values, so every
     * field holds the same keys relative to the content, and as many zero ones. */
    tli_random r = tli_random_make(8, 8);
    float content[9 * C], x[2][H * W * C] = {{0}};
    for (int i = 0; i < 9 * C; i++) content[i] = tli_random_normal(&r);
    for (int at = 0; at < 2; at++)
        for (int y = 0; y < 3; y++)
            for (int k = 0; k < 3; k++)
                memcpy(x[at] + ((y + at * SHIFT_Y + 1) * W + k + at * SHIFT_X) * C, content + (y * 3 + k) * C,
                       C * sizeof(float));
    float *o[2];
    for (int at = 0; at < 2; at++) {
        MUST(ctx, tl_tensor_write(ctx, b.x, 0, H * W * C, x[at]));
        forward(&b);
        o[at] = download(ctx, b.o);
    }
    double largest = 0;
    for (int y = 1; y < 4; y++)
        for (int k = 0; k < 3; k++)
            for (int d = 0; d < D; d++) {
                const float here = o[0][(y * W + k) * D + d],
                            there = o[1][((y + SHIFT_Y) * W + k + SHIFT_X) * D + d];
                assert_true(fabs((double)here - there) < 1e-5);
                largest = fmax(largest, fabs((double)here));
            }
    assert_true(largest > 0.1);
    free(o[0]), free(o[1]);
    free_bench(&b);
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_cpu),
        cmocka_unit_test(differences_gpu),
        cmocka_unit_test(family_cpu),
        cmocka_unit_test(family_gpu),
        cmocka_unit_test(keeping_cpu),
        cmocka_unit_test(keeping_gpu),
        cmocka_unit_test(compute_units),
        cmocka_unit_test(equal_matrices),
        cmocka_unit_test(window_is_convolution),
        cmocka_unit_test(shift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
