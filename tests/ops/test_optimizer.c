/* Optimizers against plain loops in double precision: AdamW by PyTorch's formula, Lion by its paper's; over several steps, several shards and odd
 * sizes. */
#include "rows.h"

#include "core/choices.h"
#include "ops/optimizer.h"

enum { PARTS = 8 }; /* tensors that a launch steps */

static const optimizer_rule *adamw(void)
{
    return tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW);
}

typedef struct host_state {
    double *p, *m, *v, *size; /* size: what m would be if nothing cancelled */
} host_state;

/* Betas and the learning rate as they are written, not as their floats are. */
static void reference(host_state s, const float *g, uint64_t count, double step, double lr, double decay,
                      double gradient_scale)
{
    const double b1 = 0.9, b2 = 0.999, eps = 1e-8;
    for (uint64_t i = 0; i < count; i++) {
        const double gi = g[i] * gradient_scale;
        s.p[i] *= 1 - lr * decay;
        s.m[i] = b1 * s.m[i] + (1 - b1) * gi;
        s.size[i] = b1 * s.size[i] + (1 - b1) * fabs(gi);
        s.v[i] = b2 * s.v[i] + (1 - b2) * gi * gi;
        const double root = sqrt(s.v[i]) / sqrt(1 - pow(b2, step)) + eps;
        s.p[i] -= lr / (1 - pow(b1, step)) * s.m[i] / root;
    }
}

/* A tensor of two shards made of two tensors, as a device with small allocations would have it. */
typedef struct split {
    tl_tensor tensor, *parts[2];
    tli_mem mem[2];
} split;

static void split_make(tl_context *ctx, split *s, const float *values, uint64_t lead, uint64_t first,
                       uint64_t row)
{
    s->parts[0] = upload(ctx, values, first, row);
    s->parts[1] = upload(ctx, values == NULL ? NULL : values + first * row, lead - first, row);
    s->mem[0] = s->parts[0]->mem[0];
    s->mem[1] = s->parts[1]->mem[0];
    s->tensor = (tl_tensor){
        .name = "split", .lead = lead, .row = row, .lead_per_shard = first, .shards = 2, .mem = s->mem};
}

static void split_drop(tl_context *ctx, split *s)
{
    tl_tensor_destroy(ctx, s->parts[0]);
    tl_tensor_destroy(ctx, s->parts[1]);
}

static void steps_at(const char *file, int line, tl_context *ctx, uint64_t lead, uint64_t first, uint64_t row,
                     float decay, float gradient_scale)
{
    const uint64_t count = lead * row;
    tli_random r = tli_random_make(21, count);
    float *p = draw(&r, count);
    host_state host = {zeros(count), zeros(count), zeros(count), zeros(count)};
    for (uint64_t i = 0; i < count; i++) host.p[i] = p[i];
    split sp, sg, sm, sv;
    split_make(ctx, &sp, p, lead, first, row);
    split_make(ctx, &sm, NULL, lead, first, row);
    split_make(ctx, &sv, NULL, lead, first, row);
    for (uint64_t step = 1; step <= 5; step++) {
        float *g = draw(&r, count);
        for (uint64_t i = 0; i < count; i++) g[i] *= powf(10, (float)(i % 9) - 6); /* down to 1e-6 */
        g[0] = 0;
        split_make(ctx, &sg, g, lead, first, row);
        const optimizer_settings settings = {.lr = 1e-2f,
                                             .beta1 = 0.9f,
                                             .beta2 = 0.999f,
                                             .eps = 1e-8f,
                                             .weight_decay = decay,
                                             .gradient_scale = gradient_scale,
                                             .step = step};
        const optimizer_target target = {
            .value = &sp.tensor, .gradient = &sg.tensor, .state = {&sm.tensor, &sv.tensor}};
        MUST(ctx, tli_optimizer_step(ctx, adamw(), &target, 1, &settings));
        reference(host, g, count, (double)step, 1e-2, decay, gradient_scale);
        split_drop(ctx, &sg);
        free(g);
    }
    for (int s = 0; s < 2; s++) {
        const uint64_t at = s == 0 ? 0 : first * row, n = (s == 0 ? first : lead - first) * row;
        float *got_p = download(ctx, sp.parts[s]), *got_m = download(ctx, sm.parts[s]);
        float *got_v = download(ctx, sv.parts[s]);
        near_to_at(file, line, "parameter", got_p, host.p + at, n, 1e-6, 0.1);
        for (uint64_t i = 0; i < n; i++)
            if (!(fabs(got_m[i] - host.m[at + i]) <= 5e-7 * host.size[at + i]))
                fail_at(file, line, "first moment[%llu] is %g, not %g", (unsigned long long)i, got_m[i],
                        host.m[at + i]);
        near_to_at(file, line, "second moment", got_v, host.v + at, n, 2e-6, 1e-16);
        free(got_p), free(got_m), free(got_v);
    }
    free(p), free(host.p), free(host.m), free(host.v), free(host.size);
    split_drop(ctx, &sp), split_drop(ctx, &sm), split_drop(ctx, &sv);
}
#define steps(...) steps_at(HERE, __VA_ARGS__)

