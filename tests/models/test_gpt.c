/* The GPT: no logits depend on later tokens, whatever the operation; inputs shorter than the context; gradients
 * by differences; sizes and refusals. */
#include "context.h"
#include "models.h"

#include "core/choices.h"
#include "core/random.h"
#include "models/gpt.h"

enum { BATCH = 2, LENGTH = 9, VOCABULARY = 17 };

static tl_model_config config_of(tl_op_kind op)
{
    tl_model_config c = small_model(TL_ARCH_GPT, op);
    c.seq_len = LENGTH, c.vocab_size = VOCABULARY;
    c.dim = 12, c.heads = 3, c.mlp_dim = 24;
    c.window = op == TL_OP_CONV ? 2 : 0;
    return c;
}

/* Every operation, and what can be set beside it. */
static int configurations(tl_model_config list[32])
{
    int count = 0;
    for (int op = TL_OP_ATTENTION; op <= TL_OP_CONV; op++) list[count++] = config_of((tl_op_kind)op);
    for (int p = 0; p < tli_positions_choices.count; p++) {
        list[count] = config_of(TL_OP_ATTENTION);
        list[count++].positions = (tl_positions)tli_positions_choices.items[p].value;
    }
    for (tl_roles roles = TL_ROLE_Q; roles < TL_ROLE_QKV; roles += roles == TL_ROLE_V ? 2 : 1) {
        list[count] = config_of(TL_OP_TRANSLUTION);
        list[count++].relative = roles;
    }
    for (int k = 0; k < 2; k++) {
        const tl_op_kind op = k == 0 ? TL_OP_TRANSLUTION : TL_OP_ALPHA;
        list[count] = config_of(op); /* the second block is attention */
        list[count++].translution_layers = 1;
        list[count] = config_of(op);
        list[count++].window = 3;
        list[count] = config_of(op);
        list[count].sharing = k == 0 ? TL_SHARING_CLIP : TL_SHARING_LOG;
        list[count++].sharing_radius = 2;
    }
    list[count] = config_of(TL_OP_ALPHA);
    list[count++].positions = TL_POSITIONS_ROPE;
    return count;
}

static tl_model *create(tl_context *ctx, const tl_model_config *config, bool training)
{
    tl_model *model = NULL;
    MUST(ctx, tli_model_create(ctx, config, &(tl_model_options){.batch = BATCH, .training = training},
                               training ? tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW) : NULL, &model));
    MUST(ctx, tli_registry_init(ctx, tli_model_registry(model), 3));
    return model;
}
#define create(...) VALUE_FROM_HERE(create(__VA_ARGS__))

static void draw_ids(int32_t *ids, uint32_t count, uint64_t stream)
{
    tli_random r = tli_random_make(5, stream);
    for (uint32_t i = 0; i < count; i++) ids[i] = (int32_t)tli_random_below(&r, VOCABULARY);
}

/* Logits of all tokens, [token][batch][vocabulary], freed by the caller. */
static float *logits_of(tl_context *ctx, tl_model *model, const int32_t *tokens, uint32_t length)
{
    float *logits = malloc((size_t)length * BATCH * VOCABULARY * sizeof *logits);
    assert_non_null(logits);
    MUST(ctx,
         tli_model_set_batch(ctx, model, &(tl_batch){.count = BATCH, .tokens = tokens, .length = length}));
    MUST(ctx, tli_model_forward(ctx, model));
    for (uint32_t t = 0; t < length; t++)
        MUST(ctx, tli_gpt_read_logits(ctx, model, t, logits + (size_t)t * BATCH * VOCABULARY));
    return logits;
}
#define logits_of(...) VALUE_FROM_HERE(logits_of(__VA_ARGS__))

