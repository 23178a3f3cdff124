/* Choosing a device by SPEC, on made-up lists; and the real list, whatever devices this machine has. */
#include "test.h"

#include "core/variable.h"
#include "device/internal.h"

enum { GIB = 30 }; /* shift */

static tl_device_info device(int platform, int number, const char *platform_name, const char *name,
                             tl_device_type type, uint64_t gib, bool unified)
{
    tl_device_info info = {.platform = platform,
                           .device = number,
                           .type = type,
                           .global_bytes = gib << GIB,
                           .unified_memory = unified,
                           .usable = true};
    snprintf(info.platform_name, sizeof info.platform_name, "%s", platform_name);
    snprintf(info.name, sizeof info.name, "%s", name);
    return info;
}

static tl_device_info unusable(tl_device_info info, const char *reason)
{
    info.usable = false;
    snprintf(info.reason, sizeof info.reason, "%s", reason);
    return info;
}

/* A workstation: platform 1 has no devices and does not appear. */
enum { CPU, IGPU, NVIDIA_A, NVIDIA_B, BROKEN, ACC, COUNT };
static void workstation(tl_device_info list[COUNT])
{
    list[CPU] = device(0, 0, "Portable Computing Language", "pthread-Xeon", TL_DEVICE_CPU, 64, true);
    list[IGPU] = device(2, 0, "Intel(R) OpenCL Graphics", "UHD Graphics 770", TL_DEVICE_GPU, 50, true);
    list[NVIDIA_A] = device(3, 0, "NVIDIA CUDA", "GeForce RTX 3090", TL_DEVICE_GPU, 24, false);
    list[NVIDIA_B] = device(3, 1, "NVIDIA CUDA", "RTX A6000", TL_DEVICE_GPU, 48, false);
    list[BROKEN] = unusable(device(3, 2, "NVIDIA CUDA", "Tesla C1060", TL_DEVICE_GPU, 99, false),
                            "its driver has no OpenCL C compiler");
    list[ACC] = device(4, 0, "FPGA SDK", "Board", TL_DEVICE_ACCELERATOR, 200, false);
}

static int choose(const tl_device_info *list, int count, const char *spec)
{
    int chosen = -2;
    tl_error err = {0};
    if (tl_device_select(list, count, spec, &chosen, &err) != TL_OK)
        fail_msg("\"%s\": %s", spec == NULL ? "(null)" : spec, err.text);
    assert_string_equal(err.text, "");
    return chosen;
}
#define choose(...) VALUE_FROM_HERE(choose(__VA_ARGS__))

/* Returns the message. */
static const char *refuse(const tl_device_info *list, int count, const char *spec, tl_status status,
                          tl_error *err)
{
    int chosen = -2;
    *err = (tl_error){.status = TL_OK};
    assert_int_equal(tl_device_select(list, count, spec, &chosen, err), status);
    assert_int_equal(err->status, status);
    assert_int_equal(chosen, -1);
    return err->text;
}
#define refuse(...) VALUE_FROM_HERE(refuse(__VA_ARGS__))

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("\"%s\" does not say \"%s\"", text, part);
}
#define has(...) FROM_HERE(has(__VA_ARGS__))

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) fail_msg("\"%s\" says \"%s\"", text, part);
}
#define has_not(...) FROM_HERE(has_not(__VA_ARGS__))

static void automatic_by_number(void **state)
{
    tl_device_info list[COUNT];
    workstation(list);
    assert_int_equal(choose(list, COUNT, "auto:0"), NVIDIA_B);
    assert_int_equal(choose(list, COUNT, "AUTO:1"), NVIDIA_A);
    assert_int_equal(choose(list, COUNT, "auto:2"), NVIDIA_B); /* not the broken one, and no other kind */
    assert_int_equal(choose(list, COUNT, "auto:1023"), NVIDIA_A);
    list[NVIDIA_A].platform = 9;
    assert_int_equal(choose(list, COUNT, "auto:1"), NVIDIA_B);
    tl_error err;
    assert_says(refuse(list, COUNT, "auto:", TL_ERROR_USAGE, &err), "no device matches \"auto:\"");
    assert_says(refuse(list, COUNT, "auto:0:1", TL_ERROR_USAGE, &err), "no device matches");
    assert_says(refuse(list, COUNT, "auto:-1", TL_ERROR_USAGE, &err), "no device matches");
}

