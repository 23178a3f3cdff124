/* Dense flops against hand formulas, pair counts against walking the pairs, timing and the limit fraction. */
#include "test.h"

#include <unistd.h>

#include "cli/bench_reference.h"
#include "models/cost.h"
#include "ops/pair_table.h"

static tli_op_shape shape_of(tl_op_kind kind, tli_geometry geometry, uint32_t queries)
{
    return (tli_op_shape){.kind = kind,
                          .geometry = geometry,
                          .batch = 5,
                          .dim = 24,
                          .heads = 3,
                          .head_dim = 8,
                          .relenc_dim = kind == TL_OP_ALPHA ? 2 : 0,
                          .queries = queries};
}

static void check_flops(tl_op_kind kind, tli_geometry geometry, uint32_t queries, double forward)
{
    const tli_op_shape shape = shape_of(kind, geometry, queries);
    const tli_flops f = tli_op_flops(&shape);
    assert_true(f.forward == forward);
    assert_true(f.backward == 2 * forward);
}
#define check_flops(...) FROM_HERE(check_flops(__VA_ARGS__))

/* B 5, C 24, D 24, R 6. */
static void an_operation_counts_its_products(void **state)
{
    const tli_geometry grid = {.kind = TLI_GRID, .height = 3, .width = 4, .cls = 1};
    const tli_geometry sequence = {.kind = TLI_CAUSAL, .height = 1, .width = 9, .max_length = 12};
    const double n = 13, unit = 2.0 * 5 * n * n * 24 * 24;
    check_flops(TL_OP_TRANSLUTION, grid, 13, 3 * unit);
    check_flops(TL_OP_TRANSLUTION, grid, 1, 3 * unit / n);
    check_flops(TL_OP_TRANSLUTION, sequence, 9, 3 * 2.0 * 5 * 45 * 24 * 24);
    check_flops(TL_OP_ATTENTION, grid, 13, 2.0 * 5 * n * 24 * 72 + 2 * 2.0 * 5 * n * n * 24);
    check_flops(TL_OP_ATTENTION, grid, 1, 2.0 * 5 * 24 * 24 + 2.0 * 5 * n * 24 * 48 + 2 * 2.0 * 5 * n * 24);
    check_flops(TL_OP_ALPHA, grid, 13,
                2.0 * 5 * n * 24 * 72 + 2 * 2.0 * 5 * n * n * 24 /* the standard path */
                    + 2.0 * 5 * n * 24 * 18 + 3 * 2.0 * 5 * n * n * 6 * 6 + 2.0 * 5 * n * 6 * 24);
}

/* Two blocks on 3 x 2 patches of 4 x 4 with one channel: 7 tokens, and 1 of them behind the last block. */
static void a_step_counts_its_products(void **state)
{
    tl_model_config c = {.op = TL_OP_TRANSLUTION,
                         .pool = TL_POOL_CLS,
                         .image_height = 12,
                         .image_width = 8,
                         .channels = 1,
                         .patch_height = 4,
                         .patch_width = 4,
                         .classes = 10,
                         .dim = 16,
                         .depth = 2,
                         .heads = 2,
                         .head_dim = 6,
                         .mlp_dim = 40};
    const double batch = 3, embed = 6 * 16 * 16, head = 16 * 10;
    const double first = 3 * 7 * 7 * 16 * 12 + 7 * (12 * 16 + 2 * 16 * 40),
                 last = 3 * 7 * 16 * 12 + 12 * 16 + 2 * 16 * 40;
    tli_flops f = tli_model_flops(&c, 3);
    assert_true(f.forward == 2 * batch * (embed + first + last + head));
    assert_true(f.backward == 2 * f.forward);
    c.recompute = true; /* computed again is not counted */
    const tli_flops again = tli_model_flops(&c, 3);
    assert_true(again.forward == f.forward);
    assert_true(again.backward == f.backward);
    c.pool = TL_POOL_MEAN; /* six tokens, all of them in both blocks */
    f = tli_model_flops(&c, 3);
    assert_true(f.forward ==
                2 * batch * (embed + 2 * (3 * 6 * 6 * 16 * 12 + 6 * (12 * 16 + 2 * 16 * 40)) + head));
    c.op = TL_OP_ATTENTION; /* one head as wide as the model: no output projection */
    c.heads = 1;
    c.head_dim = 16;
    f = tli_model_flops(&c, 3);
    assert_true(f.forward ==
                2 * batch * (embed + 2 * (6 * 16 * 48 + 2 * 36 * 16 + 6 * (2 * 16 * 40)) + head));
}

