/* Wrong arguments of models, and calls in the wrong order. */
#include "refusals.h"

static tl_model_config small_model(void)
{
    return (tl_model_config){.size = sizeof(tl_model_config),
                             .op = TL_OP_TRANSLUTION,
                             .image_height = 4,
                             .image_width = 4,
                             .channels = 1,
                             .patch_height = 2,
                             .patch_width = 2,
                             .classes = 3,
                             .dim = 4,
                             .depth = 1,
                             .heads = 1,
                             .head_dim = 4,
                             .mlp_dim = 4};
}

static tl_model_config small_gpt(void)
{
    tl_model_config c = small_model();
    c.arch = TL_ARCH_GPT, c.seq_len = 4, c.vocab_size = 5;
    return c;
}

static const tl_model_options training = {.size = sizeof training, .batch = 2, .training = true},
                              inference = {.size = sizeof inference, .batch = 2};
static const float images[2 * 16] = {0};
static const int32_t classes[2] = {0, 2}, ids[8] = {0, 1, 2, 3, 4, 0, 1, 2};

static tl_batch sound_batch(void)
{
    return (tl_batch){.size = sizeof(tl_batch), .count = 2, .images = images, .targets = classes};
}

static tl_batch sound_tokens(void)
{
    return (tl_batch){.size = sizeof(tl_batch), .count = 2, .tokens = ids, .length = 4, .targets = ids};
}

static tl_model *model_in(tl_context *owner, const tl_model_config *c, const tl_model_options *options)
{
    tl_model *model = NULL;
    OK(tl_model_create(owner, c, options, &model));
    return model;
}
#define model_in(...) VALUE_FROM_HERE(model_in(__VA_ARGS__))

static void configurations(void **unused)
{
    static const wrong_value wrong[] = {
        VALUE(tl_model_config, arch, 9, "no model architecture 9"),
        VALUE(tl_model_config, op, 9, "no operation 9"),
        VALUE(tl_model_config, positions, 9, "no kind of positions 9"),
        VALUE(tl_model_config, positions, TL_POSITIONS_SWIN, "not swin"),
        VALUE(tl_model_config, pool, 9, "no pooling 9"),
        VALUE(tl_model_config, image_height, 0, "image height is 0"),
        VALUE(tl_model_config, patch_width, 3, "cannot be cut into patches"),
        VALUE(tl_model_config, classes, 0, "classes is 0"),
        VALUE(tl_model_config, dim, 0, "dim is 0"),
        VALUE(tl_model_config, depth, UINT32_MAX, "depth is"),
        VALUE(tl_model_config, mlp_dim, 0, "mlp_dim is 0"),
        VALUE(tl_model_config, relative, 8, "roles are 8"),
        VALUE(tl_model_config, sharing, 9, "no sharing of offsets 9"),
        VALUE(tl_model_config, offset_ranks, 2, "only a run shares"),
    };
    tl_model *model = NULL;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        tl_model_config c = small_model();
        set(&c, &wrong[i]);
        WRONG(tl_model_create, wrong[i].word, ctx, &c, &inference, &model);
        assert_null(model);
    }
}

static void creation(void **unused)
{
    const tl_model_config c = small_model(), g = small_gpt();
    tl_model *model = NULL;
    tl_model_options o = inference;
    WRONG(tl_model_create, NULL, NULL, &c, &o, &model);
    WRONG(tl_model_create, "configuration", ctx, NULL, &o, &model);
    WRONG(tl_model_create, "options", ctx, &c, NULL, &model);
    WRONG(tl_model_create, "handle", ctx, &c, &o, NULL);
    WRONG(tl_model_create, "sizeof(tl_model_config)", ctx, &(tl_model_config){.size = 0}, &o, &model);
    WRONG(tl_model_create, "sizeof(tl_model_options)", ctx, &c, &(tl_model_options){.size = 0}, &model);
    o.batch = 0;
    WRONG(tl_model_create, "batch size is 0", ctx, &c, &o, &model);
    o.batch = UINT32_MAX;
    WRONG(tl_model_create, "too large", ctx, &c, &o, &model);
    o = inference, o.kv_cache = true;
    WRONG(tl_model_create, "kv_cache is for sequences", ctx, &c, &o, &model);
    o.training = true;
    WRONG(tl_model_create, "kv_cache is for inference", ctx, &g, &o, &model);
    assert_null(model);
}

