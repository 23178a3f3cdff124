/* Gradients of slices: summed along one tree whatever their number, near to those of whole batches, and the same
 * weights to the last bit however a run is taken in parts, stopped and resumed. */
#include "runs.h"

#include "train/grad_exchange.h"
#include "train/grad_slices.h"

/* ---- the tree ------------------------------------------------------------------------------------- */

/* The sum of slices [first, first + width) of `count`, of which slice s is `values[s]`. */
static float tree_sum(const float *values, uint32_t first, uint32_t width, uint32_t count)
{
    if (width == 1) return values[first];
    const float left = tree_sum(values, first, width / 2, count);
    if (first + width / 2 >= count) return left;
    return left + tree_sum(values, first + width / 2, width / 2, count);
}

static float slice_value(uint32_t slice, int element)
{
    return 1.0f / (float)(3 + 7 * slice + 13 * (uint32_t)element); /* sums of it are rounded */
}

static void check_tree(tl_context *ctx, tli_registry *registry, tl_tensor *loss, uint32_t slices,
                       uint32_t count)
{
    enum { ELEMENTS = 6 };
    tli_grad_slices sums = {0};
    float values[ELEMENTS], column[16], got[ELEMENTS];
    MUST(ctx, tli_grad_slices_create(ctx, registry, slices, NULL, &sums));
    for (uint32_t s = 0; s < count; s++) {
        for (int e = 0; e < ELEMENTS; e++) values[e] = slice_value(s, e);
        MUST(ctx, tl_tensor_write(ctx, registry->items[0].gradient, 0, ELEMENTS, values));
        MUST(ctx, tl_tensor_write(ctx, loss, 0, 1, &values[1]));
        MUST(ctx, tli_grad_slices_add(ctx, &sums, registry, tli_at(loss, 0), s, s + 1 == count));
    }
    MUST(ctx, tl_tensor_read(ctx, registry->items[0].gradient, 0, ELEMENTS, got));
    for (int e = 0; e < ELEMENTS; e++) {
        for (uint32_t s = 0; s < count; s++) column[s] = slice_value(s, e);
        if (got[e] != tree_sum(column, 0, 16, count))
            fail_msg("%u of %u slices: element %d is %.9g", count, slices, e, (double)got[e]);
        if (e == 1) {
            MUST(ctx, tl_tensor_read(ctx, loss, 0, 1, got));
            assert_true(got[0] == tree_sum(column, 0, 16, count));
        }
    }
    tli_grad_slices_destroy(ctx, &sums);
}
#define check_tree(...) FROM_HERE(check_tree(__VA_ARGS__))

/* Any number of slices, of which a small batch has fewer, in tensors of one and of several shards. */
static void sums_follow_the_tree(void **unused)
{
    for (int sharded = 0; sharded < 2; sharded++) {
        const tl_context_options options = {.size = sizeof options, .max_alloc_bytes = sharded ? 16 : 0};
        tl_context *ctx = NULL;
        tl_error err = {0};
        tli_registry registry = {0};
        tl_tensor *loss;
        if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
        assert_int_equal(
            tli_registry_add(&registry, "table", TLI_INIT_ZERO, 0, 3, (const uint64_t[]){3, 1, 2}), 0);
        MUST(ctx, tli_registry_allocate(ctx, &registry, true));
        assert_int_equal(registry.items[0].gradient->shards > 1, sharded);
        MUST(ctx, tl_tensor_create(ctx, "loss", TL_MEMORY_ACTIVATION, 1, 1, &loss));
        for (uint32_t slices = 1; slices <= 9; slices++)
            for (uint32_t count = 1; count <= slices; count++)
                check_tree(ctx, &registry, loss, slices, count);
        tli_registry_free(ctx, &registry);
        tl_context_destroy(ctx);
    }
}

