/* Every combination of the flags that shape a model: those that mean something learn in the memory that the plan says,
 * the others are refused with one sentence. The rules stand here again, as the manual has them. */
#include "context.h"
#include "models.h"

#include "core/choices.h"
#include "core/random.h"

enum { SAMPLES = 6, SIDE = 12, PIXELS = SIDE * SIDE, CLASSES = 3, LENGTH = 7, WORDS = 5, STEPS = 3 };

typedef struct data {
    float images[SAMPLES * PIXELS];
    int32_t tokens[SAMPLES * LENGTH], next[SAMPLES * LENGTH], classes[SAMPLES];
} data;

/* Sums of bits of gradients when the backward pass has said that they are complete. */
typedef struct listened {
    tl_context *ctx;
    const tli_registry *registry;
    int until, calls;
    uint64_t sums[200];
} listened;

static tl_status sum_bits(tl_context *ctx, const tl_tensor *t, uint64_t *sum)
{
    const uint64_t count = t->lead * t->row;
    uint32_t *bits = malloc(count * sizeof *bits);
    if (bits == NULL) return TL_ERROR_MEMORY;
    const tl_status status = tl_tensor_read(ctx, t, 0, count, bits);
    *sum = 0;
    for (uint64_t i = 0; i < count && status == TL_OK; i++) *sum = *sum * 31 + bits[i];
    free(bits);
    return status;
}

static tl_status hear(void *user, int first)
{
    listened *l = user;
    assert_true(first <= l->until && l->until <= (int)(sizeof l->sums / sizeof *l->sums));
    for (int i = first; i < l->until; i++)
        TLI_TRY(sum_bits(l->ctx, l->registry->items[i].gradient, &l->sums[i]));
    l->until = first;
    l->calls++;
    return TL_OK;
}

/* What it says is complete is what it is in the end. */
static tl_status backward(tl_context *ctx, tl_model *model, uint32_t depth)
{
    const tli_registry *registry = tli_model_registry(model);
    listened l = {.ctx = ctx, .registry = registry, .until = registry->count};
    TLI_TRY(tli_model_backward_to(ctx, model, &(tli_gradient_listener){hear, &l}));
    assert_int_equal(l.until, 0);
    assert_int_equal(l.calls, depth + 2);
    for (int i = 0; i < registry->count; i++) {
        uint64_t sum;
        TLI_TRY(sum_bits(ctx, registry->items[i].gradient, &sum));
        if (sum != l.sums[i]) fail_msg("the gradient of %s was not complete", registry->items[i].name);
    }
    return TL_OK;
}
#define backward(...) VALUE_FROM_HERE(backward(__VA_ARGS__))

static tl_status learn(tl_context *ctx, tl_model *model, const tl_model_config *c, const data *d,
                       float losses[STEPS + 1])
{
    tli_registry *registry = tli_model_registry(model);
    const bool text = c->arch == TL_ARCH_GPT;
    const tl_batch inputs = {.count = SAMPLES,
                             .images = d->images,
                             .tokens = d->tokens,
                             .length = LENGTH,
                             .targets = text ? d->next : d->classes};
    TLI_TRY(tli_registry_init(ctx, registry, 4));
    TLI_TRY(tli_model_set_batch(ctx, model, &inputs));
    for (uint32_t t = 0; t <= STEPS; t++) {
        const optimizer_settings adamw = {.lr = 1e-2f,
                                          .beta1 = 0.9f,
                                          .beta2 = 0.999f,
                                          .eps = 1e-8f,
                                          .weight_decay = 0.05f,
                                          .gradient_scale = 1.0f,
                                          .step = t + 1};
        TLI_TRY(tli_model_forward(ctx, model));
        TLI_TRY(tli_model_loss(ctx, model, t));
        TLI_TRY(t == 0 ? backward(ctx, model, c->depth) : tli_model_backward(ctx, model));
        TLI_TRY(tli_registry_update(ctx, registry, &adamw));
    }
    return tli_model_read_losses(ctx, model, 0, STEPS + 1, losses);
}

