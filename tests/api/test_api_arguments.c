/* Wrong arguments of devices, contexts, tensors, layers, training and evaluation. What counts as wrong for the command
 * line counts as wrong here. */
#include "wrong_settings.h"

/* ---- devices and contexts ------------------------------------------------------------------------ */

static void values_without_a_name(void **unused)
{
    static const int values[] = {-1, 55, 99, INT32_MAX, INT32_MIN};
    for (int i = 0; i < 5; i++) {
        GIVES(tl_op_name, strcmp(tl_op_name((tl_op_kind)values[i]), "?") == 0);
        GIVES(tl_motion_name, strcmp(tl_motion_name((tl_motion)values[i]), "?") == 0);
        GIVES(tl_schedule_name, strcmp(tl_schedule_name((tl_schedule)values[i]), "?") == 0);
        GIVES(tl_positions_name, strcmp(tl_positions_name((tl_positions)values[i]), "?") == 0);
        GIVES(tl_optimizer_name, strcmp(tl_optimizer_name((tl_optimizer_kind)values[i]), "?") == 0);
        GIVES(tl_memory_kind_name, strcmp(tl_memory_kind_name((tl_memory_kind)values[i]), "?") == 0);
        GIVES(tl_device_type_name, strcmp(tl_device_type_name((tl_device_type)values[i]), "?") == 0);
        GIVES(tl_memory_used, tl_memory_used(ctx, (tl_memory_kind)values[i]) == 0);
    }
    GIVES(tl_settings_slice_samples, tl_settings_slice_samples(NULL) == 0);
    GIVES(tl_exit_code, tl_exit_code((tl_status)99) == 1 && tl_exit_code((tl_status)-1) == 1);
}

static void devices(void **unused)
{
    tl_device_info *list = NULL;
    int count = 0, chosen = 0;
    WRONG(tl_device_list, "list", NULL, &count, &said);
    WRONG(tl_device_list, "list", &list, NULL, &said);
    WRONG(tl_device_list, NULL, NULL, NULL, NULL);
    OK(tl_device_list(&list, &count, NULL));
    GIVES(tl_device_chunk_bytes, tl_device_chunk_bytes(NULL, TL_PATH_GPU, 0) == 0);
    GIVES(tl_device_chunk_bytes, tl_device_chunk_bytes(&list[0], TL_PATH_GPU, UINT64_MAX) == 512 << 20);
    GIVES(tl_device_chunk_bytes, tl_device_chunk_bytes(&list[0], TL_PATH_CPU, UINT64_MAX) == 0);
    WRONG(tl_device_select, "list", NULL, 1, NULL, &chosen, &said);
    WRONG(tl_device_select, "length", list, -1, NULL, &chosen, &said);
    WRONG(tl_device_select, "index", list, count, NULL, NULL, &said);
    WRONG(tl_device_select, "no device matches", list, count, "no such device", &chosen, &said);
    WRONG(tl_device_select, NULL, list, count, "no such device", &chosen, NULL);
    FAILS(TL_ERROR_NO_DEVICE, tl_device_select, "OpenCL", NULL, 0, NULL, &chosen, &said);
    assert_int_equal(chosen, -1);
    free(list);
}

/* The same of all configurations: see tests/core/test_config.c. */
static void sizes_that_were_not_set(void **unused)
{
    tl_context *made = NULL;
    tl_layer *layer = NULL;
    tl_settings s;
    tl_result result;
    const tl_hooks hooks = {.size = 0};
    WRONG(tl_context_create, "sizeof(tl_context_options)", &(tl_context_options){.size = 0}, &made, &said);
    WRONG(tl_layer_create, "sizeof(tl_layer_config)", ctx, &(tl_layer_config){.size = 0}, 1, &layer);
    tl_settings_default(&s, "mnist");
    WRONG(tl_train, "sizeof(tl_hooks)", ctx, &s, &hooks, &result);
    WRONG(tl_evaluate, "sizeof(tl_hooks)", ctx, "x", &s, &hooks, &result);
    s.size = 0;
    WRONG(tl_train, "tl_settings_default", ctx, &s, NULL, &result);
    WRONG(tl_evaluate, "tl_settings_default", ctx, "x", &s, NULL, &result);
}

