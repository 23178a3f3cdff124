/* Which form of each family of kernels serves in a context: the one that the context prefers or, where that fails its
 * self-test, the other one. */
#ifndef OPS_KERNEL_FORMS_H
#define OPS_KERNEL_FORMS_H

#include "device/device.h"

/* A family: kernels that are built, checked and replaced together. */
typedef struct tli_kernel_family {
    const char *name;
    /* Files of kernels/, one behind the other. NULL: a row or elementwise family, kernels/NAME.cl in both forms. */
    const char *cpu_files, *gpu_files;
} tli_kernel_family;

enum { TLI_KERNEL_FAMILIES = 16 };
extern const tli_kernel_family tli_kernel_families[TLI_KERNEL_FAMILIES];

/* Compares the kernels of a family, in the form that tli_kernel_form_of gives, with plain loops. *error: the largest, in units of
 * what rounding may do; above 1 the kernels are wrong. A failure: they cannot be built or run. */
typedef tl_status (*tli_kernel_check)(tl_context *ctx, const char *family, double *error);

/* From now on a family is checked before its first use in this context, or its result taken from the cache folder, which keeps
 * it for this device, driver, version of the program and text of the kernels. */
tl_status tli_kernel_forms_check_with(tl_context *ctx, tli_kernel_check check);

/* The family's form in this context; checks it first where that has not been done. */
tli_kernel_form tli_kernel_form_of(tl_context *ctx, const char *family);

/* Kernel `name` of a family in its form; TL_ERROR_DEVICE with the check's error when no form of the family is right. */
tl_status tli_family_kernel(tl_context *ctx, const char *family, const char *name, const char *options,
                            tli_kernel **out);

/* Runs `check` once with the family in this form. Infinite, with a message, when it cannot be built or run. */
double tli_kernel_forms_try(tl_context *ctx, const char *family, bool cpu, tli_kernel_check check);

/* The file of kernels/ that has the family's kernels in this form, without ".cl". */
const char *tli_kernel_family_file(const tli_kernel_family *family, bool cpu);

#endif