static void handles(void **unused)
{
    const tl_model_config c = small_model();
    tl_parameter p;
    tl_model *model = model_in(ctx, &c, &inference), *foreign = model_in(other, &c, &inference);
    GIVES(tl_model_configuration, tl_model_configuration(NULL) == NULL);
    GIVES(tl_model_logits_count, tl_model_logits_count(NULL) == 0);
    GIVES(tl_model_logits_count, tl_model_logits_count(model) == 0);
    GIVES(tl_model_logits, tl_model_logits(NULL) == NULL);
    GIVES(tl_model_parameter_at, !tl_model_parameter_at(NULL, 0, &p));
    GIVES(tl_model_parameter_at, !tl_model_parameter_at(model, -1, &p));
    GIVES(tl_model_parameter_at, !tl_model_parameter_at(model, INT32_MAX, &p));
    GIVES(tl_model_parameter_at, !tl_model_parameter_at(model, 0, NULL));
    GIVES(tl_model_parameter, !tl_model_parameter(NULL, "cls_token", &p));
    GIVES(tl_model_parameter, !tl_model_parameter(model, NULL, &p));
    GIVES(tl_model_parameter, !tl_model_parameter(model, "no such name", &p));
    GIVES(tl_model_parameter, !tl_model_parameter(model, "cls_token", NULL));
    GIVES(tl_model_parameter, tl_model_parameter(model, "cls_token", &p));
    const tl_batch b = sound_batch();
    OK(tl_model_forward(ctx, model, &b));
    tl_tensor_destroy(ctx, p.value); /* which is not his to destroy */
    WRONG(tl_model_forward, "tensor cls_token is none of this context", ctx, model, &b);

    TRIES(tl_model_destroy);
    tl_model_destroy(ctx, NULL);
    tl_model_destroy(NULL, model);
    tl_model_destroy(ctx, foreign);
    assert_non_null(strstr(tl_context_error(ctx)->text, "none of this context"));
    tl_model_destroy(other, foreign);
    tl_model_destroy(ctx, model);
    tl_model_destroy(ctx, model); /* once more */
    assert_non_null(strstr(tl_context_error(ctx)->text, "it was destroyed"));
}

/* Every function that takes a model: none, a foreign one, and one that was destroyed. */
static void wrong_models(void **unused)
{
    const tl_model_config c = small_model();
    const tl_batch b = sound_batch();
    tl_tensor *d = make(ctx, "d", 6);
    float numbers[6] = {0};
    tl_model *foreign = model_in(other, &c, &training), *gone = model_in(ctx, &c, &training);
    tl_model_destroy(ctx, gone);
    const struct {
        tl_context *owner;
        tl_model *model;
        const char *word;
    } wrong[] = {{NULL, foreign, NULL},
                 {ctx, NULL, "model or its context is missing"},
                 {ctx, foreign, "model is none of this context"},
                 {ctx, gone, "model is none of this context"}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        WRONG(tl_model_forward, wrong[i].word, wrong[i].owner, wrong[i].model, &b);
        WRONG(tl_model_read_logits, wrong[i].word, wrong[i].owner, wrong[i].model, numbers);
        WRONG(tl_model_loss, wrong[i].word, wrong[i].owner, wrong[i].model, numbers);
        WRONG(tl_model_backward, wrong[i].word, wrong[i].owner, wrong[i].model);
        WRONG(tl_model_backward_from, wrong[i].word, wrong[i].owner, wrong[i].model, numbers);
        WRONG(tl_model_backward_from_tensor, wrong[i].word, wrong[i].owner, wrong[i].model, d);
        WRONG(tl_model_save, wrong[i].word, wrong[i].owner, wrong[i].model, at("x.safetensors"));
        WRONG(tl_model_load, wrong[i].word, wrong[i].owner, wrong[i].model, at("x.safetensors"));
    }
    tl_tensor_destroy(ctx, d);
    tl_model_destroy(other, foreign);
}