static void contexts(void **unused)
{
    tl_context *made = ctx;
    WRONG(tl_context_create, "handle", NULL, NULL, &said);
    WRONG(tl_context_create, "no way to multiply matrices 9",
          &(tl_context_options){.size = sizeof(tl_context_options), .gemm = (tl_gemm_mode)9}, &made, &said);
    assert_null(made);
    WRONG(tl_context_create, "no kernel path -1",
          &(tl_context_options){.size = sizeof(tl_context_options), .path = (tl_kernel_path)-1}, &made,
          &said);
    WRONG(tl_context_create, "no device matches",
          &(tl_context_options){.size = sizeof(tl_context_options), .device = "no such device"}, &made,
          &said);
    WRONG(tl_context_create, NULL,
          &(tl_context_options){.size = sizeof(tl_context_options), .device = "no such device"}, &made, NULL);
    WRONG(tl_context_adopt, "cl_context", NULL, &made, NULL, &made, &said);
    WRONG(tl_context_adopt, "cl_command_queue", &made, NULL, NULL, &made, &said);
    WRONG(tl_context_adopt, "handle", NULL, NULL, NULL, NULL, &said);
    WRONG(tl_context_adopt, "no kernel path 3", NULL, NULL,
          &(tl_context_options){.size = sizeof(tl_context_options), .path = (tl_kernel_path)3}, &made, &said);
    TRIES(tl_context_destroy);
    tl_context_destroy(NULL);
    GIVES(tl_context_error, tl_context_error(NULL) == NULL);
    GIVES(tl_context_device, tl_context_device(NULL) == NULL);
    GIVES(tl_memory_used, tl_memory_used(NULL, TL_MEMORY_DATA) == 0);
    GIVES(tl_memory_peak, tl_memory_peak(NULL) == 0);
    WRONG(tl_finish, NULL, NULL);
}

/* ---- tensors ------------------------------------------------------------------------------------- */

