/* How a run fits a device's memory, where nothing is run. */
#include "context.h"

#include "train/step.h"

static tl_settings settings_on(tl_kernel_path path, const tl_settings *s, uint64_t memory_limit)
{
    const tl_context_options options = {.size = sizeof options, .path = path, .memory_limit = memory_limit};
    tl_context *ctx = NULL;
    tl_error err = {0};
    tl_settings chosen = *s;
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    MUST(ctx, tli_step_choose_batch(ctx, &chosen, 1));
    tl_context_destroy(ctx);
    return chosen;
}
#define settings_on(...) VALUE_FROM_HERE(settings_on(__VA_ARGS__))

/* In the form for GPUs chunks are those that fit the device; where only the smallest do, the batch stays. */
static void chunks_shrink_before_the_batch_does(void **unused)
{
    tl_settings s;
    tl_memory_plan plan;
    tl_error err = {0};
    assert_true(tl_settings_default(&s, "mnist"));
    s.model.op = TL_OP_TRANSLUTION, s.model.depth = 2; /* the last has one query */
    s.training.batch_size = 256, s.run.recompute = TL_RECOMPUTE_ALWAYS;
    s.model.chunk_bytes = 64 << 20;
    tl_settings planned = s;
    assert_int_equal(tl_train_plan(&planned, 0, 0, &plan, &err), TL_OK);
    assert_true(plan.total < 4ull << 30); /* of which a 32nd is less than two chunks */
    assert_int_equal(settings_on(TL_PATH_GPU, &s, plan.total).model.chunk_bytes, 64 << 20);
    assert_int_equal(settings_on(TL_PATH_CPU, &s, plan.total).model.chunk_bytes, 0);
    const tl_settings tight = settings_on(TL_PATH_GPU, &s, plan.total - 1);
    assert_int_equal(tight.model.chunk_bytes, 0);
    assert_int_equal(tight.training.batch_size, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chunks_shrink_before_the_batch_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