static void adamw_steps(tl_context *ctx)
{
    steps(ctx, 2, 1, 1, 0.05f, 1);
    steps(ctx, 5, 3, 13, 0.05f, 0.5f);
    steps(ctx, 7, 4, 5003, 0, 1);
}
ON_BOTH_PATHS(adamw_steps)

/* Lion's formula. A direction that is 0 but for rounding may have either sign: such elements are `unsure` from then on. */
static void lion_reference(double *p, double *m, bool *unsure, const float *g, uint64_t count, double lr,
                           double decay, double gradient_scale)
{
    const double b1 = 0.9, b2 = 0.99;
    for (uint64_t i = 0; i < count; i++) {
        const double gi = g[i] * gradient_scale, old = b1 * m[i], fresh = (1 - b1) * gi, c = old + fresh;
        if (fabs(c) < 1e-6 * (fabs(old) + fabs(fresh))) unsure[i] = true;
        p[i] = p[i] * (1 - lr * decay) - lr * (c > 0 ? 1 : c < 0 ? -1 : 0);
        m[i] = b2 * m[i] + (1 - b2) * gi;
    }
}

static void lion_steps_at(const char *file, int line, tl_context *ctx, uint64_t lead, uint64_t first,
                          uint64_t row, float decay, float gradient_scale)
{
    const uint64_t count = lead * row;
    uint64_t compared = 0;
    tli_random r = tli_random_make(22, count);
    float *p = draw(&r, count);
    double *host_p = zeros(count), *host_m = zeros(count);
    bool *unsure = calloc(count, sizeof *unsure);
    assert_non_null(unsure);
    for (uint64_t i = 0; i < count; i++) host_p[i] = p[i];
    split sp, sg, sm;
    split_make(ctx, &sp, p, lead, first, row);
    split_make(ctx, &sm, p, lead, first, row); /* step 1 must not read it */
    for (uint64_t step = 1; step <= 5; step++) {
        float *g = draw(&r, count);
        g[0] = 0; /* no gradient, no step but decay */
        split_make(ctx, &sg, g, lead, first, row);
        const optimizer_settings settings = {.lr = 1e-2f,
                                             .beta1 = 0.9f,
                                             .beta2 = 0.99f,
                                             .weight_decay = decay,
                                             .gradient_scale = gradient_scale,
                                             .step = step};
        const optimizer_target target = {.value = &sp.tensor, .gradient = &sg.tensor, .state = {&sm.tensor}};
        MUST(ctx, tli_optimizer_step(ctx, tli_optimizer_rule_of(TL_OPTIMIZER_LION), &target, 1, &settings));
        lion_reference(host_p, host_m, unsure, g, count, 1e-2, decay, gradient_scale);
        split_drop(ctx, &sg);
        free(g);
    }
    for (int s = 0; s < 2; s++) {
        const uint64_t at = s == 0 ? 0 : first * row, n = (s == 0 ? first : lead - first) * row;
        float *got_p = download(ctx, sp.parts[s]), *got_m = download(ctx, sm.parts[s]);
        for (uint64_t i = 0; i < n; i++) {
            if (!unsure[at + i] &&
                !(fabs(got_p[i] - host_p[at + i]) <= 1e-6 * fmax(0.1, fabs(host_p[at + i]))))
                fail_at(file, line, "parameter[%llu] is %g, not %g", (unsigned long long)i, got_p[i],
                        host_p[at + i]);
            compared += !unsure[at + i];
        }
        near_to_at(file, line, "momentum", got_m, host_m + at, n, 1e-6, 0.1);
        free(got_p), free(got_m);
    }
    assert_true(compared * 100 >= count * 99);
    free(p), free(host_p), free(host_m), free(unsure);
    split_drop(ctx, &sp), split_drop(ctx, &sm);
}
#define lion_steps(...) lion_steps_at(HERE, __VA_ARGS__)

