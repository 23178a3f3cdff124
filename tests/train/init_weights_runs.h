/* Runs that begin with the weights of another one, and what they say of it. */
#ifndef TESTS_INIT_WEIGHTS_RUNS_H
#define TESTS_INIT_WEIGHTS_RUNS_H

#include "runs.h"

#include "data/safetensors_write.h"
#include "edit_weights.h"
#include "train/init_weights.h"

static char notices[1 << 16]; /* of the last run */

static inline void note(void *unused, tl_log_level level, const char *line)
{
    const size_t used = strlen(notices);
    snprintf(notices + used, sizeof notices - used, "%s\n", line);
}
static const tl_log log_to_notices = {.level = TL_LOG_NOTICE, .write = note};

/* A run whose learning rate is 0, so that its weights stay what they were to begin with. */
static inline tl_settings still(tl_settings s, const char *out, const char *init)
{
    s.training.lr = 0.0f, s.training.steps = 1;
    s.run.init[0] = '\0';
    if (init != NULL) snprintf(s.run.init, sizeof s.run.init, "%s/%s", folder, init);
    snprintf(s.run.out, sizeof s.run.out, "%s/%s", folder, out);
    return s;
}

static inline tl_status try_on(const tl_context_options *options, tl_settings s, tl_result *result,
                               tl_error *why)
{
    tl_context_options with = *options;
    tl_context *ctx = NULL;
    tl_error err = {0};
    notices[0] = '\0';
    with.log = &log_to_notices;
    if (tl_context_create(&with, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    const tl_status status = tl_train(ctx, &s, NULL, result);
    *why = *tl_context_error(ctx);
    tl_context_destroy(ctx);
    return status;
}
#define try_on(...) VALUE_FROM_HERE(try_on(__VA_ARGS__))

static inline tl_result begin(tl_settings s)
{
    tl_result result;
    tl_error why;
    if (try_on(&(tl_context_options){.size = sizeof(tl_context_options)}, s, &result, &why) != TL_OK)
        fail_msg("%s", why.text);
    return result;
}
#define begin(...) VALUE_FROM_HERE(begin(__VA_ARGS__))

static inline void refused(tl_settings s, tl_status status, const char *const *words)
{
    tl_result result;
    tl_error why;
    assert_int_equal(try_on(&(tl_context_options){.size = sizeof(tl_context_options)}, s, &result, &why),
                     status);
    for (; *words != NULL; words++)
        if (strstr(why.text, *words) == NULL) fail_msg("no '%s' in: %s", *words, why.text);
    assert_false(exists(inside(s.run.out, "."))); /* not even a folder is made */
}
#define refused(...)    FROM_HERE(refused(__VA_ARGS__))
#define REFUSED(s, ...) refused(s, TL_ERROR_INPUT, (const char *const[]){__VA_ARGS__, NULL})

static inline bool noted(const char *words)
{
    return strstr(notices, words) != NULL;
}

typedef struct values {
    uint64_t shape[3], row; /* row: elements of one matrix of a table */
    float *at;
} values;

/* A tensor of OUT/model.safetensors; the caller frees values.at. */
static inline values load(const char *out, const char *name)
{
    char path[2200];
    tli_safetensors st;
    tl_error err = {0};
    snprintf(path, sizeof path, "%s/model.safetensors", out);
    if (tli_st_open(path, &st, &err) != TL_OK) fail_msg("%s", err.text);
    const tli_st_entry *e = tli_st_find(&st, name);
    if (e == NULL) fail_msg("no tensor %s in %s", name, path);
    values v = {.row = 1};
    uint64_t count = 1;
    for (uint32_t d = 0; d < e->rank; d++) {
        v.shape[d] = e->shape[d];
        count *= e->shape[d];
        if (d > 0) v.row *= e->shape[d];
    }
    v.at = malloc(count * sizeof *v.at);
    assert_non_null(v.at);
    assert_int_equal(tli_st_read(&st, e, 0, count, v.at, &err), TL_OK);
    tli_st_close(&st);
    return v;
}
#define load(...) VALUE_FROM_HERE(load(__VA_ARGS__))

static inline void assert_same_tensor(const char *a, const char *b, const char *name)
{
    values x = load(a, name), y = load(b, name);
    assert_memory_equal(x.shape, y.shape, sizeof x.shape);
    assert_memory_equal(x.at, y.at, x.shape[0] * x.row * sizeof *x.at);
    free(x.at), free(y.at);
}
#define assert_same_tensor(...) FROM_HERE(assert_same_tensor(__VA_ARGS__))

static inline bool same_matrix(const values *a, uint64_t k, const values *b, uint64_t n)
{
    assert_true(k < a->shape[0]);
    assert_true(n < b->shape[0]);
    return memcmp(a->at + k * a->row, b->at + n * b->row, a->row * sizeof *a->at) == 0;
}
#define same_matrix(...) VALUE_FROM_HERE(same_matrix(__VA_ARGS__))

static inline tl_settings text_run(tl_op_kind op, tl_positions positions, uint32_t length, const char *out)
{
    tl_settings s;
    tl_settings_default(&s, "gpt");
    s.model.op = op, s.model.positions = positions;
    s.model.dim = 8, s.model.depth = 1, s.model.heads = 2, s.model.head_dim = 4, s.model.mlp_dim = 8;
    s.model.seq_len = length, s.model.vocab_size = 40, s.run.exact_labels = true;
    s.training.batch_size = 2, s.run.exact_batch = true, s.training.samples_per_epoch = 4,
    s.training.limit_test = 2, s.training.steps = 2;
    snprintf(s.run.out, sizeof s.run.out, "%s/%s", folder, out);
    return s;
}

#endif