/* tl_model_read_logits gives the same in the order of the caller's batch, also after a loss. */
static void all_logits_at_once(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const tl_model_config c = config_of(TL_OP_ALPHA);
    const size_t count = (size_t)BATCH * LENGTH * VOCABULARY;
    int32_t tokens[BATCH * LENGTH];
    float *all = malloc(count * sizeof *all);
    draw_ids(tokens, BATCH * LENGTH, 9);
    for (int training = 0; training < 2; training++) {
        tl_model *model = create(ctx, &c, training != 0);
        float *want = logits_of(ctx, model, tokens, LENGTH);
        const tl_batch batch = {
            .size = sizeof batch, .count = BATCH, .tokens = tokens, .length = LENGTH, .targets = tokens};
        MUST(ctx, tl_model_forward(ctx, model, &batch));
        MUST(ctx, tl_model_loss(ctx, model, NULL));
        MUST(ctx, tl_model_read_logits(ctx, model, all));
        for (uint32_t b = 0; b < BATCH; b++)
            for (uint32_t t = 0; t < LENGTH; t++)
                for (uint32_t v = 0; v < VOCABULARY; v++)
                    assert_float_equal(all[((size_t)b * LENGTH + t) * VOCABULARY + v],
                                       want[((size_t)t * BATCH + b) * VOCABULARY + v], 1e-5f);
        free(want);
        tl_model_destroy(ctx, model);
    }
    free(all);
    tl_context_destroy(ctx);
}

static void causal_on(tl_kernel_path path)
{
    tl_context *ctx = new_context(path);
    tl_model_config list[32];
    const int count = configurations(list);
    for (int i = 0; i < count; i++) {
        tl_model *model = create(ctx, &list[i], false);
        int32_t tokens[BATCH * LENGTH];
        draw_ids(tokens, BATCH * LENGTH, 1);
        float *before = logits_of(ctx, model, tokens, LENGTH);
        for (uint32_t t = 0; t < LENGTH; t += 2) {
            const int32_t old = tokens[LENGTH + t]; /* of the second sample */
            tokens[LENGTH + t] = (old + 1) % VOCABULARY;
            float *after = logits_of(ctx, model, tokens, LENGTH);
            tokens[LENGTH + t] = old;
            for (uint32_t k = 0; k < LENGTH; k++) {
                for (uint32_t b = 0; b < BATCH; b++) {
                    const size_t at = ((size_t)k * BATCH + b) * VOCABULARY;
                    const bool same = memcmp(before + at, after + at, VOCABULARY * sizeof *before) == 0;
                    if (!same && (b == 0 || k < t))
                        fail_msg("configuration %d: token %u of sample 1 reaches the logits of token %u of "
                                 "sample %u",
                                 i, t, k, b);
                    if (same && b == 1 && k == t)
                        fail_msg("configuration %d: token %u does not reach its own logits", i, t);
                }
            }
            free(after);
        }
        free(before);
        tli_model_destroy(ctx, model);
    }
    tl_context_destroy(ctx);
}
#define causal_on(...) FROM_HERE(causal_on(__VA_ARGS__))

static void causal_cpu(void **unused)
{
    causal_on(TL_PATH_CPU);
}

static void causal_gpu(void **unused)
{
    causal_on(TL_PATH_GPU);
}

/* A shorter input gives the first logits of a longer one: L is the model's, whatever the input's length. */
static void shorter_inputs_are_a_prefix(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_CPU);
    tl_model_config list[32];
    const int count = configurations(list);
    for (int i = 0; i < count; i++) {
        tl_model *model = create(ctx, &list[i], false);
        int32_t tokens[BATCH * LENGTH], cut[BATCH * LENGTH];
        draw_ids(tokens, BATCH * LENGTH, 2);
        float *whole = logits_of(ctx, model, tokens, LENGTH);
        for (uint32_t length = 1; length < LENGTH; length += 3) {
            for (uint32_t b = 0; b < BATCH; b++)
                memcpy(cut + b * length, tokens + b * LENGTH, length * sizeof *cut);
            float *part = logits_of(ctx, model, cut, length);
            assert_close("logits of a shorter input", part, whole, (uint64_t)length * BATCH * VOCABULARY,
                         1e-6);
            free(part);
        }
        free(whole);
        tli_model_destroy(ctx, model);
    }
    tl_context_destroy(ctx);
}

/* Tokens added to a sequence one by one, or a few at a time, give the logits of the whole: of all samples, or of the first
 * alone, for whose single rows there are kernels. */