static void lion_moves_as_its_paper_says(tl_context *ctx)
{
    lion_steps(ctx, 2, 1, 1, 0.05f, 1);
    lion_steps(ctx, 5, 3, 13, 0.5f, 0.5f);
    lion_steps(ctx, 7, 4, 5003, 0, 1);
}
ON_BOTH_PATHS(lion_moves_as_its_paper_says)

/* By every optimizer a gradient that is not finite leaves a weight that is not finite, so that no run goes on unnoticed. */
static void not_finite_gradients_show(tl_context *ctx)
{
    enum { COUNT = 37 };
    const float bad[3] = {NAN, INFINITY, -INFINITY};
    const optimizer_rule *rule;
    for (int kind = 0; (rule = tli_optimizer_rule_of((tl_optimizer_kind)kind)) != NULL; kind++) {
        float g[COUNT];
        for (int i = 0; i < COUNT; i++) g[i] = i % 4 < 3 ? bad[i % 4] : 1.0f;
        tl_tensor *value = upload(ctx, NULL, 1, COUNT), *gradient = upload(ctx, g, 1, COUNT);
        optimizer_target target = {.value = value, .gradient = gradient};
        for (int k = 0; k < rule->slots; k++) target.state[k] = upload(ctx, NULL, 1, COUNT);
        const optimizer_settings settings = {
            .lr = 0.1f, .beta1 = 0.5f, .beta2 = 0.5f, .eps = 1e-8f, .gradient_scale = 1, .step = 1};
        MUST(ctx, tli_optimizer_step(ctx, rule, &target, 1, &settings));
        float *got = download(ctx, value);
        for (int i = 0; i < COUNT; i++) assert_int_equal(isfinite(got[i]) != 0, i % 4 == 3);
        free(got);
        tl_tensor_destroy(ctx, value), tl_tensor_destroy(ctx, gradient);
        for (int k = 0; k < rule->slots; k++) tl_tensor_destroy(ctx, target.state[k]);
    }
}
ON_BOTH_PATHS(not_finite_gradients_show)

static optimizer_settings scaled_step(uint64_t step, float gradient_scale)
{
    return (optimizer_settings){.lr = 1e-2f,
                                .beta1 = 0.9f,
                                .beta2 = 0.999f,
                                .eps = 1e-8f,
                                .weight_decay = 0.1f,
                                .gradient_scale = gradient_scale,
                                .step = step};
}

/* For every optimizer: a clip result on the device scales gradients as gradient_scale does, or skips the step; skipped, the
 * first step still sets the state to 0. Every tensor is written in full, from whatever it held. */
