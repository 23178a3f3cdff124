/* Models as a program uses them: its own data, loss and files. */
#include "values.h"

#include "files.h"

enum { SAMPLES = 5, CLASSES = 5, LENGTH = 6, VOCABULARY = 11 };

static tl_model_config vit(void)
{
    return (tl_model_config){.size = sizeof(tl_model_config),
                             .arch = TL_ARCH_VIT,
                             .op = TL_OP_TRANSLUTION,
                             .image_height = 8,
                             .image_width = 12,
                             .channels = 2,
                             .patch_height = 4,
                             .patch_width = 4,
                             .classes = CLASSES,
                             .dim = 12,
                             .depth = 2,
                             .heads = 2,
                             .head_dim = 5,
                             .mlp_dim = 16};
}

static tl_model_config gpt(void)
{
    return (tl_model_config){.size = sizeof(tl_model_config),
                             .arch = TL_ARCH_GPT,
                             .op = TL_OP_ALPHA,
                             .seq_len = LENGTH,
                             .vocab_size = VOCABULARY,
                             .dim = 12,
                             .depth = 2,
                             .heads = 2,
                             .head_dim = 5,
                             .mlp_dim = 16,
                             .relenc_dim = 2};
}

enum { IMAGE = 2 * 8 * 12 };

/* The same numbers for every test: images, ids, and what comes next. */
static float images[SAMPLES * IMAGE];
static int32_t classes[SAMPLES], ids[SAMPLES * LENGTH], next[SAMPLES * LENGTH];

static int fill_data(void **state)
{
    for (int i = 0; i < SAMPLES * IMAGE; i++) images[i] = wave(3, (uint64_t)i);
    for (int i = 0; i < SAMPLES; i++) classes[i] = (3 * i + 1) % CLASSES;
    for (int i = 0; i < SAMPLES * LENGTH; i++) {
        ids[i] = (7 * i + i / 3) % VOCABULARY;
        next[i] = (5 * i + 2) % VOCABULARY;
    }
    return set_up_context_and_folder(state);
}

/* `count` samples from `first` on, for either architecture. */
static tl_batch batch_of(uint32_t first, uint32_t count)
{
    return (tl_batch){.size = sizeof(tl_batch),
                      .count = count,
                      .images = images + (size_t)first * IMAGE,
                      .tokens = ids + (size_t)first * LENGTH,
                      .length = LENGTH};
}

static tl_batch with_targets(tl_batch b, tl_arch arch)
{
    b.targets = arch == TL_ARCH_VIT ? classes : next;
    return b;
}

static tl_model *model_of(const tl_model_config *config, tl_model_options options)
{
    tl_model *model = NULL;
    options.size = sizeof options;
    OK(tl_model_create(ctx, config, &options, &model));
    return model;
}
#define model_of(...) VALUE_FROM_HERE(model_of(__VA_ARGS__))

static float *logits_of(tl_model *model)
{
    const uint64_t count = tl_model_logits_count(model);
    float *logits = malloc(count * sizeof *logits);
    assert_non_null(logits);
    OK(tl_model_read_logits(ctx, model, logits));
    return logits;
}
#define logits_of(...) VALUE_FROM_HERE(logits_of(__VA_ARGS__))

static float *forward(tl_model *model, tl_batch batch)
{
    OK(tl_model_forward(ctx, model, &batch));
    return logits_of(model);
}
#define forward(...) VALUE_FROM_HERE(forward(__VA_ARGS__))

/* ---- batches ------------------------------------------------------------------------------------- */

