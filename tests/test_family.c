/* The whole family: every operation's forward against loops over pairs in double precision, with offsets
 * counted anew; every combination that the flags allow learns; every one that means nothing is refused. */
#include "golden.h"

#include "core/random.h"
#include "models/model.h"
#include "ops/adamw.h"
#include "ops/attention_like.h"

/* ---- forward against plain loops ----------------------------------------------------------------- */

enum {
    BATCH = 2,
    DIM = 6,
    HEADS = 2,
    HEAD_DIM = 4,
    WIDTH = HEADS * HEAD_DIM,
    RELENC = 2,
    NARROW = HEADS * RELENC
};
enum { MOST_TOKENS = 16 };

/* Distances past the radius in octaves, or clipped. */
static int bucket(const tl_geometry *g, int distance)
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
static int step(const tl_geometry *g, int i, int j, int *matrices)
{
    const int size[3] = {g->depth > 0 ? (int)g->depth : 1, (int)g->height, (int)g->width};
    const bool causal = g->kind == TL_CAUSAL;
    int index = 0, count = 1, a = i - (int)g->cls, b = j - (int)g->cls;
    bool far = false;
    if (causal) {
        int farthest = (int)g->max_length - 1;
        if (g->window > 0 && farthest > (int)g->window) farthest = (int)g->window;
        *matrices = bucket(g, farthest) + 1;
        return j > i || (g->window > 0 && i - j > (int)g->window) ? -1 : bucket(g, i - j);
    }
    for (int axis = 2, scale = 1; axis >= 0; axis--) {
        int farthest = size[axis] - 1;
        if (g->window > 0 && farthest > (int)g->window) farthest = (int)g->window;
        const int most = bucket(g, farthest), difference = a % size[axis] - b % size[axis];
        const int distance = difference < 0 ? -difference : difference;
        if (g->window > 0 && distance > (int)g->window) far = true;
        index += scale * (most + (difference < 0 ? -1 : 1) * bucket(g, distance));
        scale *= 2 * most + 1;
        count = scale;
        a /= size[axis], b /= size[axis];
    }
    *matrices = count + (g->cls ? 3 : 0);
    if (g->cls && (i == 0 || j == 0)) return count + (i == j ? 0 : i == 0 ? 1 : 2);
    return far ? -1 : index;
}

/* out = row M, M [in][out] or its transpose as nn.Linear holds it. */
static void times(const double *row, const float *m, int in, int out, bool transposed, double *target)
{
    for (int d = 0; d < out; d++) {
        target[d] = 0;
        for (int c = 0; c < in; c++)
            target[d] += row[c] * (double)(transposed ? m[d * in + c] : m[c * out + d]);
    }
}

/* The host's copies of an operation's weights, by field. */
typedef struct host_weights {
    float *qkv, *q, *k, *v, *a_q, *a_k, *a_v, *v3, *bias, *r_k, *r_v;
} host_weights;

