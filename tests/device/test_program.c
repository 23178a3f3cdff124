/* Kernels: where their sources come from, what a failing build says, what a launch checks, and the profile. */
#include "kernel_folders.h"

/* ---- sources and builds -----------------------------------------------------------------------------------
 */

static void kernel_folder(void **state)
{
    bench *b = *state;
    tl_context *ctx = make_context(b, false);
    tli_kernel *kernel = NULL, *again = NULL;
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", "", &kernel));
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", "", &again));
    assert_ptr_equal(kernel, again);
    assert_int_equal(b->built, 1);
    MUST(ctx,
         tli_kernel_get(ctx, "scale", "scale", "-DANYTHING=1", &again)); /* other options, other program */
    assert_ptr_not_equal(kernel, again);
    assert_int_equal(b->built, 2);
    MUST(ctx,
         tli_kernel_get(ctx, "gelu", "gelu_forward", "", &again)); /* not in the folder: the built-in one */

    assert_int_equal(tli_kernel_get(ctx, "nothing", "x", "", &again), TL_ERROR_DEVICE);
    assert_says(tl_context_error(ctx)->text, "kernels/nothing.cl");
    assert_null(again);
    assert_int_equal(tli_kernel_get(ctx, "scale", "no_such_kernel", "", &again), TL_ERROR_DEVICE);
    assert_says(tl_context_error(ctx)->text, "no_such_kernel");
    assert_says(tl_context_error(ctx)->text, "kernels/scale.cl");
    assert_says(tl_context_error(ctx)->text, "CL_INVALID_KERNEL_NAME (-46)");
    assert_null(again);
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", "", &again)); /* a failure leaves the rest as it was */
    assert_ptr_equal(kernel, again);
    tl_context_destroy(ctx);

    /* common.cl can be overridden too */
    write_kernel(b, "common", "#define FROM_MY_COMMON 5\n");
    write_kernel(b, "scale",
                 "__kernel void scale(__global float *x, float by, uint n) { x[1] = FROM_MY_COMMON; }");
    assert_true(scaled(b, "") == 5);
}

/* More kernels than the table starts with: all are found again, each is its own. */
static void many_kernels(void **state)
{
    bench *b = *state;
    enum { MANY = 150 };
    char *source = malloc(MANY * 64);
    size_t used = 0;
    tli_kernel *kernels[MANY];
    assert_non_null(source);
    for (int i = 0; i < MANY; i++)
        used += (size_t)snprintf(source + used, 64, "__kernel void k%d(__global int *x) { x[0] = %d; }\n", i,
                                 i);
    write_kernel(b, "many", source);
    free(source);
    tl_context *ctx = make_context(b, false);
    char name[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "k%d", i);
        MUST(ctx, tli_kernel_get(ctx, "many", name, "", &kernels[i]));
    }
    assert_int_equal(b->built, 1);
    tl_tensor *x = NULL;
    int32_t got = -1;
    MUST(ctx, tl_tensor_create(ctx, "x", TL_MEMORY_DATA, 1, 1, &x));
    for (int i = 0; i < MANY; i++) {
        tli_kernel *again = NULL;
        snprintf(name, sizeof name, "k%d", i);
        MUST(ctx, tli_kernel_get(ctx, "many", name, "", &again));
        assert_ptr_equal(again, kernels[i]);
    }
    MUST(ctx, TLI_LAUNCH(ctx, kernels[149], tli_launch1(1, 1), TLI_ARG_MEM(x->mem[0])));
    MUST(ctx, tl_tensor_read(ctx, x, 0, 1, &got));
    assert_int_equal(got, 149);
    tl_context_destroy(ctx);
}

