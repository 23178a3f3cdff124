/* Optimizers on parameters of any origin: formulas, a run's bits, clipping, skipping, state, and wrong
 * arguments. */
#include "refusals.h"

#include <float.h>
#include <inttypes.h>

#include "test.h"

enum { COUNT_A = 7, COUNT_B = 24 }; /* the second is [4][6] */

/* Two of the caller's own parameters. */
typedef struct pair {
    tl_parameter list[2];
    float a[COUNT_A], b[COUNT_B], ga[COUNT_A], gb[COUNT_B];
} pair;

static tl_tensor *shaped(const char *name, uint64_t lead, uint64_t row)
{
    tl_tensor *t = NULL;
    OK(tl_tensor_create(ctx, name, TL_MEMORY_DATA, lead, row, &t));
    return t;
}
#define shaped(...) VALUE_FROM_HERE(shaped(__VA_ARGS__))

static void write_gradients(pair *p, uint32_t step)
{
    for (int i = 0; i < COUNT_A; i++) p->ga[i] = wave(10 + step, (uint64_t)i);
    for (int i = 0; i < COUNT_B; i++) p->gb[i] = wave(20 + step, (uint64_t)i);
    OK(tl_tensor_write(ctx, p->list[0].gradient, 0, COUNT_A, p->ga));
    OK(tl_tensor_write(ctx, p->list[1].gradient, 0, COUNT_B, p->gb));
}
#define write_gradients(...) FROM_HERE(write_gradients(__VA_ARGS__))

static void make_pair(pair *p)
{
    *p = (pair){
        .list = {{.name = "a", .value = shaped("a", 1, COUNT_A), .gradient = shaped("ga", 1, COUNT_A)},
                 {.name = "b",
                  .decay = true,
                  .value = shaped("b", 4, COUNT_B / 4),
                  .gradient = shaped("gb", 4, COUNT_B / 4)}}};
    for (int i = 0; i < COUNT_A; i++) p->a[i] = wave(1, (uint64_t)i);
    for (int i = 0; i < COUNT_B; i++) p->b[i] = wave(2, (uint64_t)i);
    OK(tl_tensor_write(ctx, p->list[0].value, 0, COUNT_A, p->a));
    OK(tl_tensor_write(ctx, p->list[1].value, 0, COUNT_B, p->b));
    write_gradients(p, 0);
}
#define make_pair(...) FROM_HERE(make_pair(__VA_ARGS__))

static void free_pair(pair *p)
{
    for (int i = 0; i < 2; i++) {
        tl_tensor_destroy(ctx, p->list[i].value);
        tl_tensor_destroy(ctx, p->list[i].gradient);
    }
}

static tl_optimizer *optimizer_of(tl_optimizer_config config, const tl_parameter *list, int count)
{
    tl_optimizer *o = NULL;
    config.size = sizeof config;
    OK(tl_optimizer_create(ctx, &config, list, count, &o));
    return o;
}
#define optimizer_of(...) VALUE_FROM_HERE(optimizer_of(__VA_ARGS__))

/* One step of one element in doubles, of the formulas in the header; t from 1. */
static void plain_step(tl_optimizer_kind kind, double lr, double decay, double g, int t, double *p, double *m,
                       double *v)
{
    *p *= 1 - lr * decay;
    if (kind == TL_OPTIMIZER_LION) {
        const double direction = 0.9 * *m + 0.1 * g;
        *p -= lr * ((direction > 0) - (direction < 0));
        *m = 0.99 * *m + 0.01 * g;
        return;
    }
    *m = 0.9 * *m + 0.1 * g;
    *v = 0.999 * *v + 0.001 * g * g;
    *p -= lr / (1 - pow(0.9, t)) * *m / (sqrt(*v / (1 - pow(0.999, t))) + 1e-8);
}