static void reference(const tl_op_shape *s, const host_weights *w, const float *x, double *o)
{
    const int n = (int)tl_geometry_tokens(&s->geometry);
    const bool narrow = s->kind == TL_OP_ALPHA_PURE, absolute = s->kind == TL_OP_ABSOLUTE;
    const int in = narrow ? NARROW : DIM, out = narrow ? NARROW : WIDTH, d = out / HEADS;
    for (int b = 0; b < BATCH; b++) {
        static double rows[3][MOST_TOKENS][WIDTH]; /* what q, k and v are made from */
        for (int t = 0; t < n; t++) {
            double token[DIM], all[3 * WIDTH];
            for (int c = 0; c < DIM; c++) token[c] = (double)x[(t * BATCH + b) * DIM + c];
            float *const down[3] = {w->a_q, w->a_k, w->a_v};
            if (s->kind == TL_OP_ATTENTION) times(token, w->qkv, DIM, 3 * WIDTH, true, all);
            for (int r = 0; r < 3; r++) {
                if (narrow)
                    times(token, down[r], DIM, NARROW, true, rows[r][t]);
                else if (s->kind == TL_OP_ATTENTION)
                    memcpy(rows[r][t], all + r * WIDTH, sizeof rows[r][t]);
                else
                    memcpy(rows[r][t], token, sizeof token);
            }
        }
        for (int i = 0; i < n; i++) {
            static double v[MOST_TOKENS][WIDTH], logits[HEADS][MOST_TOKENS];
            bool seen[MOST_TOKENS];
            for (int j = 0; j < n; j++) {
                int matrices;
                const int to = step(&s->geometry, i, j, &matrices),
                          back = step(&s->geometry, j, i, &matrices);
                const int key = absolute ? i * n + j : to;
                const int query = absolute ? key : s->geometry.kind == TL_CAUSAL ? matrices - 1 - to : back;
                double q[WIDTH], k[WIDTH];
                seen[j] = to >= 0;
                if (!seen[j]) continue;
                if (s->kind == TL_OP_ATTENTION) {
                    memcpy(q, rows[0][i], sizeof q), memcpy(k, rows[1][j], sizeof k);
                    memcpy(v[j], rows[2][j], sizeof v[j]);
                    for (int c = 0; c < WIDTH && s->bias == TL_BIAS_SHAW; c++) {
                        k[c] += (double)w->r_k[key * WIDTH + c];
                        v[j][c] += (double)w->r_v[key * WIDTH + c];
                    }
                } else {
                    times(rows[2][j], w->v + key * in * out, in, out, false, v[j]);
                    if (s->kind != TL_OP_CONV) {
                        times(rows[0][i], w->q + query * in * out, in, out, false, q);
                        times(rows[1][j], w->k + key * in * out, in, out, false, k);
                    }
                }
                for (int h = 0; h < HEADS; h++) {
                    logits[h][j] = 0;
                    for (int c = h * d; c < (h + 1) * d && s->kind != TL_OP_CONV; c++)
                        logits[h][j] += q[c] * k[c];
                    logits[h][j] /= sqrt((double)d);
                    if (s->bias == TL_BIAS_SWIN) logits[h][j] += (double)w->bias[key * HEADS + h];
                }
            }
            double sums[WIDTH] = {0};
            for (int h = 0; h < HEADS; h++) {
                double total = 0;
                for (int j = 0; j < n; j++) total += seen[j] ? exp(logits[h][j]) : 0;
                for (int j = 0; j < n; j++) {
                    if (!seen[j]) continue;
                    const double p = s->kind == TL_OP_CONV ? 1.0 : exp(logits[h][j]) / total;
                    for (int c = h * d; c < (h + 1) * d; c++) sums[c] += p * v[j][c];
                }
            }
            double *target = o + (i * BATCH + b) * WIDTH;
            if (narrow)
                times(sums, w->v3, NARROW, WIDTH, true, target);
            else
                memcpy(target, sums, sizeof sums);
        }
    }
}

