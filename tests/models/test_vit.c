/* The Vision Transformer as a whole: settings that make no model, gradients by finite differences in the
 * shapes that the golden vectors do not have, partial batches, inference in place. */
#include "context.h"
#include "models.h"

#include "core/random.h"

enum { BATCH = 5, PIXELS = 2 * 6 * 4, CLASSES = 4 };

/* Two channels, a grid that is not square, a head width that is not dim / heads. */
static tl_model_config small(tl_op_kind op, tl_pool pool, tl_positions positions)
{
    tl_model_config c = small_model(TL_ARCH_VIT, op);
    c.positions = positions, c.pool = pool;
    c.image_height = 6, c.image_width = 4, c.channels = 2, c.patch_height = c.patch_width = 2,
    c.classes = CLASSES;
    c.dim = 10, c.mlp_dim = 14, c.relenc_dim = 3;
    return c;
}

typedef struct rig {
    tl_context *ctx;
    tl_model *model;
    tli_registry *registry;
    float images[BATCH * PIXELS];
    int32_t targets[BATCH];
} rig;

static rig make(const tl_model_config *c, uint32_t batch, bool training, tl_kernel_path path)
{
    rig r = {0};
    tl_error err = {0};
    const tl_context_options options = {.size = sizeof options, .path = path};
    compile_for(path);
    if (tl_context_create(&options, &r.ctx, &err) != TL_OK) fail_msg("%s", err.text);
    MUST(r.ctx, tli_model_create(r.ctx, c, &(tl_model_options){.batch = batch, .training = training},
                                 training ? tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW) : NULL, &r.model));
    r.registry = tli_model_registry(r.model);
    MUST(r.ctx, tli_registry_init(r.ctx, r.registry, 11));
    tli_random random = tli_random_make(5, 5);
    for (int i = 0; i < BATCH * PIXELS; i++) r.images[i] = tli_random_normal(&random);
    for (int i = 0; i < BATCH; i++) r.targets[i] = (int32_t)tli_random_below(&random, CLASSES);
    return r;
}
#define make(...) VALUE_FROM_HERE(make(__VA_ARGS__))

static void unmake(rig *r)
{
    tli_model_destroy(r->ctx, r->model);
    tl_context_destroy(r->ctx);
}

static double loss_of(rig *r, uint32_t batch)
{
    float rows[BATCH];
    double sum = 0;
    MUST(r->ctx,
         tli_model_set_batch(r->ctx, r->model,
                             &(tl_batch){.count = batch, .images = r->images, .targets = r->targets}));
    MUST(r->ctx, tli_model_forward(r->ctx, r->model));
    MUST(r->ctx, tli_model_loss(r->ctx, r->model, 3));
    MUST(r->ctx, tli_model_read_row_losses(r->ctx, r->model, rows));
    for (uint32_t i = 0; i < batch; i++) sum += (double)rows[i];
    float mean;
    MUST(r->ctx, tli_model_read_losses(r->ctx, r->model, 3, 1, &mean));
    assert_true(fabs((double)mean - sum / batch) < 1e-5);
    return sum / batch;
}
#define loss_of(...) VALUE_FROM_HERE(loss_of(__VA_ARGS__))

/* Moves every parameter by t times a random direction; returns gradient . direction of that parameter. */
static double move(rig *r, tli_parameter *p, const float *base, double t)
{
    const uint64_t count = tli_parameter_count(p);
    float *moved = malloc(count * sizeof *moved), *gradient = download(r->ctx, p->gradient);
    double product = 0;
    tli_random random = tli_random_make(77, tli_random_stream(p->name));
    for (uint64_t i = 0; i < count; i++) {
        const float direction = tli_random_normal(&random);
        moved[i] = (float)((double)base[i] + t * (double)direction);
        product += (double)gradient[i] * ((double)moved[i] - (double)base[i]) / t;
    }
    MUST(r->ctx, tl_tensor_write(r->ctx, p->value, 0, count, moved));
    free(moved);
    free(gradient);
    return product;
}
#define move(...) VALUE_FROM_HERE(move(__VA_ARGS__))

