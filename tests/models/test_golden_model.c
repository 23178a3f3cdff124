/* Whole models against the golden vectors: logits, loss, every gradient, three AdamW steps. */
#include "golden.h"

#include "models/gpt.h"

enum { BATCH = 3, CLASSES = 5, LENGTH = 7, VOCABULARY = 23 };

static void load_parameters(tl_context *ctx, tli_registry *registry, tli_safetensors *st)
{
    for (int i = 0; i < registry->count; i++) {
        tli_parameter *p = &registry->items[i];
        uint64_t count;
        float *values = golden_read(st, p->name, &count);
        assert_int_equal(count, tli_parameter_count(p));
        MUST(ctx, tl_tensor_write(ctx, p->value, 0, count, values));
        free(values);
    }
}
#define load_parameters(...) FROM_HERE(load_parameters(__VA_ARGS__))

/* Forward, loss and backward of the file's batch; returns the loss. */
static float step(tl_context *ctx, tl_model *model, const tl_batch *inputs)
{
    float loss;
    MUST(ctx, tli_model_set_batch(ctx, model, inputs));
    MUST(ctx, tli_model_forward(ctx, model));
    MUST(ctx, tli_model_loss(ctx, model, 7));
    MUST(ctx, tli_model_backward(ctx, model));
    MUST(ctx, tli_model_read_losses(ctx, model, 7, 1, &loss));
    return loss;
}
#define step(...) VALUE_FROM_HERE(step(__VA_ARGS__))

static void update(tl_context *ctx, tli_registry *registry, uint64_t t)
{
    const optimizer_settings s = {.lr = 1e-3f,
                                  .beta1 = .9f,
                                  .beta2 = .999f,
                                  .eps = 1e-8f,
                                  .weight_decay = .05f,
                                  .gradient_scale = 1.0f,
                                  .step = t};
    MUST(ctx, tli_registry_update(ctx, registry, &s));
}
#define update(...) FROM_HERE(update(__VA_ARGS__))

static void compare_gradients(tl_context *ctx, tli_registry *registry, tli_safetensors *st)
{
    double norm = 0;
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        char name[128];
        uint64_t count;
        snprintf(name, sizeof name, "grad.%s", p->name);
        float *want = golden_read(st, name, &count), *got = download(ctx, p->gradient);
        assert_close(name, got, want, count, 2e-5);
        for (uint64_t k = 0; k < count; k++) norm += (double)got[k] * got[k];
        free(want), free(got);
    }
    float *want = golden_read(st, "grad_norm", NULL);
    assert_true(fabs(sqrt(norm) - want[0]) <= 2e-6 * want[0]);
    free(want);
}
#define compare_gradients(...) FROM_HERE(compare_gradients(__VA_ARGS__))

static void compare_after_three_steps(tl_context *ctx, tli_registry *registry, tli_safetensors *st)
{
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        char name[128];
        uint64_t count;
        snprintf(name, sizeof name, "step3.%s", p->name);
        float *want = golden_read(st, name, &count), *got = download(ctx, p->value);
        for (uint64_t k = 0; k < count; k++)
            if (!(fabs((double)got[k] - want[k]) <= 2e-5))
                fail_msg("%s[%llu]: %g, not %g", name, (unsigned long long)k, got[k], want[k]);
        free(want), free(got);
    }
}
#define compare_after_three_steps(...) FROM_HERE(compare_after_three_steps(__VA_ARGS__))

static void compare_logits(tl_context *ctx, tl_model *model, bool text, tli_safetensors *st)
{
    uint64_t count;
    float *want = golden_read(st, "logits", &count), *got = malloc(count * sizeof *got);
    assert_non_null(got);
    MUST(ctx, tli_model_forward(ctx, model));
    if (text) {
        float row[BATCH * VOCABULARY];
        for (uint32_t t = 0; t < LENGTH; t++) {
            MUST(ctx, tli_gpt_read_logits(ctx, model, t, row));
            for (int b = 0; b < BATCH; b++)
                memcpy(got + (b * LENGTH + t) * VOCABULARY, row + b * VOCABULARY, VOCABULARY * sizeof *row);
        }
    } else {
        MUST(ctx, tl_model_read_logits(ctx, model, got));
    }
    assert_close("logits", got, want, count, 5e-6);
    free(want), free(got);
}
#define compare_logits(...) FROM_HERE(compare_logits(__VA_ARGS__))