static void check_forward(tl_context *ctx, tl_op_shape s, uint64_t seed)
{
    tl_random r = tl_random_make(seed, 1);
    tl_op_parameter list[TL_OP_MAX_PARAMETERS];
    tl_op_weights weights = {0};
    host_weights host = {0};
    const int count = tl_op_parameters(&s, list);
    const struct {
        const char *field;
        float **at;
    } fields[] = {{"qkv", &host.qkv},   {"q", &host.q},     {"k", &host.k},     {"v", &host.v},
                  {"a_q", &host.a_q},   {"a_k", &host.a_k}, {"a_v", &host.a_v}, {"v3", &host.v3},
                  {"bias", &host.bias}, {"r_k", &host.r_k}, {"r_v", &host.r_v}};
    for (int i = 0; i < count; i++) {
        const bool table = list[i].rank == 3;
        const uint64_t lead = table ? list[i].shape[0] : 1;
        const uint64_t row = table ? list[i].shape[1] * list[i].shape[2]
                                   : list[i].shape[0] * list[i].shape[1];
        float *values = malloc(lead * row * sizeof *values);
        for (uint64_t e = 0; e < lead * row; e++) values[e] = 0.4f * tl_random_normal(&r);
        *tl_op_weight(&weights, &list[i]) = golden_upload(ctx, values, lead, row);
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            if (strcmp(fields[f].field, list[i].field) == 0) *fields[f].at = values;
    }
    const uint64_t tokens = tl_geometry_tokens(&s.geometry);
    float *x = malloc(tokens * BATCH * DIM * sizeof *x);
    double *want = malloc(tokens * BATCH * WIDTH * sizeof *want);
    for (uint64_t e = 0; e < tokens * BATCH * DIM; e++) x[e] = tl_random_normal(&r);
    reference(&s, &host, x, want);
    tl_op_state *state;
    MUST(ctx, tl_op_create(ctx, "op", &s, &state));
    tl_tensor *dx = golden_upload(ctx, x, 1, tokens * BATCH * DIM),
              *o = golden_upload(ctx, NULL, 1, tokens * BATCH * WIDTH);
    tl_tensor *workspace = golden_upload(ctx, NULL, 1, tl_op_workspace_count(&s) + 1);
    MUST(ctx, tl_op_forward(ctx, state, &weights, tl_at(dx, 0), tl_at(o, 0), tl_at(workspace, 0)));
    float *got = golden_download(ctx, o);
    double worst = 0, largest = 0;
    for (uint64_t e = 0; e < tokens * BATCH * WIDTH; e++) {
        const double error = fabs((double)got[e] - want[e]);
        if (!(error <= worst)) worst = error;
        if (fabs(want[e]) > largest) largest = fabs(want[e]);
    }
    if (!(worst <= 5e-6 * largest))
        fail_msg("shape %llu: error %g of %g", (unsigned long long)seed, worst, largest);
    free(got), free(want), free(x);
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) free(*fields[f].at);
    for (int i = 0; i < count; i++) tl_tensor_destroy(ctx, *tl_op_weight(&weights, &list[i]));
    tl_tensor_destroy(ctx, dx), tl_tensor_destroy(ctx, o), tl_tensor_destroy(ctx, workspace);
    tl_op_destroy(ctx, state);
}

static void forward_is_the_formula(void **unused)
{
    const tl_geometry wide = {.kind = TL_GRID, .height = 2, .width = 7, .cls = 1},
                      cube = {.kind = TL_GRID, .depth = 2, .height = 3, .width = 2, .cls = 1},
                      line = {.kind = TL_CAUSAL, .height = 1, .width = 11, .max_length = 14};
    tl_context *ctx = golden_context(TL_PATH_AUTO);
    uint64_t seed = 0;
#define CHECK(g, ...)                                                                                        \
    do {                                                                                                     \
        tl_op_shape s = {.kind = TL_OP_TRANSLUTION,                                                          \
                         .geometry = g,                                                                      \
                         .batch = BATCH,                                                                     \
                         .dim = DIM,                                                                         \
                         .heads = HEADS,                                                                     \
                         .head_dim = HEAD_DIM,                                                               \
                         .relenc_dim = RELENC};                                                              \
        __VA_ARGS__;                                                                                         \
        s.queries = tl_geometry_tokens(&s.geometry);                                                         \
        check_forward(ctx, s, ++seed);                                                                       \
    } while (0)
    CHECK(wide, s.keep = true);
    CHECK(cube, s.keep = false);
    CHECK(cube, s.geometry.window = 1);
    CHECK(wide, s.geometry.window = 2);
    CHECK(wide, s.geometry.sharing = TL_SHARING_CLIP, s.geometry.sharing_radius = 2);
    CHECK(wide, s.geometry.sharing = TL_SHARING_LOG, s.geometry.sharing_radius = 1);
    CHECK(wide, s.geometry.sharing = TL_SHARING_LOG, s.geometry.sharing_radius = 2, s.geometry.window = 5);
    CHECK(line, s.geometry.window = 4);
    CHECK(line, s.geometry.sharing = TL_SHARING_CLIP, s.geometry.sharing_radius = 3);
    CHECK(line, s.geometry.sharing = TL_SHARING_LOG, s.geometry.sharing_radius = 2);
    CHECK(wide, s.kind = TL_OP_ABSOLUTE, s.geometry.absolute = true);
    CHECK(wide, s.kind = TL_OP_ALPHA_PURE);
    CHECK(line, s.kind = TL_OP_ALPHA_PURE, s.geometry.window = 4);
    CHECK(wide, s.kind = TL_OP_CONV, s.geometry.window = 1);
    CHECK(cube, s.kind = TL_OP_CONV, s.geometry.window = 1, s.geometry.cls = 0);
    CHECK(wide, s.kind = TL_OP_ATTENTION, s.geometry.window = 2);
    CHECK(wide, s.kind = TL_OP_ATTENTION, s.bias = TL_BIAS_SWIN);
    CHECK(wide, s.kind = TL_OP_ATTENTION, s.bias = TL_BIAS_SHAW);
    CHECK(line, s.kind = TL_OP_ATTENTION, s.bias = TL_BIAS_SHAW, s.geometry.sharing = TL_SHARING_CLIP,
          s.geometry.sharing_radius = 2);
    CHECK(line, s.kind = TL_OP_ATTENTION, s.bias = TL_BIAS_SWIN, s.geometry.window = 3);
    tl_context_destroy(ctx);
}