static void check_pairs(tli_geometry g, uint32_t queries)
{
    const uint32_t offsets = tli_geometry_offsets(&g), tokens = tli_geometry_tokens(&g);
    uint32_t *counts = calloc(offsets, sizeof *counts), groups = 0, pairs = 0, largest = 0, seen[3];
    assert_non_null(counts);
    for (uint32_t i = 0; i < queries; i++)
        for (uint32_t j = 0; j < tokens; j++) {
            const int32_t key = tli_geometry_key_offset(&g, i, j);
            if (key >= 0) counts[key]++;
        }
    for (uint32_t k = 0; k < offsets; k++) {
        groups += counts[k] > 0;
        pairs += counts[k];
        if (counts[k] > largest) largest = counts[k];
    }
    free(counts);
    tli_pair_table_measure(&g, queries, &seen[0], &seen[1], &seen[2]);
    if (seen[0] != groups || seen[1] != pairs || seen[2] != largest)
        fail_msg("kind %d, %u x %u, cls %u, %u queries: %u groups, %u pairs, %u largest, not %u, %u, %u",
                 (int)g.kind, g.height, g.width, g.cls, queries, seen[0], seen[1], seen[2], groups, pairs,
                 largest);
}
#define check_pairs(...) FROM_HERE(check_pairs(__VA_ARGS__))

static void pairs_are_counted_as_made(void **state)
{
    for (uint32_t h = 1; h <= 4; h++)
        for (uint32_t w = 1; w <= 5; w++)
            for (uint32_t cls = 0; cls <= 1; cls++)
                for (uint32_t queries = 1; queries <= h * w + cls; queries++)
                    check_pairs((tli_geometry){.kind = TLI_GRID, .height = h, .width = w, .cls = cls},
                                queries);
    for (uint32_t w = 1; w <= 9; w++)
        for (uint32_t queries = 1; queries <= w; queries++)
            check_pairs((tli_geometry){.kind = TLI_CAUSAL, .height = 1, .width = w, .max_length = 9},
                        queries);
}

static void timings_are_median_and_least(void **state)
{
    double odd[] = {5, 1, 9}, even[] = {4, 1, 3, 2};
    tli_timing t = tli_timing_of(odd, 3);
    assert_true(t.median_ms == 5);
    assert_true(t.min_ms == 1);
    t = tli_timing_of(even, 4);
    assert_true(t.median_ms == 2.5);
    assert_true(t.min_ms == 1);
    assert_true(isnan(tli_timing_of(odd, 0).median_ms));
    assert_true(tli_product_flops(&(tli_product){.m = 2, .n = 3, .k = 5}) == 60);
    assert_true(tli_product_flops(&(tli_product){.m = 2, .n = 3, .k = 5, .batch = 7}) == 420);
    /* 1e9 flops at 100 GFLOP/s are 10 ms. */
    assert_true(fabs(tli_limit_fraction(1e9, 100, 40) - 0.25) < 1e-12);
    assert_true(tli_limit_fraction(1e9, 100, 5) == 1);
}

typedef struct counter {
    uint32_t calls;
} counter;

static tl_status count_call(tl_context *ctx, void *what)
{
    ((counter *)what)->calls++;
    return TL_OK;
}

static tl_status fail_call(tl_context *ctx, void *what)
{
    return tli_fail(tl_context_error(ctx), TL_ERROR_DEVICE, "no");
}

#define TURN_MS 2.0

static tl_status take_turn(tl_context *ctx, void *what, double *ms)
{
    ((counter *)what)->calls++;
    *ms = TURN_MS;
    return TL_OK;
}

