/* The self-test launches every kernel there is, in both forms, and finds the kernels right as they are. */
#include "ops/self_test.h"

#include <ctype.h>
#include <dirent.h>

#include "context.h"
#include "files.h"
#include "ops/offset_gemm_block.h"

enum { MOST_KERNELS = 128, NAME = 64 };

typedef struct kernel_list {
    char name[MOST_KERNELS][NAME], file[MOST_KERNELS][NAME];
    int count;
} kernel_list;

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 17);
    if (file == NULL || text == NULL) fail_msg("cannot read %s", path);
    assert_true(fread(text, 1, (1 << 17) - 1, file) > 0);
    assert_true(feof(file)); /* all of it */
    fclose(file);
    return text;
}
#define read_text(...) VALUE_FROM_HERE(read_text(__VA_ARGS__))

/* Adds the names behind `__kernel [ATTRIBUTES] void`. */
static void add_kernels(const char *text, const char *file, kernel_list *list)
{
    for (const char *at = text; (at = strstr(at, "__kernel ")) != NULL;) {
        const char *name = strstr(at, "void"), *line_end = strchr(at, '\n');
        if (name == NULL || line_end == NULL || name > line_end)
            fail_msg("kernels/%s: __kernel and its type are not on one line: %.60s", file, at);
        name += strlen("void");
        while (isspace((unsigned char)*name)) name++;
        int length = 0;
        while (isalnum((unsigned char)name[length]) || name[length] == '_') length++;
        assert_true(length > 0);
        assert_true(length < NAME);
        assert_true(list->count < MOST_KERNELS);
        snprintf(list->name[list->count], NAME, "%.*s", length, name);
        snprintf(list->file[list->count++], NAME, "%.*s", NAME - 1, file);
        at = name;
    }
}
#define add_kernels(...) FROM_HERE(add_kernels(__VA_ARGS__))

static void list_kernels(kernel_list *list)
{
    static const char kernels[] = TL_TESTS_DIR "/../kernels";
    DIR *dir = opendir(kernels);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const char *ending = strrchr(entry->d_name, '.');
        if (ending == NULL || strcmp(ending, ".cl") != 0) continue;
        /* of no family, since fp32 serves instead where it is wrong: see test_gemm_tensor.c */
        if (strcmp(entry->d_name, "gemm_tensor.cl") == 0) continue;
        char path[1024];
        assert_true((size_t)snprintf(path, sizeof path, "%s/%s", kernels, entry->d_name) < sizeof path);
        char *text = read_text(path);
        add_kernels(text, entry->d_name, list);
        free(text);
    }
    closedir(dir);
    assert_true(list->count > 30); /* it looks in the right place */
}
#define list_kernels(...) FROM_HERE(list_kernels(__VA_ARGS__))

/* Runs all checks in one form and marks the kernels of `list` that they launched. */
static void launch_all(bool cpu, const kernel_list *list, bool *launched)
{
    const tl_context_options options = {
        .size = sizeof options, .path = cpu ? TL_PATH_CPU : TL_PATH_GPU, .profile = true};
    tl_context *ctx = NULL;
    tl_error err = {0};
    compile_for(options.path);
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    tl_self_test_row tested[TL_SELF_TEST_ROWS];
    int families = 0;
    MUST(ctx, tl_self_test(ctx, options.path, tested, TL_SELF_TEST_ROWS, &families));
    for (int i = 0; i < families; i++)
        if (!tested[i].right)
            fail_msg("kernels/%s.cl: error %g: %s", tested[i].kernels, tested[i].error,
                     tl_context_error(ctx)->text);
    tl_profile_row *rows = NULL;
    int count = 0;
    MUST(ctx, tl_profile_read(ctx, &rows, &count));
    for (int i = 0; i < count; i++)
        for (int k = 0; k < list->count; k++) launched[k] |= strcmp(rows[i].kernel, list->name[k]) == 0;
    free(rows);
    tl_context_destroy(ctx);
}
#define launch_all(...) FROM_HERE(launch_all(__VA_ARGS__))

