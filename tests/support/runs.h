/* Small whole runs in a folder of their own, for the tests of training. */
#ifndef TESTS_RUNS_H
#define TESTS_RUNS_H

#include "golden.h"

#include <unistd.h>

#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "train/checkpoint.h"

static char folder[] = "/tmp/translution-runs-XXXXXX";

static inline tl_settings small_run(tl_op_kind op, const char *out)
{
    tl_settings s;
    tl_settings_default(&s, "mnist");
    s.model.op = op;
    s.model.dim = 24, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 12, s.model.mlp_dim = 48;
    s.training.limit_train = 44, s.training.limit_test = 20, s.training.batch_size = 16,
    s.run.exact_batch = true; /* a partial last batch */
    s.training.steps = 6, s.training.lr = 1e-3f;
    s.training.motion = s.training.test_motion = TL_MOTION_DYNAMIC;
    snprintf(s.run.out, sizeof s.run.out, "%s/%s", folder, out);
    return s;
}

static inline tl_result train(tl_settings s)
{
    tl_context *ctx = golden_context(TL_PATH_AUTO);
    tl_result result;
    MUST(ctx, tl_train(ctx, &s, NULL, &result));
    tl_context_destroy(ctx);
    return result;
}

/* The run begins from the drawn weights with the matrices, or the parameter `name`, times `factor`, and its first step multiplies all weights
 * by about -1e6 (1 - lr * weight_decay): numbers that are finite before it, and too large after it. */
static inline void start_from_huge_weights(tl_settings *s, const char *name, float factor)
{
    tl_context *ctx = golden_context(TL_PATH_AUTO);
    tli_model *model = NULL;
    MUST(ctx, tli_model_create(ctx, &s->model, 1, NULL, &model));
    tli_registry *registry = tli_model_registry(model);
    MUST(ctx, tli_registry_init(ctx, registry, 0));
    for (int i = 0; i < registry->count; i++) {
        const tli_parameter *p = &registry->items[i];
        const uint64_t count = tli_parameter_count(p);
        float *values = golden_download(ctx, p->value);
        for (uint64_t e = 0; e < count; e++) values[e] *= factor;
        if (name != NULL ? strcmp(p->name, name) == 0 : p->rank == 2)
            MUST(ctx, tl_tensor_write(ctx, p->value, 0, count, values));
        free(values);
    }
    snprintf(s->run.init, sizeof s->run.init, "%s/huge.safetensors", folder);
    MUST(ctx, tli_model_save(ctx, registry, s, NULL, 0, s->run.init));
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
    s->training.lr = s->training.weight_decay = 1000.0f;
}

static inline char *read_all(const char *out, const char *name, long *size)
{
    char path[2200];
    snprintf(path, sizeof path, "%s/%s", out, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) fail_msg("no %s", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *size = ftell(f);
    rewind(f);
    char *data = malloc((size_t)*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)*size, f), (size_t)*size);
    data[*size] = '\0';
    fclose(f);
    return data;
}

static inline void assert_same_model(const tl_settings *a, const tl_settings *b)
{
    long n, m;
    char *x = read_all(a->run.out, "model.safetensors", &n),
         *y = read_all(b->run.out, "model.safetensors", &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, (size_t)n);
    free(x), free(y);
}

static inline bool exists(const char *out, const char *name)
{
    char path[2200];
    snprintf(path, sizeof path, "%s/%s", out, name);
    return access(path, F_OK) == 0;
}

static int make_folder(void **unused)
{
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **unused)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

#endif