static void growing_on(tl_kernel_path path, uint32_t batch)
{
    static const uint32_t cuts[][5] = {{1, 1, 1, 1, 5}, {4, 1, 3, 1, 0}, {LENGTH, 0, 0, 0, 0}};
    tl_context *ctx = new_context(path);
    tl_model_config list[32];
    const int count = configurations(list);
    for (int i = 0; i < count; i++) {
        tl_model *model = create(ctx, &list[i], false), *grown = NULL;
        MUST(ctx, tli_model_create(ctx, &list[i], &(tl_model_options){.batch = batch, .kv_cache = true}, NULL,
                                   &grown));
        MUST(ctx, tli_registry_init(ctx, tli_model_registry(grown), 3));
        int32_t tokens[BATCH * LENGTH], part[BATCH * LENGTH];
        draw_ids(tokens, BATCH * LENGTH, 7);
        float *whole = logits_of(ctx, model, tokens, LENGTH),
              *got = malloc(LENGTH * BATCH * VOCABULARY * sizeof *got);
        assert_non_null(got);
        for (uint32_t row = 0; row < LENGTH * batch; row++) /* in place: those of the first samples */
            memmove(whole + row * VOCABULARY, whole + (row / batch * BATCH + row % batch) * VOCABULARY,
                    VOCABULARY * sizeof *whole);
        for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
            uint32_t first = 0;
            for (int c = 0; c < 5 && cuts[k][c] > 0; first += cuts[k][c++]) {
                const uint32_t length = cuts[k][c];
                for (uint32_t b = 0; b < batch; b++)
                    memcpy(part + b * length, tokens + b * LENGTH + first, length * sizeof *part);
                const tl_batch inputs = {.count = batch, .tokens = part, .length = length, .first = first};
                MUST(ctx, tli_model_set_batch(ctx, grown, &inputs));
                MUST(ctx, tli_model_forward(ctx, grown));
                for (uint32_t t = 0; t < length; t++)
                    MUST(ctx,
                         tli_gpt_read_logits(ctx, grown, t, got + (size_t)(first + t) * batch * VOCABULARY));
            }
            assert_int_equal(first, LENGTH);
            char what[64];
            snprintf(what, sizeof what, "configuration %d, batch %u, cut %d", i, batch, (int)k);
            assert_close(what, got, whole, (uint64_t)LENGTH * batch * VOCABULARY, 2e-6);
        }
        free(whole), free(got);
        tli_model_destroy(ctx, model);
        tli_model_destroy(ctx, grown);
    }
    tl_context_destroy(ctx);
}
#define growing_on(...) FROM_HERE(growing_on(__VA_ARGS__))

static void growing_cpu(void **unused)
{
    growing_on(TL_PATH_CPU, BATCH);
    growing_on(TL_PATH_CPU, 1);
}

static void growing_gpu(void **unused)
{
    growing_on(TL_PATH_GPU, BATCH);
    growing_on(TL_PATH_GPU, 1);
}

/* ---- training ------------------------------------------------------------------------------------ */

static float loss_of(tl_context *ctx, tl_model *model, bool backward)
{
    float loss;
    MUST(ctx, tli_model_forward(ctx, model));
    MUST(ctx, tli_model_loss(ctx, model, 0));
    if (backward) MUST(ctx, tli_model_backward(ctx, model));
    MUST(ctx, tli_model_read_losses(ctx, model, 0, 1, &loss));
    return loss;
}
#define loss_of(...) VALUE_FROM_HERE(loss_of(__VA_ARGS__))

/* The slope of the loss along a random direction of one parameter, by its gradient and by differences. */
static void check_slope(tl_context *ctx, tl_model *model, const tli_parameter *p, int configuration)
{
    const float step = 2e-2f;
    const uint64_t count = tli_parameter_count(p);
    float *values = download(ctx, p->value), *gradient = download(ctx, p->gradient);
    float *moved = malloc(count * sizeof *moved), *direction = malloc(count * sizeof *direction), loss[2];
    assert_true(moved != NULL);
    assert_true(direction != NULL);
    tli_random r = tli_random_make(6, count);
    double slope = 0, size = 0;
    for (uint64_t i = 0; i < count; i++) {
        direction[i] = tli_random_normal(&r);
        size += (double)direction[i] * (double)direction[i];
    }
    for (uint64_t i = 0; i < count; i++) {
        direction[i] /= (float)sqrt(size);
        slope += (double)direction[i] * (double)gradient[i];
    }
    for (int side = 0; side < 2; side++) {
        for (uint64_t i = 0; i < count; i++) moved[i] = values[i] + (side ? step : -step) * direction[i];
        MUST(ctx, tl_tensor_write(ctx, p->value, 0, count, moved));
        loss[side] = loss_of(ctx, model, false);
    }
    MUST(ctx, tl_tensor_write(ctx, p->value, 0, count, values));
    const double want = ((double)loss[1] - (double)loss[0]) / (2 * (double)step);
    if (!(fabs(slope - want) <= 2e-3 * (fabs(want) + 0.05)))
        fail_msg("configuration %d, %s: slope %g, by differences %g", configuration, p->name, slope, want);
    free(values), free(gradient), free(moved), free(direction);
}
#define check_slope(...) FROM_HERE(check_slope(__VA_ARGS__))