static bool ends_with(const char *text, const char *ending)
{
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

/* Whether the file has a form for GPUs beside it. */
static bool has_gpu_file(const char *file)
{
    for (int i = 0; i < TLI_KERNEL_FAMILIES; i++)
        if (tli_kernel_families[i].gpu_files != NULL &&
            strncmp(file, tli_kernel_family_file(&tli_kernel_families[i], true),
                    strlen(file) - strlen(".cl")) == 0)
            return true;
    return false;
}

static void every_kernel_is_covered(void **unused)
{
    static kernel_list list;
    bool cpu[MOST_KERNELS] = {false}, gpu[MOST_KERNELS] = {false};
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const bool both = tli_context_has_form(ctx, false);
    tl_context_destroy(ctx);
    if (!both) skip_because("kernels for GPUs need work-groups of 256", "take a device that has them");
    list_kernels(&list);
    launch_all(true, &list, cpu);
    if (same_as_plain_run(TL_PATH_GPU)) return; /* right at this width; what is launched is counted there */
    launch_all(false, &list, gpu);
    int missing = 0;
    for (int i = 0; i < list.count; i++) {
        const bool gpu_file = ends_with(list.file[i], "_gpu.cl");
        const bool covered = gpu_file ? gpu[i] : has_gpu_file(list.file[i]) ? cpu[i] : cpu[i] || gpu[i];
        if (covered) continue;
        print_message(
            "kernels/%s: the self-test does not launch %s: add it to a check of src/ops/self_test_*.c\n",
            list.file[i], list.name[i]);
        missing++;
    }
    assert_int_equal(missing, 0);
}

/* The table of families has every file with kernels. */
/* Whether "a+b+c" has the file "b.cl". */
static bool has_file(const char *files, const char *file)
{
    const size_t length = strlen(file) - strlen(".cl");
    for (; files != NULL; files = strchr(files, '+')) {
        files += *files == '+';
        if (strcspn(files, "+") == length && strncmp(files, file, length) == 0) return true;
    }
    return false;
}

static void every_file_is_in_a_family(void **unused)
{
    static kernel_list list;
    list_kernels(&list);
    for (int k = 0; k < list.count; k++) {
        bool found = has_file(TLI_OFFSET_GEMM_BLOCK_FILES,
                              list.file[k]); /* of offset_gemm's second program */
        for (int i = 0; i < TLI_KERNEL_FAMILIES; i++)
            found |= has_file(tli_kernel_families[i].cpu_files, list.file[k]) ||
                     has_file(tli_kernel_families[i].gpu_files, list.file[k]);
        if (!found) fail_msg("kernels/%s is in no family of src/ops/kernel_forms.c", list.file[k]);
    }
}

/* A check in the middle of work leaves no trace in the context's accounts. */
static void a_check_does_not_show(void **unused)
{
    setenv("TRANSLUTION_CACHE_DIR", "off", 1);
    const tl_context_options options = {.size = sizeof options, .profile = true, .memory_limit = 4096};
    tl_context *ctx = NULL;
    tl_error err = {0};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    MUST(ctx, tli_self_test_switch_on(ctx));
    (void)tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "an older message");
    (void)tli_kernel_form_of(ctx, "layernorm");
    tli_kernel *kernel = NULL;
    MUST(ctx, tli_family_kernel(ctx, "layernorm", "layernorm_forward", "", &kernel));
    assert_string_equal(tl_context_error(ctx)->text, "an older message");
    assert_int_equal(tl_memory_peak(ctx), 0);
    assert_int_equal(tli_context_limits(ctx)->memory_limit, 4096);
    tl_profile_row *rows = NULL;
    int count = -1;
    MUST(ctx, tl_profile_read(ctx, &rows, &count));
    assert_int_equal(count, 0);
    free(rows);
    tl_context_destroy(ctx);
    unsetenv("TRANSLUTION_CACHE_DIR");
}

/* ---- what the cache keeps -------------------------------------------------------------------------- */

static double cpu_error, gpu_error; /* infinite: the kernels cannot be run; NaN: results are not finite */
static int checks;

static tl_status counted_check(tl_context *ctx, const char *family, double *error)
{
    checks++;
    *error = tli_kernel_form_of(ctx, family).cpu ? cpu_error : gpu_error;
    return isinf(*error) ? tli_fail(tl_context_error(ctx), TL_ERROR_DEVICE, "the disk is full") : TL_OK;
}

/* Asks for a kernel in a new context, as a new process does: how often the family was checked for it. `refusal`: words of the
 * message; NULL: it is given, in the form `cpu`. */
static int checks_of_a_start(tl_kernel_path path_given, const char *refusal, bool cpu)
{
    tl_context *ctx = new_context(path_given);
    tli_kernel *kernel = NULL;
    checks = 0;
    MUST(ctx, tli_kernel_forms_check_with(ctx, counted_check));
    const tl_status status = tli_family_kernel(ctx, "layernorm", "layernorm_forward", "", &kernel);
    assert_int_equal(status, refusal != NULL ? TL_ERROR_DEVICE : TL_OK);
    if (refusal != NULL) {
        assert_says(tl_context_error(ctx)->text, "kernels/layernorm.cl");
        assert_says(tl_context_error(ctx)->text, refusal);
    } else {
        assert_int_equal(tli_kernel_form_of(ctx, "layernorm").cpu, cpu);
    }
    tl_context_destroy(ctx);
    return checks;
}
#define checks_of_a_start(...) VALUE_FROM_HERE(checks_of_a_start(__VA_ARGS__))