static void image_batches(void **unused)
{
    const tl_model_config c = small_model();
    tl_model *model = model_in(ctx, &c, &inference);
    tl_tensor *small = make(ctx, "small", 31), *alien = make(other, "alien", 32);
    const int32_t high[2] = {0, 3}, low[2] = {-1, 0};
    const float soft[6] = {0};
    tl_batch b = sound_batch();
    WRONG(tl_model_forward, "batch is missing", ctx, model, NULL);
    b.size = 0;
    WRONG(tl_model_forward, "sizeof(tl_batch)", ctx, model, &b);
    b = sound_batch(), b.count = 3;
    WRONG(tl_model_forward, "batch of 3 samples does not fit a model made for 1 to 2", ctx, model, &b);
    b.count = 0;
    WRONG(tl_model_forward, "batch of 0", ctx, model, &b);
    b = sound_batch(), b.images = NULL;
    WRONG(tl_model_forward, "images or image_tensor", ctx, model, &b);
    b.image_tensor = small;
    WRONG(tl_model_forward, "image_tensor, the tensor \"small\", must hold 32", ctx, model, &b);
    b.image_tensor = alien;
    WRONG(tl_model_forward, "image_tensor is none of this context", ctx, model, &b);
    b.images = images;
    WRONG(tl_model_forward, "one of the two", ctx, model, &b);
    b = sound_batch(), b.targets = high;
    FAILS(TL_ERROR_INPUT, tl_model_forward, "sample 1 has the class 3", ctx, model, &b);
    b.targets = low;
    FAILS(TL_ERROR_INPUT, tl_model_forward, "sample 0 has the class -1", ctx, model, &b);
    b = sound_batch(), b.soft_targets = soft;
    WRONG(tl_model_forward, "soft targets", ctx, model, &b);
    WRONG(tl_model_read_logits, "tl_model_forward first", ctx, model, (float[6]){0});
    tl_tensor_destroy(ctx, small);
    tl_tensor_destroy(other, alien);
    tl_model_destroy(ctx, model);
}

static void token_batches(void **unused)
{
    const tl_model_config c = small_gpt();
    tl_model *model = model_in(ctx, &c, &training);
    const int32_t high[8] = {0, 5}, low[8] = {0, 0, -1};
    const float soft[40] = {0};
    tl_batch b = sound_tokens();
    b.tokens = NULL;
    WRONG(tl_model_forward, "takes tokens", ctx, model, &b);
    b = sound_tokens(), b.length = 0;
    WRONG(tl_model_forward, "sequences of 0 tokens", ctx, model, &b);
    b.length = 5;
    WRONG(tl_model_forward, "sequences of 5 tokens do not fit", ctx, model, &b);
    b = sound_tokens(), b.first = 1, b.length = 1;
    WRONG(tl_model_forward, "has not kept 1 tokens", ctx, model, &b);
    b = sound_tokens(), b.tokens = high;
    FAILS(TL_ERROR_INPUT, tl_model_forward, "token 1 of sample 0 has the id 5", ctx, model, &b);
    b = sound_tokens(), b.targets = low;
    FAILS(TL_ERROR_INPUT, tl_model_forward, "token 2 of sample 0 has the id -1", ctx, model, &b);
    b = sound_tokens(), b.soft_targets = soft;
    WRONG(tl_model_forward, "no soft_targets", ctx, model, &b);
    GIVES(tl_model_logits, tl_model_logits(model) == NULL);
    b = sound_tokens();
    OK(tl_model_forward(ctx, model, &b));
    tl_tensor *d = make(ctx, "d", 40);
    WRONG(tl_model_backward_from_tensor, "never in memory at once", ctx, model, d);
    tl_tensor_destroy(ctx, d);
    tl_model_destroy(ctx, model);
}

/* A failed call leaves the order of calls as it was, and the right call goes on. */
static void wrong_order(void **unused)
{
    const tl_model_config c = small_model();
    tl_model *model = model_in(ctx, &c, &training), *fixed = model_in(ctx, &c, &inference);
    tl_tensor *d = make(ctx, "d", 6), *small = make(ctx, "small", 5), *alien = make(other, "alien", 6);
    float numbers[6] = {0};
    tl_batch b = sound_batch();
    WRONG(tl_model_loss, "tl_model_forward first", ctx, model, numbers);
    WRONG(tl_model_backward, "tl_model_forward and tl_model_loss before", ctx, model);
    WRONG(tl_model_backward_from, "tl_model_forward before", ctx, model, numbers);
    WRONG(tl_model_backward_from_tensor, "tl_model_forward before", ctx, model, d);
    OK(tl_model_forward(ctx, model, &b));
    WRONG(tl_model_read_logits, "array for the logits is missing", ctx, model, NULL);
    WRONG(tl_model_backward, "tl_model_forward and tl_model_loss before", ctx, model);
    WRONG(tl_model_backward_from, "d_logits", ctx, model, NULL);
    WRONG(tl_model_backward_from_tensor, "tensor d_logits is missing", ctx, model, NULL);
    WRONG(tl_model_backward_from_tensor, "must hold 6 elements", ctx, model, small);
    WRONG(tl_model_backward_from_tensor, "d_logits is none of this context", ctx, model, alien);
    OK(tl_model_loss(ctx, model, NULL));
    OK(tl_model_backward(ctx, model));
    WRONG(tl_model_backward, "before each tl_model_backward", ctx, model);
    WRONG(tl_model_backward_from, "before each tl_model_backward_from", ctx, model, numbers);
    OK(tl_model_loss(ctx, model, numbers)); /* it can still be read */
    b.targets = NULL;
    OK(tl_model_forward(ctx, model, &b));
    WRONG(tl_model_loss, "no targets", ctx, model, numbers);
    OK(tl_model_backward_from(ctx, model, numbers));
    WRONG(tl_model_loss, "no loss", ctx, model, numbers);
    b = sound_batch();
    OK(tl_model_forward(ctx, fixed, &b));
    OK(tl_model_loss(ctx, fixed, numbers));
    WRONG(tl_model_backward, "made for inference", ctx, fixed);
    WRONG(tl_model_backward_from, "made for inference", ctx, fixed, numbers);
    WRONG(tl_model_backward_from_tensor, "made for inference", ctx, fixed, d);
    b.count = 3;
    WRONG(tl_model_forward, "batch of 3", ctx, fixed, &b);
    WRONG(tl_model_read_logits, "tl_model_forward first", ctx, fixed, numbers);
    tl_tensor_destroy(ctx, d);
    tl_tensor_destroy(ctx, small);
    tl_tensor_destroy(other, alien);
    tl_model_destroy(ctx, model);
    tl_model_destroy(ctx, fixed);
}