static bool near_to(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

/* Work that takes as long as two calls of a product of 1000 operations, and needs 500. */
static void work_is_compared_with_what_ran_beside_it(void **state)
{
    const tli_reference r = {.product = {.m = 10, .n = 10, .k = 5}};
    assert_true(near_to(tli_reference_fraction(&r, 500, 2), 0.25));
    assert_true(tli_reference_fraction(&r, 5000, 2) == 1);
    assert_true(tli_reference_is_steady(100, 100));
    assert_true(tli_reference_is_steady(100, 114.9));
    assert_true(tli_reference_is_steady(114.9, 100));
    assert_false(tli_reference_is_steady(100, 115.1));
    assert_false(tli_reference_is_steady(115.1, 100));
}

/* Neither memory nor launches of the product show in what the program reports of the rounds. */
static void a_reference_leaves_no_trace(void **state)
{
    const tl_context_options options = {.size = sizeof options, .profile = true};
    const tli_product products[] = {{.m = 8, .n = 8, .k = 8}, {.m = 96, .n = 96, .k = 96}};
    tl_context *ctx = NULL;
    tl_error err = {0};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    tli_reference r;
    assert_int_equal(tli_reference_begin(ctx, products, 2, &r), TL_OK);
    assert_int_equal(r.product.m, 96); /* the faster one */
    double ms = 0;
    const tli_beside beside = tli_reference_beside(&r);
    assert_int_equal(beside.turn(ctx, beside.what, &ms), TL_OK);
    assert_true(ms > 0);
    assert_int_equal(tli_reference_end(ctx, &r, TL_OK), TL_OK);
    assert_true(r.before > 0);
    assert_true(r.after > 0);
    assert_true(r.best >= r.after);
    assert_int_equal(tl_memory_peak(ctx), 0);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_DATA), 0);
    tl_profile_row *rows;
    int count;
    assert_int_equal(tl_profile_read(ctx, &rows, &count), TL_OK);
    assert_int_equal(count, 0);
    free(rows);
    assert_int_equal(tli_reference_end(ctx, &(tli_reference){.calls = 0}, TL_ERROR_MEMORY), TL_ERROR_MEMORY);
    tl_context_destroy(ctx);
}

static void measuring_times_every_round(void **state)
{
    tl_context *ctx = NULL;
    tl_error err = {0};
    if (tl_context_create(NULL, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    counter c = {0};
    tli_timing t = {-1, -1, -1, -1};
    counter turns = {0};
    const tli_beside nothing = {NULL, NULL}, beside = {take_turn, &turns};
    assert_int_equal(tli_measure(ctx, count_call, &c, 3, 0, nothing, NULL, &t), TL_OK);
    assert_int_equal(c.calls, 2 + 3);
    assert_true(t.min_ms >= 0);
    assert_true(t.median_ms >= t.min_ms);
    c.calls = 0; /* short calls are repeated, alike in every round */
    assert_int_equal(tli_measure(ctx, count_call, &c, 3, 1, nothing, NULL, &t), TL_OK);
    assert_true(c.calls > 5);
    assert_true((c.calls - 2) % 3 == 0);
    assert_true(t.relative == 0);
    assert_int_equal(tli_measure(ctx, count_call, &c, 3, 0, beside, NULL, &t), TL_OK);
    assert_int_equal(turns.calls, 3); /* a turn a round, none for the warm-up */
    assert_true(t.relative > 0);
    assert_true(near_to(t.relative * TURN_MS, t.median_ms)); /* as every turn took the same */
    assert_int_equal(tli_measure(ctx, fail_call, &c, 3, 0, beside, NULL, &t), TL_ERROR_DEVICE);
    const uint64_t data = tl_memory_used(ctx, TL_MEMORY_DATA);
    const tli_product product = {.m = 33, .n = 20, .k = 17, .batch = 3, .transpose_a = true};
    assert_int_equal(tli_measure_product(ctx, &product, 2, &t), TL_OK);
    assert_true(t.min_ms > 0);
    assert_true(t.cpu_ms > 0);
    assert_int_equal(tl_memory_used(ctx, TL_MEMORY_DATA), data);
    tl_context_destroy(ctx);
}

/* ---- the profile's work and its trace ------------------------------------------------------------ */

static void count_notice(void *user, tl_log_level level, const char *line)
{
    if (strstr(line, "trace is full") != NULL) ++*(int *)user;
}

static tl_context *profiled(bool profile, const tl_log *log)
{
    const tl_context_options options = {.size = sizeof options, .profile = profile, .log = log};
    tl_context *ctx = NULL;
    tl_error err = {0};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    return ctx;
}
#define profiled(...) VALUE_FROM_HERE(profiled(__VA_ARGS__))

static int count_events(const char *path, const char *what)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    int count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) count++;
    return count;
}
#define count_events(...) VALUE_FROM_HERE(count_events(__VA_ARGS__))