static void tensors(void **unused)
{
    const uint64_t used = tl_memory_used(ctx, TL_MEMORY_DATA);
    tl_tensor *t = NULL;
    float number[16] = {0};
    WRONG(tl_tensor_create, NULL, NULL, "t", TL_MEMORY_DATA, 1, 16, &t);
    WRONG(tl_tensor_create, "name", ctx, NULL, TL_MEMORY_DATA, 1, 16, &t);
    WRONG(tl_tensor_create, "kind of memory", ctx, "t", (tl_memory_kind)9, 1, 16, &t);
    WRONG(tl_tensor_create, "kind of memory", ctx, "t", (tl_memory_kind)-1, 1, 16, &t);
    WRONG(tl_tensor_create, "empty", ctx, "t", TL_MEMORY_DATA, 0, 16, &t);
    WRONG(tl_tensor_create, "empty", ctx, "t", TL_MEMORY_DATA, 1, 0, &t);
    WRONG(tl_tensor_create, "handle", ctx, "t", TL_MEMORY_DATA, 1, 16, NULL);
    FAILS(TL_ERROR_MEMORY, tl_tensor_create, "larger than any", ctx, "t", TL_MEMORY_DATA, UINT64_MAX, 16, &t);
    FAILS(TL_ERROR_MEMORY, tl_tensor_create, "MiB", ctx, "t", TL_MEMORY_DATA, 1, UINT64_MAX / 16, &t);
    assert_null(t);
    WRONG(tl_tensor_adopt, NULL, NULL, "t", number, 1, 16, &t);
    WRONG(tl_tensor_adopt, "name", ctx, NULL, number, 1, 16, &t);
    WRONG(tl_tensor_adopt, "cl_mem", ctx, "t", NULL, 1, 16, &t);
    WRONG(tl_tensor_adopt, "0 x 16", ctx, "t", number, 0, 16, &t);
    WRONG(tl_tensor_adopt, "1 x 0", ctx, "t", number, 1, 0, &t);
    WRONG(tl_tensor_adopt, "cl_mem", ctx, "t", number, UINT64_MAX, 16, &t);
    WRONG(tl_tensor_adopt, "handle", ctx, "t", number, 1, 16, NULL);

    t = make(ctx, "mine", 16);
    tl_tensor *foreign = make(other, "foreign", 16), *gone = make(ctx, "gone", 16);
    tl_tensor_destroy(ctx, gone);
    WRONG(tl_tensor_write, NULL, NULL, t, 0, 16, number);
    WRONG(tl_tensor_write, "missing", ctx, NULL, 0, 16, number);
    WRONG(tl_tensor_write, "another one", ctx, foreign, 0, 16, number);
    WRONG(tl_tensor_write, "was destroyed", ctx, gone, 0, 16, number);
    WRONG(tl_tensor_write, "outside tensor mine of 16", ctx, t, 1, 16, number);
    WRONG(tl_tensor_write, "outside", ctx, t, UINT64_MAX, 2, number);
    WRONG(tl_tensor_write, "outside", ctx, t, 2, UINT64_MAX, number);
    WRONG(tl_tensor_write, "from NULL", ctx, t, 0, 16, NULL);
    WRONG(tl_tensor_read, NULL, NULL, t, 0, 16, number);
    WRONG(tl_tensor_read, "missing", ctx, NULL, 0, 16, number);
    WRONG(tl_tensor_read, "another one", ctx, foreign, 0, 16, number);
    WRONG(tl_tensor_read, "was destroyed", ctx, gone, 0, 16, number);
    WRONG(tl_tensor_read, "outside", ctx, t, 16, 1, number);
    WRONG(tl_tensor_read, "into NULL", ctx, t, 0, 16, NULL);
    OK(tl_tensor_read(ctx, t, 16, 0, NULL)); /* nothing at the end is nothing wrong */

    TRIES(tl_tensor_destroy);
    tl_tensor_destroy(ctx, NULL);
    tl_tensor_destroy(NULL, t); /* nobody's: nothing happens */
    tl_tensor_destroy(ctx, gone);
    assert_non_null(strstr(tl_context_error(ctx)->text, "was destroyed"));
    tl_tensor_destroy(ctx, foreign);
    OK(tl_tensor_read(other, foreign, 0, 16, number)); /* it is still there */
    tl_tensor_destroy(other, foreign);
    tl_tensor_destroy(ctx, t);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_DATA), used);
}

/* ---- layers -------------------------------------------------------------------------------------- */

static tl_layer_config small_layer(void)
{
    return (tl_layer_config){.size = sizeof(tl_layer_config),
                             .op = TL_OP_ALPHA,
                             .height = 2,
                             .width = 2,
                             .batch = 2,
                             .dim = 4,
                             .heads = 1,
                             .head_dim = 4,
                             .relenc_dim = 2};
}