static void standard_macros(void **state)
{
    bench *b = *state;
    write_kernel(b, "macros",
                 "#if !defined(__OPENCL_VERSION__) || __OPENCL_C_VERSION__ > 120\n"
                 "#error not OpenCL C 1.2\n"
                 "#endif\n"
                 "__kernel void macros(__global int *x) { x[0] = TL_CPU; x[1] = TL_VW; x[2] = TL_GROUP; x[3] "
                 "= MINE; }\n");
    for (tl_kernel_path path = TL_PATH_CPU; path <= TL_PATH_GPU; path++) {
        const tl_context_options options = {.size = sizeof options, .path = path};
        tl_context *ctx = NULL;
        tli_kernel *kernel = NULL;
        tl_tensor *x = NULL;
        int32_t got[4];
        assert_int_equal(tl_context_create(&options, &ctx, NULL), TL_OK);
        const tli_limits *limits = tli_context_limits(ctx);
        MUST(ctx, tl_tensor_create(ctx, "x", TL_MEMORY_DATA, 1, 4, &x));
        MUST(ctx, tli_kernel_get(ctx, "macros", "macros", "-DMINE=77", &kernel));
        MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch1(1, 1), TLI_ARG_MEM(x->mem[0])));
        MUST(ctx, tl_tensor_read(ctx, x, 0, 4, got));
        assert_int_equal(got[0], limits->cpu_path);
        assert_int_equal(got[1], limits->vector_width);
        assert_int_equal(got[2], limits->row_group);
        assert_int_equal(got[3], 77);
        tl_context_destroy(ctx);
    }
}

static void several_files(void **state)
{
    bench *b = *state;
    write_kernel(b, "part", "#define FROM_PART 9.0f\n");
    write_kernel(b, "whole", "__kernel void whole(__global float *x) { x[0] = FROM_PART; }\n");
    tl_context *ctx = make_context(b, false);
    tli_kernel *kernel = NULL;
    tl_tensor *x = NULL;
    float got = 0;
    MUST(ctx, tl_tensor_create(ctx, "x", TL_MEMORY_DATA, 1, 1, &x));
    MUST(ctx, tli_kernel_get(ctx, "part+whole", "whole", "", &kernel));
    MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch1(1, 1), TLI_ARG_MEM(x->mem[0])));
    MUST(ctx, tl_tensor_read(ctx, x, 0, 1, &got));
    assert_true(got == 9);
    assert_int_equal(tli_kernel_get(ctx, "part+missing", "whole", "", &kernel), TL_ERROR_DEVICE);
    assert_says(tl_context_error(ctx)->text, "kernels/missing.cl");
    tl_context_destroy(ctx);
}

static void failing_builds(void **state)
{
    bench *b = *state;
    tli_kernel *kernel = NULL;
    write_kernel(b, "bad", "__kernel void bad(__global float *x)\n{\n    x[0] = undeclared_thing;\n}\n");
    write_kernel(b, "second", "__kernel void second(__global float *x)\n{\n    x[0] = 1 +;\n}\n");
    tl_context *ctx = make_context(b, false);
    for (int i = 0; i < 2; i++) { /* the second time as the first: a failure is not kept */
        tl_context_error(ctx)->text[0] = '\0';
        assert_int_equal(tli_kernel_get(ctx, "bad", "bad", "-DTA=3", &kernel), TL_ERROR_DEVICE);
        assert_null(kernel);
        const char *text = tl_context_error(ctx)->text;
        assert_says(text, "kernels/bad.cl does not build on");
        assert_says(text, "CL_BUILD_PROGRAM_FAILURE (-11)");
        assert_says(text, "-DTA=3");
        assert_says(text, "undeclared_thing"); /* the compiler's words */
        assert_says(text, "kernels/bad.cl:3"); /* our file and line, common.cl in front notwithstanding */
    }
    assert_int_equal(tli_kernel_get(ctx, "scale+second", "second", "", &kernel), TL_ERROR_DEVICE);
    assert_says(tl_context_error(ctx)->text, "kernels/second.cl:3");
    assert_int_equal(entries(b, NULL), 0); /* a failed build is not cached */
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", "", &kernel));

    char *options = malloc(5000);
    assert_non_null(options);
    memset(options, ' ', 4999);
    options[4999] = '\0';
    assert_int_equal(tli_kernel_get(ctx, "scale", "scale", options, &kernel), TL_ERROR_USAGE);
    assert_says(tl_context_error(ctx)->text, "too long");
    free(options);
    tl_context_destroy(ctx);
}