static void automatic(void **state)
{
    tl_device_info list[COUNT];
    workstation(list);
    assert_int_equal(choose(list, COUNT, NULL), NVIDIA_B); /* discrete before integrated; then most memory */
    assert_int_equal(choose(list, COUNT, "auto"), NVIDIA_B);
    assert_int_equal(choose(list, COUNT, "AUTO"), NVIDIA_B);
    assert_int_equal(choose(list, COUNT, ""), NVIDIA_B); /* an empty environment variable */
    list[NVIDIA_B] = unusable(list[NVIDIA_B], "gone");
    assert_int_equal(choose(list, COUNT, "auto"), NVIDIA_A);
    list[NVIDIA_A] = unusable(list[NVIDIA_A], "gone");
    assert_int_equal(choose(list, COUNT, "auto"), IGPU);
    list[IGPU] = unusable(list[IGPU], "gone");
    assert_int_equal(choose(list, COUNT, "auto"), CPU);
    list[CPU] = unusable(list[CPU], "gone");
    assert_int_equal(choose(list, COUNT, "auto"), ACC); /* better than nothing */
}

static void first_of_equals(void **state)
{
    tl_device_info list[] = {device(0, 0, "A", "x", TL_DEVICE_CPU, 8, true),
                             device(1, 0, "B", "x", TL_DEVICE_GPU, 8, false),
                             device(1, 1, "B", "x", TL_DEVICE_GPU, 8, false)};
    assert_int_equal(choose(list, 3, NULL), 1);
    assert_int_equal(choose(list, 1, NULL), 0);
}

static void by_type(void **state)
{
    tl_device_info list[COUNT];
    workstation(list);
    tl_error err;
    assert_int_equal(choose(list, COUNT, "gpu"), IGPU); /* the first */
    assert_int_equal(choose(list, COUNT, "GPU"), IGPU);
    assert_int_equal(choose(list, COUNT, "cpu"), CPU);
    assert_int_equal(choose(list, COUNT, "acc"), ACC);
    list[IGPU] = unusable(list[IGPU], "gone");
    assert_int_equal(choose(list, COUNT, "gpu"), NVIDIA_A); /* the first usable one */
    list[ACC] = unusable(list[ACC], "it is big-endian");
    const char *text = refuse(list, COUNT, "acc", TL_ERROR_USAGE, &err);
    has(text, "it is big-endian");
    has(text, "4:0");
    text = refuse(list, 1, "gpu", TL_ERROR_USAGE, &err); /* there is none */
    has(text, "gpu");
    has(text, "0:0 Portable Computing Language / pthread-Xeon (cpu)");
}

static void by_number(void **state)
{
    tl_device_info list[COUNT];
    workstation(list);
    tl_error err;
    assert_int_equal(choose(list, COUNT, "3:1"), NVIDIA_B);
    assert_int_equal(choose(list, COUNT, "2:0"), IGPU);
    assert_int_equal(choose(list, COUNT, "0"), CPU);
    assert_int_equal(choose(list, COUNT, "3"), NVIDIA_B); /* a flat index, not a platform */
    assert_int_equal(choose(list, COUNT, "5"), ACC);
    has(refuse(list, COUNT, "1:0", TL_ERROR_USAGE, &err), "1:0");
    has(refuse(list, COUNT, "3:3", TL_ERROR_USAGE, &err), "3:3");
    has(refuse(list, COUNT, "6", TL_ERROR_USAGE, &err), "\"6\"");
    has(refuse(list, COUNT, "99999999999999999999", TL_ERROR_USAGE, &err), "99999999999999999999");
    has(refuse(list, COUNT, "3090", TL_ERROR_USAGE, &err),
        "3:0 NVIDIA CUDA / GeForce RTX 3090"); /* an index */
    has(refuse(list, COUNT, "3:2", TL_ERROR_USAGE, &err), "its driver has no OpenCL C compiler");
    has(refuse(list, COUNT, "4", TL_ERROR_USAGE, &err), "its driver has no OpenCL C compiler");
    static const char *const no_numbers[] = {"-1", "3:", ":0", "3:0:0", "3:x", "0x1", " 1"};
    for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++)
        refuse(list, COUNT, no_numbers[i], TL_ERROR_USAGE, &err);
}

