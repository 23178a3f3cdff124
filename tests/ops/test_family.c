/* The whole family against its formulas (family_oracle.h): every operation's output, and its gradients by
 * differences of the formulas in double precision. */
#include "context.h"

#include "core/choices.h"
#include "core/random.h"
#include "family_oracle.h"
#include "ops/attention.h"
#include "ops/convit.h"

enum { SAMPLES = 36 }; /* elements of each gradient that are compared */

/* A tensor on the device, the same in double precision, and its gradient. */
typedef struct side {
    double *values;
    uint64_t count;
    tl_tensor *device, *gradient;
} side;

/* NaN everywhere: what is there before must not matter. */
static tl_tensor *unset(tl_context *ctx, uint64_t lead, uint64_t row)
{
    float *values = malloc(lead * row * sizeof *values);
    assert_non_null(values);
    for (uint64_t e = 0; e < lead * row; e++) values[e] = NAN;
    tl_tensor *t = upload(ctx, values, lead, row);
    free(values);
    return t;
}
#define unset(...) VALUE_FROM_HERE(unset(__VA_ARGS__))

static side make_side(tl_context *ctx, tli_random *r, uint64_t lead, uint64_t row, float scale)
{
    side s = {malloc(lead * row * sizeof *s.values), lead * row, NULL, NULL};
    float *values = malloc(s.count * sizeof *values);
    assert_true(s.values != NULL);
    assert_true(values != NULL);
    for (uint64_t e = 0; e < s.count; e++) s.values[e] = (double)(values[e] = scale * tli_random_normal(r));
    s.device = upload(ctx, values, lead, row);
    s.gradient = unset(ctx, lead, row);
    free(values);
    return s;
}
#define make_side(...) VALUE_FROM_HERE(make_side(__VA_ARGS__))

static void free_side(tl_context *ctx, side *s)
{
    tl_tensor_destroy(ctx, s->device), tl_tensor_destroy(ctx, s->gradient);
    free(s->values);
}

static void close_to(const char *what, const char *which, double error, double largest, double tolerance)
{
    if (!(error <= tolerance * largest) || !(largest > 0))
        fail_msg("%s, %s: error %g of %g", what, which, error, largest);
}
#define close_to(...) FROM_HERE(close_to(__VA_ARGS__))

/* Compares the side's gradient with the slopes of sum(o . d_o), which depends on its values. */
static void check_gradient(tl_context *ctx, const char *what, const char *which, side *p,
                           const tli_op_shape *s, const oracle_weights *w, const double *x, const double *d_o,
                           uint64_t outputs)
{
    const double h = 1e-4;
    const uint64_t stride = p->count > SAMPLES ? p->count / SAMPLES | 1 : 1;
    double error = 0, largest = 0, *o = malloc(outputs * sizeof *o);
    float *got = download(ctx, p->gradient);
    for (uint64_t e = 0; e < p->count; e += stride) {
        double slope = 0, kept = p->values[e];
        for (int sign = -1; sign <= 1; sign += 2) {
            p->values[e] = kept + sign * h;
            oracle_forward(s, w, x, o);
            for (uint64_t i = 0; i < outputs; i++) slope += sign * o[i] * d_o[i] / (2 * h);
        }
        p->values[e] = kept;
        const double off = fabs((double)got[e] - slope);
        if (isnan(off) || off > error) error = off; /* a NaN stays */
        if (fabs(slope) > largest) largest = fabs(slope);
    }
    free(o), free(got);
    close_to(what, which, error, largest, 2e-5);
}

