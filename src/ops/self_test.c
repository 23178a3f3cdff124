#include "ops/self_test.h"

#include <stdlib.h>
#include <string.h>

#include "ops/self_test_probe.h"

static const struct {
    const char *family;
    tli_probe_check check;
} checks[] = {
    {"add", tli_probe_add},
    {"clip", tli_probe_clip},
    {"column_sum", tli_probe_column_sum},
    {"embedding", tli_probe_embedding},
    {"convit", tli_probe_gated},
    {"gelu", tli_probe_gelu},
    {"gemm", tli_probe_gemm},
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
        const tl_status status = checks[i].check(&probe);
        tli_probe_free(&probe);
        *error = probe.error;
        return status;
    }
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                    "kernels/%s.cl has no check in the table of ops/self_test.c", family);
}

tl_status tli_self_test_switch_on(tl_context *ctx)
{
    const char *setting = getenv("TRANSLUTION_SELF_TEST");
    if ((setting != NULL && strcmp(setting, "off") == 0) || getenv("TRANSLUTION_FAULT") != NULL) return TL_OK;
    return tli_kernel_forms_check_with(ctx, tli_self_test_family);
}

void tli_self_test_form(tl_context *ctx, bool cpu, tli_self_test_row *rows)
{
    for (int i = 0; i < TLI_KERNEL_FAMILIES; i++) {
        const double error = tli_kernel_forms_try(ctx, tli_kernel_families[i].name, cpu,
                                                  tli_self_test_family);
        rows[i] = (tli_self_test_row){tli_kernel_family_file(&tli_kernel_families[i], cpu), error,
                                      error <= 1};
        if (error > 1 && tl_context_error(ctx)->text[0] != '\0')
            tli_log_write(tli_context_log(ctx), TL_LOG_DETAIL, "self-test of kernels/%s.cl: %s",
                          rows[i].kernels, tl_context_error(ctx)->text);
    }
}