/* Each parameter's gradient along a random direction against a central difference. float32 leaves about
 * 1e-4 of noise in the difference; the derivatives are between 1e-3 and 1. */
static void check_gradients(const tl_model_config *c, uint32_t capacity, uint32_t batch, tl_kernel_path path)
{
    rig r = make(c, capacity, true, path);
    loss_of(&r, batch);
    MUST(r.ctx, tli_model_backward(r.ctx, r.model));
    for (int i = 0; i < r.registry->count; i++) {
        tli_parameter *p = &r.registry->items[i];
        const uint64_t count = tli_parameter_count(p);
        float *base = download(r.ctx, p->value);
        const double h = 2e-2 / sqrt((double)count);
        const double product = move(&r, p, base, h), above = loss_of(&r, batch);
        move(&r, p, base, -h);
        const double below = loss_of(&r, batch), difference = (above - below) / (2 * h);
        MUST(r.ctx, tl_tensor_write(r.ctx, p->value, 0, count, base));
        if (!(fabs(difference - product) <= 3e-4 + 5e-3 * fabs(product)))
            fail_msg("op %d, pool %d, %s: difference %g, gradient %g", c->op, c->pool, p->name, difference,
                     product);
        free(base);
    }
    unmake(&r);
}
#define check_gradients(...) FROM_HERE(check_gradients(__VA_ARGS__))

static void gradients_mean_pooling(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        const tl_model_config c = small((tl_op_kind)op, TL_POOL_MEAN,
                                        op == TL_OP_ALPHA ? TL_POSITIONS_LEARNED : TL_POSITIONS_NONE);
        check_gradients(&c, BATCH, BATCH, TL_PATH_AUTO);
    }
}

static void gradients_class_token(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        const tl_model_config c = small((tl_op_kind)op, TL_POOL_CLS, TL_POSITIONS_LEARNED);
        check_gradients(&c, BATCH, BATCH, TL_PATH_AUTO);
    }
}

static void gradients_partial_batch(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        const tl_model_config c = small((tl_op_kind)op, TL_POOL_CLS, TL_POSITIONS_NONE);
        check_gradients(&c, BATCH, 3, TL_PATH_AUTO);
    }
}

static void gradients_without_to_out(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        tl_model_config c = small((tl_op_kind)op, TL_POOL_CLS, TL_POSITIONS_NONE);
        c.heads = 1;
        c.head_dim = c.dim;
        check_gradients(&c, BATCH, BATCH, TL_PATH_AUTO);
    }
}

static void gradients_other_path(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        const tl_model_config c = small((tl_op_kind)op, TL_POOL_CLS, TL_POSITIONS_NONE);
        check_gradients(&c, BATCH, BATCH, TL_PATH_GPU);
    }
}

static void compare(const char *what, const float *a, const float *b, uint64_t count, double tolerance)
{
    double largest = 0;
    for (uint64_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)b[i]));
    for (uint64_t i = 0; i < count; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tolerance * largest))
            fail_msg("%s[%llu]: %g and %g", what, (unsigned long long)i, (double)a[i], (double)b[i]);
}
#define compare(...) FROM_HERE(compare(__VA_ARGS__))

/* A model made for 5 that gets 3 images, after it had 5, gives what a model made for 3 gives. */
static void partial_batch_is_like_a_small_model(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        const tl_model_config c = small((tl_op_kind)op, TL_POOL_CLS, TL_POSITIONS_LEARNED);
        rig large = make(&c, BATCH, true, TL_PATH_AUTO), exact = make(&c, 3, true, TL_PATH_AUTO);
        loss_of(&large, BATCH);
        MUST(large.ctx, tli_model_backward(large.ctx, large.model));
        const double loss = loss_of(&large, 3);
        MUST(large.ctx, tli_model_backward(large.ctx, large.model));
        assert_true(fabs(loss - loss_of(&exact, 3)) < 1e-6);
        MUST(exact.ctx, tli_model_backward(exact.ctx, exact.model));
        for (int i = 0; i < exact.registry->count; i++) {
            const uint64_t count = tli_parameter_count(&exact.registry->items[i]);
            float *a = download(large.ctx, large.registry->items[i].gradient);
            float *b = download(exact.ctx, exact.registry->items[i].gradient);
            compare(exact.registry->items[i].name, a, b, count, 1e-5);
            free(a);
            free(b);
        }
        unmake(&large);
        unmake(&exact);
    }
}