static void check(tl_context *ctx, const tli_op_shape *s, const char *name)
{
    char what[160]; /* of the case, for messages */
    snprintf(what, sizeof what, "%s (positions %s)", name,
             tli_choice_shown(&tli_positions_choices, (int)s->positions));
    tli_random r = tli_random_make(11, tli_random_stream(what));
    const uint64_t tokens = tli_geometry_tokens(&s->geometry), width = (uint64_t)s->heads * s->head_dim;
    const uint64_t outputs = s->queries * s->batch * width;
    tli_op_parameter list[OP_MAX_PARAMETERS];
    side sides[OP_MAX_PARAMETERS];
    tli_op_tensors weights = {0}, gradients = {0};
    oracle_weights host = {{NULL}};
    const int count = tli_op_parameters(s, list);
    for (int i = 0; i < count; i++) {
        const bool table = list[i].rank == 3;
        const uint64_t a = list[i].shape[0], b = list[i].shape[1], c = list[i].shape[2];
        sides[i] = make_side(ctx, &r, table ? a : 1, table ? b * c : a * b, 0.4f);
        *tli_op_tensor(&weights, &list[i]) = sides[i].device;
        *tli_op_tensor(&gradients, &list[i]) = sides[i].gradient;
        for (int f = 0; f < FIELDS; f++)
            if (strcmp(field_names[f], list[i].field) == 0) host.at[f] = sides[i].values;
    }
    side x = make_side(ctx, &r, 1, tokens * s->batch * s->dim, 1.0f),
         d_o = make_side(ctx, &r, 1, outputs, 1.0f);
    tl_tensor *o = unset(ctx, 1, outputs), *workspace = unset(ctx, 1, tli_op_workspace_count(s) + 1);
    tli_op_state *state;
    MUST(ctx, tli_op_create(ctx, "op", s, &state));
    MUST(ctx, tli_op_forward(ctx, state, &weights, tli_at(x.device, 0), tli_at(o, 0), tli_at(workspace, 0)));
    MUST(ctx, tli_op_backward(ctx, state, &weights, tli_at(x.device, 0), tli_at(d_o.device, 0),
                              tli_at(x.gradient, 0), &gradients, tli_at(workspace, 0)));
    float *got = download(ctx, o);
    double *want = malloc(outputs * sizeof *want), error = 0, largest = 0;
    oracle_forward(s, &host, x.values, want);
    for (uint64_t e = 0; e < outputs; e++) {
        const double off = fabs((double)got[e] - want[e]);
        if (isnan(off) || off > error) error = off; /* a NaN stays */
        if (fabs(want[e]) > largest) largest = fabs(want[e]);
    }
    close_to(what, "o", error, largest, 5e-6);
    check_gradient(ctx, what, "x", &x, s, &host, x.values, d_o.values, outputs);
    for (int i = 0; i < count; i++)
        check_gradient(ctx, what, list[i].field, &sides[i], s, &host, x.values, d_o.values, outputs);
    free(got), free(want);
    for (int i = 0; i < count; i++) free_side(ctx, &sides[i]);
    free_side(ctx, &x), free_side(ctx, &d_o);
    tl_tensor_destroy(ctx, o), tl_tensor_destroy(ctx, workspace);
    tli_op_destroy(ctx, state);
}
#define check(...) FROM_HERE(check(__VA_ARGS__))

static const tli_geometry wide = {.kind = TLI_GRID, .height = 2, .width = 7, .cls = 1},
                          pool = {.kind = TLI_GRID, .height = 3, .width = 4},
                          cube = {.kind = TLI_GRID, .depth = 2, .height = 3, .width = 2, .cls = 1},
                          line = {.kind = TLI_CAUSAL, .height = 1, .width = 11, .max_length = 14};