/* Also of an input shorter than the context, where tables and positions beyond it have exactly no gradient. */
static void gradients_are_differences(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_CPU);
    tl_model_config list[32];
    const int count = configurations(list);
    for (int i = 0; i < count; i++) {
        tl_model *model = create(ctx, &list[i], true);
        tli_registry *registry = tli_model_registry(model);
        int32_t tokens[BATCH * LENGTH], targets[BATCH * LENGTH];
        draw_ids(tokens, BATCH * LENGTH, 3);
        draw_ids(targets, BATCH * LENGTH, 4);
        for (uint32_t length = LENGTH; length >= LENGTH - 3; length -= 3) {
            const tl_batch inputs = {.count = BATCH, .tokens = tokens, .length = length, .targets = targets};
            MUST(ctx, tli_model_set_batch(ctx, model, &inputs));
            assert_int_equal(tli_model_predictions(model), BATCH * length);
            for (int k = 0; k < registry->count; k++) {
                const tli_parameter *p = &registry->items[k];
                if (strstr(p->name, "norm") != NULL || strstr(p->name, ".1.net") != NULL) continue;
                loss_of(ctx, model, true);
                check_slope(ctx, model, p, i);
            }
            const tli_parameter *positions = tli_registry_find(registry, "wpe.weight");
            if (positions == NULL || length == LENGTH) continue;
            loss_of(ctx, model, true);
            float *got = download(ctx, positions->gradient);
            for (uint32_t e = length * 12; e < LENGTH * 12; e++) assert_true(got[e] == 0.0f);
            free(got);
        }
        tli_model_destroy(ctx, model);
    }
    tl_context_destroy(ctx);
}

/* ---- sizes and refusals -------------------------------------------------------------------------- */

static void parameter_counts(void **unused)
{
    static const struct {
        tl_op_kind op;
        uint32_t length;
        uint64_t count;
    } known[] = {{TL_OP_ATTENTION, 160, 21995904},    {TL_OP_ALPHA, 160, 23734656},
                 {TL_OP_TRANSLUTION, 160, 127469952}, {TL_OP_ATTENTION, 256, 22014336},
                 {TL_OP_ALPHA, 256, 24729984},        {TL_OP_TRANSLUTION, 256, 191170944}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        tl_model_config c = config_of(known[i].op);
        c.seq_len = known[i].length, c.vocab_size = 50257;
        c.dim = 192, c.depth = 6, c.heads = 3, c.head_dim = 64, c.mlp_dim = 768, c.relenc_dim = 8;
        tli_registry registry = {0};
        tl_error err = {0};
        if (tli_model_parameters(&c, &registry, &err) != TL_OK) fail_msg("%s", err.text);
        assert_int_equal(tli_registry_count(&registry), known[i].count);
        tli_registry_free(NULL, &registry);
    }
}

/* The plan says what the model allocates. */
static void plans_are_what_is_allocated(void **unused)
{
    tl_model_config list[32];
    const int count = configurations(list);
    tl_context *ctx = new_context(TL_PATH_CPU);
    for (int i = 0; i < count; i++) {
        for (int training = 0; training < 2; training++) {
            tl_memory_plan plan;
            MUST(ctx,
                 tli_model_plan(&list[i], BATCH, training ? tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW) : NULL,
                                &plan, tl_context_error(ctx)));
            tl_model *model = create(ctx, &list[i], training);
            for (int kind = 0; kind < TL_MEMORY_KINDS; kind++)
                if (tl_memory_used(ctx, (tl_memory_kind)kind) != plan.bytes[kind])
                    fail_msg("configuration %d: %s are %llu bytes, not %llu", i,
                             tl_memory_kind_name((tl_memory_kind)kind),
                             (unsigned long long)tl_memory_used(ctx, (tl_memory_kind)kind),
                             (unsigned long long)plan.bytes[kind]);
            tli_model_destroy(ctx, model);
        }
    }
    tl_context_destroy(ctx);
}