/* What is computed again in the backward pass has the bits that are kept otherwise. */
static void recomputing_leaves_the_bits(void **unused)
{
    for (int pool = TL_POOL_CLS; pool <= TL_POOL_MEAN; pool++) {
        tl_model_config c = small(TL_OP_ATTENTION, (tl_pool)pool, TL_POSITIONS_LEARNED);
        rig kept = make(&c, BATCH, true, TL_PATH_AUTO);
        c.recompute = true;
        rig again = make(&c, BATCH, true, TL_PATH_AUTO);
        assert_true(tl_memory_peak(again.ctx) < tl_memory_peak(kept.ctx));
        for (uint32_t batch = BATCH; batch >= BATCH - 1; batch--) {
            assert_true(loss_of(&kept, batch) == loss_of(&again, batch));
            MUST(kept.ctx, tli_model_backward(kept.ctx, kept.model));
            MUST(again.ctx, tli_model_backward(again.ctx, again.model));
            for (int i = 0; i < kept.registry->count; i++) {
                float *a = download(kept.ctx, kept.registry->items[i].gradient);
                float *b = download(again.ctx, again.registry->items[i].gradient);
                assert_memory_equal(a, b, tli_parameter_count(&kept.registry->items[i]) * sizeof *a);
                free(a);
                free(b);
            }
        }
        unmake(&kept);
        unmake(&again);
    }
}

/* Inference works in place in one block's buffers and must give the training model's logits. Equal models
 * give equal bits, twice. */
static void inference_agrees(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        for (int pool = TL_POOL_CLS; pool <= TL_POOL_MEAN; pool++) {
            tl_model_config c = small((tl_op_kind)op, (tl_pool)pool, TL_POSITIONS_NONE);
            c.depth = 3;
            rig training = make(&c, BATCH, true, TL_PATH_AUTO),
                inference = make(&c, BATCH, false, TL_PATH_AUTO);
            float a[BATCH * CLASSES], b[BATCH * CLASSES];
            int32_t ranks[BATCH];
            loss_of(&training, BATCH);
            MUST(training.ctx, tl_model_read_logits(training.ctx, training.model, a));
            for (int again = 0; again < 2; again++) {
                loss_of(&inference, 2);
                loss_of(&inference, BATCH);
                MUST(inference.ctx, tl_model_read_logits(inference.ctx, inference.model, b));
                compare("logits", b, a, BATCH * CLASSES, 1e-6);
            }
            MUST(inference.ctx, tli_model_read_ranks(inference.ctx, inference.model, ranks));
            for (int i = 0; i < BATCH; i++) {
                int larger = 0;
                for (int k = 0; k < CLASSES; k++)
                    larger += b[i * CLASSES + k] > b[i * CLASSES + inference.targets[i]];
                assert_int_equal(ranks[i], larger);
            }
            assert_int_equal(tli_model_backward(inference.ctx, inference.model), TL_ERROR_USAGE);
            unmake(&training);
            unmake(&inference);
        }
    }
}

/* Every parameter has its own stream of the seed: uniform ones within their bounds, LayerNorms 1 and 0. */
/* The class token's attention: rows that add up to one, the same from a model that shares its blocks' buffers and
 * from one that does not, and even where queries and keys are zero. */
