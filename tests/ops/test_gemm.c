/* tli_gemm against a plain loop in double precision: every element, both transposes, tails, alpha and beta,
 * bias, residual and factor, inner dimensions past one block, two-level batches. */
#include "products.h"
#include "rows.h"

#include "ops/add.h"
#include "ops/gemm_choice.h"
#include "ops/gemm_clblast.h"
#include "ops/gemm_own.h"
#include "ops/tuning.h"

static const product_size sizes[] = {{1, 1, 1},     {1, 10, 192},    {1, 37, 259},   {5, 16, 7},
                                     {6, 16, 384},  {7, 17, 385},    {13, 50, 64},   {50, 50, 64},
                                     {64, 15, 300}, {100, 130, 9},   {31, 192, 900}, {40, 20, 130},
                                     {9, 20, 0},    {215, 100, 400}, {53, 24, 200},  {26, 37, 200}};

static void check_at(const char *file, int line, tl_context *ctx, product_size z, bool ta, bool tb,
                     float alpha, float beta, unsigned extras, uint32_t outer, uint32_t inner)
{
    const product_case c = {z, ta, tb, alpha, beta, extras, outer, inner, false};
    product_is_right_at(file, line, ctx, tli_gemm, TL_PRECISION_FP32, &c);
}
#define check(...) check_at(HERE, __VA_ARGS__)

static void all(tl_kernel_path path)
{
    if (same_as_plain_run(path)) return;
    tl_context *ctx = new_context(path);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int t = 0; t < 3; t++) {
            const bool ta = t == 2, tb = t == 1;
            check(ctx, sizes[s], ta, tb, 1.0f, 0.0f, 0, 1, 1);
            check(ctx, sizes[s], ta, tb, 0.5f, 1.0f, ALL_EXTRAS, 1, 1);
            check(ctx, sizes[s], ta, tb, -2.0f, 0.25f, 0, 2, 3);
        }
    }
    tl_context_destroy(ctx);
}

static void cpu_kernels(void **unused)
{
    all(TL_PATH_CPU);
}

/* Of the CPU form: tiles that are written from registers, past the caches where that suits, and others beside them. */
static void whole_tiles(void **unused)
{
    static const product_size of[] = {{14, 128, 40}, {13, 80, 400}, {12, 70, 400}, {26, 10, 40}};
    static const unsigned extras[] = {0,
                                      WITH_BIAS,
                                      WITH_RESIDUAL,
                                      WITH_BIAS | WITH_RESIDUAL,
                                      RESIDUAL_IS_C,
                                      WITH_FACTOR,
                                      WITH_FACTOR | RESIDUAL_IS_C,
                                      WITH_BIAS | WITH_FACTOR,
                                      WITH_BIAS | RESIDUAL_IS_C,
                                      ALL_EXTRAS};
    tl_context *ctx = new_context(TL_PATH_CPU);
    for (size_t s = 0; s < sizeof of / sizeof *of; s++)
        for (size_t e = 0; e < sizeof extras / sizeof *extras; e++)
            for (int kind = 0; kind < 12; kind++) {
                const product_case c = {of[s],
                                        kind % 3 == 2,
                                        kind % 3 == 1,
                                        kind < 6 ? 1.0f : 0.5f,
                                        kind / 3 % 2 == 0 ? 0.0f : 0.75f,
                                        extras[e],
                                        1,
                                        2,
                                        true};
                product_is_right(ctx, tli_gemm, TL_PRECISION_FP32, &c);
            }
    tl_context_destroy(ctx);
}

static void gpu_kernels(void **unused)
{
    all(TL_PATH_GPU);
}

/* A x B of random 150 x 70 and 70 x 140 with tiles of this width: freed by the caller. */
static float *with_tile(tl_context *ctx, uint32_t tile)
{
    enum { M = 150, N = 140, K = 70 };
    tli_random r = tli_random_make(1, 7);
    float *a = draw(&r, M * K), *b = draw(&r, K * N), *c = draw(&r, M * N);
    tl_tensor *da = upload(ctx, a, M, K), *db = upload(ctx, b, K, N), *dc = upload(ctx, c, M, N);
    const tli_gemm_args g = {.m = M,
                             .n = N,
                             .k = K,
                             .a = tli_at(da, 0),
                             .b = tli_at(db, 0),
                             .c = tli_at(dc, 0),
                             .lda = K,
                             .ldb = N,
                             .ldc = N,
                             .alpha = 1};
    tli_context_set_tile(ctx, tile);
    MUST(ctx, tli_gemm(ctx, &g));
    float *got = download(ctx, dc);
    free(a), free(b), free(c);
    tl_tensor_destroy(ctx, da), tl_tensor_destroy(ctx, db), tl_tensor_destroy(ctx, dc);
    return got;
}
#define with_tile(...) VALUE_FROM_HERE(with_tile(__VA_ARGS__))

