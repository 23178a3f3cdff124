/* Every operation, forward and backward, and a training step of every task, as small as they can be: for oclgrind, which
 * simulates a device and looks for wrong accesses, races between work-items and reads of what nobody wrote.
 *   test_simulator [cpu|gpu [TEST]]     the family of tiled kernels; without a word: both; only the tests whose name TEST matches */
#include "products.h"
#include "runs.h"

#include "ops/gemm_tensor.h"
#include "ops/loss.h"
#include "ops/offset_gemm_tensor.h"

#include <CL/cl.h>

/* The simulator does not notice that this call writes; a plain write it does. */
cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer, const void *pattern, size_t pattern_size,
                           size_t offset, size_t size, cl_uint waits, const cl_event *list, cl_event *event)
{
    unsigned char *bytes = malloc(size);
    if (bytes == NULL) return CL_OUT_OF_HOST_MEMORY;
    for (size_t i = 0; i < size; i++) bytes[i] = ((const unsigned char *)pattern)[i % pattern_size];
    const cl_int code = clEnqueueWriteBuffer(queue, buffer, CL_TRUE, offset, size, bytes, waits, list, event);
    free(bytes);
    return code;
}

static tl_kernel_path path;

static void run_layer(tl_context *ctx, const tl_layer_config *c)
{
    tl_layer *layer = NULL;
    MUST(ctx, tl_layer_create(ctx, c, 1, &layer));
    const uint64_t rows = (uint64_t)tl_layer_tokens(c) * c->batch, in = rows * c->dim,
                   out = rows * c->heads * c->head_dim;
    float *values = calloc(in > out ? in : out, sizeof *values);
    assert_non_null(values);
    for (uint64_t i = 0; i < (in > out ? in : out); i++) values[i] = (float)((i * 7) % 13) / 13.0f - 0.4f;
    tl_tensor *x = upload(ctx, values, 1, in), *d_o = upload(ctx, values, 1, out),
              *o = upload(ctx, NULL, 1, out), *dx = upload(ctx, NULL, 1, in);
    free(values);
    MUST(ctx, tl_layer_forward(ctx, layer, x, o));
    MUST(ctx, tl_layer_backward(ctx, layer, x, d_o, dx));
    float *got = download(ctx, dx);
    for (uint64_t i = 0; i < in; i++) assert_true(isfinite(got[i]));
    free(got);
    tl_tensor_destroy(ctx, x), tl_tensor_destroy(ctx, o), tl_tensor_destroy(ctx, d_o),
        tl_tensor_destroy(ctx, dx);
    tl_layer_destroy(ctx, layer);
}
#define run_layer(...) FROM_HERE(run_layer(__VA_ARGS__))

static void operations(void **unused)
{
    tl_context *ctx = new_context(path);
    for (int op = TL_OP_ATTENTION; op <= TL_OP_CONV; op++) {
        tl_layer_config c = {.size = sizeof c,
                             .op = (tl_op_kind)op,
                             .height = 2,
                             .width = 3,
                             .cls = op != TL_OP_CONV,
                             .batch = 2,
                             .dim = 6,
                             .heads = 2,
                             .head_dim = 3,
                             .relenc_dim = 2,
                             .window = op == TL_OP_CONV ? 1 : 0};
        run_layer(ctx, &c);
        if (op == TL_OP_ALPHA) { /* a batch from which on narrow rows have kernels of their own */
            tl_layer_config narrow = c;
            narrow.batch = 5, narrow.relenc_dim = 3;
            run_layer(ctx, &narrow);
        }
        for (int p = TL_POSITIONS_ROPE; p <= TL_POSITIONS_ALIBI; p++) {
            tl_layer_config with = c;
            with.positions = (tl_positions)p, with.head_dim = 4; /* rotary ones turn pairs of both axes */
            if (op == TL_OP_ATTENTION) run_layer(ctx, &with);
        }
        if (op == TL_OP_ABSOLUTE || op == TL_OP_CONV) continue;
        c.cls = false, c.causal = true, c.height = 1, c.width = 5;
        run_layer(ctx, &c);
        c.positions = op == TL_OP_ATTENTION || op == TL_OP_ALPHA ? TL_POSITIONS_ROPE : TL_POSITIONS_NONE;
        c.head_dim = 4, c.window = 3;
        if (op != TL_OP_ATTENTION) c.sharing = TL_SHARING_CLIP, c.sharing_radius = 2; /* it has no tables */
        run_layer(ctx, &c);
    }
    tl_context_destroy(ctx);
}