static void by_name(void **state)
{
    tl_device_info list[COUNT];
    workstation(list);
    tl_error err;
    assert_int_equal(choose(list, COUNT, "geforce"), NVIDIA_A);
    assert_int_equal(choose(list, COUNT, "A6000"), NVIDIA_B);
    assert_int_equal(choose(list, COUNT, "portable"), CPU);
    assert_int_equal(choose(list, COUNT, "Language / pthread"), CPU); /* across both names */
    assert_int_equal(choose(list, COUNT, "graphics 770"), IGPU);

    const char *text = refuse(list, COUNT, "rtx", TL_ERROR_USAGE, &err);
    has(text, "ambiguous");
    has(text, "3:0 NVIDIA CUDA / GeForce RTX 3090 (gpu)");
    has(text, "3:1 NVIDIA CUDA / RTX A6000 (gpu)");
    has_not(text, "UHD");
    has_not(text, "Tesla");

    text = refuse(list, COUNT, "radeon", TL_ERROR_USAGE, &err);
    has(text, "\"radeon\"");
    for (int i = 0; i < COUNT; i++) has(text, list[i].name); /* what there is */
    has(refuse(list, COUNT, "tesla", TL_ERROR_USAGE, &err), "its driver has no OpenCL C compiler");
}

/* Two devices of one driver with the same name: only P:D and the index tell them apart. */
static void twins(void **state)
{
    tl_device_info list[] = {device(0, 0, "PoCL", "pthread", TL_DEVICE_CPU, 8, true),
                             device(0, 1, "PoCL", "pthread", TL_DEVICE_CPU, 8, true)};
    tl_error err;
    assert_int_equal(choose(list, 2, "0:1"), 1);
    assert_int_equal(choose(list, 2, "1"), 1);
    assert_int_equal(choose(list, 2, "cpu"), 0);
    assert_int_equal(choose(list, 2, NULL), 0);
    const char *text = refuse(list, 2, "pthread", TL_ERROR_USAGE, &err);
    has(text, "0:0");
    has(text, "0:1");
}

/* Drivers that show no device commonly want one thing each. */
static void platforms_without_devices(void **state)
{
    has(tli_platform_advice("Portable Computing Language"), "POCL_CACHE_DIR");
    has(tli_platform_advice("rusticl"), "RUSTICL_ENABLE");
    has(tli_platform_advice("Intel(R) OpenCL Graphics"), "/dev/dri");
    has(tli_platform_advice("AMD Accelerated Parallel Processing"), "/dev/kfd");
    has(tli_platform_advice(""), "groups render and video");
}

static void nothing_there(void **state)
{
    tl_error err;
    tl_device_info list[COUNT];
    static const char *const specs[] = {NULL, "auto", "gpu", "0:0", "name"};
    workstation(list);
    for (int i = 0; i < COUNT; i++) list[i] = unusable(list[i], "asleep");
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        const char *text = refuse(NULL, 0, specs[i], TL_ERROR_NO_DEVICE, &err);
        has(text, "no OpenCL device found");
        has(text, "pocl-opencl-icd");
        text = refuse(list, COUNT, specs[i], TL_ERROR_NO_DEVICE, &err);
        has(text, "asleep");
        has(text, "GeForce RTX 3090");
    }
}

