/* The bare operations against the golden vectors: from inter.xn to inter.o and back, with every gradient. */
#include "golden.h"

#include "ops/attention.h"

enum { BATCH = 2, DIM = 12, HEADS = 3, HEAD_DIM = 4, RELENC = 2 };

static float *read_swapped(tli_safetensors *st, const char *name, uint64_t tokens)
{
    float *raw = golden_read(st, name, NULL), *swapped = golden_swap(raw, BATCH, tokens, DIM);
    free(raw);
    return swapped;
}

/* A golden file's operation. */
typedef struct spec {
    const char *file;
    tl_op_kind kind;
    tl_roles relative;
    bool rotary;
} spec;

static void check_at(const char *file, int line, tl_context *ctx, const spec *op, tl_kernel_path path)
{
    const bool causal = strncmp(op->file, "op1d", 4) == 0;
    tli_safetensors st = golden_open(op->file);
    const tli_geometry geometry =
        causal ? (tli_geometry){.kind = TLI_CAUSAL, .height = 1, .width = 7, .max_length = 7}
               : (tli_geometry){.kind = TLI_GRID, .height = 3, .width = 4, .cls = 1};
    const uint32_t tokens = tli_geometry_tokens(&geometry);
    const tli_op_shape shape = {.kind = op->kind,
                                .relative = op->relative,
                                .positions = op->rotary ? TL_POSITIONS_ROPE : TL_POSITIONS_NONE,
                                .save_pairs = path == TL_PATH_CPU,
                                .geometry = geometry,
                                .batch = BATCH,
                                .dim = DIM,
                                .heads = HEADS,
                                .head_dim = HEAD_DIM,
                                .relenc_dim = RELENC,
                                .queries = tokens};
    tli_op_tensors weights = {0}, gradients = {0};
    tli_op_parameter list[OP_MAX_PARAMETERS];
    const int parameters = tli_op_parameters(&shape, list);
    for (int i = 0; i < parameters; i++) {
        uint64_t count;
        float *values = golden_read(&st, list[i].name, &count);
        const tli_st_entry *e = tli_st_find(&st, list[i].name);
        assert_int_equal(e->rank, list[i].rank);
        for (uint32_t d = 0; d < e->rank; d++) assert_int_equal(e->shape[d], list[i].shape[d]);
        const uint64_t lead = e->rank == 3 ? e->shape[0] : 1;
        *tli_op_tensor(&weights, &list[i]) = upload(ctx, values, lead, count / lead);
        *tli_op_tensor(&gradients, &list[i]) = upload(ctx, NULL, lead, count / lead);
        free(values);
    }
    int stored = 0; /* the file's own: without gradients, rows, LayerNorm and output projection */
    for (int i = 0; i < st.count; i++)
        stored += strncmp(st.entries[i].name, "to_", 3) == 0 && strncmp(st.entries[i].name, "to_out", 6) != 0;
    assert_int_equal(stored, parameters);
    tli_op_state *state = NULL;
    MUST(ctx, tli_op_create(ctx, "op", &shape, &state));
    const uint64_t count = (uint64_t)tokens * BATCH * DIM;
    float *xn = read_swapped(&st, "inter.xn", tokens), *want_o = read_swapped(&st, "inter.o", tokens);
    float *d_o = read_swapped(&st, "inter.d_o", tokens), *want_dx = read_swapped(&st, "inter.d_xn", tokens);
    tl_tensor *x = upload(ctx, xn, 1, count), *o = upload(ctx, NULL, 1, count);
    tl_tensor *dout = upload(ctx, d_o, 1, count), *dx = upload(ctx, NULL, 1, count);
    tl_tensor *workspace = upload(ctx, NULL, 1, tli_op_workspace_count(&shape));

    /* Twice: nothing may depend on what a first step left behind. */
    for (int round = 0; round < 2; round++) {
        MUST(ctx, tli_op_forward(ctx, state, &weights, tli_at(x, 0), tli_at(o, 0), tli_at(workspace, 0)));
        MUST(ctx, tli_op_backward(ctx, state, &weights, tli_at(x, 0), tli_at(dout, 0), tli_at(dx, 0),
                                  &gradients, tli_at(workspace, 0)));
        float *got = download(ctx, o);
        assert_close_at(file, line, "o", got, want_o, count, 5e-6);
        free(got);
        got = download(ctx, dx);
        assert_close_at(file, line, "dx", got, want_dx, count, 1e-5);
        free(got);
        for (int i = 0; i < parameters; i++) {
            char name[128];
            uint64_t n;
            snprintf(name, sizeof name, "grad.%s", list[i].name);
            float *want = golden_read(&st, name, &n);
            got = download(ctx, *tli_op_tensor(&gradients, &list[i]));
            assert_close_at(file, line, name, got, want, n, 1e-5);
            free(want);
            free(got);
        }
    }
    free(xn), free(want_o), free(d_o), free(want_dx);
    tl_tensor *const used[] = {x, o, dout, dx, workspace};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) tl_tensor_destroy(ctx, used[i]);
    for (int i = 0; i < parameters; i++) {
        tl_tensor_destroy(ctx, *tli_op_tensor(&weights, &list[i]));
        tl_tensor_destroy(ctx, *tli_op_tensor(&gradients, &list[i]));
    }
    tli_op_destroy(ctx, state);
    tli_st_close(&st);
}
#define check(...) check_at(HERE, __VA_ARGS__)