static void check_formula(tl_optimizer_kind kind)
{
    enum { STEPS = 3 };
    pair p;
    double b[COUNT_B], m[COUNT_B] = {0}, v[COUNT_B] = {0}, a[COUNT_A], ma[COUNT_A] = {0}, va[COUNT_A] = {0};
    make_pair(&p);
    for (int i = 0; i < COUNT_A; i++) a[i] = (double)p.a[i];
    for (int i = 0; i < COUNT_B; i++) b[i] = (double)p.b[i];
    tl_optimizer *o = optimizer_of((tl_optimizer_config){.kind = kind, .weight_decay = 0.1f}, p.list, 2);
    for (int t = 1; t <= STEPS; t++) {
        const float lr = 0.01f * (float)t;
        write_gradients(&p, (uint32_t)t);
        OK(tl_optimizer_step(ctx, o, lr));
        for (int i = 0; i < COUNT_A; i++) /* which does not decay */
            plain_step(kind, (double)lr, 0, (double)p.ga[i], t, &a[i], &ma[i], &va[i]);
        for (int i = 0; i < COUNT_B; i++)
            plain_step(kind, (double)lr, (double)0.1f, (double)p.gb[i], t, &b[i], &m[i], &v[i]);
    }
    float *got_a = values_of(p.list[0].value, COUNT_A), *got_b = values_of(p.list[1].value, COUNT_B);
    for (int i = 0; i < COUNT_A; i++) p.a[i] = (float)a[i];
    for (int i = 0; i < COUNT_B; i++) p.b[i] = (float)b[i];
    assert_near("a", got_a, p.a, COUNT_A, 1e-6);
    assert_near("b", got_b, p.b, COUNT_B, 1e-6);
    assert_int_equal(tl_optimizer_steps(o), STEPS);
    free(got_a);
    free(got_b);
    tl_optimizer_destroy(ctx, o);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_MOMENT), 0);
    free_pair(&p);
}
#define check_formula(...) FROM_HERE(check_formula(__VA_ARGS__))

static void formulas_on_own_tensors(void **state)
{
    check_formula(TL_OPTIMIZER_ADAMW);
    check_formula(TL_OPTIMIZER_LION);
}

static double norm_of(const pair *p)
{
    return sqrt(dot(p->ga, p->ga, COUNT_A) + dot(p->gb, p->gb, COUNT_B));
}

/* With Lion and a beta1 near 0 the step shows nothing of the scale; AdamW's first moment does. */
static void clipping_scales_to_the_norm(void **state)
{
    for (int clip = 0; clip < 2; clip++) {
        pair p;
        const char *name = NULL;
        tl_tensor *m = NULL;
        tl_optimizer_step_report report;
        make_pair(&p);
        const double norm = norm_of(&p), scale = clip ? 0.5 / (norm + 1e-6) : 1;
        tl_optimizer *o = optimizer_of((tl_optimizer_config){.grad_clip = clip ? 0.5f : 0.0f}, p.list, 2);
        OK(tl_optimizer_step(ctx, o, 0.1f));
        OK(tl_optimizer_report(ctx, o, &report));
        assert_true(fabs(report.norm - norm) < 1e-6 && !report.skipped && report.broken == NULL);
        assert_true(tl_optimizer_state_at(o, 1, 0, &name, &m));
        assert_string_equal(name, "m.b");
        float *got = values_of(m, COUNT_B);
        for (int i = 0; i < COUNT_B; i++) p.b[i] = (float)(0.1 * scale * (double)p.gb[i]);
        assert_near("m.b", got, p.b, COUNT_B, 1e-7);
        free(got);
        tl_optimizer_destroy(ctx, o);
        free_pair(&p);
    }
}

/* A step that needs no norm computes none: a report does, of the gradients that it finds. */
static void norms_that_no_step_needs_are_left_to_the_report(void **state)
{
    for (int clip = 0; clip < 2; clip++) {
        pair p;
        tl_optimizer_step_report report;
        const uint64_t before = tl_memory_used(ctx, TL_MEMORY_WORKSPACE);
        make_pair(&p);
        tl_optimizer *o = optimizer_of((tl_optimizer_config){.grad_clip = clip ? 9.0f : 0.0f}, p.list, 2);
        const double norm = norm_of(&p);
        OK(tl_optimizer_step(ctx, o, 0.1f));
        assert_int_equal(tl_memory_used(ctx, TL_MEMORY_WORKSPACE) > before, clip);
        write_gradients(&p, 1);
        assert_true(fabs(norm_of(&p) - norm) > 1e-3);
        OK(tl_optimizer_report(ctx, o, &report));
        assert_between(report.norm, (clip ? norm : norm_of(&p)) - 1e-6, (clip ? norm : norm_of(&p)) + 1e-6);
        OK(tl_optimizer_report(ctx, o, &report));
        tl_optimizer_destroy(ctx, o);
        assert_int_equal(tl_memory_used(ctx, TL_MEMORY_WORKSPACE), before);
        free_pair(&p);
    }
}