/* A hundred devices with long names: the list is cut, the message ends properly. */
static void crowds(void **state)
{
    enum { CROWD = 100 };
    tl_device_info *list = calloc(CROWD, sizeof *list);
    tl_error err;
    char name[128];
    assert_non_null(list);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < CROWD; i++) list[i] = device(0, i, name, name, TL_DEVICE_GPU, 1, false);
    assert_int_equal(choose(list, CROWD, "0:99"), 99);
    const char *text = refuse(list, CROWD, "nnnn", TL_ERROR_USAGE, &err);
    has(text, "0:0");
    has(text, "...");
    has_not(text, ", ..., ...");
    assert_string_equal(text + strlen(text) - 5, ", ...");
    char longest[3000];
    memset(longest, 'z', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    has(refuse(list, CROWD, longest, TL_ERROR_USAGE, &err), "0:0");
    free(list);
}

static void type_names(void **state)
{
    assert_string_equal(tl_device_type_name(TL_DEVICE_CPU), "cpu");
    assert_string_equal(tl_device_type_name(TL_DEVICE_GPU), "gpu");
    assert_string_equal(tl_device_type_name(TL_DEVICE_ACCELERATOR), "acc");
    assert_string_equal(tl_device_type_name(TL_DEVICE_OTHER), "other");
}

/* ---- this machine ---------------------------------------------------------------------------------------
 */

static void real_list(void **state)
{
    tl_device_info *list = NULL;
    int count = 0, chosen = -1;
    tl_error err = {0};
    if (tl_device_list(&list, &count, &err) != TL_OK) fail_msg("%s", err.text);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const tl_device_info *d = &list[i];
        assert_true(d->platform >= 0);
        assert_true(d->device >= 0);
        if (i > 0) /* in order, devices of a platform without gaps */
            assert_true(d->platform == list[i - 1].platform
                            ? d->device == list[i - 1].device + 1
                            : d->platform > list[i - 1].platform && d->device == 0);
        assert_true(d->platform_name[0] != '\0');
        assert_true(d->name[0] != '\0');
        assert_true(d->driver[0] != '\0');
        assert_int_equal(strncmp(d->version, "OpenCL ", 7), 0);
        assert_non_null(d->platform_id);
        assert_non_null(d->device_id);
        assert_true(d->usable == (d->reason[0] == '\0'));
        if (!d->usable) continue;
        assert_true(d->max_alloc_bytes > 0);
        assert_true(d->max_alloc_bytes <= d->global_bytes);
        assert_true(d->local_bytes >= 1024);
        assert_true(d->compute_units > 0);
        assert_true(d->max_work_group > 0);
        assert_true(d->align_bytes > 0);
        assert_true(d->align_bytes <= 65536);
        char spec[32];
        snprintf(spec, sizeof spec, "%d:%d", d->platform, d->device);
        assert_int_equal(choose(list, count, spec), i);
    }
    assert_int_equal(tl_device_select(list, count, NULL, &chosen, &err), TL_OK);
    assert_true(list[chosen].usable);
    free(list);
}