/* What is allocated is what the plan says. */
static void as_planned(tl_context *ctx, const tl_model_config *c, const char *what)
{
    tl_memory_plan plan;
    MUST(ctx,
         tli_model_plan(c, SAMPLES, tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &plan, tl_context_error(ctx)));
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++) {
        const uint64_t used = tl_memory_used(ctx, (tl_memory_kind)kind);
        if (used != plan.bytes[kind])
            fail_msg("%s: %llu bytes of %s, planned %llu", what, (unsigned long long)used,
                     tl_memory_kind_name((tl_memory_kind)kind), (unsigned long long)plan.bytes[kind]);
    }
}
#define as_planned(...) FROM_HERE(as_planned(__VA_ARGS__))

/* Three AdamW steps on one batch must lower its loss. */
static void learns(tl_context *ctx, const tl_model_config *c, const data *d, const char *what)
{
    tl_model *model = NULL;
    float losses[STEPS + 1];
    tl_status status = tli_model_create(ctx, c, &(tl_model_options){.batch = SAMPLES, .training = true},
                                        tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &model);
    if (status == TL_OK) as_planned(ctx, c, what);
    if (status == TL_OK) status = learn(ctx, model, c, d, losses);
    if (status != TL_OK) fail_msg("%s: %s", what, tl_context_error(ctx)->text);
    if (!(losses[STEPS] < 0.97f * losses[0]))
        fail_msg("%s: loss %g, then %g", what, losses[0], losses[STEPS]);
    tli_model_destroy(ctx, model);
}
#define learns(...) FROM_HERE(learns(__VA_ARGS__))

static void refused(const tl_error *err, const char *what)
{
    const size_t length = strlen(err->text);
    if (length < 20 || strchr(err->text, '\n') != NULL || err->text[length - 1] != '.')
        fail_msg("%s: '%s' is no sentence", what, err->text);
}
#define refused(...) FROM_HERE(refused(__VA_ARGS__))

/* What the manual allows. */
static bool sensible(const tl_model_config *c)
{
    const bool attention = c->op == TL_OP_ATTENTION, conv = c->op == TL_OP_CONV;
    const bool chosen = c->relative != 0;
    const bool offsets = c->positions == TL_POSITIONS_SWIN || c->positions == TL_POSITIONS_SHAW,
               added = c->positions == TL_POSITIONS_NONE || c->positions == TL_POSITIONS_LEARNED,
               rope = c->positions == TL_POSITIONS_ROPE && c->op == TL_OP_ALPHA;
    if (chosen && attention) return false; /* nothing is relative */
    if (chosen && c->relative != TL_ROLE_QKV && (conv || c->op == TL_OP_ALPHA_PURE)) return false;
    if (!attention && !added && !rope) return false;
    if (c->sharing != TL_SHARING_NONE && (c->op == TL_OP_ABSOLUTE || (attention && !offsets))) return false;
    if (c->window > 0 && c->op == TL_OP_ABSOLUTE) return false;
    if (c->window == 0 && conv) return false;
    if (c->translution_layers > 0 && (attention || conv)) return false;
    return true;
}

/* One op with every value of all other flags; counts what was trained and what was refused. */
static void try_all(tl_context *ctx, tl_arch arch, tl_op_kind op, const data *d, int *trained,
                    int *turned_down)
{
    for (int at = 0; at < 8 * tli_positions_choices.count * 2 * 3 * 2 * 2; at++) {
        tl_model_config c = small_model(arch, op);
        int rest = at;
        c.relative = (tl_roles)(rest % 8), rest /= 8;
        c.positions = (tl_positions)tli_positions_choices.items[rest % tli_positions_choices.count].value;
        rest /= tli_positions_choices.count;
        c.pool = (tl_pool)(rest % 2), rest /= 2;
        if (arch == TL_ARCH_GPT && c.pool != TL_POOL_CLS) continue; /* images have a pool */
        c.sharing = (tl_sharing)(rest % 3), rest /= 3;
        c.sharing_radius = 1;
        c.window = (uint32_t)rest % 2, rest /= 2;
        c.translution_layers = (uint32_t)rest;
        char what[160];
        tl_error err = {0};
        snprintf(what, sizeof what,
                 "%s --op %s --relative %s --pos %s, pool %d, sharing %d, window %u, first %u",
                 arch == TL_ARCH_GPT ? "gpt" : "vit", tl_op_name(op),
                 c.relative == 0 ? "-" : tli_choice_name(&tli_role_choices, (int)c.relative),
                 tli_choice_name(&tli_positions_choices, (int)c.positions), (int)c.pool, (int)c.sharing,
                 c.window, c.translution_layers);
        const tl_status status = tli_model_check(&c, &err);
        if ((status == TL_OK) != sensible(&c))
            fail_msg("%s is %s: %s", what, status == TL_OK ? "allowed" : "refused", err.text);
        if (status == TL_OK && c.relative == TL_ROLE_QKV) continue; /* what 0 stands for */
        if (status == TL_OK) {
            learns(ctx, &c, d, what);
            (*trained)++;
        } else {
            refused(&err, what);
            (*turned_down)++;
        }
    }
}
#define try_all(...) FROM_HERE(try_all(__VA_ARGS__))