static void layer_configurations(void **unused)
{
    static const wrong_value wrong[] = {
        VALUE(tl_layer_config, op, 77, "no operation 77"),
        VALUE(tl_layer_config, op, -1, "no operation -1"),
        VALUE(tl_layer_config, height, 0, "height"),
        VALUE(tl_layer_config, height, UINT32_MAX, "too many"),
        VALUE(tl_layer_config, width, 0, "width"),
        VALUE(tl_layer_config, width, UINT32_MAX, "too many"),
        VALUE(tl_layer_config, depth, UINT32_MAX, "too many"),
        VALUE(tl_layer_config, sharing, 9, "no sharing of offsets 9"),
        VALUE(tl_layer_config, sharing, TL_SHARING_CLIP, "radius"),
        VALUE(tl_layer_config, batch, 0, "batch"),
        VALUE(tl_layer_config, batch, UINT32_MAX, "too large"),
        VALUE(tl_layer_config, dim, 0, "dim is 0"),
        VALUE(tl_layer_config, dim, UINT32_MAX, "dim is 4294967295"),
        VALUE(tl_layer_config, heads, 0, "heads is 0"),
        VALUE(tl_layer_config, heads, UINT32_MAX, "heads is"),
        VALUE(tl_layer_config, head_dim, 0, "head_dim is 0"),
        VALUE(tl_layer_config, head_dim, UINT32_MAX, "head_dim is"),
        VALUE(tl_layer_config, relenc_dim, 0, "relenc_dim is 0"),
        VALUE(tl_layer_config, relenc_dim, UINT32_MAX, "relenc_dim is"),
        VALUE(tl_layer_config, relative, 8, "roles are 8"),
        VALUE(tl_layer_config, relative, UINT32_MAX, "roles are"),
    };
    tl_layer *layer = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tl_layer_config c = small_layer();
        set(&c, &wrong[i]);
        WRONG(tl_layer_create, wrong[i].word, ctx, &c, 1, &layer);
        assert_null(layer);
        GIVES(tl_layer_tokens, (tl_layer_tokens(&c), true));
    }
    GIVES(tl_layer_tokens, tl_layer_tokens(NULL) == 0);
}

/* What the command line refuses, and nothing that it trains. */
static void layers_by_the_rules_of_models(void **unused)
{
    tl_layer *layer = NULL;
    tl_layer_config c = small_layer();
    c.op = TL_OP_ATTENTION, c.relative = TL_ROLE_V;
    WRONG(tl_layer_create, "no relative roles", ctx, &c, 1, &layer);
    c = small_layer(), c.op = TL_OP_ALPHA_PURE, c.relative = TL_ROLE_V;
    WRONG(tl_layer_create, "no choice of relative roles", ctx, &c, 1, &layer);
    c = small_layer(), c.op = TL_OP_ATTENTION, c.sharing = TL_SHARING_CLIP, c.sharing_radius = 1;
    WRONG(tl_layer_create, "nothing to share", ctx, &c, 1, &layer);
    c = small_layer(), c.op = TL_OP_ABSOLUTE, c.window = 1;
    WRONG(tl_layer_create, "a matrix for every pair", ctx, &c, 1, &layer);
    c = small_layer(), c.op = TL_OP_CONV;
    WRONG(tl_layer_create, "needs a window", ctx, &c, 1, &layer);
    c = small_layer(), c.op = TL_OP_TRANSLUTION, c.positions = TL_POSITIONS_ROPE;
    WRONG(tl_layer_create, "not rope", ctx, &c, 1, &layer);
    c = small_layer(), c.positions = TL_POSITIONS_ROPE, c.head_dim = 6;
    WRONG(tl_layer_create, "rotary positions need a head_dim", ctx, &c, 1, &layer);
    c = small_layer(), c.causal = true, c.cls = true, c.height = 1;
    WRONG(tl_layer_create, "no class token", ctx, &c, 1, &layer);
    c = small_layer(), c.causal = true, c.height = 1, c.width = 5, c.max_length = 4;
    WRONG(tl_layer_create, "max_length", ctx, &c, 1, &layer);
    c = small_layer(), c.causal = true, c.height = 2;
    WRONG(tl_layer_create, "height", ctx, &c, 1, &layer);
    c = small_layer(), c.op = TL_OP_ABSOLUTE, c.causal = true, c.height = 1, c.width = 3;
    OK(tl_layer_create(ctx, &c, 1, &layer)); /* `train gpt --op absolute` */
    tl_layer_destroy(ctx, layer);
}