static void clip_results_of(tl_context *ctx, const optimizer_rule *rule)
{
    enum { COUNT = 1037, MOST = 1 + OPTIMIZER_MAX_SLOTS };
    const int tensors = 1 + rule->slots;
    tli_random r = tli_random_make(3, 3);
    float *p = draw(&r, COUNT), *g = draw(&r, COUNT);
    static const float values[] = {0.25f, 1.0f, -1.0f};
    for (int i = 0; i < 3; i++) {
        for (uint64_t step = 1; step <= 2; step++) {
            float *results[2][MOST]; /* by clip_result, by gradient_scale: value and state */
            for (int by_host = 0; by_host < 2; by_host++) {
                tl_tensor *t[MOST] = {upload(ctx, p, 1, COUNT)}, *gradient = upload(ctx, g, 1, COUNT);
                optimizer_target target = {.value = t[0], .gradient = gradient};
                place v = put(ctx, &values[i], 1);
                optimizer_settings settings = scaled_step(step, by_host ? values[i] : 1.0f);
                if (!by_host) settings.clip_result = v.view;
                for (int k = 1; k < tensors; k++) t[k] = target.state[k - 1] = upload(ctx, g, 1, COUNT);
                MUST(ctx, tli_optimizer_step(ctx, rule, &target, 1, &settings));
                for (int k = 0; k < tensors; k++) results[by_host][k] = download(ctx, t[k]);
                for (int k = 0; k < tensors; k++) tl_tensor_destroy(ctx, t[k]);
                tl_tensor_destroy(ctx, gradient);
                drop(ctx, v);
            }
            for (int k = 0; k < tensors; k++) {
                assert_memory_equal(results[0][k], results[1][k], COUNT * sizeof(float));
                for (int e = 0; e < COUNT && values[i] < 0; e++) {
                    const float kept = k == 0 ? p[e] : step == 1 ? 0.0f : g[e];
                    assert_true(results[0][k][e] == kept);
                }
                assert_true(k > 0 || values[i] < 0 || results[0][0][7] != p[7]);
                free(results[0][k]), free(results[1][k]);
            }
        }
    }
    free(p), free(g);
}
#define clip_results_of(...) FROM_HERE(clip_results_of(__VA_ARGS__))

static void clip_results_scale_or_skip(tl_context *ctx)
{
    const optimizer_rule *rule;
    for (int kind = 0; (rule = tli_optimizer_rule_of((tl_optimizer_kind)kind)) != NULL; kind++)
        clip_results_of(ctx, rule);
}
ON_BOTH_PATHS(clip_results_scale_or_skip)

/* Ranges of a parameter, each with state of its own, are stepped to the bits of the whole. */
static void ranges_of(tl_context *ctx, const optimizer_rule *rule)
{
    enum { COUNT = 10007, CUTS = 4 };
    static const uint64_t cuts[CUTS] = {0, 4096, 4099, COUNT};
    tli_random r = tli_random_make(5, 5);
    float *p = draw(&r, COUNT), *g = draw(&r, COUNT);
    tl_tensor *whole = upload(ctx, p, COUNT, 1), *parts = upload(ctx, p, COUNT, 1),
              *gradient = upload(ctx, g, COUNT, 1);
    optimizer_target all = {.value = whole, .gradient = gradient};
    for (int k = 0; k < rule->slots; k++) all.state[k] = upload(ctx, NULL, COUNT, 1);
    for (int c = 0; c + 1 < CUTS; c++) {
        optimizer_target part = {.value = parts, .gradient = gradient, .first = cuts[c]};
        for (int k = 0; k < rule->slots; k++) part.state[k] = upload(ctx, NULL, cuts[c + 1] - cuts[c], 1);
        for (uint64_t step = 1; step <= 3; step++) {
            const optimizer_settings settings = scaled_step(step, 0.7f);
            if (c == 0) MUST(ctx, tli_optimizer_step(ctx, rule, &all, 1, &settings));
            MUST(ctx, tli_optimizer_step(ctx, rule, &part, 1, &settings));
        }
        for (int k = 0; k < rule->slots; k++) {
            float *want = download(ctx, all.state[k]), *got = download(ctx, part.state[k]);
            assert_memory_equal(got, want + cuts[c], (cuts[c + 1] - cuts[c]) * sizeof *got);
            free(want), free(got);
            tl_tensor_destroy(ctx, part.state[k]);
        }
    }
    float *want = download(ctx, whole), *got = download(ctx, parts);
    assert_memory_equal(got, want, COUNT * sizeof *got);
    assert_true(got[COUNT - 1] != p[COUNT - 1]);
    free(want), free(got), free(p), free(g);
    for (int k = 0; k < rule->slots; k++) tl_tensor_destroy(ctx, all.state[k]);
    tl_tensor_destroy(ctx, whole), tl_tensor_destroy(ctx, parts), tl_tensor_destroy(ctx, gradient);
}
#define ranges_of(...) FROM_HERE(ranges_of(__VA_ARGS__))

