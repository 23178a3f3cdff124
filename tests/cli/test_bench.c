/* `translution bench` and the profile from outside: exit codes, messages, tables, keys of the JSON line, the
 * trace. */
#include "program.h"

/* The one line of stdout. */
#define only_line_of(arguments) (succeeds(arguments), only_line_at(HERE))
static cJSON *only_line_at(const char *file, int line)
{
    const char *newline = strchr(seen.out, '\n');
    if (newline == NULL || newline[1] != '\0') fail_at(file, line, "not one line: %s", seen.out);
    return last_json_at(file, line);
}

static void check_times(const cJSON *json)
{
    assert_true(number(json, "ms_min") > 0);
    assert_true(number(json, "ms_median") >= number(json, "ms_min"));
    assert_true(number(json, "gflops") > 0);
    assert_true(number(json, "peak_device_bytes") > 0);
}
#define check_times(...) FROM_HERE(check_times(__VA_ARGS__))

/* The plain product before and after the rounds; a notice says when they differ. */
static void check_reference(const cJSON *json)
{
    const double before = number(json, "gemm_gflops_before"), after = number(json, "gemm_gflops_after");
    const cJSON *steady = cJSON_GetObjectItemCaseSensitive(json, "steady");
    assert_true(before > 0);
    assert_true(after > 0);
    assert_true(cJSON_IsBool(steady));
    assert_int_equal(cJSON_IsTrue(steady), before <= 1.15 * after && after <= 1.15 * before);
    assert_int_equal(strstr(seen.err, "the machine is busy") == NULL, cJSON_IsTrue(steady));
}
#define check_reference(...) FROM_HERE(check_reference(__VA_ARGS__))

static void check_fraction(const cJSON *json)
{
    assert_true(number(json, "limit_fraction") > 0);
    assert_true(number(json, "limit_fraction") <= 1);
    assert_true(number(json, "gemm_gflops") >= number(json, "gemm_gflops_after"));
    assert_true(number(json, "limit_fraction_median") > 0);
    assert_true(number(json, "limit_fraction_median") <= 1);
    check_reference(json);
}
#define check_fraction(...) FROM_HERE(check_fraction(__VA_ARGS__))

static int near(double a, double b)
{
    return a <= b * 1.0001 && b <= a * 1.0001;
}

/* ---- usage --------------------------------------------------------------------------------------- */

static void wrong_words_and_values_are_refused(void **state)
{
    fails(2, "bench", "gemm|op|step|memory|loader");
    fails(2, "bench dance", "not dance");
    fails(2, "bench --m 3", "gemm|op|step|memory|loader");
    fails(2, "bench gemm step", "no word like 'step'");
    fails(2, "bench gemm --m 0", "--m takes a whole number");
    fails(2, "bench gemm --m -3", "--m takes a whole number");
    fails(2, "bench gemm --trans nx", "--trans takes nn|nt|tn|tt");
    fails(2, "bench gemm --op alpha", "unknown flag --op");
    fails(2, "bench gemm --rounds 0", "--rounds");
    fails(2, "bench gemm --grouped seven", "--grouped takes N, HxW or DxHxW");
    fails(2, "bench gemm --grouped 7x", "--grouped takes N, HxW or DxHxW");
    fails(2, "bench gemm --grouped 7x0", "--grouped takes N, HxW or DxHxW");
    fails(2, "bench gemm --grouped 3x3 --trans tn", "--trans means nothing");
    fails(2, "bench gemm --grouped 60x60 --batch 100000", "too many pairs");
    fails(2, "bench op --grid 7x7x7x7", "--grid takes N, HxW or DxHxW");
    fails(2, "bench op --grid x7", "--grid takes N, HxW or DxHxW");
    fails(2, "bench op --grid 3x", "--grid takes N, HxW or DxHxW");
    fails(2, "bench op --grid 40x40x40", "16384");
    fails(2, "bench step --grid 3x3 --image-size 36", "give one of them");
    fails(2, "bench step --image-size 5x84x84 --patch-size 2x12x12", "slices or frames");
    fails(2, "bench step --grid 3x3 --patch-size 12x0", "--patch-size takes N, HxW or DxHxW");
    fails(2, "bench op --grid 200x200", "16384");
    fails(2, "bench op --causal", "--grid 1x160");
    fails(2, "bench op --heads 1024 --head-dim 65536", "heads x head_dim");
    fails(2, "bench op --epochs 3", "unknown flag --epochs");
    fails(2, "bench step --task poetry", "unknown --task 'poetry'");
    fails(2, "bench step --image-size 85", "cannot be cut into patches");
    fails(2, "bench step --data synthetic", "unknown flag --data");
    fails(2, "bench memory --task poetry", "unknown --task 'poetry'");
    fails(2, "bench memory --rounds 3", "unknown flag --rounds");
    fails(2, "bench memory --device no-such-device", "no-such-device");
    fails(2, "bench gemm --device no-such-device", "no-such-device");
}