/* Gradients in the place of the logits, as a GPT has them: no work-item may write before all have read the target's. */
static void loss_in_place(void **unused)
{
    enum { ROWS = 2, CLASSES = 70 };
    float logits[ROWS * CLASSES];
    const int32_t targets[ROWS] = {66, 3};
    for (int i = 0; i < ROWS * CLASSES; i++) logits[i] = (float)((i * 7) % 13) / 13.0f - 0.4f;
    tl_context *ctx = new_context(path);
    tl_tensor *x = upload(ctx, logits, 1, ROWS * CLASSES), *y = upload(ctx, NULL, 1, ROWS),
              *losses = upload(ctx, NULL, 1, ROWS), *ranks = upload(ctx, NULL, 1, ROWS);
    MUST(ctx, tl_tensor_write(ctx, y, 0, ROWS, targets));
    MUST(ctx, tli_cross_entropy(ctx, tli_at(x, 0), tli_at(y, 0), tli_at(losses, 0), tli_at(ranks, 0),
                                tli_at(x, 0), 1.0f, ROWS, CLASSES));
    float *gradients = download(ctx, x);
    for (int i = 0; i < ROWS * CLASSES; i++) assert_true((gradients[i] < 0) == (i == 66 || i == CLASSES + 3));
    free(gradients);
    tl_context_destroy(ctx);
}

/* By tiles that the tests of operations do not have: of 32, whose results have four work-items each, and of 128, which only plain
 * products have. Neither is full, and the last slice is not. */
static void products_by_other_tiles(void **unused)
{
    static const uint32_t sides[] = {32, 128};
    enum { TRANSPOSITIONS = 4 };
    tl_context *ctx = new_context(path);
    for (size_t side = 0; side < (path == TL_PATH_GPU ? sizeof sides / sizeof *sides : 1); side++) {
        tli_context_set_tile(ctx, sides[side]);
        for (int t = 0; t < TRANSPOSITIONS; t++) {
            const product_case c = {{33, 70, 21}, t & 1, t >> 1, 0.5f, -2.0f, ALL_EXTRAS, 1, 1, false};
            product_is_right(ctx, tli_gemm, TL_PRECISION_FP32, &c);
        }
    }
    tl_context_destroy(ctx);
}

/* Two tiles, neither of which is full, and slices of which one is not; buffers end where the operands end. */
static void tensor_core_products(void **unused)
{
    static const struct {
        tli_matrix_unit unit;
        tl_precision precision;
    } kinds[] = {{TLI_UNIT_MMA, TL_PRECISION_TF32X3}, {TLI_UNIT_MMA, TL_PRECISION_BF16},
                 {TLI_UNIT_MFMA, TL_PRECISION_FP32},  {TLI_UNIT_MFMA, TL_PRECISION_BF16},
                 {TLI_UNIT_DPAS8, TL_PRECISION_BF16}, {TLI_UNIT_DPAS16, TL_PRECISION_BF16}};
    enum { TRANSPOSITIONS = 4, CASES = TRANSPOSITIONS * (int)(sizeof kinds / sizeof *kinds) };
    tl_context *ctx = new_context(path);
    skip_without_matrix_units(ctx);
    for (int i = 0; i < CASES; i++) {
        const int t = i % TRANSPOSITIONS, kind = i / TRANSPOSITIONS;
        const product_case c = {{33, 70, 37}, t & 1, t >> 1, 0.5f, -2.0f, kind == 0 ? ALL_EXTRAS : 0, 1, 1,
                                false};
        MUST(ctx, tli_matrix_unit_emulate(ctx, kinds[kind].unit));
        MUST(ctx, tli_matrix_unit_use(ctx, kinds[kind].precision));
        product_is_right(ctx, tli_gemm_tensor, kinds[kind].precision, &c);
    }
    tl_context_destroy(ctx);
}