static void check_any_batch(const tl_model_config *config)
{
    tl_model *model = model_of(config, (tl_model_options){.batch = SAMPLES, .seed = 1});
    assert_int_equal(tl_model_logits_count(model), 0);
    float *all = forward(model, batch_of(0, SAMPLES));
    const uint64_t count = tl_model_logits_count(model), each = count / SAMPLES;
    assert_int_equal(each, config->arch == TL_ARCH_VIT ? CLASSES : LENGTH * VOCABULARY);
    for (uint32_t size = 1; size < SAMPLES; size++)
        for (uint32_t first = 0; first + size <= SAMPLES; first += size) {
            float *some = forward(model, batch_of(first, size));
            assert_int_equal(tl_model_logits_count(model), size * each);
            assert_near("a part of the batch", some, all + first * each, size * each, 1e-5);
            free(some);
        }
    free(all);
    tl_model_destroy(ctx, model);
}
#define check_any_batch(...) FROM_HERE(check_any_batch(__VA_ARGS__))

static void any_batch_up_to_the_largest(void **state)
{
    const tl_model_config v = vit(), g = gpt();
    check_any_batch(&v);
    check_any_batch(&g);
}

static void images_on_the_device(void **state)
{
    const tl_model_config config = vit();
    tl_model *model = model_of(&config, (tl_model_options){.batch = SAMPLES});
    float *want = forward(model, batch_of(0, SAMPLES));
    tl_tensor *t = tensor("images", SAMPLES * IMAGE, images);
    tl_batch batch = batch_of(0, SAMPLES);
    batch.images = NULL, batch.image_tensor = t;
    float *got = forward(model, batch);
    assert_memory_equal(got, want, SAMPLES * CLASSES * sizeof *got);
    float *stored = values_of(tl_model_logits(model), SAMPLES * CLASSES);
    assert_memory_equal(stored, want, SAMPLES * CLASSES * sizeof *got);
    free(want);
    free(got);
    free(stored);
    tl_tensor_destroy(ctx, t);
    tl_model_destroy(ctx, model);
}

static void inference_has_no_gradients(void **state)
{
    const tl_model_config config = vit();
    tl_parameter p;
    tl_model *model = model_of(&config, (tl_model_options){.batch = SAMPLES});
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_GRADIENT), 0);
    for (int i = 0; tl_model_parameter_at(model, i, &p); i++) assert_null(p.gradient);
    const uint64_t activations = tl_memory_used(ctx, TL_MEMORY_ACTIVATION);
    tl_model *trained = model_of(&config, (tl_model_options){.batch = SAMPLES, .training = true});
    assert_true(tl_memory_used(ctx, TL_MEMORY_ACTIVATION) > 2 * activations);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_GRADIENT), tl_memory_used(ctx, TL_MEMORY_PARAMETER) / 2);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_MOMENT), 0); /* an optimizer's */
    tl_model_destroy(ctx, model);
    tl_model_destroy(ctx, trained);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_PARAMETER), 0);
}

/* ---- losses -------------------------------------------------------------------------------------- */

/* Mean cross-entropy of rows of logits, and its gradient. */
static double cross_entropy(const float *logits, const int32_t *targets, uint64_t rows, uint64_t width,
                            float *gradient)
{
    double loss = 0;
    for (uint64_t r = 0; r < rows; r++) {
        const float *row = logits + r * width;
        double sum = 0;
        for (uint64_t c = 0; c < width; c++) sum += exp((double)row[c]);
        loss += log(sum) - (double)row[targets[r]];
        for (uint64_t c = 0; c < width; c++)
            gradient[r * width + c] = (float)((exp((double)row[c]) / sum - (c == (uint64_t)targets[r])) /
                                              (double)rows);
    }
    return loss / (double)rows;
}

/* All gradients, one after another; freed by the caller. */
static float *gradients_of(tl_model *model, uint64_t *count)
{
    tl_parameter p;
    float *all = NULL;
    *count = 0;
    for (int i = 0; tl_model_parameter_at(model, i, &p); i++) {
        const uint64_t n = elements_of(&p);
        all = realloc(all, (*count + n) * sizeof *all);
        assert_non_null(all);
        OK(tl_tensor_read(ctx, p.gradient, 0, n, all + *count));
        *count += n;
    }
    return all;
}
#define gradients_of(...) VALUE_FROM_HERE(gradients_of(__VA_ARGS__))