/* A rank keeps the sums of its own part of the tree; ranks that cannot share the tree are none. */
static void ranks_share_the_tree(void **unused)
{
    static const struct {
        uint32_t slices;
        int ranks, levels;
    } cases[] = {{1, 1, 0}, {2, 1, 1}, {5, 1, 3},   {8, 1, 3},  {8, 2, 2},  {8, 8, 0},
                 {5, 8, 0}, {5, 4, 1}, {8, 16, -1}, {1, 2, -1}, {8, 3, -1}, {8, 6, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (tli_grad_slices_levels(cases[i].slices, cases[i].ranks) != cases[i].levels)
            fail_msg("%u slices of %d ranks: %d levels", cases[i].slices, cases[i].ranks,
                     tli_grad_slices_levels(cases[i].slices, cases[i].ranks));
}

/* ---- a slice of a batch --------------------------------------------------------------------------- */

/* The logits of samples 1 and 2 are the same as a slice, from the host's images or a tensor's. */
static void slices_are_samples_of_their_batch(void **unused)
{
    enum { SAMPLES = 4, FIRST = 1, COUNT = 2 };
    tl_settings s = small_run(TL_OP_TRANSLUTION, "unused");
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_model *model = NULL;
    const uint64_t each = tli_model_image_values(&s.model);
    float *images = malloc(SAMPLES * each * sizeof *images), all[SAMPLES * 10], slice[COUNT * 10];
    const int32_t targets[SAMPLES] = {0, 1, 2, 3};
    for (uint64_t i = 0; i < SAMPLES * each; i++) images[i] = (float)(i * 2654435761u % 256) / 256.0f;
    tl_tensor *tensor = upload(ctx, images, SAMPLES, each);
    MUST(ctx, tli_model_create(ctx, &s.model, &(tl_model_options){.batch = SAMPLES, .training = true}, NULL,
                               &model));
    MUST(ctx, tli_registry_init(ctx, tli_model_registry(model), 0));
    tl_batch batch = {.size = sizeof batch, .count = SAMPLES, .images = images, .targets = targets};
    MUST(ctx, tli_model_set_batch(ctx, model, &batch));
    MUST(ctx, tli_model_forward(ctx, model));
    MUST(ctx, tl_model_read_logits(ctx, model, all));
    for (int device = 0; device < 2; device++) {
        if (device == 1) batch.images = NULL, batch.image_tensor = tensor;
        MUST(ctx, tli_model_set_slice(ctx, model, &batch, FIRST, COUNT));
        assert_int_equal(tli_model_predictions(model), COUNT);
        MUST(ctx, tli_model_forward(ctx, model));
        MUST(ctx, tl_model_read_logits(ctx, model, slice));
        assert_close("logits", slice, all + FIRST * 10, COUNT * 10, 1e-5);
    }
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
    free(images);
}

/* ---- runs ----------------------------------------------------------------------------------------- */

static tl_settings sliced_run(tl_op_kind op, const char *out, uint64_t slices, uint64_t accumulate)
{
    tl_settings s = small_run(op, out);
    s.training.grad_slices = slices, s.run.accumulate = accumulate;
    return s;
}

/* The last batch of an epoch has 12 samples of 16: of 8 slices two are missing then, of 5 one is smaller. */
static void accumulation_leaves_the_bits(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++)
        for (uint64_t slices = 5; slices <= 8; slices += 3) {
            const tl_settings one = sliced_run((tl_op_kind)op, "accumulate-1", slices, 1),
                              none = sliced_run((tl_op_kind)op, "accumulate-0", slices, 0),
                              most = sliced_run((tl_op_kind)op, "accumulate", slices, slices),
                              alone = sliced_run((tl_op_kind)op, "accumulate-alone", 0, slices);
            train(one), train(none), train(most), train(alone);
            assert_same_model(&one, &none);
            assert_same_model(&one, &most);
            assert_same_model(&one, &alone);
        }
}

/* The weights that a run wrote: its file without the header, whose length the first eight bytes give. Freed by the caller. */
static char *weights_of(const tl_settings *s, size_t *bytes)
{
    size_t all, header = 8;
    char *file = read_all(inside(s->run.out, "model.safetensors"), &all);
    for (int i = 0; i < 8; i++) header += (size_t)(unsigned char)file[i] << 8 * i;
    assert_true(header < all);
    *bytes = all - header;
    memmove(file, file + header, *bytes);
    return file;
}
#define weights_of(...) VALUE_FROM_HERE(weights_of(__VA_ARGS__))

static bool same_weights(const tl_settings *a, const tl_settings *b)
{
    size_t n, m;
    char *x = weights_of(a, &n), *y = weights_of(b, &m);
    assert_int_equal(n, m);
    const bool same = memcmp(x, y, n) == 0;
    free(x), free(y);
    return same;
}
#define same_weights(...) VALUE_FROM_HERE(same_weights(__VA_ARGS__))

/* The gradient of a batch is the same number, rounded otherwise. */
static void slices_are_near_to_the_whole(void **unused)
{
    const tl_settings in_one = sliced_run(TL_OP_TRANSLUTION, "whole", 0, 0),
                      one_slice = sliced_run(TL_OP_TRANSLUTION, "one", 1, 1),
                      slices = sliced_run(TL_OP_TRANSLUTION, "eight", 8, 0);
    const double whole = train(in_one).loss, one = train(one_slice).loss, eight = train(slices).loss;
    assert_true(one == whole);
    assert_true(same_weights(&in_one, &one_slice));
    assert_false(same_weights(&in_one, &slices));
    assert_between(eight, whole - 1e-3, whole + 1e-3);
    tl_settings text = small_text(TL_OP_ALPHA, "text-whole"), parts = small_text(TL_OP_ALPHA, "text");
    parts.training.grad_slices = 4;
    const double loss = train(text).loss;
    assert_between(train(parts).loss, loss - 1e-3, loss + 1e-3);
}

/* Clipping and evaluations between the steps; stopped, and resumed without a word of slices. */
static void sliced_runs_resume(void **unused)
{
    tl_settings whole = sliced_run(TL_OP_ALPHA, "resume-whole", 4, 0),
                parts = sliced_run(TL_OP_ALPHA, "resume-parts", 4, 2);
    whole.training.grad_clip = parts.training.grad_clip = 0.1f;
    parts.run.eval_every = 2, parts.run.stop_after = 3;
    const tl_result one = train(whole);
    train(parts);
    parts.run.resume = true, parts.run.stop_after = 0;
    parts.training.grad_slices = 0, parts.run.accumulate = 4;
    const tl_result two = train(parts);
    assert_same_model(&whole, &parts);
    assert_true(one.loss == two.loss && one.top1 == two.top1);
    const tl_settings unclipped = sliced_run(TL_OP_ALPHA, "unclipped", 4, 0);
    assert_true(train(unclipped).loss != one.loss);
}

/* A step whose sum is not finite is left out as a whole. */
static void skipped_steps(void **unused)
{
    tl_settings s = sliced_run(TL_OP_ATTENTION, "skipped", 4, 0),
                one = sliced_run(TL_OP_ATTENTION, "skipped-one", 4, 4);
    s.run.skip_nonfinite = true;
    start_from_huge_weights(&s, NULL, 1e6f);
    start_from_huge_weights(&one, NULL, 1e6f);
    s.training.schedule = one.training.schedule = TL_SCHEDULE_CONSTANT;
    one.run.stop_after = 2;
    train(s), train(one);
    tli_safetensors a, b;
    float x[10], y[10];
    tl_error err = {0};
    assert_int_equal(tli_st_open(inside(s.run.out, "model.safetensors"), &a, &err), TL_OK);
    assert_int_equal(tli_st_open(inside(one.run.out, "model.safetensors"), &b, &err), TL_OK);
    assert_int_equal(tli_st_read(&a, tli_st_find(&a, "mlp_head.bias"), 0, 10, x, &err), TL_OK);
    assert_int_equal(tli_st_read(&b, tli_st_find(&b, "mlp_head.bias"), 0, 10, y, &err), TL_OK);
    assert_memory_equal(x, y, sizeof x);
    tli_st_close(&a), tli_st_close(&b);
}

static void files_say_the_slices(void **unused)
{
    tl_settings s = sliced_run(TL_OP_ATTENTION, "stored", 0, 3), stored;
    tl_error err = {0};
    s.training.steps = 1;
    train(s);
    assert_true(tl_settings_default(&stored, "mnist"));
    assert_int_equal(tl_checkpoint_settings(s.run.out, &stored, &err), TL_OK);
    assert_int_equal(stored.training.grad_slices, 3);
    assert_int_equal(stored.run.accumulate, 0);
}

static void refuse(tl_settings s, const char *words)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_USAGE);
    assert_says(tl_context_error(ctx)->text, words);
    tl_context_destroy(ctx);
}
#define refuse(...) FROM_HERE(refuse(__VA_ARGS__))