static void ranges_step_as_the_whole(tl_context *ctx)
{
    const optimizer_rule *rule;
    for (int kind = 0; (rule = tli_optimizer_rule_of((tl_optimizer_kind)kind)) != NULL; kind++)
        ranges_of(ctx, rule);
}
ON_BOTH_PATHS(ranges_step_as_the_whole)

/* Tensors of all sizes stepped together, some without weight decay, are stepped to the bits of each alone. */
static void together_of(tl_context *ctx, const optimizer_rule *rule)
{
    enum { TENSORS = 2 * PARTS + 3 };
    tli_random r = tli_random_make(8, 8);
    optimizer_target targets[2][TENSORS] = {0}; /* together, alone */
    tl_tensor *gradients[TENSORS];
    uint64_t counts[TENSORS];
    for (int i = 0; i < TENSORS; i++) {
        counts[i] = i % 5 == 0 ? 40000 + (uint64_t)i : 1 + 3 * (uint64_t)i;
        float *p = draw(&r, counts[i]), *g = draw(&r, counts[i]);
        gradients[i] = upload(ctx, g, 1, counts[i]);
        for (int way = 0; way < 2; way++) {
            targets[way][i] = (optimizer_target){
                .value = upload(ctx, p, 1, counts[i]), .gradient = gradients[i], .undecayed = i % 3 == 1};
            for (int k = 0; k < rule->slots; k++) targets[way][i].state[k] = upload(ctx, p, 1, counts[i]);
        }
        free(p), free(g);
    }
    for (uint64_t step = 1; step <= 2; step++) {
        const optimizer_settings settings = scaled_step(step, 0.7f);
        MUST(ctx, tli_optimizer_step(ctx, rule, targets[0], TENSORS, &settings));
        for (int i = 0; i < TENSORS; i++) {
            optimizer_settings own = settings;
            optimizer_target alone = targets[1][i];
            if (alone.undecayed) own.weight_decay = 0, alone.undecayed = false;
            MUST(ctx, tli_optimizer_step(ctx, rule, &alone, 1, &own));
        }
    }
    for (int i = 0; i < TENSORS; i++) {
        for (int k = -1; k < rule->slots; k++) {
            tl_tensor *a = k < 0 ? targets[0][i].value : targets[0][i].state[k],
                      *b = k < 0 ? targets[1][i].value : targets[1][i].state[k];
            float *got = download(ctx, a), *want = download(ctx, b);
            assert_memory_equal(got, want, counts[i] * sizeof *got);
            free(got), free(want);
            tl_tensor_destroy(ctx, a), tl_tensor_destroy(ctx, b);
        }
        tl_tensor_destroy(ctx, gradients[i]);
    }
}
#define together_of(...) FROM_HERE(together_of(__VA_ARGS__))

static void tensors_step_together_as_alone(tl_context *ctx)
{
    const optimizer_rule *rule;
    for (int kind = 0; (rule = tli_optimizer_rule_of((tl_optimizer_kind)kind)) != NULL; kind++)
        together_of(ctx, rule);
}
ON_BOTH_PATHS(tensors_step_together_as_alone)

static void count_launch(void *user, const char *kernel, const tli_launch *launch)
{
    (void)kernel, (void)launch;
    ++*(int *)user;
}