static void layers(void **unused)
{
    const uint64_t used = tl_memory_used(ctx, TL_MEMORY_PARAMETER);
    const tl_layer_config c = small_layer();
    tl_layer *layer = NULL, *foreign = NULL;
    tl_parameter p;
    WRONG(tl_layer_create, NULL, NULL, &c, 1, &layer);
    WRONG(tl_layer_create, "configuration", ctx, NULL, 1, &layer);
    WRONG(tl_layer_create, "handle", ctx, &c, 1, NULL);
    OK(tl_layer_create(ctx, &c, 1, &layer));
    OK(tl_layer_create(other, &c, 1, &foreign));
    tl_tensor *x = make(ctx, "x", 32), *o = make(ctx, "o", 32), *d_o = make(ctx, "d_o", 32),
              *dx = make(ctx, "dx", 32), *small = make(ctx, "small", 31), *gone = make(ctx, "gone", 32),
              *alien = make(other, "alien", 32);
    tl_tensor_destroy(ctx, gone);

    WRONG(tl_layer_backward, "tl_layer_forward on this x first", ctx, layer, x, d_o, dx);
    WRONG(tl_layer_forward, NULL, NULL, layer, x, o);
    WRONG(tl_layer_forward, "layer or its context is missing", ctx, NULL, x, o);
    WRONG(tl_layer_forward, "layer is none of this context", ctx, foreign, x, o);
    WRONG(tl_layer_forward, "tensor x is missing", ctx, layer, NULL, o);
    WRONG(tl_layer_forward, "tensor o is missing", ctx, layer, x, NULL);
    WRONG(tl_layer_forward, "tensor x is none of this context", ctx, layer, alien, o);
    WRONG(tl_layer_forward, "tensor o is none of this context", ctx, layer, x, alien);
    WRONG(tl_layer_forward, "was destroyed", ctx, layer, gone, o);
    WRONG(tl_layer_forward, "must hold 32 elements", ctx, layer, small, o);
    WRONG(tl_layer_forward, "must hold 32 elements", ctx, layer, x, small);
    WRONG(tl_layer_forward, "same memory", ctx, layer, x, x);
    OK(tl_layer_forward(ctx, layer, x, o));
    WRONG(tl_layer_backward, NULL, NULL, layer, x, d_o, dx);
    WRONG(tl_layer_backward, "layer or its context is missing", ctx, NULL, x, d_o, dx);
    WRONG(tl_layer_backward, "layer is none of this context", ctx, foreign, x, d_o, dx);
    WRONG(tl_layer_backward, "tensor x is missing", ctx, layer, NULL, d_o, dx);
    WRONG(tl_layer_backward, "tensor d_o is missing", ctx, layer, x, NULL, dx);
    WRONG(tl_layer_backward, "tensor dx is missing", ctx, layer, x, d_o, NULL);
    WRONG(tl_layer_backward, "tensor x is none of this context", ctx, layer, alien, d_o, dx);
    WRONG(tl_layer_backward, "tensor d_o is none of this context", ctx, layer, x, alien, dx);
    WRONG(tl_layer_backward, "tensor dx is none of this context", ctx, layer, x, d_o, alien);
    WRONG(tl_layer_backward, "must hold 32 elements", ctx, layer, small, d_o, dx);
    WRONG(tl_layer_backward, "must hold 32 elements", ctx, layer, x, small, dx);
    WRONG(tl_layer_backward, "must hold 32 elements", ctx, layer, x, d_o, small);
    WRONG(tl_layer_backward, "dx and x are the same memory", ctx, layer, x, d_o, x);
    WRONG(tl_layer_backward, "dx and d_o are the same memory", ctx, layer, x, d_o, d_o);
    OK(tl_layer_backward(ctx, layer, x, d_o, dx));

    GIVES(tl_layer_parameter_at, !tl_layer_parameter_at(NULL, 0, &p));
    GIVES(tl_layer_parameter_at, !tl_layer_parameter_at(layer, 0, NULL));
    GIVES(tl_layer_parameter_at, !tl_layer_parameter_at(layer, -1, &p));
    GIVES(tl_layer_parameter_at, !tl_layer_parameter_at(layer, INT32_MAX, &p));
    GIVES(tl_layer_parameter_at, tl_layer_parameter_at(layer, 0, &p));
    WRONG(tl_layer_forward, "own tensor", ctx, layer, x, p.value); /* [12][4] values: large enough */

    tl_tensor_destroy(ctx, p.value); /* which is not his to destroy */
    WRONG(tl_layer_forward, "tensor qkv is none of this context", ctx, layer, x, o);
    WRONG(tl_layer_backward, "tensor qkv is none of this context", ctx, layer, x, d_o, dx);

    TRIES(tl_layer_destroy);
    tl_layer_destroy(ctx, NULL);
    tl_layer_destroy(NULL, layer);
    tl_layer_destroy(ctx, foreign);
    assert_non_null(strstr(tl_context_error(ctx)->text, "none of this context"));
    tl_layer_destroy(other, foreign);
    tl_layer_destroy(ctx, layer);
    tl_layer_destroy(ctx, layer); /* once more */
    WRONG(tl_layer_forward, "it was destroyed", ctx, layer, x, o);
    WRONG(tl_layer_backward, "it was destroyed", ctx, layer, x, d_o, dx);
    tl_tensor *const made[] = {x, o, d_o, dx, small};
    for (int i = 0; i < 5; i++) tl_tensor_destroy(ctx, made[i]);
    tl_tensor_destroy(other, alien);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_PARAMETER), used);
}