static void steps_that_are_not_finite(void **state)
{
    const float bad = INFINITY;
    for (int skip = 0; skip < 2; skip++) {
        pair p;
        tl_optimizer_step_report report;
        make_pair(&p);
        tl_optimizer *o = optimizer_of((tl_optimizer_config){.skip_nonfinite = skip}, p.list, 2);
        OK(tl_tensor_write(ctx, p.list[1].gradient, 5, 1, &bad));
        OK(tl_optimizer_step(ctx, o, 0.1f));
        OK(tl_optimizer_report(ctx, o, &report));
        assert_true(report.skipped == skip && !isfinite(report.norm));
        assert_string_equal(report.broken, "b");
        float *got = values_of(p.list[0].value, COUNT_A);
        assert_int_equal(memcmp(got, p.a, sizeof p.a) == 0, skip);
        assert_int_equal(tl_optimizer_steps(o), 1);
        free(got);
        tl_optimizer_destroy(ctx, o);
        free_pair(&p);
    }
}

/* Values and state copied to another optimizer, which goes on with the same bits. */
static void state_is_saved_and_resumed(void **state)
{
    pair one, two;
    make_pair(&one);
    make_pair(&two);
    const tl_optimizer_config config = {.weight_decay = 0.1f, .grad_clip = 1.0f};
    tl_optimizer *first = optimizer_of(config, one.list, 2), *second = optimizer_of(config, two.list, 2);
    for (int t = 0; t < 2; t++) OK(tl_optimizer_step(ctx, first, 0.1f));
    for (int i = 0; i < 2; i++) {
        const uint64_t count = i == 0 ? COUNT_A : COUNT_B;
        float *values = values_of(one.list[i].value, count);
        OK(tl_tensor_write(ctx, two.list[i].value, 0, count, values));
        free(values);
        for (int slot = 0; slot < 2; slot++) {
            tl_tensor *from, *to;
            assert_true(tl_optimizer_state_at(first, i, slot, NULL, &from));
            assert_true(tl_optimizer_state_at(second, i, slot, NULL, &to));
            values = values_of(from, count);
            OK(tl_tensor_write(ctx, to, 0, count, values));
            free(values);
        }
    }
    OK(tl_optimizer_set_steps(ctx, second, tl_optimizer_steps(first)));
    OK(tl_optimizer_step(ctx, first, 0.1f));
    OK(tl_optimizer_step(ctx, second, 0.1f));
    float *a = values_of(one.list[1].value, COUNT_B), *b = values_of(two.list[1].value, COUNT_B);
    assert_memory_equal(a, b, COUNT_B * sizeof *a);
    free(a);
    free(b);
    tl_optimizer_destroy(ctx, first);
    tl_optimizer_destroy(ctx, second);
    free_pair(&one);
    free_pair(&two);
}

/* ---- the bits of a run --------------------------------------------------------------------------- */

enum { STEPS = 4, BATCH = 3, SIDE = 8, PIXELS = SIDE * SIDE };

static float images[STEPS * BATCH * PIXELS];
static int32_t classes[STEPS * BATCH];

static tl_status fill(void *user, const tl_batch_request *request, tl_batch *batch, tl_error *err)
{
    batch->images = images + request->samples[0] * PIXELS;
    batch->targets = classes + request->samples[0];
    return TL_OK;
}