/* The built-in loss and the same one by hand: value, and gradients of all parameters. */
static void check_own_loss(const tl_model_config *config, const int32_t *targets, uint64_t rows)
{
    tl_model *model = model_of(config, (tl_model_options){.batch = SAMPLES, .training = true, .seed = 2});
    const tl_batch batch = with_targets(batch_of(0, SAMPLES), config->arch);
    float *logits = forward(model, batch), loss = 0, again = 0;
    const uint64_t width = tl_model_logits_count(model) / rows;
    float *d_logits = malloc(rows * width * sizeof *d_logits);
    OK(tl_model_loss(ctx, model, NULL));
    float *after = logits_of(model); /* also after the loss */
    assert_memory_equal(after, logits, rows * width * sizeof *logits);
    OK(tl_model_backward(ctx, model));
    OK(tl_model_loss(ctx, model, &loss));
    uint64_t count, other;
    float *want = gradients_of(model, &count);
    assert_true(fabs(cross_entropy(logits, targets, rows, width, d_logits) - (double)loss) < 1e-5);
    for (int with_loss = 0; with_loss < 2; with_loss++) { /* own gradient with and without the loss first */
        OK(tl_model_forward(ctx, model, &batch));
        if (with_loss) OK(tl_model_loss(ctx, model, &again));
        OK(tl_model_backward_from(ctx, model, d_logits));
        float *got = gradients_of(model, &other);
        assert_int_equal(other, count);
        assert_near("gradients", got, want, count, 2e-6);
        free(got);
    }
    assert_true(again == loss);
    free(logits);
    free(after);
    free(d_logits);
    free(want);
    tl_model_destroy(ctx, model);
}
#define check_own_loss(...) FROM_HERE(check_own_loss(__VA_ARGS__))

static void own_loss_equals_the_built_in(void **state)
{
    const tl_model_config v = vit(), g = gpt();
    check_own_loss(&v, classes, SAMPLES);
    check_own_loss(&g, next, SAMPLES * LENGTH);
}

/* A vocabulary whose logits take more than one chunk of 64 MiB. */
static void logits_in_chunks(void **state)
{
    enum { LARGE = 70000, TOKENS = 300, ROWS = TOKENS };
    tl_model_config c = gpt();
    c.op = TL_OP_ATTENTION, c.positions = TL_POSITIONS_NONE;
    c.seq_len = TOKENS, c.vocab_size = LARGE, c.dim = 4, c.depth = 1, c.heads = 1, c.head_dim = 4;
    static int32_t tokens[ROWS], targets[ROWS];
    for (int i = 0; i < ROWS; i++) tokens[i] = 233 * i % LARGE, targets[i] = 467 * i % LARGE;
    tl_model *model = model_of(&c, (tl_model_options){.batch = 2, .training = true, .seed = 4});
    const tl_batch batch = {
        .size = sizeof batch, .count = 2, .tokens = tokens, .length = TOKENS / 2, .targets = targets};
    float *logits = forward(model, batch), *d_logits = malloc(sizeof(float) * ROWS * LARGE), loss;
    uint64_t count;
    OK(tl_model_loss(ctx, model, &loss));
    OK(tl_model_backward(ctx, model));
    float *want = gradients_of(model, &count);
    assert_true(fabs(cross_entropy(logits, targets, ROWS, LARGE, d_logits) - (double)loss) < 1e-5);
    OK(tl_model_forward(ctx, model, &batch));
    OK(tl_model_backward_from(ctx, model, d_logits));
    float *got = gradients_of(model, &count);
    assert_near("gradients", got, want, count, 2e-6);
    free(logits);
    free(d_logits);
    free(want);
    free(got);
    tl_model_destroy(ctx, model);
}

/* Sum of g x logits with one parameter moved by `by` along `direction`. */
static double moved(tl_model *model, const tl_parameter *p, const float *base, const float *direction,
                    float by, const float *g)
{
    const uint64_t count = elements_of(p);
    float *values = malloc(count * sizeof *values);
    for (uint64_t i = 0; i < count; i++) values[i] = base[i] + by * direction[i];
    OK(tl_tensor_write(ctx, p->value, 0, count, values));
    float *logits = forward(model, batch_of(0, SAMPLES));
    const double sum = dot(logits, g, tl_model_logits_count(model));
    OK(tl_tensor_write(ctx, p->value, 0, count, base));
    free(values);
    free(logits);
    return sum;
}
#define moved(...) VALUE_FROM_HERE(moved(__VA_ARGS__))