/* "Destroying a context frees what is left in it": the leak checker looks on. */
static void contexts_with_layers_and_tensors(void **unused)
{
    const tl_layer_config c = small_layer();
    tl_context *short_lived = NULL;
    tl_layer *layers[3];
    assert_int_equal(tl_context_create(NULL, &short_lived, &said), TL_OK);
    for (int i = 0; i < 3; i++) OK(tl_layer_create(short_lived, &c, 1, &layers[i]));
    make(short_lived, "left over", 32);
    tl_layer_destroy(short_lived, layers[1]);
    tl_context_destroy(short_lived);
}

/* ---- training and evaluation --------------------------------------------------------------------- */

/* One step of a model that is as small as one can be. */
static tl_settings one_step(const char *task)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, task));
    s.model.dim = 8, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 4, s.model.mlp_dim = 8;
    s.model.relenc_dim = 2;
    s.training.limit_train = 16, s.training.limit_test = 8, s.training.batch_size = 8, s.training.steps = 1;
    if (strcmp(task, "gpt") == 0)
        s.model.seq_len = 8, s.model.vocab_size = 128, s.training.samples_per_epoch = 8;
    if (strcmp(task, "vit") == 0)
        s.model.image_height = s.model.image_width = 32, s.training.augment = 0, s.run.workers = 1;
    snprintf(s.run.out, sizeof s.run.out, "%s/out", folder);
    return s;
}
#define one_step(...) VALUE_FROM_HERE(one_step(__VA_ARGS__))

static void refuse_all(const char *task, const wrong_value *wrong, size_t count)
{
    struct stat found;
    tl_result result;
    for (size_t i = 0; i < count; i++) {
        tl_settings s = one_step(task);
        set(&s, &wrong[i]);
        WRONG(tl_train, wrong[i].word, ctx, &s, NULL, &result);
        if (stat(s.run.out, &found) == 0) fail_msg("'%s' is refused, but there is a folder", wrong[i].word);
    }
}
#define refuse_all(...) FROM_HERE(refuse_all(__VA_ARGS__))

