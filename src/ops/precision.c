#include "ops/precision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/choices.h"
#include "core/number.h"
#include "ops/gemm_choice.h"
#include "ops/gemm_tensor.h"
#include "ops/self_test.h"

/* The largest error in all tiles that the device has, as of tli_gemm_measure_error; what could not run fails. */
static tl_status measure(tl_context *ctx, tl_precision precision, double *error)
{
    static const uint32_t tiles[] = {64, 128};
    const tl_precision used = tli_gemm_tensor_precision(ctx);
    const uint32_t before = tli_context_limits(ctx)->tile;
    const int count = before > 0 ? 1 : tli_context_form(ctx, false).wide_tiles ? 2 : 1;
    tl_status status = tli_gemm_tensor_use(ctx, precision);
    *error = 0;
    for (int i = 0; i < count && status == TL_OK; i++) {
        double off = 0;
        if (before == 0) tli_context_set_tile(ctx, tiles[i]);
        status = tli_gemm_measure_error(ctx, tli_gemm_tensor, precision, TLI_ALL_TRANSPOSES, &off);
        *error = fmax(*error, off);
    }
    tli_context_set_tile(ctx, before);
    const tl_status restored = tli_gemm_tensor_use(ctx, used);
    return status != TL_OK ? status : restored;
}

/* What is known of a device, driver, version and source stays in the on-disk cache; what could not run is tried again. */
static tl_status measure_once(tl_context *ctx, tl_precision precision, double *error)
{
    char name[96];
    unsigned char *data = NULL;
    size_t size = 0;
    (void)snprintf(name, sizeof name, "precision-%s-%s-%016llx-%u",
                   tli_choice_name(&tli_precision_choices, (int)precision), TL_VERSION,
                   (unsigned long long)tli_kernel_sources_hash(ctx), (unsigned)tli_context_limits(ctx)->tile);
    const bool kept = tli_cache_get(ctx, name, &data, &size) && size == sizeof *error;
    if (kept) memcpy(error, data, size);
    free(data);
    if (kept) return TL_OK;
    const tli_context_aside aside = tli_context_step_aside(ctx);
    const tl_status status = measure(ctx, precision, error);
    tl_error why = *tl_context_error(ctx);
    tli_context_step_back(ctx, &aside);
    if (status == TL_OK)
        tli_cache_put(ctx, name, error, sizeof *error);
    else
        *tl_context_error(ctx) = why;
    return status;
}

static void say_fallback(tl_context *ctx, tl_precision wanted, const char *why)
{
    tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE, "%s %s: dense products run in fp32 instead of %s",
                  tl_context_device(ctx)->name, why, tli_choice_shown(&tli_precision_choices, (int)wanted));
}

tl_status tli_precision_choose(tl_context *ctx, tl_precision wanted)
{
    tl_error *err = tl_context_error(ctx);
    char why[1200];
    double error = 0;
    TLI_TRY(tli_choice_check(&tli_precision_choices, (int)wanted, err));
    TLI_TRY(tli_gemm_tensor_use(ctx, TL_PRECISION_FP32));
    if (wanted == TL_PRECISION_FP32) return TL_OK;
    if (!tli_gemm_tensor_may(ctx)) {
        say_fallback(ctx, wanted, "has no tensor cores that the kernels for GPUs know, which are NVIDIA's");
        return TL_OK;
    }
    if (tli_self_test_is_on() && !tli_context_is_dry(ctx)) {
        const tl_error before = *err;
        if (measure_once(ctx, wanted, &error) != TL_OK) {
            (void)snprintf(why, sizeof why, "cannot build or run kernels/gemm_tensor.cl (%.1100s)",
                           err->text);
            *err = before;
            say_fallback(ctx, wanted, why);
            return TL_OK;
        }
        if (!(error <= 1)) {
            (void)tli_format(
                why, sizeof why,
                "gets kernels/gemm_tensor.cl wrong, by %.3g times the error that rounding explains", error);
            say_fallback(ctx, wanted, why);
            return TL_OK;
        }
    }
    tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE, "dense products run in %s, by tensor cores of %s",
                  tli_choice_shown(&tli_precision_choices, (int)wanted), tl_context_device(ctx)->name);
    return tli_gemm_tensor_use(ctx, wanted);
}

tl_precision tli_precision_of(tl_context *ctx)
{
    return tli_gemm_tensor_precision(ctx);
}

tl_status tl_precision_test(tl_context *ctx, tl_precision precision, bool *tried, double *error)
{
    tl_error *err = tl_context_error(ctx);
    if (ctx == NULL || tried == NULL || error == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_precision_test takes a context and places for its results: give all");
    *tried = false;
    *error = INFINITY;
    TLI_TRY(tli_choice_check(&tli_precision_choices, (int)precision, err));
    if (precision == TL_PRECISION_FP32)
        return tli_fail(err, TL_ERROR_USAGE, "fp32 is what tl_self_test tests: give another precision");
    if (!tli_gemm_tensor_may(ctx)) return TL_OK;
    *tried = true;
    double found = INFINITY;
    if (measure(ctx, precision, &found) == TL_OK) *error = found;
    return TL_OK;
}