static void traces_are_valid_json(void **state)
{
    enum { LAUNCHES = 5, KEPT = 3, COUNT = 64 };
    int notices = 0;
    const tl_log log = {.level = TL_LOG_NOTICE, .write = count_notice, .user = &notices};
    tl_context *ctx = profiled(true, &log);
    tl_tensor *tensor;
    tli_kernel *kernel;
    assert_int_equal(tl_tensor_create(ctx, "t", TL_MEMORY_DATA, 1, COUNT, &tensor), TL_OK);
    assert_int_equal(tli_kernel_get(ctx, "init", "init_constant", "", &kernel), TL_OK);
    assert_int_equal(tl_profile_trace(ctx, KEPT), TL_OK);
    for (int i = 0; i < LAUNCHES; i++) {
        tli_launch grid = tli_launch1(2, tli_context_limits(ctx)->row_group);
        grid.flops = 1000;
        grid.bytes = 4 * COUNT;
        assert_int_equal(TLI_LAUNCH(ctx, kernel, grid, TLI_ARG_MEM(tensor->mem[0]), TLI_ARG_U64(COUNT),
                                    TLI_ARG_F32(1.0f), TLI_ARG_U32(COUNT)),
                         TL_OK);
    }
    assert_int_equal(tl_profile_write_trace(ctx, "/nonexistent/trace.json"), TL_ERROR_IO);
    char path[] = "/tmp/translution-trace-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(tl_profile_write_trace(ctx, path), TL_OK);
    assert_int_equal(notices, 1);
    assert_int_equal(count_events(path, "\"ph\":\"X\""), KEPT);
    assert_int_equal(count_events(path, "\"groups\":\"2x1x1\",\"items\":"),
                     KEPT - 1); /* the first event clears the tensor */
    tl_profile_row *rows;
    int count, found = 0;
    assert_int_equal(tl_profile_read(ctx, &rows, &count), TL_OK);
    for (int i = 0; i < count; i++) {
        if (strcmp(rows[i].kernel, "init_constant") != 0) continue;
        found++;
        assert_int_equal(rows[i].launches, LAUNCHES); /* the sums go on when the trace is full */
        assert_true(rows[i].flops == LAUNCHES * 1000.0);
        assert_true(rows[i].bytes == LAUNCHES * 4.0 * COUNT);
        assert_true(rows[i].longest > 0);
        assert_true(rows[i].longest <= rows[i].nanoseconds);
        assert_true(rows[i].longest * LAUNCHES >= rows[i].nanoseconds);
    }
    assert_int_equal(found, 1);
    free(rows);
    unlink(path);
    tl_context_destroy(ctx);
    ctx = profiled(false, NULL);
    assert_int_equal(tl_profile_trace(ctx, 0), TL_ERROR_USAGE);
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_operation_counts_its_products),
                                       cmocka_unit_test(a_step_counts_its_products),
                                       cmocka_unit_test(pairs_are_counted_as_made),
                                       cmocka_unit_test(timings_are_median_and_least),
                                       cmocka_unit_test(measuring_times_every_round),
                                       cmocka_unit_test(work_is_compared_with_what_ran_beside_it),
                                       cmocka_unit_test(a_reference_leaves_no_trace),
                                       cmocka_unit_test(traces_are_valid_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