static void refuse_numbers(const char *task)
{
    static const struct {
        size_t at;
        const char *word;
    } members[] = {
        {offsetof(tl_settings, training.lr), "lr takes a number from 0 to 1000"},
        {offsetof(tl_settings, training.weight_decay), "weight_decay takes a number from 0 to 1000"},
        {offsetof(tl_settings, training.grad_clip), "grad_clip takes a number from 0 to 1e+30"}};
    const float values[] = {-1.0f, (float)NAN, INFINITY, -INFINITY};
    tl_result result;
    for (int m = 0; m < 3; m++)
        for (int v = 0; v < 4; v++) {
            tl_settings s = one_step(task);
            memcpy((char *)&s + members[m].at, &values[v], sizeof values[v]);
            WRONG(tl_train, members[m].word, ctx, &s, NULL, &result);
        }
}

/* Strings that fill their arrays to the last byte. */
static void refuse_texts(void)
{
    static const struct {
        size_t at, capacity;
        const char *word;
    } members[] = {
        {offsetof(tl_settings, task), sizeof((tl_settings *)0)->task, "unknown task"},
        {offsetof(tl_settings, run.data), sizeof((tl_settings *)0)->run.data, "data takes at most 1023"},
        {offsetof(tl_settings, run.out), sizeof((tl_settings *)0)->run.out, "out takes at most 1023"},
        {offsetof(tl_settings, run.metrics), sizeof((tl_settings *)0)->run.metrics, "metrics takes"},
        {offsetof(tl_settings, run.init), sizeof((tl_settings *)0)->run.init, "init takes"},
        {offsetof(tl_settings, run.confusion), sizeof((tl_settings *)0)->run.confusion, "confusion takes"},
        {offsetof(tl_settings, run.attention_maps), sizeof((tl_settings *)0)->run.attention_maps,
         "attention_maps takes"}};
    tl_result result;
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        tl_settings s = one_step("mnist");
        memset((char *)&s + members[m].at, 'x', members[m].capacity);
        WRONG(tl_train, members[m].word, ctx, &s, NULL, &result);
    }
}

static void training(void **unused)
{
    tl_settings s = one_step("mnist");
    tl_result result;
    WRONG(tl_train, NULL, NULL, &s, NULL, &result);
    WRONG(tl_train, "settings", ctx, NULL, NULL, &result);
    WRONG(tl_train, "result", ctx, &s, NULL, NULL);
    refuse_all("mnist", wrong_for_all, COUNT(wrong_for_all));
    refuse_all("mnist", wrong_for_images, COUNT(wrong_for_images));
    refuse_all("vit", wrong_for_images, COUNT(wrong_for_images));
    refuse_all("vit", (const wrong_value[]){RUN(training.augment, 32, "no augmentation")}, 1);
    refuse_all("gpt", wrong_for_text, COUNT(wrong_for_text));
    refuse_numbers("mnist");
    refuse_texts();
    s = one_step("gpt"); /* a sound model of the other architecture */
    snprintf(s.task, sizeof s.task, "mnist");
    s.model.channels = 1;
    WRONG(tl_train, "mnist trains models of the architecture vit, not gpt", ctx, &s, NULL, &result);
    s = one_step("mnist"); /* what an operation does not take is no matter of memory, either */
    s.model.op = TL_OP_TRANSLUTION, s.model.positions = TL_POSITIONS_SWIN;
    WRONG(tl_train, "positions none or learned, not swin", ctx, &s, NULL, &result);
    s = one_step("mnist"); /* a batch that nobody could count is no matter of memory */
    s.model.heads = 1024, s.model.patch_height = s.model.patch_width = 1, s.training.batch_size = 1048576;
    WRONG(tl_train, "too large", ctx, &s, NULL, &result);
    s = one_step("mnist");
    snprintf(s.run.data, sizeof s.run.data, "%s/nowhere", folder);
    FAILS(TL_ERROR_INPUT, tl_train, "nowhere", ctx, &s, NULL, &result);
    GIVES(tl_settings_default, !tl_settings_default(NULL, "mnist"));
    GIVES(tl_settings_default, !tl_settings_default(&s, NULL));
    GIVES(tl_settings_default, !tl_settings_default(&s, "chess"));
}