/* So devices may differ in which of the two they have. */
static void the_two_largest_tiles_give_the_same_bits(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_GPU);
    float *few = with_tile(ctx, 64), *many = with_tile(ctx, 128);
    assert_memory_equal(few, many, 150 * 140 * sizeof *few);
    free(few), free(many);
    tl_context_destroy(ctx);
}

static void keep_tile(void *user, const char *kernel, const tli_launch *launch)
{
    (void)kernel;
    *(uint32_t *)user = launch->tile;
}

/* Its 32 bits do not reach them. */
static void rows_far_apart_do_not_have_the_largest_tile(void **unused)
{
    (void)unused;
    const char *outer = getenv("TRANSLUTION_TILE");
    char *before = outer != NULL ? strdup(outer) : NULL;
    setenv("TRANSLUTION_TILE", "128", 1);
    tl_context *ctx = new_context(TL_PATH_GPU);
    uint32_t tile = 0;
    MUST(ctx, tli_context_dry(ctx, NULL, NULL));
    tli_context_dry_launches(ctx, 2, keep_tile, &tile);
    tl_tensor *t;
    MUST(ctx, tl_tensor_create(ctx, "t", TL_MEMORY_WORKSPACE, 1, 16, &t));
    tli_gemm_args g = {.m = 1, .n = 1, .k = 1, .a = tli_at(t, 0), .b = tli_at(t, 0), .c = tli_at(t, 8)};
    g.lda = g.ldb = g.ldc = 1, g.alpha = 1.0f;
    MUST(ctx, tli_gemm_own(ctx, &g));
    assert_int_equal(tile, 128);
    g.lda = 1 << 27;
    MUST(ctx, tli_gemm_own(ctx, &g));
    assert_int_equal(tile, 64);
    tl_tensor_destroy(ctx, t);
    tl_context_destroy(ctx);
    unsetenv("TRANSLUTION_TILE");
    if (before != NULL) setenv("TRANSLUTION_TILE", before, 1);
    free(before);
}

static tl_status count_program(void *user, const char *family, const char *options, const char *source,
                               uint64_t hash, tl_error *err)
{
    (void)family, (void)options, (void)source, (void)hash, (void)err;
    ++*(int *)user;
    return TL_OK;
}

/* Each is a start of the compiler, also where its kernels are cached. */
static void a_cpu_builds_one_program_for_all_but_narrow_products(void **unused)
{
    (void)unused;
    tl_context *ctx = new_context(TL_PATH_CPU);
    int programs = 0;
    MUST(ctx, tli_context_dry(ctx, count_program, &programs));
    tl_tensor *t;
    MUST(ctx, tl_tensor_create(ctx, "t", TL_MEMORY_WORKSPACE, 1, 1 << 20, &t));
    MUST(ctx, tli_add(ctx, tli_at(t, 0), tli_at(t, 0), tli_at(t, 0), 8));
    const product_size few[] = {{1, 16, 16}, {64, 10, 64}, {64, 24, 64}, {1, 300, 64}, {200, 200, 200}};
    for (size_t i = 0; i < sizeof few / sizeof *few; i++)
        for (int transposes = 0; transposes < 4; transposes++) {
            tli_gemm_args g = {.transpose_a = transposes & 1,
                               .transpose_b = transposes >> 1,
                               .m = few[i].m,
                               .n = few[i].n,
                               .k = few[i].k,
                               .a = tli_at(t, 0),
                               .b = tli_at(t, 0),
                               .c = tli_at(t, 0),
                               .lda = 300,
                               .ldb = 300,
                               .ldc = 300,
                               .alpha = 1.0f};
            MUST(ctx, tli_gemm_own(ctx, &g));
        }
    assert_int_equal(programs, 1);
    tl_tensor_destroy(ctx, t);
    tl_context_destroy(ctx);
}