static int32_t *read_ids(tli_safetensors *st, const char *name)
{
    uint64_t count;
    int64_t *wide = golden_read(st, name, &count);
    int32_t *ids = malloc(count * sizeof *ids);
    assert_non_null(ids);
    for (uint64_t i = 0; i < count; i++) ids[i] = (int32_t)wide[i];
    free(wide);
    return ids;
}
#define read_ids(...) VALUE_FROM_HERE(read_ids(__VA_ARGS__))

static void check(const char *file, tl_op_kind op, tl_positions positions, tl_kernel_path path)
{
    tl_context *ctx = new_context(path);
    tli_safetensors st = golden_open(file);
    const bool text = strncmp(file, "gpt", 3) == 0;
    const tl_model_config config = {.arch = text ? TL_ARCH_GPT : TL_ARCH_VIT,
                                    .op = op,
                                    .positions = positions,
                                    .pool = TL_POOL_CLS,
                                    .image_height = 12,
                                    .image_width = 12,
                                    .channels = 1,
                                    .patch_height = 4,
                                    .patch_width = 4,
                                    .classes = CLASSES,
                                    .seq_len = LENGTH,
                                    .vocab_size = VOCABULARY,
                                    .dim = 12,
                                    .depth = 2,
                                    .translution_layers = strcmp(file, "vit_qkv_hybrid1") == 0,
                                    .heads = 3,
                                    .head_dim = 4,
                                    .mlp_dim = 24,
                                    .recompute = (path == TL_PATH_GPU) != text,
                                    .relenc_dim = 2};
    tl_model *model = NULL;
    MUST(ctx, tli_model_create(ctx, &config, &(tl_model_options){.batch = BATCH, .training = true},
                               tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &model));
    tli_registry *registry = tli_model_registry(model);
    load_parameters(ctx, registry, &st);
    float *images = text ? NULL : golden_read(&st, "data", NULL), *losses = golden_read(&st, "losses", NULL);
    int32_t *tokens = text ? read_ids(&st, "data") : NULL, *targets = read_ids(&st, "target");
    const tl_batch inputs = {
        .count = BATCH, .images = images, .tokens = tokens, .length = LENGTH, .targets = targets};
    MUST(ctx, tli_model_set_batch(ctx, model, &inputs));
    compare_logits(ctx, model, text, &st);

    for (uint64_t t = 0; t <= 3; t++) {
        const float loss = step(ctx, model, &inputs);
        if (!(fabs((double)loss - losses[t]) <= 3e-6 * losses[t]))
            fail_msg("loss %llu: %.8g, not %.8g", (unsigned long long)t, loss, losses[t]);
        if (t == 0) compare_gradients(ctx, registry, &st);
        if (t == 3) compare_after_three_steps(ctx, registry, &st);
        if (t < 3) update(ctx, registry, t + 1);
    }
    free(images), free(losses), free(tokens), free(targets);
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
    tli_st_close(&st);
}
#define check(...) FROM_HERE(check(__VA_ARGS__))

/* Image and text with an operation, on both kernel paths. */
static void check_all(const char *image, const char *text, tl_op_kind op, tl_positions positions)
{
    for (int path = TL_PATH_CPU; path <= TL_PATH_GPU; path++) {
        if (image != NULL) check(image, op, positions, (tl_kernel_path)path);
        if (text != NULL) check(text, op, positions, (tl_kernel_path)path);
    }
}

static void attention(void **unused)
{
    check_all("vit_attn", "gpt_attn", TL_OP_ATTENTION, TL_POSITIONS_LEARNED);
}

static void translution(void **unused)
{
    check_all("vit_qkv", "gpt_qkv", TL_OP_TRANSLUTION, TL_POSITIONS_NONE);
}

static void alpha(void **unused)
{
    check_all("vit_lor_qkv", "gpt_lor_qkv", TL_OP_ALPHA, TL_POSITIONS_NONE);
}

/* Its first block is Translution, its second rotary attention. */
static void hybrid(void **unused)
{
    check_all("vit_qkv_hybrid1", NULL, TL_OP_TRANSLUTION, TL_POSITIONS_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(attention), cmocka_unit_test(translution),
                                       cmocka_unit_test(alpha), cmocka_unit_test(hybrid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