static void files(void **unused)
{
    tl_model_config c = small_model();
    tl_model *model = model_in(ctx, &c, &inference), *wider, *opened = NULL;
    tl_model_options o = inference;
    c.dim = 6;
    wider = model_in(ctx, &c, &inference);
    WRONG(tl_model_save, "path", ctx, model, NULL);
    WRONG(tl_model_load, "path", ctx, model, NULL);
    FAILS(TL_ERROR_IO, tl_model_save, "nowhere", ctx, model, at("nowhere/x.safetensors"));
    FAILS(TL_ERROR_INPUT, tl_model_load, "nowhere", ctx, model, at("nowhere"));
    OK(tl_model_save(ctx, model, at("small.safetensors")));
    FAILS(TL_ERROR_INPUT, tl_model_load, "belongs to another model", ctx, wider, at("small.safetensors"));
    WRONG(tl_model_open, NULL, NULL, at("small.safetensors"), &o, &opened);
    WRONG(tl_model_open, "path", ctx, NULL, &o, &opened);
    WRONG(tl_model_open, "options", ctx, at("small.safetensors"), NULL, &opened);
    WRONG(tl_model_open, "handle", ctx, at("small.safetensors"), &o, NULL);
    FAILS(TL_ERROR_INPUT, tl_model_open, "nowhere", ctx, at("nowhere"), &o, &opened);
    write_text("text.safetensors", "no model, but some words that somebody wrote");
    FAILS(TL_ERROR_INPUT, tl_model_open, "text.safetensors", ctx, at("text.safetensors"), &o, &opened);
    o.kv_cache = true;
    WRONG(tl_model_open, "kv_cache", ctx, at("small.safetensors"), &o, &opened);
    o.size = 0;
    WRONG(tl_model_open, "sizeof(tl_model_options)", ctx, at("small.safetensors"), &o, &opened);
    assert_null(opened);
    tl_parameter p;
    const float bad = NAN;
    assert_true(tl_model_parameter(model, "mlp_head.bias", &p));
    OK(tl_tensor_write(ctx, p.value, 1, 1, &bad));
    FAILS(TL_ERROR_DEVICE, tl_model_save, "mlp_head.bias", ctx, model, at("bad.safetensors"));
    assert_false(exists("bad.safetensors"));
    tl_model_destroy(ctx, model);
    tl_model_destroy(ctx, wider);
}

/* "Destroying a context frees what is left in it": the leak checker looks on. */
static void contexts_with_models(void **unused)
{
    const tl_model_config c = small_model(), g = small_gpt();
    const tl_batch b = sound_batch();
    tl_context *short_lived = NULL;
    assert_int_equal(tl_context_create(NULL, &short_lived, &said), TL_OK);
    tl_model *first = model_in(short_lived, &c, &training), *second = model_in(short_lived, &g, &inference);
    OK(tl_model_forward(short_lived, first, &b));
    tl_model_destroy(short_lived, second);
    tl_context_destroy(short_lived);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations),
        cmocka_unit_test(creation),
        cmocka_unit_test(handles),
        cmocka_unit_test(wrong_models),
        cmocka_unit_test(image_batches),
        cmocka_unit_test(token_batches),
        cmocka_unit_test(wrong_order),
        cmocka_unit_test(files),
        cmocka_unit_test(contexts_with_models),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