/* What a device is given by its type, and by options; no form preferred from outside. */
static void contexts(void **state)
{
    tl_error err = {0};
    tl_context *ctx = NULL, *second = NULL;
    unsetenv("TRANSLUTION_FORM");
    if (tl_context_create(NULL, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    const tl_device_info *info = tl_context_device(ctx);
    const tli_limits *limits = tli_context_limits(ctx);
    assert_true(info->usable);
    assert_true(limits->memory_limit == info->global_bytes);
    assert_true(limits->compute_units == info->compute_units);
    assert_true(limits->local_bytes == info->local_bytes);
    assert_true(limits->cpu_path == (info->type == TL_DEVICE_CPU || info->max_work_group < 256));
    assert_null(tli_context_log(ctx));
    assert_string_equal(tl_context_error(ctx)->text, "");

    for (tl_kernel_path path = TL_PATH_CPU; path <= TL_PATH_GPU; path++) {
        const tl_context_options options = {
            .size = sizeof options, .path = path, .memory_limit = 12345, .max_alloc_bytes = 4096};
        if (tl_context_create(&options, &second, &err) != TL_OK) fail_msg("%s", err.text);
        const tli_limits *t = tli_context_limits(second);
        assert_true(t->cpu_path == (path == TL_PATH_CPU || info->max_work_group < 256));
        assert_true(t->vector_width == 4 || (t->cpu_path && (t->vector_width == 8 || t->vector_width == 16)));
        assert_int_equal(t->row_group, t->cpu_path ? 1 : 64);
        assert_true(t->memory_limit == 12345);
        assert_true(t->max_alloc_bytes == 4096);
        tl_context_destroy(second);
    }
    tl_context_destroy(ctx);
    tl_context_destroy(NULL);

    const tl_context_options wrong = {.size = sizeof wrong, .device = "no such device"};
    assert_int_equal(tl_context_create(&wrong, &ctx, &err), TL_ERROR_USAGE);
    assert_null(ctx);
    has(err.text, "no such device");
}

/* Chunks follow the memory that GPUs have, or may take; on CPUs and in their form they are what they are. */
static void chunks_follow_the_memory(void **state)
{
    enum { MIB = 1 << 20 };
    static const struct {
        uint64_t memory_mib, chunk_mib;
    } cases[] = {{256, 64}, {4096, 128}, {8191, 128}, {15900, 256}, {24000, 512}, {81000, 512}};
    tl_device_info d = {.type = TL_DEVICE_GPU, .max_work_group = 256};
    unsetenv("TRANSLUTION_FORM");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        d.global_bytes = cases[i].memory_mib * MIB;
        assert_int_equal(tl_device_chunk_bytes(&d, TL_PATH_AUTO, 0), cases[i].chunk_mib * MIB);
        assert_int_equal(tl_device_chunk_bytes(&d, TL_PATH_GPU, 5000ull * MIB), 128 * MIB);
        assert_int_equal(tl_device_chunk_bytes(&d, TL_PATH_CPU, 0), 0);
    }
    d.max_work_group = 128; /* too few for the form for GPUs */
    assert_int_equal(tl_device_chunk_bytes(&d, TL_PATH_GPU, 0), 0);
    d.max_work_group = 1024, d.type = TL_DEVICE_CPU;
    assert_int_equal(tl_device_chunk_bytes(&d, TL_PATH_AUTO, 0), 0);
    assert_int_equal(tl_device_chunk_bytes(&d, TL_PATH_GPU, 0), 512 * MIB);
    assert_int_equal(tl_device_chunk_bytes(NULL, TL_PATH_GPU, 0), 0);
}

/* TRANSLUTION_VECTOR_WIDTH sets the width of the CPU forms' vectors, and nothing but a width that they have. */
static void vector_widths(void **state)
{
    const char *outer = getenv("TRANSLUTION_VECTOR_WIDTH");
    char *before = outer != NULL ? strdup(outer) : NULL;
    tl_error err = {0};
    tl_context *ctx = NULL;
    for (uint32_t width = 4; width <= 16; width *= 2)
        for (tl_kernel_path path = TL_PATH_CPU; path <= TL_PATH_GPU; path++) {
            const tl_context_options options = {.size = sizeof options, .path = path};
            char text[8];
            snprintf(text, sizeof text, "%u", (unsigned)width);
            setenv("TRANSLUTION_VECTOR_WIDTH", text, 1);
            if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
            const tli_limits *limits = tli_context_limits(ctx);
            assert_int_equal(limits->vector_width, limits->cpu_path ? width : 4);
            tl_context_destroy(ctx);
        }
    const char *wrong[] = {"", "0", "2", "5", "32", "8x", " 8", "-4"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("TRANSLUTION_VECTOR_WIDTH", wrong[i], 1);
        assert_int_equal(tl_context_create(NULL, &ctx, &err), TL_ERROR_USAGE);
        assert_null(ctx);
        has(err.text, "TRANSLUTION_VECTOR_WIDTH is");
        has(err.text, "4, 8 or 16");
    }
    if (before != NULL)
        setenv("TRANSLUTION_VECTOR_WIDTH", before, 1);
    else
        unsetenv("TRANSLUTION_VECTOR_WIDTH");
    free(before);
}

/* TRANSLUTION_TILE sets the width of the GPU forms' tiles, and nothing but a width that they have. */
static void tiles(void **state)
{
    static const struct {
        const char *text;
        bool right;
        uint32_t tile; /* 0: by the shape */
    } cases[] = {{NULL, true, 0}, {"16", true, 16},   {"32", true, 32},  {"64", true, 64}, {"", false, 0},
                 {"8", false, 0}, {"128", true, 128}, {"256", false, 0}, {"16x", false, 0}};
    tl_error err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_context *ctx = NULL;
        if (cases[i].text != NULL) setenv("TRANSLUTION_TILE", cases[i].text, 1);
        const tl_status status = tl_context_create(NULL, &ctx, &err);
        unsetenv("TRANSLUTION_TILE");
        assert_int_equal(status, cases[i].right ? TL_OK : TL_ERROR_USAGE);
        if (status == TL_OK)
            assert_int_equal(tli_context_form(ctx, false).tile, cases[i].tile);
        else
            has(err.text, "TRANSLUTION_TILE is");
        tl_context_destroy(ctx);
    }
}