static data random_data(void)
{
    tli_random r = tli_random_make(9, 9);
    data d;
    for (int i = 0; i < SAMPLES * PIXELS; i++) d.images[i] = tli_random_normal(&r);
    for (int i = 0; i < SAMPLES; i++) d.classes[i] = i % CLASSES;
    for (int i = 0; i < SAMPLES * LENGTH; i++) {
        d.tokens[i] = (int32_t)tli_random_below(&r, WORDS);
        d.next[i] = (d.tokens[i] + 1) % WORDS;
    }
    return d;
}

/* What one operation may be combined with, a test each, so that a failure of one hides no other. The counts are what they were
 * when this was written: fewer would mean that combinations are no longer tried. */
static void every_combination(tl_arch arch, tl_op_kind op, int least)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const data d = random_data();
    int trained = 0, turned_down = 0;
    try_all(ctx, arch, op, &d, &trained, &turned_down);
    print_message("%d combinations learn, %d are refused\n", trained, turned_down);
    assert_true(trained >= least);
    assert_true(turned_down > trained);
    tl_context_destroy(ctx);
}
#define every_combination(...) FROM_HERE(every_combination(__VA_ARGS__))

#define OPERATION(op, name, vit, gpt)                                                                        \
    static void every_vit_of_##name(void **unused)                                                           \
    {                                                                                                        \
        every_combination(TL_ARCH_VIT, op, vit);                                                             \
    }                                                                                                        \
    static void every_gpt_of_##name(void **unused)                                                           \
    {                                                                                                        \
        every_combination(TL_ARCH_GPT, op, gpt);                                                             \
    }
OPERATION(TL_OP_ATTENTION, attention, 44, 22)
OPERATION(TL_OP_TRANSLUTION, translution, 336, 168)
OPERATION(TL_OP_ALPHA, alpha, 504, 252)
OPERATION(TL_OP_ALPHA_PURE, alpha_pure, 48, 24)
OPERATION(TL_OP_ABSOLUTE, absolute, 56, 28)
OPERATION(TL_OP_CONV, conv, 12, 6)

static void every_operation_is_tried(void **unused)
{
    assert_int_equal(tli_op_choices.count, 6); /* a new one needs a line above */
}

/* Grids and patches that are not square, and grids of three axes: every operation, its variants and positions. */
static void every_grid(void **unused)
{
    static const uint32_t sizes[][6] = {/* of the image and of a patch */
                                        {1, 8, 18, 1, 4, 6},
                                        {4, 6, 6, 2, 3, 2},
                                        {3, 6, 8, 1, 3, 4}};
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const data d = random_data();
    int trained = 0;
    for (int at = 0; at < 3 * tli_op_choices.count * tli_positions_choices.count * 3 * 2; at++) {
        int rest = at;
        const uint32_t *size = sizes[rest % 3];
        rest /= 3;
        tl_model_config c = small_model(TL_ARCH_VIT, (tl_op_kind)(rest % tli_op_choices.count));
        rest /= tli_op_choices.count;
        c.image_depth = size[0], c.image_height = size[1], c.image_width = size[2];
        c.patch_depth = size[3], c.patch_height = size[4], c.patch_width = size[5];
        c.positions = (tl_positions)tli_positions_choices.items[rest % tli_positions_choices.count].value;
        rest /= tli_positions_choices.count;
        c.sharing = (tl_sharing)(rest % 3), rest /= 3;
        c.sharing_radius = 1;
        c.window = (uint32_t)rest;
        c.pool = at % 2 == 0 ? TL_POOL_CLS : TL_POOL_MEAN;
        if (c.positions == TL_POSITIONS_ROPE) c.head_dim = 8;
        if (!sensible(&c)) continue;
        char what[96];
        snprintf(what, sizeof what, "--op %s --pos %s on %ux%ux%u, sharing %d, window %u", tl_op_name(c.op),
                 tli_choice_name(&tli_positions_choices, (int)c.positions), size[0] / size[3],
                 size[1] / size[4], size[2] / size[5], (int)c.sharing, c.window);
        learns(ctx, &c, &d, what);
        trained++;
    }
    assert_true(trained > 100);
    tl_context_destroy(ctx);
}