/* ---- launches
 * ------------------------------------------------------------------------------------------------ */

static void arguments(void **state)
{
    bench *b = *state;
    write_kernel(
        b, "args",
        "__kernel void args(__global int *out, ulong at, __global const float *none, ulong none_at, int i,\n"
        "                   uint u, ulong l, float f)\n"
        "{\n"
        "    out += at;\n"
        "    out[0] = none == 0; out[1] = i; out[2] = (int)u; out[3] = (int)(l >> 32); out[4] = (int)l;\n"
        "    out[5] = f == 0.15625f; out[6] = (int)none_at;\n"
        "}\n");
    tl_context *ctx = make_context(b, false);
    tli_kernel *kernel = NULL;
    tl_tensor *out = NULL;
    int32_t got[10];
    static const int32_t expected[10] = {0, 0, 1, -5, -6, 3, 4, 1, 8, 0};
    MUST(ctx, tl_tensor_create(ctx, "out", TL_MEMORY_DATA, 1, 10, &out));
    MUST(ctx, tli_kernel_get(ctx, "args", "args", "", &kernel));
    MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch1(1, 1), TLI_ARG_VIEW(tli_at(out, 2)),
                         TLI_ARG_VIEW(((tli_view){.mem = NULL, .at = 8})), TLI_ARG_I32(-5),
                         TLI_ARG_U32(4294967290u), TLI_ARG_U64(0x300000004u), TLI_ARG_F32(0.15625f)));
    MUST(ctx, tl_tensor_read(ctx, out, 0, 10, got));
    assert_memory_equal(got, expected, sizeof got);

    assert_int_equal(TLI_LAUNCH(ctx, kernel, tli_launch1(1, 1), TLI_ARG_VIEW(tli_at(out, 2))),
                     TL_ERROR_USAGE);
    assert_says(tl_context_error(ctx)->text,
                "kernel args of kernels/args.cl takes 8 arguments, 2 were given");
    assert_int_equal(TLI_LAUNCH(ctx, kernel, tli_launch1(1, 1), TLI_ARG_VIEW(tli_at(out, 2)),
                                TLI_ARG_VIEW(tli_at(out, 2)), TLI_ARG_I32(1), TLI_ARG_U64(1), TLI_ARG_U64(1),
                                TLI_ARG_F32(1)),
                     TL_ERROR_DEVICE); /* 8 bytes for a uint */
    assert_says(tl_context_error(ctx)->text, "argument 5 of kernel args of kernels/args.cl");
    assert_says(tl_context_error(ctx)->text, "CL_INVALID_ARG_SIZE (-51)");

    /* Only what has changed is set again, behind a failure, too, and into buffers that take another's place. */
    static const float floats[] = {0.15625f, 0.15625f, 0.5f, 0.15625f};
    for (int i = 0; i < 40; i++) {
        MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch1(1, 1), TLI_ARG_VIEW(tli_at(out, (uint64_t)(i / 8 % 2))),
                             TLI_ARG_VIEW(((tli_view){.mem = i % 5 == 0 ? out->mem[0] : NULL, .at = 8})),
                             TLI_ARG_I32(i / 2), TLI_ARG_U32(i / 3), TLI_ARG_U64((uint64_t)i / 4 << 32 | 7),
                             TLI_ARG_F32(floats[i % 4])));
        MUST(ctx, tl_tensor_read(ctx, out, (uint64_t)(i / 8 % 2), 7, got));
        const int32_t now[7] = {i % 5 != 0, i / 2, i / 3, i / 4, 7, i % 4 != 2, 8};
        assert_memory_equal(got, now, sizeof now);
        if (i % 7 != 0) continue;
        tl_tensor_destroy(ctx, out);
        MUST(ctx, tl_tensor_create(ctx, "out", TL_MEMORY_DATA, 1, 10, &out));
    }
    tl_context_destroy(ctx);
}