/* ---- combinations -------------------------------------------------------------------------------- */

enum { IMAGES = 6, PIXELS = 12 * 12, CLASSES = 3 };

static tl_model_config model(tl_op_kind op)
{
    return (tl_model_config){.op = op,
                             .pool = TL_POOL_CLS,
                             .image_height = 12,
                             .image_width = 12,
                             .channels = 1,
                             .patch = 4,
                             .classes = CLASSES,
                             .dim = 12,
                             .depth = 2,
                             .heads = 3,
                             .head_dim = 4,
                             .mlp_dim = 24,
                             .relenc_dim = 2};
}

/* Ten AdamW steps on one batch must lower its loss. */
static void learns(tl_context *ctx, const tl_model_config *c, const char *what)
{
    tl_model *vit = NULL;
    if (tl_model_create(ctx, c, IMAGES, true, &vit) != TL_OK)
        fail_msg("%s: %s", what, tl_context_error(ctx)->text);
    tl_registry *registry = tl_model_registry(vit);
    MUST(ctx, tl_registry_init(ctx, registry, 4));
    tl_random r = tl_random_make(9, 9);
    float images[IMAGES * PIXELS], losses[11];
    int32_t targets[IMAGES];
    for (int i = 0; i < IMAGES * PIXELS; i++) images[i] = tl_random_normal(&r);
    for (int i = 0; i < IMAGES; i++) targets[i] = i % CLASSES;
    for (uint64_t t = 0; t <= 10; t++) {
        const tl_adamw_settings adamw = {.lr = 2e-3f,
                                         .beta1 = 0.9f,
                                         .beta2 = 0.999f,
                                         .eps = 1e-8f,
                                         .weight_decay = 0.05f,
                                         .gradient_scale = 1.0f,
                                         .step = t + 1};
        MUST(ctx, tl_model_set_batch(ctx, vit,
                                     &(tl_inputs){.count = IMAGES, .images = images, .targets = targets}));
        MUST(ctx, tl_model_forward(ctx, vit));
        MUST(ctx, tl_model_loss(ctx, vit, 0));
        MUST(ctx, tl_model_read_losses(ctx, vit, 0, 1, &losses[t]));
        MUST(ctx, tl_model_backward(ctx, vit));
        for (int i = 0; i < registry->count; i++) {
            tl_parameter *p = &registry->items[i];
            MUST(ctx, tl_adamw_step(ctx, p->value, p->gradient, p->moment1, p->moment2, &adamw));
        }
    }
    if (!(losses[10] < 0.97f * losses[0])) fail_msg("%s: loss %g, then %g", what, losses[0], losses[10]);
    tl_model_destroy(ctx, vit);
}