/* Translution's products, forward and backward, of two tokens: tiles that are nearly empty. */
static void tensor_core_products_by_offset(void **unused)
{
    static const struct {
        tli_matrix_unit unit;
        tl_precision precision;
    } kinds[] = {{TLI_UNIT_MMA, TL_PRECISION_TF32},
                 {TLI_UNIT_MFMA, TL_PRECISION_BF16},
                 {TLI_UNIT_DPAS16, TL_PRECISION_BF16}};
    const tl_layer_config c = {.size = sizeof c,
                               .op = TL_OP_TRANSLUTION,
                               .height = 1,
                               .width = 1,
                               .cls = true,
                               .batch = 1,
                               .dim = 6,
                               .heads = 1,
                               .head_dim = 5,
                               .relative = TL_ROLE_QKV};
    tl_context *ctx = new_context(path);
    skip_without_matrix_units(ctx);
    tli_context_set_tile(ctx, tli_offset_gemm_tensor_tile().side);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        MUST(ctx, tli_matrix_unit_emulate(ctx, kinds[i].unit));
        MUST(ctx, tli_matrix_unit_use(ctx, kinds[i].precision));
        run_layer(ctx, &c);
    }
    tl_context_destroy(ctx);
}

static void train_task(const char *task, tl_op_kind op)
{
    char name[40];
    tl_settings s;
    tl_result result;
    if (!tl_settings_default(&s, task)) fail_msg("no task %s", task);
    const tl_settings small = small_run(op, "");
    snprintf(name, sizeof name, "%s-%d-%d", task, (int)op, (int)path);
    snprintf(s.run.out, sizeof s.run.out, "%s/%s", folder, name);
    s.model.op = op, s.model.positions = small.model.positions;
    s.model.dim = 4, s.model.depth = 1, s.model.heads = 2, s.model.head_dim = 2, s.model.mlp_dim = 6;
    s.model.relenc_dim = 2;
    if (s.model.arch == TL_ARCH_GPT)
        s.model.seq_len = 4, s.model.vocab_size = 31;
    else if (strcmp(task, "mnist") == 0)
        s.model.image_height = s.model.image_width = 28, s.model.patch_height = s.model.patch_width = 14;
    else
        s.model.image_height = s.model.image_width = 8, s.model.patch_height = s.model.patch_width = 4;
    s.training.optimizer = s.model.arch == TL_ARCH_GPT ? TL_OPTIMIZER_LION : TL_OPTIMIZER_ADAMW;
    s.training.limit_train = 3, s.training.limit_test = 2, s.training.batch_size = 2,
    s.run.exact_batch = true, s.training.steps = 2, s.training.grad_clip = 0.5f;
    tl_context *ctx = new_context(path);
    MUST(ctx, tl_train(ctx, &s, NULL, &result));
    tl_context_destroy(ctx);
}
#define train_task(...) FROM_HERE(train_task(__VA_ARGS__))

static void training(void **unused)
{
    static const char *const tasks[] = {"mnist", "vit", "gpt"};
    for (int i = 0; i < 3; i++)
        train_task(tasks[i], i == 0 ? TL_OP_ALPHA : i == 1 ? TL_OP_TRANSLUTION : TL_OP_ATTENTION);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loss_in_place),
                                       cmocka_unit_test(operations),
                                       cmocka_unit_test(products_by_other_tiles),
                                       cmocka_unit_test(tensor_core_products),
                                       cmocka_unit_test(tensor_core_products_by_offset),
                                       cmocka_unit_test(training)};
    int failed = 0;
    if (argc > 2) cmocka_set_test_filter(argv[2]);
    for (path = TL_PATH_CPU; path <= TL_PATH_GPU; path++) {
        if (argc > 1 && strcmp(argv[1], path == TL_PATH_CPU ? "cpu" : "gpu") != 0) continue;
        failed += cmocka_run_group_tests(tests, path == TL_PATH_CPU || argc > 1 ? make_folder : NULL, NULL);
    }
    return remove_folder(NULL) != 0 ? 1 : failed;
}