/* backward_from against central differences, along a direction of each parameter. */
static void check_differences(const tl_model_config *config)
{
    const float step = 0.01f;
    tl_model *model = model_of(config, (tl_model_options){.batch = SAMPLES, .training = true, .seed = 3});
    tl_parameter p;
    free(forward(model, batch_of(0, SAMPLES)));
    float *g = waves(9, tl_model_logits_count(model));
    OK(tl_model_backward_from(ctx, model, g));
    for (int i = 0; tl_model_parameter_at(model, i, &p); i++) {
        const uint64_t count = elements_of(&p);
        float *base = values_of(p.value, count), *gradient = values_of(p.gradient, count),
              *direction = waves((uint32_t)i, count);
        const double slope = dot(gradient, direction, count),
                     difference = (moved(model, &p, base, direction, step, g) -
                                   moved(model, &p, base, direction, -step, g)) /
                                  (2 * (double)step);
        if (!(fabs(difference - slope) <= 2e-2 * fabs(difference) + 2e-2))
            fail_msg("%s: difference %g, gradient %g", p.name, difference, slope);
        free(base);
        free(gradient);
        free(direction);
    }
    free(g);
    tl_model_destroy(ctx, model);
}
#define check_differences(...) FROM_HERE(check_differences(__VA_ARGS__))

static void gradients_of_the_callers_loss(void **state)
{
    const tl_model_config v = vit(), g = gpt();
    check_differences(&v);
    check_differences(&g);
}

static void gradient_on_the_device(void **state)
{
    const tl_model_config config = vit();
    tl_model *model = model_of(&config, (tl_model_options){.batch = SAMPLES, .training = true});
    const tl_batch batch = batch_of(0, SAMPLES);
    float *d = waves(4, SAMPLES * CLASSES);
    uint64_t count;
    OK(tl_model_forward(ctx, model, &batch));
    OK(tl_model_backward_from(ctx, model, d));
    float *want = gradients_of(model, &count);
    tl_tensor *t = tensor("d_logits", SAMPLES * CLASSES, d);
    OK(tl_model_forward(ctx, model, &batch));
    OK(tl_model_backward_from_tensor(ctx, model, t));
    float *got = gradients_of(model, &count);
    assert_memory_equal(got, want, count * sizeof *got);
    free(d);
    free(want);
    free(got);
    tl_tensor_destroy(ctx, t);
    tl_model_destroy(ctx, model);
}

/* ---- decoding ------------------------------------------------------------------------------------ */

/* Token by token with a KV cache, against the whole sequence at once. */
static void tokens_one_by_one(void **state)
{
    const tl_model_config config = gpt();
    tl_model *whole = model_of(&config, (tl_model_options){.batch = SAMPLES, .seed = 5});
    tl_model *cached = model_of(&config, (tl_model_options){.batch = SAMPLES, .kv_cache = true, .seed = 5});
    float *want = forward(whole, batch_of(0, SAMPLES));
    for (uint32_t t = 0; t < LENGTH; t++) {
        int32_t one[SAMPLES];
        for (int b = 0; b < SAMPLES; b++) one[b] = ids[b * LENGTH + (int)t];
        tl_batch batch = {.size = sizeof batch, .count = SAMPLES, .tokens = one, .length = 1, .first = t};
        float *got = forward(cached, batch);
        assert_int_equal(tl_model_logits_count(cached), SAMPLES * VOCABULARY);
        for (uint32_t b = 0; b < SAMPLES; b++)
            assert_near("logits of a token", got + b * VOCABULARY, want + (b * LENGTH + t) * VOCABULARY,
                        VOCABULARY, 1e-5);
        free(got);
    }
    free(want);
    tl_model_destroy(ctx, whole);
    tl_model_destroy(ctx, cached);
}