static void grids(void **state)
{
    bench *b = *state;
    write_kernel(
        b, "grid",
        "__kernel void grid(__global int *out)\n"
        "{\n"
        "    ulong g = (get_group_id(2) * get_num_groups(1) + get_group_id(1)) * get_num_groups(0) + "
        "get_group_id(0);\n"
        "    out[g * get_local_size(0) + get_local_id(0)] += (int)(get_group_id(0) + 10 * get_group_id(1)\n"
        "        + 100 * get_group_id(2) + 1000 * get_local_id(0) + 10000);\n"
        "}\n");
    tl_context *ctx = make_context(b, false);
    const uint32_t most = tl_context_device(ctx)->max_work_group, items = most < 2 ? 1 : 2;
    tli_kernel *kernel = NULL;
    tl_tensor *out = NULL;
    MUST(ctx, tli_kernel_get(ctx, "grid", "grid", "", &kernel));
    MUST(ctx, tl_tensor_create(ctx, "out", TL_MEMORY_DATA, 1, 64, &out));
    static const uint64_t shapes[][3] = {{5, 1, 1}, {1, 4, 1}, {1, 1, 3}, {3, 2, 4}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        const uint64_t nx = shapes[s][0], ny = shapes[s][1], nz = shapes[s][2];
        int32_t got[64], expected[64] = {0};
        MUST(ctx, tli_zero(ctx, tli_at(out, 0), 64));
        MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch3(nx, ny, nz, items), TLI_ARG_MEM(out->mem[0])));
        for (uint64_t i = 0; i < nx * ny * nz * items; i++) {
            const uint64_t g = i / items;
            expected[i] = (int32_t)(g % nx + 10 * (g / nx % ny) + 100 * (g / nx / ny) + 1000 * (i % items) +
                                    10000);
        }
        MUST(ctx, tl_tensor_read(ctx, out, 0, 64, got));
        assert_memory_equal(got, expected, sizeof got);
    }
    int32_t before[64], after[64];
    MUST(ctx, tl_tensor_read(ctx, out, 0, 64, before));
    MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch1(0, 1),
                         TLI_ARG_MEM(out->mem[0]))); /* nothing to do is not an error */
    MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch3(1, 1, 0, 1), TLI_ARG_MEM(out->mem[0])));
    MUST(ctx, tl_tensor_read(ctx, out, 0, 64, after));
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(TLI_LAUNCH(ctx, kernel, tli_launch1(1, 0), TLI_ARG_MEM(out->mem[0])), TL_ERROR_DEVICE);
    assert_int_equal(TLI_LAUNCH(ctx, kernel, tli_launch1(1, most + 1), TLI_ARG_MEM(out->mem[0])),
                     TL_ERROR_DEVICE);
    assert_says(tl_context_error(ctx)->text, "kernel grid of kernels/grid.cl was asked for groups of");
    MUST(ctx, tli_flush(ctx));
    MUST(ctx, tl_finish(ctx));
    assert_non_null(tli_context_queue(ctx));
    tl_context_destroy(ctx);
}

/* ---- the profile
 * ----------------------------------------------------------------------------------------------- */

static const tl_profile_row *find_row(const tl_profile_row *rows, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(rows[i].kernel, name) == 0) return &rows[i];
    fail_msg("the profile has no row %s", name);
    return NULL;
}
#define find_row(...) VALUE_FROM_HERE(find_row(__VA_ARGS__))