static void help_names_every_bench(void **state)
{
    static const char *const words[] = {"gemm", "op", "step", "memory"};
    succeeds("bench --help");
    for (int i = 0; i < 4; i++) {
        char line[64], usage[64];
        snprintf(usage, sizeof usage, "translution bench %s", words[i]);
        assert_non_null(strstr(seen.out, usage));
        snprintf(line, sizeof line, "bench %s --help", words[i]);
        succeeds(line);
        assert_non_null(strstr(seen.out, "--json"));
        assert_null(strstr(seen.out, "kernel-path"));
        succeeds("bench --help");
    }
    succeeds("--help");
    assert_non_null(strstr(seen.out, "translution bench step"));
}

static void what_exceeds_the_memory_is_refused(void **state)
{
    fails(2, "bench gemm --memory-limit 1M", "MiB");
    fails(2, "bench op --memory-limit 1M", "MiB");
    fails(2, "bench step --batch-size 64 --memory-limit 100M", "the largest --batch-size");
}

/* ---- figures ------------------------------------------------------------------------------------- */

static void products_are_timed(void **state)
{
    static const char *const kinds[] = {"nn", "nt", "tn", "tt"};
    for (int i = 0; i < 4; i++) {
        char line[128];
        snprintf(line, sizeof line, "bench gemm --m 40 --n 30 --k 20 --trans %s --batch 3 --rounds 3 --json",
                 kinds[i]);
        cJSON *json = only_line_of(line);
        check_times(json);
        check_reference(json);
        assert_true(near(number(json, "gflops") * number(json, "ms_min"), 2e-6 * 40 * 30 * 20 * 3));
        assert_true(number(json, "peak_device_bytes") == 4 * 3 * (40 * 20 + 20 * 30 + 40 * 30));
        cJSON_Delete(json);
    }
    succeeds("bench gemm --m 40 --n 30 --k 20 --rounds 2");
    assert_non_null(strstr(seen.out, "GFLOP/s"));
    assert_non_null(strstr(seen.out, "40 x 30 x 20"));
    assert_non_null(strstr(seen.out, "GFLOP/s before the rounds, "));
}

static void grouped_products_are_timed(void **state)
{
    cJSON *json = only_line_of("bench --json gemm --grouped 3x2 --n 24 --k 16 --batch 4 --rounds 2");
    check_times(json);
    check_reference(json);
    assert_true(number(json, "offsets") == 15);
    assert_true(near(number(json, "gflops") * number(json, "ms_min"), 2e-6 * 36 * 4 * 24 * 16));
    cJSON_Delete(json);
    /* Those on tensor cores, where there are any. */
    succeeds(
        "bench gemm --grouped 3x2 --n 24 --k 16 --batch 4 --rounds 2 --kernel-path gpu --precision tf32");
    assert_true((strstr(seen.err, "products run in tf32") != NULL) !=
                (strstr(seen.err, "products run in fp32 instead of tf32") != NULL));
}

static void operations_are_timed(void **state)
{
    static const char *const ops[] = {"attention", "translution", "alpha"};
    for (int i = 0; i < 3; i++) {
        char line[160];
        snprintf(
            line, sizeof line,
            "bench op --op %s --grid 3x3 --dim 16 --heads 2 --head-dim 8 --batch-size 4 --rounds 2 --json",
            ops[i]);
        cJSON *json = only_line_of(line);
        check_times(json);
        check_fraction(json);
        assert_true(number(json, "tokens") == 10);
        assert_true(
            near(number(json, "forward_ms_min") + number(json, "backward_ms_min"), number(json, "ms_min")));
        if (i == 1) {
            const double unit = 2e-6 * 4 * 100 * 16 * 16;
            assert_true(near(number(json, "gflops") * number(json, "ms_min"), 9 * unit));
            assert_true(near(number(json, "forward_gflops") * number(json, "forward_ms_min"), 3 * unit));
        }
        cJSON_Delete(json);
    }
    cJSON *json = only_line_of(
        "bench op --op translution --grid 1x6 --causal --dim 16 --heads 2 --head-dim 8 "
        "--batch-size 4 --rounds 2 --recompute always --json");
    assert_true(number(json, "tokens") == 6);
    assert_true(near(number(json, "gflops") * number(json, "ms_min"), 9 * 2e-6 * 4 * 21 * 16 * 16));
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "recompute")));
    cJSON_Delete(json);
}