static void refusals_name_the_cause(void **unused)
{
    const struct {
        tl_op_kind op;
        tl_positions positions;
        tl_roles relative;
        tl_sharing sharing;
        uint32_t window, layers;
        const char *word; /* in the message */
    } cases[] = {
        {TL_OP_ATTENTION, TL_POSITIONS_NONE, TL_ROLE_Q, TL_SHARING_NONE, 0, 0, "no relative roles"},
        {TL_OP_ATTENTION, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 0, 1, "no hybrid"},
        {TL_OP_ATTENTION, TL_POSITIONS_CONVIT, 0, TL_SHARING_CLIP, 0, 0, "nothing to share"},
        {TL_OP_TRANSLUTION, TL_POSITIONS_ROPE, 0, TL_SHARING_NONE, 0, 0, "not rope"},
        {TL_OP_TRANSLUTION, TL_POSITIONS_SWIN, 0, TL_SHARING_NONE, 0, 0,
         "not swin: choose attention for those."},
        {TL_OP_ALPHA, TL_POSITIONS_SHAW, 0, TL_SHARING_NONE, 0, 0,
         "positions none, learned or rope, not shaw"},
        {TL_OP_CONV, TL_POSITIONS_CONVIT, 0, TL_SHARING_NONE, 1, 0, "choose attention for"},
        {TL_OP_TRANSLUTION, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 0, 3, "more than the depth"},
        {TL_OP_ALPHA_PURE, TL_POSITIONS_NONE, TL_ROLE_K, TL_SHARING_NONE, 0, 0,
         "no choice of relative roles"},
        {TL_OP_ABSOLUTE, TL_POSITIONS_NONE, 0, TL_SHARING_LOG, 0, 0, "a matrix for every pair"},
        {TL_OP_ABSOLUTE, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 1, 0, "a matrix for every pair"},
        {TL_OP_CONV, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 0, 0, "needs a window"},
        {TL_OP_CONV, TL_POSITIONS_NONE, 0, TL_SHARING_NONE, 1, 1, "no hybrid"},
        {TL_OP_CONV, TL_POSITIONS_NONE, TL_ROLE_Q, TL_SHARING_NONE, 1, 0, "no choice of relative roles"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_model_config c = small_model(TL_ARCH_VIT, cases[i].op);
        tl_error err = {0};
        c.positions = cases[i].positions;
        c.relative = cases[i].relative;
        c.sharing = cases[i].sharing;
        c.sharing_radius = 1;
        c.window = cases[i].window;
        c.translution_layers = cases[i].layers;
        assert_int_equal(tli_model_check(&c, &err), TL_ERROR_USAGE);
        if (strstr(err.text, cases[i].word) == NULL) fail_msg("case %zu: %s", i, err.text);
    }
}

int main(void)
{
#define OF(name) cmocka_unit_test(every_vit_of_##name), cmocka_unit_test(every_gpt_of_##name)
    const struct CMUnitTest tests[] = {
        OF(attention),
        OF(translution),
        OF(alpha),
        OF(alpha_pure),
        OF(absolute),
        OF(conv),
        cmocka_unit_test(every_operation_is_tried),
        cmocka_unit_test(every_grid),
        cmocka_unit_test(refusals_name_the_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