static tl_settings run_settings(tl_optimizer_kind kind, float clip, const char *out)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, "own-vit"));
    s.model.op = TL_OP_TRANSLUTION;
    s.model.image_height = s.model.image_width = SIDE, s.model.channels = 1;
    s.model.patch_height = s.model.patch_width = 4, s.model.classes = 4;
    s.model.dim = 12, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 4, s.model.mlp_dim = 16;
    s.training.seed = 11, s.training.batch_size = BATCH, s.training.steps = STEPS;
    s.training.schedule = TL_SCHEDULE_CONSTANT, s.training.lr = 0.01f;
    s.training.optimizer = kind, s.training.grad_clip = clip;
    snprintf(s.run.out, sizeof s.run.out, "%s", at(out));
    return s;
}
#define run_settings(...) VALUE_FROM_HERE(run_settings(__VA_ARGS__))

static void own_loop(const tl_settings *s, tl_model *model)
{
    tl_parameter list[64];
    int count = 0;
    while (tl_model_parameter_at(model, count, &list[count])) count++;
    tl_optimizer *o = optimizer_of((tl_optimizer_config){.kind = s->training.optimizer,
                                                         .beta1 = s->training.beta1 == 0 ? FLT_MIN : -1,
                                                         .weight_decay = s->training.weight_decay,
                                                         .grad_clip = s->training.grad_clip},
                                   list, count);
    for (uint64_t step = 0; step < s->training.steps; step++) {
        const tl_batch batch = {.size = sizeof batch,
                                .count = BATCH,
                                .images = images + step * BATCH * PIXELS,
                                .targets = classes + step * BATCH};
        OK(tl_model_forward(ctx, model, &batch));
        OK(tl_model_loss(ctx, model, NULL));
        OK(tl_model_backward(ctx, model));
        OK(tl_optimizer_step(ctx, o, s->training.lr));
    }
    tl_optimizer_destroy(ctx, o);
}
#define own_loop(...) FROM_HERE(own_loop(__VA_ARGS__))

static const tl_model_options trained = {
    .size = sizeof trained, .batch = BATCH, .training = true, .seed = 11};

static tl_model *train_by_loop(const tl_settings *s)
{
    tl_model *model = NULL;
    OK(tl_model_create(ctx, &s->model, &trained, &model));
    own_loop(s, model);
    return model;
}
#define train_by_loop(...) VALUE_FROM_HERE(train_by_loop(__VA_ARGS__))

static tl_model *train_by_run(const tl_settings *s)
{
    const tl_data data = {.size = sizeof data, .samples = STEPS * BATCH, .fill = fill};
    const tl_trainer_config config = {.size = sizeof config, .settings = s, .data = &data};
    tl_trainer *trainer = NULL;
    tl_model *model = NULL;
    tl_result result;
    OK(tl_trainer_create(ctx, &config, &trainer));
    OK(tl_trainer_run(ctx, trainer, &result));
    OK(tl_model_open(ctx, result.out, &trained, &model));
    tl_trainer_destroy(ctx, trainer);
    return model;
}
#define train_by_run(...) VALUE_FROM_HERE(train_by_run(__VA_ARGS__))

static void check_run(tl_settings s)
{
    tl_model *of_run = train_by_run(&s), *own = train_by_loop(&s);
    tl_parameter p, q;
    for (int i = 0; tl_model_parameter_at(own, i, &p); i++) {
        const uint64_t count = elements_of(&p);
        assert_true(tl_model_parameter(of_run, p.name, &q));
        float *a = values_of(p.value, count), *b = values_of(q.value, count);
        if (memcmp(a, b, count * sizeof *a) != 0) fail_msg("%s has other bits than the run's", p.name);
        free(a);
        free(b);
    }
    tl_model_destroy(ctx, of_run);
    tl_model_destroy(ctx, own);
}
#define check_run(...) FROM_HERE(check_run(__VA_ARGS__))

static void own_loop_has_the_bits_of_a_run(void **state)
{
    for (int i = 0; i < STEPS * BATCH * PIXELS; i++) images[i] = wave(5, (uint64_t)i);
    for (int i = 0; i < STEPS * BATCH; i++) classes[i] = i % 4;
    check_run(run_settings(TL_OPTIMIZER_ADAMW, 0, "adamw"));
    check_run(run_settings(TL_OPTIMIZER_ADAMW, 0.5f, "clipped"));
    check_run(run_settings(TL_OPTIMIZER_LION, 0, "lion"));
    for (int kind = TL_OPTIMIZER_ADAMW; kind <= TL_OPTIMIZER_LION; kind++) {
        tl_settings s = run_settings((tl_optimizer_kind)kind, 0, kind == TL_OPTIMIZER_LION ? "sign" : "rms");
        s.training.beta1 = 0; /* which tl_optimizer_config spells FLT_MIN */
        check_run(s);
    }
}