/* The base shape with what the case changes. */
#define CASE(op, grid, ...)                                                                                  \
    do {                                                                                                     \
        tli_op_shape s = {.kind = (op),                                                                      \
                          .geometry = (grid),                                                                \
                          .batch = 2,                                                                        \
                          .dim = 6,                                                                          \
                          .heads = 2,                                                                        \
                          .head_dim = 4,                                                                     \
                          .relenc_dim = 2};                                                                  \
        s.queries = tli_geometry_tokens(&s.geometry);                                                        \
        __VA_ARGS__;                                                                                         \
        check(ctx, &s, #op " " #grid " " #__VA_ARGS__);                                                      \
    } while (0)
#define WINDOW(r) s.geometry.window = (r)
#define CLIP(r)   s.geometry.sharing = TL_SHARING_CLIP, s.geometry.sharing_radius = (r)
#define LOG(r)    s.geometry.sharing = TL_SHARING_LOG, s.geometry.sharing_radius = (r)
#define ONE_QUERY s.queries = 1
#define ABSOLUTE  s.geometry.absolute = true

static void translution_and_alpha(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    CASE(TL_OP_TRANSLUTION, wide, s.save_pairs = true);
    CASE(TL_OP_TRANSLUTION, wide, ONE_QUERY);
    CASE(TL_OP_TRANSLUTION, pool, s.relative = TL_ROLE_Q | TL_ROLE_V);
    CASE(TL_OP_TRANSLUTION, cube, s.save_pairs = false);
    CASE(TL_OP_TRANSLUTION, cube, s.relative = TL_ROLE_K);
    CASE(TL_OP_TRANSLUTION, line, s.relative = TL_ROLE_V);
    CASE(TL_OP_ALPHA, pool, s.relative = TL_ROLE_QKV);
    CASE(TL_OP_ALPHA, cube, s.relative = TL_ROLE_V);
    CASE(TL_OP_ALPHA, line, s.relative = TL_ROLE_Q);
    CASE(TL_OP_ALPHA, wide, s.positions = TL_POSITIONS_ROPE);
    CASE(TL_OP_ALPHA, wide, ONE_QUERY);
    CASE(TL_OP_ALPHA, wide, ONE_QUERY, s.relative = TL_ROLE_V);
    CASE(TL_OP_TRANSLUTION, wide, ONE_QUERY, s.relative = TL_ROLE_V);
    CASE(TL_OP_TRANSLUTION, wide, ONE_QUERY, s.relative = TL_ROLE_K);
    CASE(TL_OP_TRANSLUTION, wide, ONE_QUERY, s.relative = TL_ROLE_K | TL_ROLE_V);
    CASE(TL_OP_ALPHA_PURE, wide, ONE_QUERY);
    CASE(TL_OP_ALPHA, cube, s.positions = TL_POSITIONS_ROPE, s.head_dim = 8);
    CASE(TL_OP_ALPHA_PURE, wide, s.save_pairs = false);
    CASE(TL_OP_ALPHA_PURE, line, WINDOW(4));
    tl_context_destroy(ctx);
}

/* From a batch of four on, narrow rows take kernels of their own on CPUs: batches below, at and past a block of theirs, every
 * combination of roles, fewer queries than keys, causal sequences and pairs left out by a window. */
#define NARROW(b) s.batch = (b), s.dim = 12, s.heads = 3, s.head_dim = 4, s.relenc_dim = 4
static void narrow_rows(void **unused)
{
    static const uint32_t batches[] = {4, 5, 8, 9, 19, 33};
    tl_context *ctx = new_context(TL_PATH_AUTO);
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        CASE(TL_OP_ALPHA, wide, NARROW(batches[b]));
        CASE(TL_OP_TRANSLUTION, pool, NARROW(batches[b]));
    }
    for (tl_roles roles = 1; roles <= TL_ROLE_QKV; roles++) {
        CASE(TL_OP_ALPHA, cube, NARROW(6), s.relative = roles);
        CASE(TL_OP_TRANSLUTION, pool, NARROW(6), s.relative = roles);
        CASE(TL_OP_TRANSLUTION, wide, NARROW(6), s.relative = roles, ONE_QUERY);
    }
    CASE(TL_OP_ALPHA, wide, NARROW(7), ONE_QUERY);
    CASE(TL_OP_ALPHA, line, NARROW(7));
    CASE(TL_OP_ALPHA, line, NARROW(7), WINDOW(3), LOG(1));
    CASE(TL_OP_ALPHA, wide, NARROW(7), s.relenc_dim = 5);
    CASE(TL_OP_ALPHA_PURE, wide, NARROW(7), CLIP(1));
    CASE(TL_OP_TRANSLUTION, wide, NARROW(7), s.dim = 15, WINDOW(2), s.save_pairs = true);
    CASE(TL_OP_ABSOLUTE, pool, NARROW(7), ABSOLUTE);
    CASE(TL_OP_CONV, wide, NARROW(7), WINDOW(1));
    tl_context_destroy(ctx);
}

static void windows_and_sharing(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    CASE(TL_OP_TRANSLUTION, cube, WINDOW(1));
    CASE(TL_OP_TRANSLUTION, wide, WINDOW(2));
    CASE(TL_OP_TRANSLUTION, wide, CLIP(2));
    CASE(TL_OP_TRANSLUTION, wide, LOG(1));
    CASE(TL_OP_TRANSLUTION, wide, LOG(2), WINDOW(5));
    CASE(TL_OP_TRANSLUTION, line, WINDOW(4));
    CASE(TL_OP_TRANSLUTION, line, CLIP(3));
    CASE(TL_OP_TRANSLUTION, line, LOG(2));
    CASE(TL_OP_ALPHA, wide, CLIP(1), WINDOW(3));
    CASE(TL_OP_ALPHA, line, LOG(1));
    CASE(TL_OP_ATTENTION, wide, WINDOW(2));
    tl_context_destroy(ctx);
}