static void every_combination_learns(void **unused)
{
    tl_context *ctx = golden_context(TL_PATH_AUTO);
    char what[96];
    for (tl_roles roles = 1; roles <= TL_ROLE_QKV; roles++) {
        for (int op = TL_OP_TRANSLUTION; op <= TL_OP_ALPHA; op++) {
            tl_model_config c = model((tl_op_kind)op);
            c.relative = roles;
            snprintf(what, sizeof what, "op %d, roles %u", op, roles);
            learns(ctx, &c, what);
        }
    }
    for (int positions = TL_POSITIONS_NONE; positions <= TL_POSITIONS_SHAW; positions++) {
        for (int op = TL_OP_ATTENTION; op <= TL_OP_CONV; op++) {
            for (int pool = TL_POOL_CLS; pool <= TL_POOL_MEAN; pool++) {
                tl_model_config c = model((tl_op_kind)op);
                tl_error ignored;
                c.positions = (tl_positions)positions;
                c.pool = (tl_pool)pool;
                c.window = op == TL_OP_CONV;
                if (tl_model_check(&c, &ignored) != TL_OK) continue;
                snprintf(what, sizeof what, "op %d, positions %d, pool %d", op, positions, pool);
                learns(ctx, &c, what);
            }
        }
    }
    for (int sharing = TL_SHARING_NONE; sharing <= TL_SHARING_LOG; sharing++) {
        for (int op = TL_OP_ATTENTION; op <= TL_OP_CONV; op++) {
            tl_model_config c = model((tl_op_kind)op);
            tl_error ignored;
            c.sharing = (tl_sharing)sharing;
            c.sharing_radius = 1;
            c.window = 1;
            c.translution_layers = op == TL_OP_TRANSLUTION || op == TL_OP_ALPHA;
            if (tl_model_check(&c, &ignored) != TL_OK) continue;
            snprintf(what, sizeof what, "op %d, sharing %d, window", op, sharing);
            learns(ctx, &c, what);
        }
    }
    tl_context_destroy(ctx);
}

static void nonsense_is_refused(void **unused)
{
    const struct {
        tl_op_kind op;
        tl_positions positions;
        tl_roles relative;
        tl_sharing sharing;
        uint32_t window, layers;
        const char *word; /* in the message */
    } cases[] = {
        {TL_OP_ATTENTION, TL_POSITIONS_NONE, TL_ROLE_Q, TL_SHARING_NONE, 0, 0, "no relative roles"},
        {TL_OP_ATTENTION, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 0, 1, "no relative roles"},
        {TL_OP_ATTENTION, TL_POSITIONS_NONE, 0, TL_SHARING_CLIP, 0, 0, "nothing to share"},
        {TL_OP_TRANSLUTION, TL_POSITIONS_ROPE, 0, TL_SHARING_NONE, 0, 0, "no rotary positions"},
        {TL_OP_TRANSLUTION, TL_POSITIONS_SWIN, 0, TL_SHARING_NONE, 0, 0, "are attention's"},
        {TL_OP_ALPHA, TL_POSITIONS_SHAW, 0, TL_SHARING_NONE, 0, 0, "are attention's"},
        {TL_OP_TRANSLUTION, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 0, 3, "more than the depth"},
        {TL_OP_ALPHA_PURE, TL_POSITIONS_NONE, TL_ROLE_K, TL_SHARING_NONE, 0, 0,
         "no choice of relative roles"},
        {TL_OP_ABSOLUTE, TL_POSITIONS_NONE, 0, TL_SHARING_LOG, 0, 0, "a matrix for every pair"},
        {TL_OP_ABSOLUTE, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 1, 0, "a matrix for every pair"},
        {TL_OP_CONV, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 0, 0, "needs a window"},
        {TL_OP_CONV, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 1, 1, "no hybrid"},
        {TL_OP_CONV, TL_POSITIONS_NONE, TL_ROLE_Q, TL_SHARING_NONE, 1, 0, "no choice of relative roles"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_model_config c = model(cases[i].op);
        tl_error err = {0};
        c.positions = cases[i].positions;
        c.relative = cases[i].relative;
        c.sharing = cases[i].sharing;
        c.sharing_radius = 1;
        c.window = cases[i].window;
        c.translution_layers = cases[i].layers;
        assert_int_equal(tl_model_check(&c, &err), TL_ERROR_USAGE);
        if (strstr(err.text, cases[i].word) == NULL) fail_msg("case %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_the_formula),
        cmocka_unit_test(every_combination_learns),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
