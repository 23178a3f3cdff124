/* PoCL: which version a device belongs to, and the variables that keep it from its faults. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "device/pocl.h"

static const char specialization[] = "POCL_WORK_GROUP_SPECIALIZATION", flags[] = "POCL_EXTRA_BUILD_FLAGS";
static const char old[] = "OpenCL 2.0 pocl 1.8",
                  third[] = "OpenCL 3.0 PoCL 3.1+debian  Linux, None+Asserts, RELOC",
                  seventh[] = "OpenCL 3.0 PoCL 7.1+debian  Linux, None+Asserts, RELOC, SPIR-V, LLVM 21.1.8",
                  tenth[] = "OpenCL 3.0 PoCL 10.0", other[] = "OpenCL 3.0 CUDA 12.4.89";

static tl_device_info of(const char *platform_version)
{
    tl_device_info device = {.platform_version = ""};
    snprintf(device.platform_version, sizeof device.platform_version, "%s", platform_version);
    return device;
}

/* What the variable is, "" where it is not set, after a device of this platform was opened, with `given` (NULL: not set) before. */
static const char *after(const char *platform_version, const char *variable, const char *given)
{
    const tl_device_info device = of(platform_version);
    assert_int_equal(unsetenv(specialization) | unsetenv(flags), 0);
    if (given != NULL) assert_int_equal(setenv(variable, given, 1), 0);
    tli_pocl_prepare(&device);
    const char *value = getenv(variable);
    return value != NULL ? value : "";
}
#define after(...) VALUE_FROM_HERE(after(__VA_ARGS__))

static void versions(void **unused)
{
    const tl_device_info devices[] = {of(old), of(third), of(seventh), of(tenth), of(other)};
    static const int expected[] = {0, 3, 7, 10, 0};
    for (int i = 0; i < 5; i++) assert_int_equal(tli_pocl_version(&devices[i]), expected[i]);
}

static void kernels_are_not_specialized(void **unused)
{
    assert_string_equal(after(seventh, specialization, NULL), "0");
    assert_string_equal(after(tenth, specialization, NULL), "0");
    assert_string_equal(after(seventh, specialization, "1"), "1"); /* the user's */
    assert_string_equal(after(third, specialization, NULL), "");
    assert_string_equal(after(other, specialization, NULL), "");
}

static void kernels_are_optimized(void **unused)
{
    assert_string_equal(after(seventh, flags, "-cl-opt-disable"), "");
    assert_string_equal(after(seventh, flags, "-cl-mad-enable"), "-cl-mad-enable");
    assert_string_equal(after(third, flags, "-cl-opt-disable"), "-cl-opt-disable");
    assert_string_equal(after(other, flags, "-cl-opt-disable"), "-cl-opt-disable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions),
        cmocka_unit_test(kernels_are_not_specialized),
        cmocka_unit_test(kernels_are_optimized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