/* ---- files --------------------------------------------------------------------------------------- */

static void check_file(const tl_model_config *config, const char *name)
{
    const char *path = at(name);
    const tl_model_options options = {.size = sizeof options, .batch = SAMPLES};
    tl_model *model = model_of(config, (tl_model_options){.batch = SAMPLES, .seed = 6}), *opened = NULL,
             *other = model_of(config, (tl_model_options){.batch = SAMPLES, .seed = 7});
    tl_parameter p, q;
    float *want = forward(model, batch_of(0, SAMPLES));
    const size_t bytes = tl_model_logits_count(model) * sizeof *want;
    OK(tl_model_save(ctx, model, path));
    OK(tl_model_open(ctx, path, &options, &opened));
    assert_memory_equal(tl_model_configuration(opened), tl_model_configuration(model), sizeof *config);
    float *got = forward(opened, batch_of(0, SAMPLES)), *before = forward(other, batch_of(0, SAMPLES));
    assert_memory_equal(got, want, bytes);
    assert_memory_not_equal(before, want, bytes);
    OK(tl_model_load(ctx, other, path));
    float *after = forward(other, batch_of(0, SAMPLES));
    assert_memory_equal(after, want, bytes);
    for (int i = 0; tl_model_parameter_at(model, i, &p); i++) {
        assert_true(tl_model_parameter(opened, p.name, &q));
        assert_string_equal(p.name, q.name);
        assert_memory_equal(p.shape, q.shape, sizeof p.shape);
    }
    free(want);
    free(got);
    free(before);
    free(after);
    tl_model_destroy(ctx, model);
    tl_model_destroy(ctx, opened);
    tl_model_destroy(ctx, other);
}
#define check_file(...) FROM_HERE(check_file(__VA_ARGS__))

static void files_hold_the_model(void **state)
{
    const tl_model_config v = vit(), g = gpt();
    check_file(&v, "vit.safetensors");
    check_file(&g, "gpt.safetensors");
}

/* A run's model: opened by the library, its weights are the run's; saved again, the program's commands
 * know it. */
static void files_of_a_run(void **state)
{
    tl_settings s;
    tl_result trained, tested;
    tl_model *model = NULL;
    const tl_model_options options = {.size = sizeof options, .batch = 4, .training = true};
    tl_settings_default(&s, "mnist");
    s.model.dim = 8, s.model.depth = 1, s.model.heads = 2, s.model.head_dim = 4, s.model.mlp_dim = 8;
    s.training.limit_train = 16, s.training.limit_test = 8, s.training.batch_size = 8, s.training.steps = 1;
    snprintf(s.run.out, sizeof s.run.out, "%s", at("run"));
    OK(tl_train(ctx, &s, NULL, &trained));
    OK(tl_model_open(ctx, trained.out, &options, &model));
    assert_int_equal(tl_model_configuration(model)->image_height, 84);
    assert_int_equal(tl_model_configuration(model)->positions, TL_POSITIONS_LEARNED);
    OK(tl_model_save(ctx, model, at("again.safetensors")));
    OK(tl_evaluate(ctx, at("again.safetensors"), &s, NULL, &tested));
    assert_true(tested.loss == trained.test_loss);
    assert_int_equal(tested.steps, 1);
    tl_model_destroy(ctx, model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_batch_up_to_the_largest),
        cmocka_unit_test(images_on_the_device),
        cmocka_unit_test(inference_has_no_gradients),
        cmocka_unit_test(own_loss_equals_the_built_in),
        cmocka_unit_test(gradients_of_the_callers_loss),
        cmocka_unit_test(gradient_on_the_device),
        cmocka_unit_test(tokens_one_by_one),
        cmocka_unit_test(logits_in_chunks),
        cmocka_unit_test(files_hold_the_model),
        cmocka_unit_test(files_of_a_run),
    };
    return cmocka_run_group_tests(tests, fill_data, tear_down_context_and_folder);
}