static void a_launch_steps_several_tensors(void **unused)
{
    enum { TENSORS = 2 * PARTS + 3 };
    tl_context *ctx = new_context(TL_PATH_AUTO);
    int launches = 0;
    MUST(ctx, tli_context_dry(ctx, NULL, NULL));
    tli_context_dry_launches(ctx, 2, count_launch, &launches);
    optimizer_target targets[TENSORS];
    for (int i = 0; i < TENSORS; i++) {
        tl_tensor *t = upload(ctx, NULL, 1, 5);
        targets[i] = (optimizer_target){.value = t, .gradient = t, .state = {t, t}};
    }
    const optimizer_settings settings = {.lr = 1, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .step = 1};
    launches = 0;
    MUST(ctx, tli_optimizer_step(ctx, adamw(), targets, TENSORS, &settings));
    assert_int_equal(launches, 3);
    for (int i = 0; i < TENSORS; i++) tl_tensor_destroy(ctx, targets[i].value);
    tl_context_destroy(ctx);
}

/* Every choice has its rule, whose numbers settings may take, and slots with names of their own. */
static void every_choice_has_a_rule(void **unused)
{
    for (int kind = 0; kind < tli_optimizer_choices.count; kind++) {
        const optimizer_rule *rule = tli_optimizer_rule_of(
            (tl_optimizer_kind)tli_optimizer_choices.items[kind].value);
        assert_non_null(rule);
        assert_true(rule->slots >= 1);
        assert_true(rule->slots <= OPTIMIZER_MAX_SLOTS);
        assert_true(rule->beta1 >= 0);
        assert_true(rule->beta1 < 1);
        assert_true(rule->beta2 >= 0);
        assert_true(rule->beta2 < 1);
        for (int s = 0; s < rule->slots; s++) {
            assert_true(rule->slot[s] != NULL);
            assert_true(rule->slot[s][0] != '\0');
            for (int other = 0; other < s; other++) assert_string_not_equal(rule->slot[s], rule->slot[other]);
        }
        assert_true(rule->step != NULL);
        assert_true(rule->plain != NULL);
    }
    assert_null(tli_optimizer_rule_of((tl_optimizer_kind)tli_optimizer_choices.count));
    assert_null(tli_optimizer_rule_of((tl_optimizer_kind)-1));
}

static void wrong_tensors_are_refused(tl_context *ctx)
{
    tl_tensor *a = upload(ctx, NULL, 4, 3), *b = upload(ctx, NULL, 3, 4);
    optimizer_settings settings = {.lr = 1, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .step = 1};
    const optimizer_target gradient = {.value = a, .gradient = b, .state = {a, a}},
                           state = {.value = a, .gradient = a, .state = {a, b}},
                           late = {.value = a, .gradient = a, .state = {a, a}, .first = 1},
                           good = {.value = a, .gradient = a, .state = {a, a}}, both[2] = {good, gradient};
    assert_int_equal(tli_optimizer_step(ctx, adamw(), &gradient, 1, &settings), TL_ERROR_USAGE);
    assert_int_equal(tli_optimizer_step(ctx, adamw(), both, 2, &settings), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(ctx)->text, "test"));
    assert_int_equal(tli_optimizer_step(ctx, adamw(), &state, 1, &settings), TL_ERROR_USAGE);
    assert_int_equal(tli_optimizer_step(ctx, adamw(), &late, 1, &settings), TL_ERROR_USAGE);
    settings.step = 0;
    assert_int_equal(tli_optimizer_step(ctx, adamw(), &good, 1, &settings), TL_ERROR_USAGE);
    tl_tensor_destroy(ctx, a), tl_tensor_destroy(ctx, b);
}
ON_BOTH_PATHS(wrong_tensors_are_refused)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(adamw_steps),
                                       BOTH_PATHS(lion_moves_as_its_paper_says),
                                       BOTH_PATHS(not_finite_gradients_show),
                                       BOTH_PATHS(clip_results_scale_or_skip),
                                       BOTH_PATHS(ranges_step_as_the_whole),
                                       BOTH_PATHS(tensors_step_together_as_alone),
                                       cmocka_unit_test(a_launch_steps_several_tensors),
                                       cmocka_unit_test(every_choice_has_a_rule),
                                       BOTH_PATHS(wrong_tensors_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