static void refused(tl_context *ctx, tl_model *model, const tl_batch *inputs, tl_status status,
                    const char *word)
{
    assert_int_equal(tli_model_set_batch(ctx, model, inputs), status);
    if (strstr(tl_context_error(ctx)->text, word) == NULL)
        fail_msg("no '%s' in: %s", word, tl_context_error(ctx)->text);
}
#define refused(...) FROM_HERE(refused(__VA_ARGS__))

static void wrong_inputs_are_refused(void **unused)
{
    tl_error err = {0};
    tl_model_config c = config_of(TL_OP_ATTENTION);
    c.seq_len = 0;
    assert_int_equal(tli_model_check(&c, &err), TL_ERROR_USAGE);
    assert_non_null(strstr(err.text, "sequence length"));
    c = config_of(TL_OP_ATTENTION), c.vocab_size = 0;
    assert_int_equal(tli_model_check(&c, &err), TL_ERROR_USAGE);
    assert_non_null(strstr(err.text, "vocabulary"));
    c = config_of(TL_OP_ATTENTION), c.positions = TL_POSITIONS_ROPE, c.head_dim = 5;
    assert_int_equal(tli_model_check(&c, &err), TL_ERROR_USAGE);
    c.head_dim = 6; /* an even number is enough in a sequence */
    assert_int_equal(tli_model_check(&c, &err), TL_OK);

    tl_context *ctx = new_context(TL_PATH_CPU);
    c = config_of(TL_OP_ALPHA);
    tl_model *model = create(ctx, &c, true);
    int32_t tokens[BATCH * LENGTH] = {0}, targets[BATCH * LENGTH] = {0};
    tl_batch inputs = {.count = BATCH, .tokens = tokens, .length = 0, .targets = targets};
    refused(ctx, model, &inputs, TL_ERROR_USAGE, "sequences of 0");
    inputs.length = LENGTH + 1;
    refused(ctx, model, &inputs, TL_ERROR_USAGE, "sequences of 10");
    inputs.length = LENGTH;
    tokens[LENGTH + 2] = VOCABULARY;
    refused(ctx, model, &inputs, TL_ERROR_INPUT, "token 2 of sample 1");
    tokens[LENGTH + 2] = 0, targets[0] = -1;
    refused(ctx, model, &inputs, TL_ERROR_INPUT, "-1");
    targets[0] = 0;
    inputs.targets = NULL;
    MUST(ctx, tli_model_set_batch(ctx, model, &inputs));
    assert_int_equal(tli_model_loss(ctx, model, 0), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(ctx)->text, "no targets"));
    inputs.tokens = NULL;
    refused(ctx, model, &inputs, TL_ERROR_USAGE, "tokens");
    tli_model_destroy(ctx, model);

    /* Tokens that nobody kept. */
    inputs = (tl_batch){.count = BATCH, .tokens = tokens, .length = 1, .first = 1};
    memset(tokens, 0, sizeof tokens);
    model = create(ctx, &c, false);
    refused(ctx, model, &inputs, TL_ERROR_USAGE, "has not kept 1");
    tli_model_destroy(ctx, model);
    MUST(ctx, tli_model_create(ctx, &c, &(tl_model_options){.batch = BATCH, .kv_cache = true}, NULL, &model));
    refused(ctx, model, &inputs, TL_ERROR_USAGE, "has not kept 1");
    inputs.first = 0, inputs.count = 1;
    refused(ctx, model, &inputs, TL_ERROR_USAGE, "batch of 1");
    inputs.count = BATCH, inputs.length = LENGTH;
    MUST(ctx, tli_model_set_batch(ctx, model, &inputs));
    inputs.length = 1, inputs.first = LENGTH;
    refused(ctx, model, &inputs, TL_ERROR_USAGE, "sequences of 10");
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_logits_at_once),
        cmocka_unit_test(causal_cpu),
        cmocka_unit_test(causal_gpu),
        cmocka_unit_test(shorter_inputs_are_a_prefix),
        cmocka_unit_test(growing_cpu),
        cmocka_unit_test(growing_gpu),
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(plans_are_what_is_allocated),
        cmocka_unit_test(wrong_inputs_are_refused),
        cmocka_unit_test(parameter_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
