#include "context.h"

static void must_at(const char *file, int line, tl_context *ctx, tl_status status)
{
    if (status != TL_OK) fail_at(file, line, "%s", tl_context_error(ctx)->text);
}

void compile_for(tl_kernel_path path)
{
    static bool ours;
    static const char name[] = "POCL_EXTRA_BUILD_FLAGS";
    if (path == TL_PATH_GPU ? getenv(name) != NULL : !ours) return;
    ours = path == TL_PATH_GPU;
    assert_int_equal(ours ? setenv(name, "-cl-opt-disable", 1) : unsetenv(name), 0);
}

bool same_as_plain_run(tl_kernel_path path)
{
    return getenv(path == TL_PATH_GPU ? "TRANSLUTION_VECTOR_WIDTH" : "TRANSLUTION_TILE") != NULL;
}

tl_context *new_context_at(const char *file, int line, tl_kernel_path path)
{
    compile_for(path);
    tl_context *ctx = NULL;
    tl_error err = {0};
    const tl_context_options options = {.size = sizeof options, .path = path};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_at(file, line, "%s", err.text);
    return ctx;
}

tl_tensor *upload_at(const char *file, int line, tl_context *ctx, const float *values, uint64_t lead,
                     uint64_t row)
{
    tl_tensor *t = NULL;
    must_at(file, line, ctx, tl_tensor_create(ctx, "test", TL_MEMORY_WORKSPACE, lead, row, &t));
    if (values != NULL) must_at(file, line, ctx, tl_tensor_write(ctx, t, 0, lead * row, values));
    return t;
}

float *download_at(const char *file, int line, tl_context *ctx, const tl_tensor *t)
{
    float *values = malloc(t->lead * t->row * sizeof *values);
    assert_non_null(values);
    must_at(file, line, ctx, tl_tensor_read(ctx, t, 0, t->lead * t->row, values));
    return values;
}

void assert_close_at(const char *file, int line, const char *what, const float *got, const float *want,
                     uint64_t count, double tolerance)
{
    double worst = 0, largest = 0;
    for (uint64_t i = 0; i < count; i++) {
        const double e = fabs((double)got[i] - want[i]);
        if (isnan(e) || e > worst) worst = e; /* a NaN is the worst of all, and stays */
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
        if (want[i] == 0.0f && got[i] != 0.0f)
            fail_at(file, line, "%s[%llu] is %g instead of 0", what, (unsigned long long)i, got[i]);
    }
    if (!(worst <= tolerance * largest))
        fail_at(file, line, "%s: error %g, tolerance %g", what, worst / largest, tolerance);
}