static void attention_is_read(void **unused)
{
    enum { TOKENS = 7, HEADS = 2, COUNT = HEADS * TOKENS };
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        const tl_model_config c = small((tl_op_kind)op, TL_POOL_CLS, TL_POSITIONS_NONE);
        float got[2][2][COUNT]; /* [training][layer] */
        for (int training = 0; training < 2; training++) {
            rig r = make(&c, BATCH, training != 0, TL_PATH_AUTO);
            const tl_batch inputs = {.count = BATCH, .images = r.images, .targets = r.targets};
            MUST(r.ctx, tli_model_set_batch(r.ctx, r.model, &inputs));
            MUST(r.ctx, tli_model_forward(r.ctx, r.model));
            for (uint32_t layer = 0; layer < 2; layer++) {
                float other[COUNT], *row = got[training][layer];
                MUST(r.ctx, tli_model_read_attention(r.ctx, r.model, layer, 3, row));
                MUST(r.ctx, tli_model_read_attention(r.ctx, r.model, layer, 1, other));
                assert_memory_not_equal(row, other, sizeof other);
                for (int h = 0; h < HEADS; h++) {
                    double sum = 0;
                    for (int t = 0; t < TOKENS; t++) sum += row[h * TOKENS + t];
                    assert_true(fabs(sum - 1) < 1e-5);
                }
            }
            assert_memory_not_equal(got[training][0], got[training][1], sizeof got[0][0]);
            float row[COUNT];
            assert_int_equal(tli_model_read_attention(r.ctx, r.model, 2, 0, row), TL_ERROR_USAGE);
            assert_non_null(strstr(tl_context_error(r.ctx)->text, "no block 2"));
            /* no queries: every token counts the same */
            if (op == TL_OP_ATTENTION) {
                tli_parameter *qkv = tli_registry_find(r.registry, "transformer.layers.1.0.to_qkv.weight");
                assert_non_null(qkv);
                const float zero[8 * 10] = {0}; /* the q rows: heads x head_dim of dim */
                MUST(r.ctx, tl_tensor_write(r.ctx, qkv->value, 0, 80, zero));
                MUST(r.ctx, tli_model_read_attention(r.ctx, r.model, 1, 0, row));
                for (int i = 0; i < COUNT; i++) assert_true(fabs((double)row[i] - 1.0 / TOKENS) < 1e-6);
            }
            unmake(&r);
        }
        for (int layer = 0; layer < 2; layer++)
            compare("attention", got[0][layer], got[1][layer], COUNT, 1e-5);
    }
    const tl_model_config c = small(TL_OP_CONV, TL_POOL_CLS, TL_POSITIONS_NONE);
    tl_model_config windowed = c;
    windowed.window = 1;
    rig r = make(&windowed, 1, false, TL_PATH_AUTO);
    const tl_batch inputs = {.count = 1, .images = r.images, .targets = r.targets};
    float row[COUNT];
    MUST(r.ctx, tli_model_set_batch(r.ctx, r.model, &inputs));
    assert_int_equal(tli_model_read_attention(r.ctx, r.model, 0, 0, row), TL_ERROR_USAGE);
    unmake(&r);
}

static void initial_values(void **unused)
{
    const tl_model_config c = small(TL_OP_ALPHA, TL_POOL_CLS, TL_POSITIONS_LEARNED);
    rig a = make(&c, 2, false, TL_PATH_AUTO), b = make(&c, 2, false, TL_PATH_AUTO);
    MUST(b.ctx, tli_registry_init(b.ctx, b.registry, 12));
    for (int i = 0; i < a.registry->count; i++) {
        const tli_parameter *p = &a.registry->items[i];
        const uint64_t count = tli_parameter_count(p);
        float *x = download(a.ctx, p->value), *y = download(b.ctx, b.registry->items[i].value);
        const bool drawn = p->init == TLI_INIT_UNIFORM || p->init == TLI_INIT_NORMAL;
        assert_int_equal(memcmp(x, y, count * sizeof *x) != 0, drawn); /* another seed */
        double largest = 0;
        for (uint64_t k = 0; k < count; k++) {
            largest = fmax(largest, fabs((double)x[k]));
            if (p->init == TLI_INIT_UNIFORM) assert_true(fabsf(x[k]) <= p->bound);
            if (p->init == TLI_INIT_ONE) assert_true(x[k] == 1.0f);
            if (p->init == TLI_INIT_ZERO) assert_true(x[k] == 0.0f);
        }
        if (p->init == TLI_INIT_UNIFORM && count > 30) assert_true(largest > 0.8 * (double)p->bound);
        free(x);
        free(y);
    }
    /* Linear: 1 / sqrt(fan_in); a relative table counts in * out. */
    assert_true(fabsf(tli_registry_find(a.registry, "mlp_head.bias")->bound - 0.316228f) < 1e-6f);
    assert_true(fabsf(tli_registry_find(a.registry, "translution.layers.1.0.to_k2.unique_params")->bound -
                      1.0f / 6.0f) < 1e-6f);
    unmake(&a);
    unmake(&b);
}

