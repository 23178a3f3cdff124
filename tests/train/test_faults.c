/* Faults on demand: device memory refused at every allocation in turn, and a device that fails in mid-run. Nothing leaks
 * (AddressSanitizer's builds look), the message names the thing, and what was saved stays. */
#include "runs.h"

#include "device/device.h"

static tl_status train_with(const char *fault, tl_settings s, char *text, size_t capacity)
{
    setenv("TRANSLUTION_FAULT", fault, 1);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    unsetenv("TRANSLUTION_FAULT");
    tl_result result;
    const tl_status status = tl_train(ctx, &s, NULL, &result);
    snprintf(text, capacity, "%s", tl_context_error(ctx)->text);
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++)
        assert_true(tl_memory_used(ctx, (tl_memory_kind)kind) == 0); /* all tensors are gone */
    tl_context_destroy(ctx);
    return status;
}
#define train_with(...) VALUE_FROM_HERE(train_with(__VA_ARGS__))

static void memory_is_refused(void **unused)
{
    tl_settings s = small_run(TL_OP_ALPHA, "alloc");
    s.model.dim = 8, s.model.depth = 1, s.model.head_dim = 4, s.model.mlp_dim = 8;
    s.training.limit_train = 4, s.training.limit_test = 4, s.training.batch_size = 4, s.training.steps = 1,
    s.training.grad_clip = 1.0f;
    int refused = 0;
    for (tl_status status = TL_ERROR_MEMORY; status != TL_OK; refused++) {
        char fault[32], text[2048];
        snprintf(fault, sizeof fault, "alloc:%d", refused + 1);
        status = train_with(fault, s, text, sizeof text);
        if (status == TL_OK) break;
        assert_int_equal(status, TL_ERROR_MEMORY);
        if (strstr(text, "for tensor ") == NULL || strstr(text, "CL_MEM_OBJECT_ALLOCATION_FAILURE") == NULL)
            fail_msg("allocation %d: %s", refused + 1, text);
    }
    if (refused < 60) fail_msg("only %d allocations were refused", refused);
}

static void the_device_fails(void **unused)
{
    const tl_settings whole = small_run(TL_OP_ATTENTION, "launch-whole");
    tl_settings s = small_run(TL_OP_ATTENTION, "launch");
    s.run.checkpoint_every = 1;
    train(whole);
    int failed = 0;
    char fault[32], text[2048];
    for (int launch = 150;; launch += 150) { /* every try gets a little further */
        snprintf(fault, sizeof fault, "launch:%d", launch);
        if (train_with(fault, s, text, sizeof text) == TL_OK) break;
        failed++;
        if (strstr(text, "CL_OUT_OF_RESOURCES") == NULL) fail_msg("launch %d: %s", launch, text);
        s.run.resume = exists(inside(s.run.out, "checkpoints/1")) || s.run.resume;
    }
    assert_true(failed >= 2);
    assert_same_model(&whole, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_refused),
        cmocka_unit_test(the_device_fails),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