static void profile(void **state)
{
    bench *b = *state;
    enum { LAUNCHES = TLI_PROFILE_PENDING + 500, LENGTH = 100000 };
    tl_profile_row *rows = NULL;
    int count = -1;
    tl_context *ctx = make_context(b, true);
    assert_true(tli_profile_is_on(ctx));
    MUST(ctx, tl_profile_read(ctx, &rows, &count));
    assert_int_equal(count, 0);
    free(rows);
    tl_tensor *x = NULL;
    tli_kernel *scale = NULL, *other = NULL;
    MUST(ctx, tl_tensor_create(ctx, "x", TL_MEMORY_DATA, 1, LENGTH, &x));
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", "", &scale));
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", "-DB", &other)); /* one row a kernel name */
    for (int i = 0; i < LAUNCHES; i++) {
        MUST(ctx, TLI_LAUNCH(ctx, scale, tli_launch1(1, 1), TLI_ARG_MEM(x->mem[0]), TLI_ARG_F32(1),
                             TLI_ARG_U32(1)));
        assert_true(ctx->profile.waiting < TLI_PROFILE_PENDING); /* bounded */
    }
    MUST(ctx, TLI_LAUNCH(ctx, other, tli_launch1(1, 1), TLI_ARG_MEM(x->mem[0]), TLI_ARG_F32(1),
                         TLI_ARG_U32(LENGTH)));
    MUST(ctx, tli_copy(ctx, tli_at(x, 0), tli_at(x, 500), 100));
    MUST(ctx, tli_profile_event(ctx, "foreign", NULL, 0, 0)); /* a library that gave no event */
    cl_event event = NULL;
    const cl_uint zero = 0;
    assert_int_equal(clEnqueueFillBuffer(ctx->queue, x->mem[0], &zero, 4, 0, 4, 0, NULL, &event), CL_SUCCESS);
    MUST(ctx, tli_profile_event(ctx, "foreign", event, 0, 0));
    for (int i = 0; i < 2; i++) { /* sums since the context was made: asking does not reset */
        MUST(ctx, tl_profile_read(ctx, &rows, &count));
        assert_true(find_row(rows, count, "scale")->launches == LAUNCHES + 1);
        assert_true(find_row(rows, count, "scale")->nanoseconds > 0);
        assert_true(find_row(rows, count, "(copy)")->launches == 1);
        assert_true(find_row(rows, count, "(zero)")->launches >= 1);
        assert_true(find_row(rows, count, "foreign")->launches == 1);
        assert_int_equal(count, 4);
        for (int r = 1; r < count; r++) assert_true(rows[r - 1].nanoseconds >= rows[r].nanoseconds);
        free(rows);
    }
    tl_context_destroy(ctx);

    ctx = make_context(b, false);
    assert_false(tli_profile_is_on(ctx));
    MUST(ctx, tli_profile_event(ctx, "foreign", NULL, 0, 0));
    MUST(ctx, tl_profile_read(ctx, &rows, &count));
    assert_int_equal(count, 0);
    assert_null(rows);
    tl_context_destroy(ctx);
}

/* ---- codes
 * ------------------------------------------------------------------------------------------------------ */

static void codes(void **state)
{
    tl_error err = {0};
    assert_string_equal(tli_cl_name(CL_OUT_OF_RESOURCES), "CL_OUT_OF_RESOURCES");
    assert_string_equal(tli_cl_name(CL_INVALID_KERNEL_ARGS), "CL_INVALID_KERNEL_ARGS");
    assert_string_equal(tli_cl_name(-1001), "CL_PLATFORM_NOT_FOUND_KHR");
    assert_string_equal(tli_cl_name(-12345), "unknown OpenCL code");
    assert_int_equal(tli_cl_check(&err, CL_SUCCESS, "x"), TL_OK);
    assert_string_equal(err.text, "");
    assert_int_equal(tli_cl_check(&err, CL_OUT_OF_RESOURCES, "launching %s (clCall)", "k"), TL_ERROR_DEVICE);
    assert_says(err.text, "launching k (clCall) failed with CL_OUT_OF_RESOURCES (-5): ");
    assert_says(err.text, "smaller batch");
    assert_int_equal(tli_cl_check(&err, CL_MEM_OBJECT_ALLOCATION_FAILURE, "x"), TL_ERROR_MEMORY);
    assert_says(err.text, "CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)");
    assert_int_equal(tli_cl_check(&err, CL_OUT_OF_HOST_MEMORY, "x"), TL_ERROR_MEMORY);
    assert_int_equal(tli_cl_check(NULL, CL_INVALID_VALUE, "x"), TL_ERROR_DEVICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kernel_folder), TEST(many_kernels),   TEST(standard_macros),
        TEST(several_files), TEST(failing_builds), TEST(arguments),
        TEST(grids),         TEST(profile),        TEST(codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