/* What training launched, by kernel. */
typedef struct launches {
    tl_profile_row *rows;
    int count;
} launches;

/* Of the first `steps` steps, in a context of their own that times kernels. The caller frees the rows. */
static launches launches_of(bool by_run, uint64_t steps)
{
    const tl_context_options options = {.size = sizeof options, .profile = true};
    tl_settings s = run_settings(TL_OPTIMIZER_ADAMW, 0.5f, "launches");
    tl_context *const usual = ctx;
    launches l;
    s.training.steps = steps;
    if (tl_context_create(&options, &ctx, &said) != TL_OK) fail_msg("%s", said.text);
    if (by_run)
        train_by_run(&s);
    else
        train_by_loop(&s);
    OK(tl_profile_read(ctx, &l.rows, &l.count));
    tl_context_destroy(ctx);
    ctx = usual;
    return l;
}
#define launches_of(...) VALUE_FROM_HERE(launches_of(__VA_ARGS__))

static uint64_t launches_by(launches l, const char *kernel)
{
    for (int i = 0; i < l.count; i++)
        if (strcmp(l.rows[i].kernel, kernel) == 0) return l.rows[i].launches;
    return 0;
}

/* A step of a run costs the device what one of the loop does. */
static void a_step_of_a_run_launches_the_kernels_of_the_loop(void **state)
{
    const launches run[] = {launches_of(true, 1), launches_of(true, STEPS)},
                   loop[] = {launches_of(false, 1), launches_of(false, STEPS)};
    uint64_t all = 0;
    for (int i = 0; i < run[1].count; i++) {
        const char *kernel = run[1].rows[i].kernel;
        const uint64_t by_run = launches_by(run[1], kernel) - launches_by(run[0], kernel),
                       by_loop = launches_by(loop[1], kernel) - launches_by(loop[0], kernel);
        if (by_run != by_loop)
            fail_msg("%s: %" PRIu64 " launches by steps of the run, %" PRIu64 " by those of the loop", kernel,
                     by_run, by_loop);
        all += by_run;
    }
    assert_true(all > 0);
    for (int i = 0; i < 2; i++) {
        free(run[i].rows);
        free(loop[i].rows);
    }
}

/* ---- own data ------------------------------------------------------------------------------------ */

/* Noise with a bright corner: four classes, learned by a loop of the program's own. */
static void four_classes_in_memory(void **state)
{
    enum { SAMPLES = 64, ROUNDS = 40 };
    static float own[SAMPLES][SIDE][SIDE];
    static int32_t corner[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        corner[i] = i % 4;
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                own[i][y][x] = 0.3f * wave((uint32_t)i, (uint64_t)(y * SIDE + x)) +
                               (y / (SIDE / 2) == i % 4 / 2 && x / (SIDE / 2) == i % 2);
    }
    const tl_settings s = run_settings(TL_OPTIMIZER_ADAMW, 0, "unused");
    const tl_model_options options = {.size = sizeof options, .batch = SAMPLES, .training = true, .seed = 1};
    const tl_batch batch = {
        .size = sizeof batch, .count = SAMPLES, .images = &own[0][0][0], .targets = corner};
    tl_parameter list[64];
    tl_model *model = NULL;
    float first, loss, logits[SAMPLES][4];
    int count = 0, right = 0;
    OK(tl_model_create(ctx, &s.model, &options, &model));
    while (tl_model_parameter_at(model, count, &list[count])) count++;
    tl_optimizer *o = optimizer_of((tl_optimizer_config){.grad_clip = 1.0f}, list, count);
    for (int round = 0; round < ROUNDS; round++) {
        OK(tl_model_forward(ctx, model, &batch));
        OK(tl_model_loss(ctx, model, round == 0 ? &first : NULL));
        OK(tl_model_backward(ctx, model));
        OK(tl_optimizer_step(ctx, o, 0.01f));
    }
    OK(tl_model_forward(ctx, model, &batch));
    OK(tl_model_loss(ctx, model, &loss));
    OK(tl_model_read_logits(ctx, model, &logits[0][0]));
    for (int i = 0; i < SAMPLES; i++) {
        bool best = true;
        for (int c = 0; c < 4; c++) best = best && logits[i][corner[i]] >= logits[i][c];
        right += best;
    }
    if (right < SAMPLES * 9 / 10 || loss > first / 4)
        fail_msg("%d of %d right, loss %g after %g", right, (int)SAMPLES, (double)loss, (double)first);
    tl_optimizer_destroy(ctx, o);
    tl_model_destroy(ctx, model);
}