static void refusals(void **unused)
{
    tl_settings s = sliced_run(TL_OP_ATTENTION, "refused", 4, 8);
    refuse(s, "`run.accumulate` 8 asks for more parts");
    s.run.accumulate = 1025;
    refuse(s, "accumulate takes a whole number from 1 to 1024, not '1025'");
    s.run.accumulate = 0, s.training.grad_slices = 1025;
    refuse(s, "grad_slices takes a whole number from 1 to 1024, not '1025'");
    assert_false(exists(inside(s.run.out, "")));
    s.training.grad_slices = 4, s.run.stop_after = 2;
    train(s);
    s.run.resume = true, s.training.grad_slices = 2;
    refuse(s, "`training.grad_slices` is 4 in the checkpoint of step 2 and 2 now");
    s.training.grad_slices = 0, s.run.accumulate = 8;
    refuse(s, "`run.accumulate` 8 asks for more parts of a batch than the run has slices: "
              "`training.grad_slices` is 4");
    tl_memory_plan plan;
    tl_error err = {0};
    const tl_plan_options o = {.size = sizeof o, .batch = 4, .training = true, .grad_slices = UINT64_MAX};
    assert_int_equal(tl_model_plan(&s.model, &o, &plan, &err), TL_ERROR_USAGE);
    assert_says(err.text, "at most 1024 slices");
}

/* ---- memory --------------------------------------------------------------------------------------- */