/* A word that a variable does not have is refused, whichever variable it is, and is not taken for one of its words. */
static void other_words(void **state)
{
    static const char *const names[] = {"TRANSLUTION_VECTOR_WIDTH", "TRANSLUTION_TILE",
                                        "TRANSLUTION_FORM",         "TRANSLUTION_SELF_TEST",
                                        "TRANSLUTION_TUNING",       "TRANSLUTION_OVERLAP",
                                        "TRANSLUTION_FAULT"},
                             *const wrong[] = {"",      "yes",    "of",       "on ",
                                               "alloc", "alloc:", "launch:x", "launch:99999999999999999999"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *outer = getenv(names[i]);
        char *before = outer != NULL ? strdup(outer) : NULL, start[48];
        snprintf(start, sizeof start, "%s is \"", names[i]);
        for (size_t j = 0; j < sizeof wrong / sizeof *wrong; j++) {
            tl_context *ctx = NULL;
            tl_error err = {0};
            setenv(names[i], wrong[j], 1);
            assert_int_equal(tl_context_create(NULL, &ctx, &err), TL_ERROR_USAGE);
            assert_null(ctx);
            has(err.text, start);
            has(err.text, "or unset it for");
        }
        unsetenv(names[i]);
        if (before != NULL) setenv(names[i], before, 1);
        free(before);
    }
    assert_int_equal(tli_variable_value(TLI_VARIABLE_OVERLAP, 7), 7);
    setenv("TRANSLUTION_OVERLAP", "off", 1);
    assert_int_equal(tli_variable_value(TLI_VARIABLE_OVERLAP, 7), 0);
    setenv("TRANSLUTION_OVERLAP", "on", 1);
    assert_int_equal(tli_variable_value(TLI_VARIABLE_OVERLAP, 7), 1);
    unsetenv("TRANSLUTION_OVERLAP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(automatic),
                                       cmocka_unit_test(automatic_by_number),
                                       cmocka_unit_test(first_of_equals),
                                       cmocka_unit_test(by_type),
                                       cmocka_unit_test(by_number),
                                       cmocka_unit_test(by_name),
                                       cmocka_unit_test(twins),
                                       cmocka_unit_test(nothing_there),
                                       cmocka_unit_test(platforms_without_devices),
                                       cmocka_unit_test(crowds),
                                       cmocka_unit_test(type_names),
                                       cmocka_unit_test(real_list),
                                       cmocka_unit_test(contexts),
                                       cmocka_unit_test(chunks_follow_the_memory),
                                       cmocka_unit_test(vector_widths),
                                       cmocka_unit_test(tiles),
                                       cmocka_unit_test(other_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