#define SMALL "--dim 16 --depth 2 --heads 2 --head-dim 8 --image-size 36 --batch-size 4 --rounds 3"

static void steps_are_timed(void **state)
{
    static const char *const ops[] = {"attention", "translution", "alpha"};
    for (int i = 0; i < 3; i++) {
        char line[200];
        snprintf(line, sizeof line, "bench step --task mnist --op %s " SMALL " --json", ops[i]);
        cJSON *json = only_line_of(line);
        check_times(json);
        check_fraction(json);
        assert_true(number(json, "tokens") == 10);
        assert_true(number(json, "batch_size") == 4);
        assert_true(number(json, "first_step_ms") >= number(json, "ms_min"));
        assert_true(number(json, "set_batch_ms") > 0);
        assert_true(number(json, "peak_process_bytes") > number(json, "peak_device_bytes"));
        assert_true(near(number(json, "images_per_second") * number(json, "ms_median"), 4e3));
        assert_true(near(number(json, "gflops") * number(json, "ms_min") * 1e6, number(json, "dense_flops")));
        cJSON_Delete(json);
    }
    cJSON *json = only_line_of("bench step " SMALL
                               " --memory-limit 2M --json"); /* too little for a large product */
    check_fraction(json);
    cJSON_Delete(json);
    succeeds("bench step " SMALL);
    assert_non_null(strstr(seen.out, "images/s"));
}

static void the_largest_that_fits_does_and_no_more(void **state)
{
    cJSON *json = only_line_of("bench memory --memory-limit 1G --json");
    const cJSON *ops = cJSON_GetObjectItemCaseSensitive(json, "ops");
    static const char *const names[] = {"attention", "translution", "alpha"};
    char line[200];
    for (int i = 0; i < 3; i++) {
        const cJSON *op = cJSON_GetObjectItemCaseSensitive(ops, names[i]);
        const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(op, "activation_bytes");
        assert_true(number(bytes, "14x14") > number(bytes, "7x7"));
        assert_true(number(bytes, "7x7") > number(bytes, "4x4"));
        const int grid = (int)number(op, "largest_grid"), batch = (int)number(op, "largest_batch");
        if (i == 1) {
            assert_true(grid >= 4);
            assert_true(grid < 7);
            assert_true(batch == 0); /* parameters, gradients and moments: 1.7 GiB */
        } else {
            assert_true(grid >= 14);
            assert_true(batch >= 64);
        }
        for (int more = 0; more <= 1; more++) { /* it fits, and one more does not */
            snprintf(line, sizeof line,
                     "train mnist --dry-run --memory-limit 1G --op %s --batch-size 1 --image-size %d",
                     names[i], 12 * (grid + more));
            succeeds(line);
            assert_non_null(strstr(seen.out, more == 0 ? "\"fits\":true" : "\"fits\":false"));
            if (batch == 0) continue;
            snprintf(line, sizeof line, "train mnist --dry-run --memory-limit 1G --op %s --batch-size %d",
                     names[i], batch + more);
            succeeds(line);
            assert_non_null(strstr(seen.out, more == 0 ? "\"fits\":true" : "\"fits\":false"));
        }
    }
    cJSON_Delete(json);
    succeeds("bench memory");
    assert_non_null(strstr(seen.out, "translution"));
}

/* ---- profile ------------------------------------------------------------------------------------- */

static int find_launch(const cJSON *events, const char *name)
{
    const cJSON *event;
    int count = 0;
    cJSON_ArrayForEach(event, events)
    {
        const cJSON *phase = cJSON_GetObjectItemCaseSensitive(event, "ph");
        if (strcmp(cJSON_GetStringValue(phase), "X") != 0) continue;
        assert_true(number(event, "ts") >= 0);
        assert_true(number(event, "dur") >= 0);
        assert_true(cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(event, "args")));
        count += strcmp(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "name")), name) == 0;
    }
    return count;
}
#define find_launch(...) VALUE_FROM_HERE(find_launch(__VA_ARGS__))