enum { R_Q = TL_ROLE_Q, R_K = TL_ROLE_K, R_V = TL_ROLE_V };
static const spec grid[] = {
    {"op2d_attn", TL_OP_ATTENTION, 0, false},         {"op2d_rope_attn", TL_OP_ATTENTION, 0, true},
    {"op2d_qkv", TL_OP_TRANSLUTION, 0, false},        {"op2d_kv", TL_OP_TRANSLUTION, R_K | R_V, false},
    {"op2d_qk", TL_OP_TRANSLUTION, R_Q | R_K, false}, {"op2d_qv", TL_OP_TRANSLUTION, R_Q | R_V, false},
    {"op2d_q", TL_OP_TRANSLUTION, R_Q, false},        {"op2d_k", TL_OP_TRANSLUTION, R_K, false},
    {"op2d_v", TL_OP_TRANSLUTION, R_V, false},        {"op2d_lor_qkv", TL_OP_ALPHA, 0, false},
    {"op2d_lor_kv", TL_OP_ALPHA, R_K | R_V, false},   {"op2d_lor_qk", TL_OP_ALPHA, R_Q | R_K, false},
    {"op2d_lor_qv", TL_OP_ALPHA, R_Q | R_V, false},   {"op2d_lor_q", TL_OP_ALPHA, R_Q, false},
    {"op2d_lor_k", TL_OP_ALPHA, R_K, false},          {"op2d_lor_v", TL_OP_ALPHA, R_V, false},
    {"op2d_lor_rope_v", TL_OP_ALPHA, R_V, true},
};
static const spec causal[] = {
    {"op1d_attn", TL_OP_ATTENTION, 0, false},         {"op1d_rope_attn", TL_OP_ATTENTION, 0, true},
    {"op1d_qkv", TL_OP_TRANSLUTION, 0, false},        {"op1d_kv", TL_OP_TRANSLUTION, R_K | R_V, false},
    {"op1d_qk", TL_OP_TRANSLUTION, R_Q | R_K, false}, {"op1d_qv", TL_OP_TRANSLUTION, R_Q | R_V, false},
    {"op1d_q", TL_OP_TRANSLUTION, R_Q, false},        {"op1d_k", TL_OP_TRANSLUTION, R_K, false},
    {"op1d_v", TL_OP_TRANSLUTION, R_V, false},        {"op1d_lor_qkv", TL_OP_ALPHA, 0, false},
    {"op1d_lor_kv", TL_OP_ALPHA, R_K | R_V, false},   {"op1d_lor_qk", TL_OP_ALPHA, R_Q | R_K, false},
    {"op1d_lor_qv", TL_OP_ALPHA, R_Q | R_V, false},   {"op1d_lor_q", TL_OP_ALPHA, R_Q, false},
    {"op1d_lor_k", TL_OP_ALPHA, R_K, false},          {"op1d_lor_v", TL_OP_ALPHA, R_V, false},
};

/* One context for a whole list: each would build all of its programs anew. */
#define CASE(name, list, path)                                                                               \
    static void name(void **unused)                                                                          \
    {                                                                                                        \
        if (same_as_plain_run(path)) return;                                                                 \
        tl_context *ctx = new_context(path);                                                                 \
        for (size_t i = 0; i < sizeof(list) / sizeof *(list); i++) check(ctx, &(list)[i], path);             \
        tl_context_destroy(ctx);                                                                             \
    }
CASE(grid_cpu, grid, TL_PATH_CPU)
CASE(grid_gpu, grid, TL_PATH_GPU)
CASE(causal_cpu, causal, TL_PATH_CPU)
CASE(causal_gpu, causal, TL_PATH_GPU)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grid_cpu),
        cmocka_unit_test(grid_gpu),
        cmocka_unit_test(causal_cpu),
        cmocka_unit_test(causal_gpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
