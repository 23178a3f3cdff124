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

/* The largest error in all tiles that the device has, as of tli_gemm_measure_error; what could not run fails. The kernels beside them
 * are checked first, in fp32: the self-test is on. */
static tl_status measure(tl_context *ctx, tl_precision precision, double *error)
{
    static const uint32_t tiles[] = {64, 128};
    const uint32_t before = tli_context_limits(ctx)->tile;
    const int count = before > 0 ? 1 : tli_context_form(ctx, false).wide_tiles ? 2 : 1;
    const tli_matrix_unit_pause units = tli_matrix_unit_stop_for_now(ctx);
    *error = 0;
    tl_status status = tli_matrix_unit_use(ctx, precision);
    for (int i = 0; i < count && status == TL_OK; i++) {
        double off = 0;
        if (before == 0) tli_context_set_tile(ctx, tiles[i]);
        status = tli_gemm_measure_error(ctx, tli_gemm_tensor, precision, TLI_ALL_TRANSPOSES, &off);
        *error = fmax(*error, off);
    }
    tli_context_set_tile(ctx, before);
    if (status == TL_OK) {
        double off = 0;
        status = tli_self_test_offset_precision(ctx, precision, &off);
        *error = fmax(*error, off);
    }
    tli_matrix_unit_resume(ctx, units);
    return status;
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

/* Bytes of a sentence without its end, which fits a notice: why a device cannot. */
enum { WHY = 1400 };

/* Products by offset are checked for it, in fp32; where their form for CPUs has to serve, matrix units do not. The self-test is on. */
static bool has_gpu_form(tl_context *ctx)
{
    return !tli_kernel_form_of(ctx, "offset_gemm").cpu;
}

/* Why the context's device has fp32 instead, and "" where it has not. */
static void find_fault(tl_context *ctx, tl_precision wanted, char why[WHY])
{
    const char *name = tl_context_device(ctx)->name;
    tl_error *err = tl_context_error(ctx);
    const tl_error before = *err;
    double error = 0;
    why[0] = '\0';
    if (!tli_matrix_unit_may(ctx, wanted)) {
        (void)snprintf(
            why, WHY,
            "%s has no tensor cores for %s that the kernels for GPUs know: NVIDIA's have tf32 and bf16, "
            "AMD's from CDNA2 on and Intel's with XMX bf16",
            name, tli_choice_shown(&tli_precision_choices, (int)wanted));
        return;
    }
    if (!tli_self_test_is_on() || tli_context_is_dry(ctx)) return;
    tl_status status = tli_self_test_switch_on(ctx);
    if (status == TL_OK && !has_gpu_form(ctx)) {
        (void)snprintf(why, WHY, "%s gets kernels/offset_gemm_gpu.cl wrong in fp32", name);
        return;
    }
    if (status == TL_OK) status = measure_once(ctx, wanted, &error);
    if (status != TL_OK) {
        (void)snprintf(why, WHY,
                       "%s cannot build or run the kernels for tensor cores, or those beside them (%.1000s)",
                       name, err->text);
        *err = before;
        return;
    }
    if (!(error <= 1))
        (void)tli_format(
            why, WHY,
            "%s gets the kernels for tensor cores wrong, by %.3g times the error that rounding explains",
            name, error);
}

/* `why` becomes that of the first rank that has one, with its number, in all ranks. */
static tl_status share_fault(tl_ranks *ranks, char why[WHY], tl_error *err)
{
    if (ranks == NULL) return TL_OK;
    const int rank = tl_ranks_rank(ranks), size = tl_ranks_size(ranks);
    char theirs[WHY] = "";
    int from_end = why[0] != '\0' ? size - rank : 0; /* of the first; 0: none */
    TLI_TRY(tli_ranks_largest(ranks, &from_end, err));
    const int first = size - from_end;
    if (from_end == 0) return TL_OK;
    (void)snprintf(theirs, WHY, "%s", why);
    if (first > 0 && rank == first) TLI_TRY(tli_ranks_exchange(ranks, 0, theirs, WHY, NULL, 0, err));
    if (first > 0 && rank == 0) TLI_TRY(tli_ranks_exchange(ranks, first, NULL, 0, theirs, WHY, err));
    TLI_TRY(tli_ranks_broadcast(ranks, theirs, WHY, err));
    (void)snprintf(why, WHY, "rank %d: %.*s", first, WHY - 20, theirs);
    return TL_OK;
}

/* Matrix cores of fp32 serve where own kernels are asked for (--gemm own) and they are right: how fast they are was never measured. No
 * notice says why not, as nothing is lost; ranks may differ, as in other fp32 kernels. */
static tl_status choose_fp32(tl_context *ctx)
{
    char why[WHY];
    if (tli_context_limits(ctx)->gemm != TL_GEMM_OWN || !tli_self_test_is_on() || tli_context_is_dry(ctx))
        return TL_OK;
    find_fault(ctx, TL_PRECISION_FP32, why);
    if (why[0] != '\0') return TL_OK;
    tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE, "products run by matrix cores of %s, in fp32",
                  tl_context_device(ctx)->name);
    return tli_matrix_unit_use(ctx, TL_PRECISION_FP32);
}

tl_status tli_precision_choose(tl_context *ctx, tl_ranks *ranks, tl_precision wanted)
{
    const char *name = tli_choice_shown(&tli_precision_choices, (int)wanted);
    char why[WHY];
    TLI_TRY(tli_choice_check(&tli_precision_choices, (int)wanted, tl_context_error(ctx)));
    tli_matrix_unit_stop(ctx);
    if (wanted == TL_PRECISION_FP32) return choose_fp32(ctx);
    find_fault(ctx, wanted, why);
    TLI_TRY(share_fault(ranks, why, tl_context_error(ctx)));
    if (why[0] != '\0') {
        tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE, "%s: products run in fp32 instead of %s", why,
                      name);
        return choose_fp32(ctx);
    }
    tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE, "products run in %s, by tensor cores of %s", name,
                  tl_context_device(ctx)->name);
    return tli_matrix_unit_use(ctx, wanted);
}

tl_precision tli_precision_of(tl_context *ctx)
{
    return tli_matrix_unit_precision(ctx);
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
    if (!tli_matrix_unit_may(ctx, precision)) return TL_OK;
    *tried = true;
    double found = INFINITY;
    if (tli_self_test_switch_on(ctx) == TL_OK && has_gpu_form(ctx) &&
        measure(ctx, precision, &found) == TL_OK)
        *error = found;
    return TL_OK;
}
