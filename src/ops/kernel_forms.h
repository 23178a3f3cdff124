/* Selects the CPU or GPU form of each kernel family in a context: the context's preferred form or, if that
 * fails its self-test, the other. */
#ifndef OPS_KERNEL_FORMS_H
#define OPS_KERNEL_FORMS_H

#include "device/device.h"

/* A kernel family: kernels that are compiled, checked and replaced together. */
typedef struct tli_kernel_family {
    const char *name;
    /* Source files in kernels/, concatenated. gpu_files NULL: a row or elementwise family, whose files serve
     * both forms. */
    const char *cpu_files, *gpu_files;
    bool by_options; /* nothing in the CPU form builds without */
} tli_kernel_family;

enum { TLI_KERNEL_FAMILIES = 18 };
extern const tli_kernel_family tli_kernel_families[TLI_KERNEL_FAMILIES];

/* Compares the kernels of a family, in the form that tli_kernel_form_of gives, with plain loops. *error:
 * the largest error in units of the expected rounding error; above 1 is wrong. Fails when the kernels
 * cannot be built or run. */
typedef tl_status (*tli_kernel_check)(tl_context *ctx, const char *family, double *error);

/* Turns checking on: each family is checked before its first use in this context, unless the on-disk cache
 * has its error for this device, driver, program version and kernel source. What could not be built or run
 * is checked again in the next context unless the other form serves. */
tl_status tli_kernel_forms_check_with(tl_context *ctx, tli_kernel_check check);

/* The family's form in this context; checks it first if not yet done. */
tli_kernel_form tli_kernel_form_of(tl_context *ctx, const char *family);

/* Kernel `name` of a family in its form; TL_ERROR_DEVICE with the check's error when no form is correct. */
tl_status tli_family_kernel(tl_context *ctx, const char *family, const char *name, const char *options,
                            tli_kernel **out);

/* Runs `check` once with the family in this form, and keeps the result in the on-disk cache. Infinite when a
 * result is not finite or, with a message, when it cannot be built or run. */
double tli_kernel_forms_try(tl_context *ctx, const char *family, bool cpu, tli_kernel_check check);

/* Source file in kernels/ of the family's kernels in this form, without ".cl". */
const char *tli_kernel_family_file(const tli_kernel_family *family, bool cpu);

#endif