/* What a plan counts is what a run takes. */
static void plans_are_kept(void **unused)
{
    for (uint64_t slices = 1; slices <= 5; slices++) {
        tl_settings s = sliced_run(TL_OP_TRANSLUTION, "planned", slices, 0);
        tl_context *ctx = new_context(TL_PATH_AUTO);
        tl_memory_plan plan;
        tl_trainer *trainer = NULL;
        tl_error err = {0};
        assert_int_equal(tl_train_plan(&s, 0, 0, &plan, &err), TL_OK);
        assert_int_equal(tl_settings_slice_samples(&s), (16 + slices - 1) / slices);
        const tl_trainer_config config = {.size = sizeof config, .settings = &s};
        MUST(ctx, tl_trainer_create(ctx, &config, &trainer));
        for (int k = 0; k < TL_MEMORY_KINDS; k++)
            if (tl_memory_used(ctx, (tl_memory_kind)k) != plan.bytes[k])
                fail_msg("%u slices: %s takes %llu bytes, not %llu", (unsigned)slices,
                         tl_memory_kind_name((tl_memory_kind)k),
                         (unsigned long long)tl_memory_used(ctx, (tl_memory_kind)k),
                         (unsigned long long)plan.bytes[k]);
        tl_trainer_destroy(ctx, trainer);
        tl_context_destroy(ctx);
    }
}

/* Of several ranks each keeps fewer sums, a share of the optimizer's state, and a piece of what it receives. */
static void plans_of_ranks(void **unused)
{
    const tl_settings s = sliced_run(TL_OP_TRANSLUTION, "unused", 8, 0);
    tl_plan_options o = {.size = sizeof o, .batch = 16, .training = true, .grad_slices = 8};
    tl_memory_plan one, four;
    tl_error err = {0};
    assert_int_equal(tl_model_plan(&s.model, &o, &one, &err), TL_OK);
    o.ranks = 4;
    assert_int_equal(tl_model_plan(&s.model, &o, &four, &err), TL_OK);
    const uint64_t gradients = one.bytes[TL_MEMORY_PARAMETER];
    assert_int_equal(one.bytes[TL_MEMORY_GRADIENT], 4 * gradients + 3 * 4);
    assert_int_equal(four.bytes[TL_MEMORY_GRADIENT], 2 * gradients + 4);
    assert_int_equal(four.bytes[TL_MEMORY_WORKSPACE] - one.bytes[TL_MEMORY_WORKSPACE],
                     tli_grad_exchange_bytes(4));
    assert_int_equal(one.bytes[TL_MEMORY_MOMENT], 2 * gradients);
    assert_between((double)four.bytes[TL_MEMORY_MOMENT], 0.5 * (double)gradients, 0.53 * (double)gradients);
    uint64_t total = 0;
    for (int k = 0; k < TL_MEMORY_KINDS; k++) total += four.bytes[k];
    assert_int_equal(four.total, total);
    o.ranks = 1 << 20;
    assert_int_equal(tl_model_plan(&s.model, &o, &four, &err), TL_ERROR_USAGE);
    assert_says(err.text, "ranks is 1048576");
}

/* A batch that does not fit is taken in parts that do, with evaluations of batches as large. */
static void larger_batches_than_memory(void **unused)
{
    tl_settings whole = sliced_run(TL_OP_ATTENTION, "large", 0, 0);
    tl_settings parts = sliced_run(TL_OP_ATTENTION, "large-parts", 0, 8);
    tl_memory_plan plan, sliced;
    tl_error err = {0};
    tl_context *ctx = NULL;
    tl_result result;
    assert_int_equal(tl_train_plan(&whole, 0, 0, &plan, &err), TL_OK);
    assert_int_equal(tl_train_plan(&parts, plan.total - 1, 0, &sliced, &err), TL_OK);
    assert_true(sliced.total < plan.total && sliced.fits && sliced.largest_batch >= 16);
    assert_int_equal(sliced.largest_batch % 8, 0);
    const tl_context_options options = {.size = sizeof options, .memory_limit = sliced.total};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(tl_train(ctx, &whole, NULL, &result), TL_ERROR_MEMORY);
    assert_says(tl_context_error(ctx)->text, "`run.accumulate` takes a batch in parts");
    MUST(ctx, tl_train(ctx, &parts, NULL, &result));
    assert_int_equal(parts.training.batch_size, 16);
    assert_true(result.peak_device_bytes <= sliced.total);
    assert_true(result.top1 >= 0);
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_share_the_tree),
        cmocka_unit_test(sums_follow_the_tree),
        cmocka_unit_test(slices_are_samples_of_their_batch),
        cmocka_unit_test(accumulation_leaves_the_bits),
        cmocka_unit_test(slices_are_near_to_the_whole),
        cmocka_unit_test(sliced_runs_resume),
        cmocka_unit_test(skipped_steps),
        cmocka_unit_test(files_say_the_slices),
        cmocka_unit_test(refusals),
        cmocka_unit_test(plans_are_kept),
        cmocka_unit_test(plans_of_ranks),
        cmocka_unit_test(larger_batches_than_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
