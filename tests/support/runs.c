#include "runs.h"

static tl_settings small_settings(const char *task, tl_op_kind op, const char *out)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, task));
    s.model.op = op;
    s.model.dim = 24, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 12, s.model.mlp_dim = 48;
    s.training.batch_size = 16, s.run.exact_batch = true;
    s.training.steps = 6, s.training.lr = 1e-3f;
    snprintf(s.run.out, sizeof s.run.out, "%s", at(out));
    return s;
}

tl_settings small_run(tl_op_kind op, const char *out)
{
    tl_settings s = small_settings("mnist", op, out);
    s.training.limit_train = 44, s.training.limit_test = 20;
    s.training.motion = s.training.test_motion = TL_MOTION_DYNAMIC;
    return s;
}

tl_settings small_text(tl_op_kind op, const char *out)
{
    tl_settings s = small_settings("gpt", op, out);
    s.model.seq_len = 16, s.model.vocab_size = 32;
    s.model.window = op == TL_OP_CONV ? 2 : 0;
    s.training.samples_per_epoch = 44, s.training.limit_test = 10;
    return s;
}

tl_result train_at(const char *file, int line, tl_settings s)
{
    tl_context *ctx = new_context_at(file, line, TL_PATH_AUTO);
    tl_result result;
    if (tl_train(ctx, &s, NULL, &result) != TL_OK) fail_at(file, line, "%s", tl_context_error(ctx)->text);
    tl_context_destroy(ctx);
    return result;
}

void start_from_huge_weights(tl_settings *s, const char *name, float factor)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_model *model = NULL;
    MUST(ctx, tli_model_create(ctx, &s->model, &(tl_model_options){.batch = 1}, NULL, &model));
    tli_registry *registry = tli_model_registry(model);
    MUST(ctx, tli_registry_init(ctx, registry, 0));
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        const uint64_t count = tli_parameter_count(p);
        float *values = download(ctx, p->value);
        for (uint64_t e = 0; e < count; e++) values[e] *= factor;
        if (name != NULL ? strcmp(p->name, name) == 0 : p->rank == 2)
            MUST(ctx, tl_tensor_write(ctx, p->value, 0, count, values));
        free(values);
    }
    snprintf(s->run.init, sizeof s->run.init, "%s/huge.safetensors", folder);
    MUST(ctx, tli_model_save(ctx, registry, NULL, s, NULL, 0, s->run.init));
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
    s->training.lr = s->training.weight_decay = 1000.0f;
}
