/* The kernels' self-test as a user of the public header meets it: wrong kernels are refused by the first function of a layer
 * that needs them, whichever program calls it. */
#include <translution/translution.h>

#include <unistd.h>

#include "test.h"

/* A folder with a kernels/softmax.cl that does not build in any form. */
static void break_softmax(char *folder)
{
    char path[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/softmax.cl", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("no kernel\n", file);
    assert_int_equal(fclose(file), 0);
    setenv("TRANSLUTION_KERNEL_DIR", folder, 1);
}
#define break_softmax(...) FROM_HERE(break_softmax(__VA_ARGS__))

/* Creates a layer of plain attention and runs it forward; returns the first failure. */
static tl_status run_layer(tl_context *ctx)
{
    const tl_layer_config c = {.size = sizeof c,
                               .op = TL_OP_ATTENTION,
                               .height = 2,
                               .width = 2,
                               .batch = 1,
                               .dim = 4,
                               .heads = 1,
                               .head_dim = 4};
    tl_layer *layer = NULL;
    tl_tensor *x = NULL, *o = NULL;
    tl_status status = tl_layer_create(ctx, &c, 0, &layer);
    if (status == TL_OK) status = tl_tensor_create(ctx, "x", TL_MEMORY_ACTIVATION, 1, 16, &x);
    if (status == TL_OK) status = tl_tensor_create(ctx, "o", TL_MEMORY_ACTIVATION, 1, 16, &o);
    return status == TL_OK ? tl_layer_forward(ctx, layer, x, o) : status;
}

static void wrong_kernels_are_refused(void **unused)
{
    char folder[] = "/tmp/tl_self_test_XXXXXX", path[128];
    tl_error err = {0};
    tl_context *ctx = NULL;
    unsetenv("TRANSLUTION_SELF_TEST");
    setenv("TRANSLUTION_CACHE_DIR", "off", 1);
    assert_int_equal(tl_context_create(NULL, &ctx, &err), TL_OK);
    assert_int_equal(run_layer(ctx), TL_OK);
    tl_context_destroy(ctx);
    break_softmax(folder);
    assert_int_equal(tl_context_create(NULL, &ctx, &err), TL_OK);
    assert_int_equal(run_layer(ctx), TL_ERROR_DEVICE);
    assert_non_null(strstr(tl_context_error(ctx)->text, "kernels/softmax.cl"));
    assert_non_null(strstr(tl_context_error(ctx)->text, "fails its self-test"));
    tl_context_destroy(ctx);
    snprintf(path, sizeof path, "%s/softmax.cl", folder);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_kernels_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
