#include "ops/self_test.h"

#include <stdlib.h>
#include <string.h>

#include "core/choices.h"
#include "core/variable.h"
#include "ops/matrix_unit.h"
#include "ops/self_test_probe.h"
#include "ops/tuning.h"

_Static_assert(2 * TLI_KERNEL_FAMILIES <= TL_SELF_TEST_ROWS, "the public header promises room for all");

static const struct {
    const char *family;
    tli_probe_check check;
} checks[] = {
    {"add", tli_probe_add},
    {"clip", tli_probe_clip},
    {"column_sum", tli_probe_column_sum},
    {"embedding", tli_probe_embedding},
    {"convit", tli_probe_gated},
    {"decode_attention", tli_probe_decode_attention},
    {"gelu", tli_probe_gelu},
    {"gemm", tli_probe_gemm},
    {"gemv", tli_probe_gemv},
    {"image", tli_probe_image},
    {"layernorm", tli_probe_layernorm},
    {"loss", tli_probe_loss},
    {"optimizer", tli_probe_optimizer},
    {"pair_table", tli_probe_pairs},
    {"init", tli_probe_random},
    {"rope", tli_probe_rope},
    {"softmax", tli_probe_softmax},
    {"offset_gemm", tli_probe_offset_gemm},
};

tl_status tli_self_test_family(tl_context *ctx, const char *family, double *error)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (strcmp(checks[i].family, family) != 0) continue;
        tli_probe probe = {.ctx = ctx, .random = tli_random_make(1, (uint64_t)i)};
        const tli_matrix_unit_pause units = tli_matrix_unit_stop_for_now(ctx);
        const tl_status status = checks[i].check(&probe);
        tli_matrix_unit_resume(ctx, units);
        tli_probe_free(&probe);
        *error = probe.error;
        return status;
    }
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                    "kernels/%s.cl has no check in the table of ops/self_test.c", family);
}

bool tli_self_test_is_on(void)
{
    return tli_variable_value(TLI_VARIABLE_SELF_TEST, true) && getenv("TRANSLUTION_FAULT") == NULL;
}

tl_status tli_self_test_switch_on(tl_context *ctx)
{
    if (!tli_self_test_is_on()) return TL_OK;
    TLI_TRY(tli_tuning_check_with(ctx, tli_self_test_tile));
    return tli_kernel_forms_check_with(ctx, tli_self_test_family);
}

/* Checks all families in one form. */
static void self_test_form(tl_context *ctx, bool cpu, tl_self_test_row rows[TLI_KERNEL_FAMILIES])
{
    for (int i = 0; i < TLI_KERNEL_FAMILIES; i++) {
        const double error = tli_kernel_forms_try(ctx, tli_kernel_families[i].name, cpu,
                                                  tli_self_test_family);
        rows[i] = (tl_self_test_row){.kernels = tli_kernel_family_file(&tli_kernel_families[i], cpu),
                                     .form = cpu ? TL_PATH_CPU : TL_PATH_GPU,
                                     .error = error,
                                     .right = error <= 1};
        if (error > 1 && tl_context_error(ctx)->text[0] != '\0')
            tli_log_write(tli_context_log(ctx), TL_LOG_DETAIL, "self-test of kernels/%s.cl: %s",
                          rows[i].kernels, tl_context_error(ctx)->text);
    }
}

/* TL_ERROR_DEVICE when a family is right in none of the `forms` whose rows follow each other. */
static tl_status check_rows(tl_context *ctx, const tl_self_test_row *rows, int forms)
{
    for (int i = 0; i < TLI_KERNEL_FAMILIES; i++) {
        bool right = false;
        for (int form = 0; form < forms; form++) right |= rows[form * TLI_KERNEL_FAMILIES + i].right;
        if (!right)
            return tli_fail(tl_context_error(ctx), TL_ERROR_DEVICE,
                            "no form of kernels/%s.cl is right on %s: try another driver or device",
                            rows[i].kernels, tl_context_device(ctx)->name);
    }
    return TL_OK;
}

tl_status tl_self_test(tl_context *ctx, tl_kernel_path path, tl_self_test_row *rows, int capacity, int *count)
{
    tl_error *err = tl_context_error(ctx);
    if (ctx == NULL || rows == NULL || count == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_self_test takes a context, rows and a place for their count");
    *count = 0;
    TLI_TRY(tli_choice_check(&tli_path_choices, (int)path, err));
    const bool gpu = tli_context_has_form(ctx, false);
    if (path == TL_PATH_GPU && !gpu)
        return tli_fail(err, TL_ERROR_USAGE, "%s cannot run the kernels in their %s form: try another",
                        tl_context_device(ctx)->name, tli_choice_shown(&tli_path_choices, (int)path));
    const int forms = path == TL_PATH_AUTO && gpu ? 2 : 1;
    if (capacity < forms * TLI_KERNEL_FAMILIES)
        return tli_fail(err, TL_ERROR_USAGE, "there are %d rows, and the capacity is %d: make room for them",
                        forms * TLI_KERNEL_FAMILIES, capacity);
    TLI_TRY(tli_self_test_switch_on(ctx)); /* the checks use families in a correct form */
    self_test_form(ctx, path != TL_PATH_GPU, rows);
    if (forms == 2) self_test_form(ctx, false, rows + TLI_KERNEL_FAMILIES);
    *count = forms * TLI_KERNEL_FAMILIES;
    return check_rows(ctx, rows, forms);
}
