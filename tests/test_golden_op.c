/* The bare operations against the golden vectors: from inter.xn to inter.o and back, with every gradient. */
#include "golden.h"

#include "ops/attention_like.h"

enum { BATCH = 2, DIM = 12, HEADS = 3, HEAD_DIM = 4, RELENC = 2 };

/* One weight: the golden name, the slot, and whether it is a table with a leading offset axis. */
typedef struct slot {
    const char *name;
    size_t at; /* in tl_op_weights */
} slot;

#define AT(field) offsetof(tl_op_weights, field)
static const slot attention_slots[] = {{"to_qkv.weight", AT(qkv)}, {NULL, 0}};
static const slot translution_slots[] = {
    {"to_q.unique_params", AT(q)}, {"to_k.unique_params", AT(k)}, {"to_v.unique_params", AT(v)}, {NULL, 0}};
static const slot alpha_slots[] = {
    {"to_qkv.weight", AT(qkv)},     {"to_q1.weight", AT(a_q)},      {"to_k1.weight", AT(a_k)},
    {"to_v1.weight", AT(a_v)},      {"to_q2.unique_params", AT(q)}, {"to_k2.unique_params", AT(k)},
    {"to_v2.unique_params", AT(v)}, {"to_v3.weight", AT(v3)},       {NULL, 0}};

static tl_tensor **member(tl_op_weights *w, size_t at)
{
    return (tl_tensor **)((char *)w + at);
}

static float *read_swapped(tl_safetensors *st, const char *name, uint64_t tokens)
{
    float *raw = golden_read(st, name, NULL), *swapped = golden_swap(raw, BATCH, tokens, DIM);
    free(raw);
    return swapped;
}

static void check(const char *file, tl_op_kind kind, const slot *slots, bool causal, tl_kernel_path path)
{
    tl_context *ctx = golden_context(path);
    tl_safetensors st = golden_open(file);
    const tl_geometry geometry =
        causal ? (tl_geometry){.kind = TL_CAUSAL, .height = 1, .width = 7, .max_length = 7}
               : (tl_geometry){.kind = TL_GRID, .height = 3, .width = 4, .cls = 1};
    const uint32_t tokens = tl_geometry_tokens(&geometry);
    const tl_op_shape shape = {.kind = kind,
                               .geometry = geometry,
                               .batch = BATCH,
                               .dim = DIM,
                               .heads = HEADS,
                               .head_dim = HEAD_DIM,
                               .relenc_dim = RELENC,
                               .queries = tokens};
    tl_op_weights weights = {0}, gradients = {0};
    for (const slot *s = slots; s->name != NULL; s++) {
        uint64_t count;
        float *values = golden_read(&st, s->name, &count);
        const tl_st_entry *e = tl_st_find(&st, s->name);
        const uint64_t lead = e->rank == 3 ? e->shape[0] : 1;
        *member(&weights, s->at) = golden_upload(ctx, values, lead, count / lead);
        *member(&gradients, s->at) = golden_upload(ctx, NULL, lead, count / lead);
        free(values);
    }
    tl_op_state *state = NULL;
    MUST(ctx, tl_op_create(ctx, "op", &shape, &state));
    const uint64_t count = (uint64_t)tokens * BATCH * DIM;
    float *xn = read_swapped(&st, "inter.xn", tokens), *want_o = read_swapped(&st, "inter.o", tokens);
    float *d_o = read_swapped(&st, "inter.d_o", tokens), *want_dx = read_swapped(&st, "inter.d_xn", tokens);
    tl_tensor *x = golden_upload(ctx, xn, 1, count), *o = golden_upload(ctx, NULL, 1, count);
    tl_tensor *dout = golden_upload(ctx, d_o, 1, count), *dx = golden_upload(ctx, NULL, 1, count);
    tl_tensor *workspace = golden_upload(ctx, NULL, 1, tl_op_workspace_count(&shape));

    /* Twice: nothing may depend on what a first step left behind. */
    for (int round = 0; round < 2; round++) {
        MUST(ctx, tl_op_forward(ctx, state, &weights, tl_at(x, 0), tl_at(o, 0), tl_at(workspace, 0)));
        MUST(ctx, tl_op_backward(ctx, state, &weights, tl_at(x, 0), tl_at(dout, 0), tl_at(dx, 0), &gradients,
                                 tl_at(workspace, 0)));
        float *got = golden_download(ctx, o);
        golden_compare("o", got, want_o, count, 5e-6);
        free(got);
        got = golden_download(ctx, dx);
        golden_compare("dx", got, want_dx, count, 1e-5);
        free(got);
        for (const slot *s = slots; s->name != NULL; s++) {
            char name[128];
            uint64_t n;
            snprintf(name, sizeof name, "grad.%s", s->name);
            float *want = golden_read(&st, name, &n);
            got = golden_download(ctx, *member(&gradients, s->at));
            golden_compare(name, got, want, n, 1e-5);
            free(want);
            free(got);
        }
    }
    free(xn), free(want_o), free(d_o), free(want_dx);
    tl_op_destroy(ctx, state);
    tl_context_destroy(ctx);
    tl_st_close(&st);
}

#define CASE(name, file, kind, slots, causal)                                                                \
    static void name(void **unused)                                                                          \
    {                                                                                                        \
        check(file, kind, slots, causal, TL_PATH_CPU);                                                       \
        check(file, kind, slots, causal, TL_PATH_GPU);                                                       \
    }
CASE(grid_attention, "op2d_attn", TL_OP_ATTENTION, attention_slots, false)
CASE(grid_translution, "op2d_qkv", TL_OP_TRANSLUTION, translution_slots, false)
CASE(grid_alpha, "op2d_lor_qkv", TL_OP_ALPHA, alpha_slots, false)
CASE(causal_attention, "op1d_attn", TL_OP_ATTENTION, attention_slots, true)
CASE(causal_translution, "op1d_qkv", TL_OP_TRANSLUTION, translution_slots, true)
CASE(causal_alpha, "op1d_lor_qkv", TL_OP_ALPHA, alpha_slots, true)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grid_attention),     cmocka_unit_test(grid_translution),
        cmocka_unit_test(grid_alpha),         cmocka_unit_test(causal_attention),
        cmocka_unit_test(causal_translution), cmocka_unit_test(causal_alpha),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