/* What all the wrong settings are made of is right. */
static void sound_settings_train(void **unused)
{
    static const char *const tasks[] = {"mnist", "vit", "gpt"};
    for (int i = 0; i < 3; i++) {
        tl_settings s = one_step(tasks[i]);
        tl_result result;
        snprintf(s.run.out, sizeof s.run.out, "%s/%s", folder, tasks[i]);
        OK(tl_train(ctx, &s, NULL, &result));
        assert_int_equal(result.steps, 1);
    }
}

static void evaluation(void **unused)
{
    static const wrong_value wrong[] = {
        RUN(training.batch_size, UINT32_MAX, "batch_size takes a whole number from 1 to 1048576"),
        RUN(training.test_motion, 9, "no placement of digits 9"),
        RUN(training.test_motion, -2, "no placement of digits -2"),
        RUN(run.workers, UINT32_MAX, "workers takes"),
        RUN(run.offset_ranks, 2, "offset_ranks` is 2 and the number of ranks 1"),
    };
    const char *const run = at("mnist");
    tl_settings s = one_step("mnist");
    tl_result result;
    WRONG(tl_evaluate, NULL, NULL, run, &s, NULL, &result);
    WRONG(tl_evaluate, "checkpoint", ctx, NULL, &s, NULL, &result);
    WRONG(tl_evaluate, "settings", ctx, run, NULL, NULL, &result);
    WRONG(tl_evaluate, "result", ctx, run, &s, NULL, NULL);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        s = one_step("mnist");
        set(&s, &wrong[i]);
        WRONG(tl_evaluate, wrong[i].word, ctx, run, &s, NULL, &result);
    }
    s = one_step("mnist");
    memset(s.run.data, 'x', sizeof s.run.data);
    WRONG(tl_evaluate, "data takes at most 1023", ctx, run, &s, NULL, &result);
    s = one_step("mnist");
    FAILS(TL_ERROR_INPUT, tl_evaluate, "nowhere", ctx, "nowhere", &s, NULL, &result);
    OK(tl_evaluate(ctx, run, &s, NULL, &result));
}

/* Settings of the library and of the command line make one model: the operation brings its positions. */
static void positions_of_the_operation(void **unused)
{
    static const struct {
        tl_op_kind op;
        tl_positions positions;
    } cases[] = {{TL_OP_ATTENTION, TL_POSITIONS_LEARNED}, {TL_OP_TRANSLUTION, TL_POSITIONS_NONE}};
    uint64_t params[2][2];
    for (int i = 0; i < 2; i++)
        for (int given = 0; given < 2; given++) {
            tl_settings s = one_step("mnist");
            tl_result result;
            s.model.op = cases[i].op;
            if (given != 0) s.model.positions = cases[i].positions;
            snprintf(s.run.out, sizeof s.run.out, "%s/positions-%d-%d", folder, i, given);
            OK(tl_train(ctx, &s, NULL, &result));
            assert_int_equal(s.model.positions, cases[i].positions); /* said, and stored */
            params[i][given] = result.params;
            memset(&s.model, 0, sizeof s.model);
            s.training.batch_size = 0;
            OK(tl_evaluate(ctx, result.out, &s, NULL, &result));
            assert_int_equal(s.model.positions, cases[i].positions);
        }
    assert_int_equal(params[0][0], params[0][1]);
    assert_int_equal(params[1][0], params[1][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_without_a_name),
        cmocka_unit_test(devices),
        cmocka_unit_test(contexts),
        cmocka_unit_test(sizes_that_were_not_set),
        cmocka_unit_test(tensors),
        cmocka_unit_test(layer_configurations),
        cmocka_unit_test(layers_by_the_rules_of_models),
        cmocka_unit_test(layers),
        cmocka_unit_test(contexts_with_layers_and_tensors),
        cmocka_unit_test(training),
        cmocka_unit_test(sound_settings_train),
        cmocka_unit_test(evaluation),
        cmocka_unit_test(positions_of_the_operation),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