/* CLBlast compiles for many seconds on a CPU: one context, all transposes, few sizes. */
static void clblast(void **unused)
{
    compile_for(TL_PATH_GPU);
    tl_context *ctx = NULL;
    tl_error err = {0};
    const tl_context_options options = {.size = sizeof options, .gemm = TL_GEMM_CLBLAST};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    if (tl_context_device(ctx)->max_work_group < 256)
        skip_because("CLBlast needs work-groups of 256", "take a device that has them");
    const tli_gemm_args plain = {.m = 8, .n = 8, .k = 8, .lda = 8, .ldb = 8, .ldc = 8};
    assert_true(tli_gemm_prefers_clblast(ctx, &plain));
    tli_gemm_args nested = plain;
    nested.outer = nested.inner = 2;
    assert_false(tli_gemm_prefers_clblast(ctx, &nested)); /* two strides */
    tli_gemm_args far = plain;
    far.c.at = 1ull << 31;
    assert_false(tli_gemm_prefers_clblast(ctx, &far));
    for (size_t s = 4; s < 7; s++) {
        for (int t = 0; t < 3; t++) {
            check(ctx, sizes[s], t == 2, t == 1, 1.0f, 0.0f, 0, 1, 1);
            check(ctx, sizes[s], t == 2, t == 1, 0.5f, 1.0f, ALL_EXTRAS, 1, 1);
            check(ctx, sizes[s], t == 2, t == 1, -2.0f, 0.25f, ALL_EXTRAS, 3, 1);
        }
    }
    tl_context_destroy(ctx);
}

/* A wrong product must not pass the self-test. */
static tl_status slightly_wrong(tl_context *ctx, const tli_gemm_args *args)
{
    tli_gemm_args g = *args;
    g.alpha *= 1.001f;
    return tli_gemm_own(ctx, &g);
}
static tl_status too_wide(tl_context *ctx, const tli_gemm_args *args)
{
    tli_gemm_args g = *args;
    g.n++;
    return tli_gemm_own(ctx, &g);
}

static void self_test(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    assert_true(tli_gemm_is_right(ctx, tli_gemm_own));
    assert_false(tli_gemm_is_right(ctx, slightly_wrong));
    assert_false(tli_gemm_is_right(ctx, too_wide));
    tl_context_destroy(ctx);
}

/* On a GPU's path the table decides, by the nearest shape of the same kind. */
static void table(void **unused)
{
    tl_context *first = new_context(TL_PATH_GPU);
    const bool small_groups = tl_context_device(first)->max_work_group < 256;
    tl_context_destroy(first);
    if (small_groups) skip_because("kernels for GPUs need work-groups of 256", "take a device that has them");
    const char *folder = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    char path[256];
    snprintf(path, sizeof path, "%s/tl_gemm_XXXXXX", folder);
    assert_non_null(mkdtemp(path));
    setenv("TRANSLUTION_CACHE_DIR", path, 1);
    const tli_tuned small = {.shape = {TLI_GEMM_NN, 64, 64, 64, 1}, .own_gflops = 10, .clblast_gflops = 5},
                    large = {
                        .shape = {TLI_GEMM_NN, 1024, 1024, 1024, 1}, .own_gflops = 10, .clblast_gflops = 50};
    tli_gemm_args g = {.m = 100, .n = 80, .k = 64, .lda = 64, .ldb = 80, .ldc = 80};
    tli_tuning_origin origin;
    for (int round = 0; round < 2; round++) { /* learnt, then recalled by a new context */
        tl_context *ctx = new_context(TL_PATH_GPU);
        tli_tuning_table learnt;
        bool kept = true;
        tli_tuning_table_begin(ctx, &learnt);
        tli_tuning_table_put(&learnt, &small);
        tli_tuning_table_put(&learnt, &large);
        if (round == 0) MUST(ctx, tli_tuning_learn(ctx, &learnt, &kept));
        assert_true(kept);
        assert_int_equal(tli_tuning_in_use(ctx, &origin)->count, 2);
        assert_int_equal(origin, TLI_TUNING_KEPT);
        g.m = 100;
        assert_false(tli_gemm_prefers_clblast(ctx, &g));
        g.m = 60000;
        assert_true(tli_gemm_prefers_clblast(ctx, &g));
        tl_context_destroy(ctx);
    }
    char command[320];
    snprintf(command, sizeof command, "for f in '%s'/tiles-*; do echo x > \"$f\"; done", path);
    assert_int_equal(system(command), 0);
    tl_context *ctx = new_context(TL_PATH_GPU); /* a damaged table is none */
    (void)tli_tuning_in_use(ctx, &origin);
    assert_int_not_equal(origin, TLI_TUNING_KEPT);
    tl_context_destroy(ctx);
    ctx = new_context(TL_PATH_CPU);
    assert_false(tli_gemm_prefers_clblast(ctx, &g));
    tl_context_destroy(ctx);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
    unsetenv("TRANSLUTION_CACHE_DIR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cpu_kernels),
                                       cmocka_unit_test(whole_tiles),
                                       cmocka_unit_test(gpu_kernels),
                                       cmocka_unit_test(the_two_largest_tiles_give_the_same_bits),
                                       cmocka_unit_test(rows_far_apart_do_not_have_the_largest_tile),
                                       cmocka_unit_test(a_cpu_builds_one_program_for_all_but_narrow_products),
                                       cmocka_unit_test(clblast),
                                       cmocka_unit_test(self_test),
                                       cmocka_unit_test(table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