static void check_trace(const char *arguments, int losses)
{
    static char text[1 << 22];
    succeeds(arguments);
    assert_non_null(strstr(seen.err, "launches"));
    assert_non_null(strstr(seen.err, "GB/s"));
    read_file("trace.json", text, sizeof text);
    cJSON *trace = cJSON_Parse(text);
    assert_non_null(trace);
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(trace, "traceEvents");
    assert_true(cJSON_IsArray(events));
    assert_int_equal(find_launch(events, "cross_entropy"), losses);
    cJSON_Delete(trace);
}
#define check_trace(...) FROM_HERE(check_trace(__VA_ARGS__))

static void traces_hold_every_launch(void **state)
{
    check_trace("bench step " SMALL " --op alpha --trace trace.json", 5);
    check_trace("train mnist --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 16 --limit-train 48 "
                "--limit-test 16 --steps 3 --out run --quiet --trace trace.json",
                5); /* three steps and two evaluations */
    fails(1, "bench step " SMALL " --trace no/such/folder/trace.json", "cannot write the trace");
    fails(1, "train mnist --dim 16 --trace no/such/folder/trace.json", "cannot write the trace");
}

#define H100 "--model-device " TL_TESTS_DIR "/../devices/h100.txt"

static void steps_are_computed_for_devices_that_are_not_there(void **state)
{
    const int watch = watch_opens(TL_TESTS_DIR "/../devices/h100.txt");
    cJSON *json = only_line_of("bench step --op translution --json " H100);
    assert_int_equal(opens_seen(watch), 1);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(json, "model_device")->valuestring,
                        "NVIDIA H100 SXM");
    assert_true(number(json, "batch_size") == 256);
    const double ms = number(json, "model_ms"), fraction = number(json, "peak_fraction");
    assert_true(near(fraction * number(json, "peak_gflops") * ms * 1e6, number(json, "dense_flops")));
    assert_true(fraction > 0.3 && fraction < 1);
    double sum = 0, launches = 0, last = HUGE_VAL;
    const cJSON *kernel, *kernels = cJSON_GetObjectItemCaseSensitive(json, "kernels");
    cJSON_ArrayForEach(kernel, kernels)
    {
        assert_true(number(kernel, "ms") <= last && number(kernel, "peak_fraction") < 1);
        last = number(kernel, "ms"), sum += last, launches += number(kernel, "launches");
    }
    assert_true(near(sum, ms) && launches == number(json, "launches"));
    cJSON_Delete(json);
    succeeds("bench step " H100);
    assert_non_null(strstr(seen.out, "of the device's peak"));
    fails(2, "bench step --rounds 2 " H100, "--model-device");
    fails(2, "bench step --gemm own " H100, "--model-device");
    fails(2, "bench step --model-device no/such/file", "no/such/file");
}

/* Of the default step, tiny at batch size 256: what chunks, tiles and kernels may not fall below on a large GPU. */
static void a_step_of_translution_has_sixty_percent_of_an_h100(void **state)
{
    cJSON *json = only_line_of("bench step --op translution --batch-size 256 --json " H100);
    const double fraction = number(json, "peak_fraction");
    cJSON_Delete(json);
    if (fraction < 0.6) fail_msg("%.1f %% of the peak", 100 * fraction);
}

/* The same with q and k computed again, whose chunks follow the memory of the device. */
static void a_step_that_recomputes_has_half_of_an_h100(void **state)
{
    cJSON *json = only_line_of(
        "bench step --op translution --batch-size 256 --recompute always --json " H100);
    const double fraction = number(json, "peak_fraction");
    cJSON_Delete(json);
    if (fraction < 0.5) fail_msg("%.1f %% of the peak", 100 * fraction);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_words_and_values_are_refused),
        cmocka_unit_test(help_names_every_bench),
        cmocka_unit_test(what_exceeds_the_memory_is_refused),
        cmocka_unit_test(products_are_timed),
        cmocka_unit_test(grouped_products_are_timed),
        cmocka_unit_test(operations_are_timed),
        cmocka_unit_test(steps_are_timed),
        cmocka_unit_test(steps_are_computed_for_devices_that_are_not_there),
        cmocka_unit_test(a_step_of_translution_has_sixty_percent_of_an_h100),
        cmocka_unit_test(a_step_that_recomputes_has_half_of_an_h100),
        cmocka_unit_test(the_largest_that_fits_does_and_no_more),
        cmocka_unit_test(traces_hold_every_launch),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