static void begin_errors(double of_cpu, double of_gpu)
{
    cpu_error = of_cpu, gpu_error = of_gpu;
    remove_tree("cache");
}

/* A result of the check is kept, also that no form is right, so that it is not computed at every start. */
static void errors_are_kept(void **unused)
{
    setenv("TRANSLUTION_CACHE_DIR", at("cache"), 1);
    setenv("TRANSLUTION_FORM", "cpu", 1);
    begin_errors(0.5, 0.5);
    assert_int_equal(checks_of_a_start(TL_PATH_AUTO, NULL, true), 1);
    assert_int_equal(checks_of_a_start(TL_PATH_AUTO, NULL, true), 0);
    begin_errors(7.5, 0.5);
    assert_int_equal(checks_of_a_start(TL_PATH_AUTO, NULL, false), 2);
    assert_int_equal(checks_of_a_start(TL_PATH_AUTO, NULL, false), 0);
    assert_int_equal(checks_of_a_start(TL_PATH_CPU, "with 7.5 times the error", false), 0);
    assert_int_equal(checks_of_a_start(TL_PATH_GPU, NULL, false), 0);
    begin_errors(7.5, 8.5);
    for (int start = 0; start < 2; start++)
        assert_int_equal(checks_of_a_start(TL_PATH_AUTO, "with 7.5 times the error", true),
                         start > 0 ? 0 : 2);
    assert_int_equal(checks_of_a_start(TL_PATH_GPU, "with 8.5 times the error", false), 0);
    begin_errors((double)NAN, 8.5);
    for (int start = 0; start < 2; start++)
        assert_int_equal(checks_of_a_start(TL_PATH_AUTO, "with a result that is not finite", true),
                         start > 0 ? 0 : 2);
    unsetenv("TRANSLUTION_FORM");
    unsetenv("TRANSLUTION_CACHE_DIR");
}

/* What could not be run may be runnable at the next start; unless the other form serves, it is tried again. */
static void what_did_not_run_is_tried_again(void **unused)
{
    setenv("TRANSLUTION_CACHE_DIR", at("cache"), 1);
    setenv("TRANSLUTION_FORM", "cpu", 1);
    begin_errors(INFINITY, INFINITY);
    for (int start = 0; start < 2; start++)
        assert_int_equal(checks_of_a_start(TL_PATH_AUTO, "the disk is full", true), 2);
    cpu_error = 0.5;
    assert_int_equal(checks_of_a_start(TL_PATH_AUTO, NULL, true), 1);
    begin_errors(INFINITY, 0.5);
    assert_int_equal(checks_of_a_start(TL_PATH_AUTO, NULL, false), 2);
    assert_int_equal(checks_of_a_start(TL_PATH_AUTO, NULL, false), 0);
    assert_int_equal(checks_of_a_start(TL_PATH_CPU, "the disk is full", true), 1);
    unsetenv("TRANSLUTION_FORM");
    unsetenv("TRANSLUTION_CACHE_DIR");
}

/* `devices --self-test` computes anew, and its result is what the next start goes by. */
static void a_new_result_replaces_the_kept_one(void **unused)
{
    setenv("TRANSLUTION_CACHE_DIR", at("cache"), 1);
    begin_errors(7.5, 7.5);
    assert_int_equal(checks_of_a_start(TL_PATH_CPU, "with 7.5 times the error", true), 1);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    cpu_error = 0.5;
    assert_true(tli_kernel_forms_try(ctx, "layernorm", true, counted_check) == 0.5);
    tl_context_destroy(ctx);
    assert_int_equal(checks_of_a_start(TL_PATH_CPU, NULL, true), 0);
    unsetenv("TRANSLUTION_CACHE_DIR");
}

/* A family that is not in the table is a sentence, not a crash. */
static void unknown_family(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tli_kernel *kernel = NULL;
    double error;
    assert_int_equal(tli_family_kernel(ctx, "nothing", "x", "", &kernel), TL_ERROR_USAGE);
    assert_int_equal(tli_self_test_family(ctx, "nothing", &error), TL_ERROR_USAGE);
    assert_true(isinf(tli_kernel_forms_try(ctx, "nothing", true, tli_self_test_family)));
    tl_context_destroy(ctx);
}

int main(void)
{
    /* Of both forms: a result is kept for the flags, too, that PoCL compiles by. */
    setenv("POCL_EXTRA_BUILD_FLAGS", "-cl-opt-disable", 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kernel_is_covered),
                                       cmocka_unit_test(every_file_is_in_a_family),
                                       cmocka_unit_test(a_check_does_not_show),
                                       cmocka_unit_test(errors_are_kept),
                                       cmocka_unit_test(what_did_not_run_is_tried_again),
                                       cmocka_unit_test(a_new_result_replaces_the_kept_one),
                                       cmocka_unit_test(unknown_family)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
