/* Devices from outside: what `devices` lists, which one a run takes, and what is said where there is none. */
#include "program.h"
#include "small_digits.h"

/* ---- devices ------------------------------------------------------------------------------------- */

/* The program with this environment alone. */
static void run_with_only(const char *environment, const char *arguments)
{
    char line[1200];
    snprintf(line, sizeof line, "env -i %s '%s' %s >'%s' 2>'%s'", environment, TL_PROGRAM, arguments,
             at("stdout"), at("stderr"));
    const int status = system(line);
    seen.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    read_file("stdout", seen.out, TEXT);
    read_file("stderr", seen.err, TEXT);
}

/* No platform is one thing, a platform that shows no device another. */
static void no_device_is_not_no_platform(void **state)
{
    char line[600];
    assert_int_equal(mkdir(at("no-drivers"), 0700), 0);
    snprintf(line, sizeof line, "OCL_ICD_VENDORS=%s/", at("no-drivers"));
    run_with_only(line, "devices");
    FAILS(1, "no OpenCL device found", "install a driver", "pocl-opencl-icd", "OCL_ICD_VENDORS is set");
    if (access("/etc/OpenCL/vendors/pocl.icd", R_OK) != 0) return;
    static const char *const without_a_cache[] = {"POCL_CACHE_DIR=/proc/nowhere/x", "HOME=/proc/nowhere",
                                                  "XDG_CACHE_HOME=/proc/nowhere/x"};
    for (size_t i = 0; i < sizeof without_a_cache / sizeof without_a_cache[0]; i++) {
        snprintf(line, sizeof line, "OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd %s", without_a_cache[i]);
        run_with_only(line, "devices");
        FAILS(1, "Portable Computing Language", "without a device", "POCL_CACHE_DIR");
        assert_null(strstr(seen.err, "install a driver"));
        run_with_only(line, "train mnist --steps 1 --limit-train 8");
        FAILS(1, "Portable Computing Language", "POCL_CACHE_DIR");
    }
}

/* PoCL alone, twice: the tests of --device must not depend on what else the machine has. */
#define POCL_ICD    "/etc/OpenCL/vendors/pocl.icd"
#define TWO_DEVICES "OCL_ICD_VENDORS=" POCL_ICD, "POCL_DEVICES=pthread pthread"

static void every_device_is_listed(void **state)
{
    RUN(NO_ENV, "devices");
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "0:0"));
    assert_non_null(strstr(seen.out, "usable: yes"));
    RUN(NO_ENV, "devices", "--json");
    EXPECT(0, "");
    assert_true(strchr(seen.out, '\n') == seen.out + strlen(seen.out) - 1);
    cJSON *json = last_json();
    assert_true(cJSON_IsArray(json));
    assert_true(cJSON_GetArraySize(json) > 0);
    assert_true(number(cJSON_GetArrayItem(json, 0), "global_bytes") > 0);
    cJSON_Delete(json);
}

static void no_platform_is_said(void **state)
{
    RUN(ENV(NO_PLATFORM), "devices");
    FAILS(1, "OpenCL");
    RUN(ENV(NO_PLATFORM), "devices", "--json");
    EXPECT(1, "OpenCL");
    assert_string_equal(seen.out, "[]\n");
    RUN(ENV(NO_PLATFORM), "train", "mnist", THREE);
    FAILS(1, "OpenCL", "install");
}

static void a_device_is_chosen_by_any_spec(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--device", "abacus", THREE);
    FAILS(2, "abacus");
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--device", "abacus");
    FAILS(2, "abacus");
    RUN(ENV("TRANSLUTION_DEVICE=abacus"), "train", "mnist", THREE);
    FAILS(2, "abacus");
    RUN(NO_ENV, "train", "mnist", "--device", "99:0", THREE);
    FAILS(2, "99:0");
    if (access(POCL_ICD, R_OK) != 0) skip_because("PoCL cannot show two devices", "install pocl-opencl-icd");
    RUN(ENV(TWO_DEVICES), "train", "mnist", "--device", "portable", THREE);
    FAILS(2, "0:0", "0:1");
    RUN(ENV(TWO_DEVICES), "train", "mnist", "--device", "0:2", THREE);
    FAILS(2, "0:2");
    RUN(ENV(TWO_DEVICES), "train", "mnist", "--quiet", "--device", "0:0", "--out", at("first"), THREE);
    EXPECT(0, "device 0:0 ");
    RUN(ENV(TWO_DEVICES), "train", "mnist", "--quiet", "--device", "0:1", "--out", at("second"), THREE);
    EXPECT(0, "device 0:1 ");
    RUN(ENV(TWO_DEVICES, "TRANSLUTION_DEVICE=0:1"), "eval", at("first"), "--limit-test", "16");
    EXPECT(0, "device 0:1 ");
    RUN(ENV(TWO_DEVICES, "TRANSLUTION_DEVICE=0:1"), "eval", at("first"), "--limit-test", "16", "--device",
        "0:0");
    EXPECT(0, "device 0:0 "); /* the flag wins over the environment */
}

/* What a run would refuse in the environment, the list of devices that runs take refuses, too. */
static void words_of_variables_are_checked(void **state)
{
    RUN(ENV("TRANSLUTION_TUNING=of"), "devices");
    FAILS(2, "TRANSLUTION_TUNING is \"of\"", "on or off");
    RUN(ENV("TRANSLUTION_VECTOR_WIDTH=5"), "devices", "--json");
    FAILS(2, "TRANSLUTION_VECTOR_WIDTH is \"5\"", "4, 8 or 16");
    RUN(ENV("TRANSLUTION_TUNING=off", "TRANSLUTION_VECTOR_WIDTH=4"), "devices");
    EXPECT(0, "");
}

/* The self-test of one device. */
static void one_device_is_tested(void **state)
{
    RUN(NO_ENV, "devices", "--self-test", "--device", "abacus");
    FAILS(2, "abacus");
    RUN(NO_ENV, "devices", "--device", "abacus");
    EXPECT(2, "abacus");
    if (access(POCL_ICD, R_OK) != 0) skip_because("PoCL cannot show two devices", "install pocl-opencl-icd");
    RUN(ENV(TWO_DEVICES), "devices", "--device", "0:1");
    EXPECT(0, "");
    assert_says(seen.out, "0:1 *");
    RUN(ENV(TWO_DEVICES), "devices", "--self-test", "--device", "0:1");
    EXPECT(0, "device 0:1 ");
    assert_says(seen.out, "kernels          form");
    assert_says(seen.out, "in tf32          gpu   not tried: needs a GPU whose tensor cores");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_device_is_not_no_platform),
        cmocka_unit_test(every_device_is_listed),
        cmocka_unit_test(no_platform_is_said),
        cmocka_unit_test(a_device_is_chosen_by_any_spec),
        cmocka_unit_test(words_of_variables_are_checked),
        cmocka_unit_test(one_device_is_tested),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