static void settings_that_make_no_model(void **unused)
{
    const tl_model_config good = small(TL_OP_ALPHA, TL_POOL_CLS, TL_POSITIONS_NONE);
    tl_error err = {0};
    assert_int_equal(tli_model_check(&good, &err), TL_OK);
    struct {
        size_t field;
        uint32_t value;
        const char *word;
    } const wrong[] = {
        {offsetof(tl_model_config, image_height), 7, "7 x 4"},
        {offsetof(tl_model_config, image_height), 0, "height"},
        {offsetof(tl_model_config, image_width), 5, "6 x 5"},
        {offsetof(tl_model_config, patch_height), 0, "patch"},
        {offsetof(tl_model_config, patch_width), 3, "2 x 3"},
        {offsetof(tl_model_config, patch_depth), 3, "slices or frames"},
        {offsetof(tl_model_config, channels), 0, "channels"},
        {offsetof(tl_model_config, classes), 0, "classes"},
        {offsetof(tl_model_config, dim), 0, "dim"},
        {offsetof(tl_model_config, depth), 0, "depth"},
        {offsetof(tl_model_config, heads), 0, "heads"},
        {offsetof(tl_model_config, head_dim), 0, "head_dim"},
        {offsetof(tl_model_config, head_dim), UINT32_MAX, "head_dim"},
        {offsetof(tl_model_config, mlp_dim), 0, "mlp_dim"},
        {offsetof(tl_model_config, relenc_dim), 0, "relenc_dim"},
        {offsetof(tl_model_config, dim), UINT32_MAX, "dim"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        tl_model_config c = good;
        memcpy((char *)&c + wrong[i].field, &wrong[i].value, sizeof wrong[i].value);
        memset(&err, 0, sizeof err);
        assert_int_equal(tli_model_check(&c, &err), TL_ERROR_USAGE);
        if (strstr(err.text, wrong[i].word) == NULL) fail_msg("no '%s' in: %s", wrong[i].word, err.text);
    }
    tl_model_config attention = good; /* who has no relative path needs no width for it */
    attention.op = TL_OP_ATTENTION;
    attention.relenc_dim = 0;
    assert_int_equal(tli_model_check(&attention, &err), TL_OK);
}

static void batches_of_the_wrong_size(void **unused)
{
    const tl_model_config c = small(TL_OP_ATTENTION, TL_POOL_CLS, TL_POSITIONS_NONE);
    rig r = make(&c, 2, false, TL_PATH_AUTO);
    assert_int_equal(tli_model_set_batch(r.ctx, r.model,
                                         &(tl_batch){.count = 0, .images = r.images, .targets = r.targets}),
                     TL_ERROR_USAGE);
    assert_int_equal(tli_model_set_batch(r.ctx, r.model,
                                         &(tl_batch){.count = 3, .images = r.images, .targets = r.targets}),
                     TL_ERROR_USAGE);
    assert_int_equal(tli_model_loss(r.ctx, r.model, TLI_LOSS_SLOTS), TL_ERROR_USAGE);
    unmake(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_that_make_no_model), cmocka_unit_test(initial_values),
        cmocka_unit_test(batches_of_the_wrong_size),   cmocka_unit_test(inference_agrees),
        cmocka_unit_test(attention_is_read),           cmocka_unit_test(partial_batch_is_like_a_small_model),
        cmocka_unit_test(gradients_class_token),       cmocka_unit_test(gradients_mean_pooling),
        cmocka_unit_test(gradients_partial_batch),     cmocka_unit_test(gradients_without_to_out),
        cmocka_unit_test(gradients_other_path),        cmocka_unit_test(recomputing_leaves_the_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