static void baselines(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    CASE(TL_OP_ABSOLUTE, wide, ABSOLUTE);
    CASE(TL_OP_ABSOLUTE, cube, ABSOLUTE, s.relative = TL_ROLE_K);
    CASE(TL_OP_ABSOLUTE, wide, ABSOLUTE, ONE_QUERY);
    CASE(TL_OP_CONV, wide, WINDOW(1), ONE_QUERY);
    CASE(TL_OP_ATTENTION, wide, ONE_QUERY);
    CASE(TL_OP_ATTENTION, wide, ONE_QUERY, s.positions = TL_POSITIONS_SHAW, WINDOW(2));
    CASE(TL_OP_CONV, wide, WINDOW(1));
    CASE(TL_OP_CONV, cube, WINDOW(1), s.geometry.cls = 0, s.queries = 12);
    CASE(TL_OP_CONV, line, WINDOW(2));
    CASE(TL_OP_ATTENTION, line, s.positions = TL_POSITIONS_SWIN, WINDOW(3));
    CASE(TL_OP_ATTENTION, line, s.positions = TL_POSITIONS_SHAW, CLIP(2));
    CASE(TL_OP_ATTENTION, pool, s.positions = TL_POSITIONS_CONVIT, WINDOW(2));
    tl_context_destroy(ctx);
}

/* Attention with every kind of positions: planes, sequences, volumes, windows, one query. */
static void attention_with_positions(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    for (int p = 0; p < tli_positions_choices.count; p++) {
        const tl_positions kind = (tl_positions)tli_positions_choices.items[p].value;
        CASE(TL_OP_ATTENTION, wide, s.positions = kind);
        CASE(TL_OP_ATTENTION, wide, s.positions = kind, ONE_QUERY);
        CASE(TL_OP_ATTENTION, pool, s.positions = kind, WINDOW(2));
        CASE(TL_OP_ATTENTION, line, s.positions = kind);
        CASE(TL_OP_ATTENTION, line, s.positions = kind, WINDOW(3));
        CASE(TL_OP_ATTENTION, cube, s.positions = kind, s.head_dim = 8);
        CASE(TL_OP_ATTENTION, line, s.positions = kind, s.heads = 3);
        CASE(TL_OP_ATTENTION, line, s.positions = kind, s.heads = 6, s.head_dim = 2);
    }
    tl_context_destroy(ctx);
}

/* At its start every head of ConViT looks at a patch of its own among the nine around the query, itself among
 * them, and the class token has no place yet. */
static void local_start(void **unused)
{
    const tli_op_shape s = {.geometry = {.kind = TLI_GRID, .height = 5, .width = 5, .cls = 1},
                            .heads = 9,
                            .positions = TL_POSITIONS_CONVIT};
    const int query = 1 + 2 * 5 + 2;
    float w[9 * 6];
    double weights[9 * 6];
    bool taken[26] = {false};
    tli_convit_local(9, 2, 6, w);
    for (int i = 0; i < 9 * 6; i++) weights[i] = (double)w[i];
    for (int h = 0; h < 9; h++) {
        int best = 1;
        for (int j = 2; j < 26; j++)
            if (oracle_position(&s, weights, h, query, j) > oracle_position(&s, weights, h, query, best))
                best = j;
        assert_true(abs((best - 1) / 5 - 2) <= 1);
        assert_true(abs((best - 1) % 5 - 2) <= 1);
        assert_true(!taken[best]);
        taken[best] = true;
        assert_true(w[h * 6 + 3] == 0);
        assert_true(w[h * 6 + 4] == 0);
        assert_true(w[h * 6 + 5] == 0);
    }
    tli_convit_local(2, 3, 4, w); /* fewer heads than a grid of them has places */
    assert_true(w[0] == -1);
    assert_true(w[1] == -1);
    assert_true(w[4] == -1);
    assert_true(w[5] == 1);
    assert_true(w[6] == -1);
    assert_true(w[7] == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translution_and_alpha),    cmocka_unit_test(narrow_rows),
        cmocka_unit_test(windows_and_sharing),      cmocka_unit_test(baselines),
        cmocka_unit_test(attention_with_positions), cmocka_unit_test(local_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