/* ---- wrong arguments ----------------------------------------------------------------------------- */

static void configurations(void **state)
{
    pair p;
    tl_optimizer *o = NULL;
    make_pair(&p);
    const tl_optimizer_config sound = {.size = sizeof sound};
    static const struct {
        size_t at;
        float value;
        const char *word;
    } wrong[] = {
        {offsetof(tl_optimizer_config, beta1), 1, "beta1 is 1"},
        {offsetof(tl_optimizer_config, beta1), -0.5f, "beta1 is -0.5"},
        {offsetof(tl_optimizer_config, beta2), 2, "beta2 is 2"},
        {offsetof(tl_optimizer_config, eps), -1, "eps is -1"},
        {offsetof(tl_optimizer_config, weight_decay), NAN, "weight_decay is"},
        {offsetof(tl_optimizer_config, grad_clip), INFINITY, "grad_clip is inf"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        tl_optimizer_config c = sound;
        memcpy((char *)&c + wrong[i].at, &wrong[i].value, sizeof wrong[i].value);
        WRONG(tl_optimizer_create, wrong[i].word, ctx, &c, p.list, 2, &o);
    }
    tl_optimizer_config c = sound;
    c.kind = (tl_optimizer_kind)9;
    WRONG(tl_optimizer_create, "no optimizer 9", ctx, &c, p.list, 2, &o);
    c.size = 0;
    WRONG(tl_optimizer_create, "sizeof(tl_optimizer_config)", ctx, &c, p.list, 2, &o);
    WRONG(tl_optimizer_create, NULL, NULL, &sound, p.list, 2, &o);
    WRONG(tl_optimizer_create, "configuration", ctx, NULL, p.list, 2, &o);
    WRONG(tl_optimizer_create, "parameters", ctx, &sound, NULL, 2, &o);
    WRONG(tl_optimizer_create, "handle", ctx, &sound, p.list, 2, NULL);
    WRONG(tl_optimizer_create, "count is 0", ctx, &sound, p.list, 0, &o);
    assert_null(o);
    free_pair(&p);
}

static void parameters(void **state)
{
    pair p;
    tl_optimizer *o = NULL;
    make_pair(&p);
    const tl_optimizer_config sound = {.size = sizeof sound};
    tl_parameter list[2] = {p.list[0], p.list[1]};
    tl_tensor *alien = make(other, "alien", COUNT_A);
    list[0].name = NULL;
    WRONG(tl_optimizer_create, "parameter 0 has no name", ctx, &sound, list, 2, &o);
    list[0] = p.list[0], list[0].value = NULL;
    WRONG(tl_optimizer_create, "tensor a is missing", ctx, &sound, list, 2, &o);
    list[0].value = alien;
    WRONG(tl_optimizer_create, "tensor a is none of this context", ctx, &sound, list, 2, &o);
    list[0] = p.list[0], list[0].gradient = NULL;
    WRONG(tl_optimizer_create, "parameter a has no gradient", ctx, &sound, list, 2, &o);
    list[0].gradient = p.list[1].gradient;
    WRONG(tl_optimizer_create, "a have different sizes", ctx, &sound, list, 2, &o);
    list[0] = p.list[1];
    WRONG(tl_optimizer_create, "the same", ctx, &sound, list, 2, &o);
    assert_null(o);
    tl_tensor_destroy(other, alien);
    free_pair(&p);
}

static void handles(void **state)
{
    pair p;
    tl_optimizer *gone = NULL;
    tl_optimizer_step_report report;
    make_pair(&p);
    tl_optimizer *o = optimizer_of((tl_optimizer_config){0}, p.list, 2);
    gone = optimizer_of((tl_optimizer_config){0}, p.list, 2);
    TRIES(tl_optimizer_destroy);
    tl_optimizer_destroy(ctx, NULL);
    tl_optimizer_destroy(NULL, gone);
    tl_optimizer_destroy(other, gone);
    assert_non_null(strstr(tl_context_error(other)->text, "none of this context"));
    tl_optimizer_destroy(ctx, gone);
    tl_optimizer_destroy(ctx, gone);
    assert_non_null(strstr(tl_context_error(ctx)->text, "it was destroyed"));
    WRONG(tl_optimizer_step, NULL, NULL, o, 0.1f);
    WRONG(tl_optimizer_step, "optimizer or its context is missing", ctx, NULL, 0.1f);
    WRONG(tl_optimizer_step, "it was destroyed", ctx, gone, 0.1f);
    WRONG(tl_optimizer_step, "learning rate is -1", ctx, o, -1);
    WRONG(tl_optimizer_step, "learning rate is", ctx, o, NAN);
    WRONG(tl_optimizer_step, "learning rate is inf", ctx, o, INFINITY);
    WRONG(tl_optimizer_report, NULL, NULL, o, &report);
    WRONG(tl_optimizer_report, "optimizer or its context is missing", ctx, NULL, &report);
    WRONG(tl_optimizer_report, "it was destroyed", ctx, gone, &report);
    WRONG(tl_optimizer_report, "place for the optimizer's report", ctx, o, NULL);
    WRONG(tl_optimizer_report, "tl_optimizer_step first", ctx, o, &report);
    WRONG(tl_optimizer_set_steps, NULL, NULL, o, 1);
    WRONG(tl_optimizer_set_steps, "optimizer or its context is missing", ctx, NULL, 1);
    WRONG(tl_optimizer_set_steps, "it was destroyed", ctx, gone, 1);
    GIVES(tl_optimizer_steps, tl_optimizer_steps(NULL) == 0 && tl_optimizer_steps(o) == 0);
    GIVES(tl_optimizer_state_at, !tl_optimizer_state_at(NULL, 0, 0, NULL, NULL));
    GIVES(tl_optimizer_state_at, !tl_optimizer_state_at(o, 2, 0, NULL, NULL));
    GIVES(tl_optimizer_state_at, !tl_optimizer_state_at(o, -1, 0, NULL, NULL));
    GIVES(tl_optimizer_state_at, !tl_optimizer_state_at(o, 0, 2, NULL, NULL));
    GIVES(tl_optimizer_state_at, !tl_optimizer_state_at(o, 0, -1, NULL, NULL));
    GIVES(tl_optimizer_state_at, tl_optimizer_state_at(o, 0, 0, NULL, NULL));
    OK(tl_optimizer_step(ctx, o, 0.1f));
    tl_tensor_destroy(ctx, p.list[1].value);
    p.list[1].value = NULL;
    WRONG(tl_optimizer_report, "tensor b is none of this context", ctx, o, &report);
    WRONG(tl_optimizer_step, "tensor b is none of this context", ctx, o, 0.1f);
    free_pair(&p); /* before the optimizer, which is left to the context */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formulas_on_own_tensors),
        cmocka_unit_test(clipping_scales_to_the_norm),
        cmocka_unit_test(norms_that_no_step_needs_are_left_to_the_report),
        cmocka_unit_test(steps_that_are_not_finite),
        cmocka_unit_test(state_is_saved_and_resumed),
        cmocka_unit_test(own_loop_has_the_bits_of_a_run),
        cmocka_unit_test(a_step_of_a_run_launches_the_kernels_of_the_loop),
        cmocka_unit_test(four_classes_in_memory),
        cmocka_unit_test(configurations),
        cmocka_unit_test(parameters),
        cmocka_unit_test(handles),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
