#include "ops/kernel_forms.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

const tli_kernel_family tli_kernel_families[TLI_KERNEL_FAMILIES] = {
    {"add", "add", NULL, false},
    {"clip", "clip", NULL, false},
    {"column_sum", "column_sum", NULL, false},
    {"embedding", "embedding_sizes+embedding", NULL, false},
    {"convit", "convit_sizes+convit", NULL, false},
    {"decode_attention", "decode_attention_sizes+decode_attention", NULL, false},
    {"gelu", "gelu", NULL, false},
    {"gemv", "gemv_sizes+gemv", NULL, false},
    {"image", "image_sizes+image", NULL, false},
    {"layernorm", "layernorm_sizes+layernorm", NULL, false},
    {"loss", "loss_sizes+loss", NULL, false},
    {"optimizer", "optimizer_sizes+optimizer", NULL, false},
    {"pair_table", "transpose+pair_table", NULL, false},
    {"init", "init", NULL, false},
    {"rope", "rope", NULL, false},
    {"softmax", "softmax", NULL, false},
    {"gemm", "gemm_sizes+transpose+tile_sizes+tile+gemm", "gemm_sizes+gemm_finish+tile_fma+tile_gpu+gemm_gpu",
     false},
    {"offset_gemm",
     "offset_gemm_sizes+transpose+tile_sizes+tile+narrow_offset_gemm+offset_gemv+"
     "offset_gemm_rows+offset_gemm_gradient+offset_gemm",
     "offset_gemm_sizes+tile_fma+tile_gpu+offset_gemm_columns+offset_gemm_gpu", true},
};

/* ---- state stored with a context -------------------------------------------------------------------- */

typedef struct family_state {
    bool chosen, cpu;
    tl_error *refusal; /* set when no form is correct */
} family_state;

/* Error of a form as kept in the on-disk cache: as of tli_kernel_check, or one of these. */
#define NOT_KNOWN   (-1.0)
#define NOT_FINITE  DBL_MAX  /* it ran, and a result is not finite */
#define DID_NOT_RUN INFINITY /* it could not be built or run */

enum { FORMS = 2 }; /* 0: GPU, 1: CPU, as of the parameter `cpu` */

typedef struct forms {
    tli_kernel_check check; /* NULL: no checking, all families use the context's preferred form */
    family_state family[TLI_KERNEL_FAMILIES];
    double kept[TLI_KERNEL_FAMILIES][FORMS]; /* as in the on-disk cache */
    bool recalled;
    /* In the CPU form all kernels that need no options are one program, "add+clip+...": a runtime that compiles
     * kernels at their first launch, or has them cached, pays the compiler's front end once per program, so one
     * program starts sooner than one a family. */
    char together[400];
    bool apart; /* that program does not build: build the families one by one */
} forms;

static void destroy_forms(void *data)
{
    forms *f = data;
    for (int i = 0; i < TLI_KERNEL_FAMILIES; i++) free(f->family[i].refusal);
    free(f);
}

static forms *forms_of(tl_context *ctx)
{
    tli_user_data *slot = tli_context_user_data(ctx, TLI_SLOT_KERNEL_FORMS);
    if (slot->data != NULL) return slot->data;
    forms *f = calloc(1, sizeof *f);
    for (int i = 0; f != NULL && i < TLI_KERNEL_FAMILIES; i++) {
        for (int cpu = 0; cpu < FORMS; cpu++) f->kept[i][cpu] = NOT_KNOWN;
        if (tli_kernel_families[i].by_options) continue;
        const size_t used = strlen(f->together);
        (void)snprintf(f->together + used, sizeof f->together - used, "%s%s", used > 0 ? "+" : "",
                       tli_kernel_families[i].cpu_files);
    }
    if (f != NULL) *slot = (tli_user_data){f, destroy_forms};
    return f;
}

static int family_index(const char *name)
{
    for (int i = 0; i < TLI_KERNEL_FAMILIES; i++)
        if (strcmp(tli_kernel_families[i].name, name) == 0) return i;
    return -1;
}

tl_status tli_kernel_forms_check_with(tl_context *ctx, tli_kernel_check check)
{
    forms *f = forms_of(ctx);
    if (f == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "out of host memory for the table of kernels' forms");
    f->check = check;
    return TL_OK;
}

static const char *files_of(const tli_kernel_family *family, bool cpu)
{
    return cpu || family->gpu_files == NULL ? family->cpu_files : family->gpu_files;
}

const char *tli_kernel_family_file(const tli_kernel_family *family, bool cpu)
{
    const char *files = files_of(family, cpu), *last = strrchr(files, '+');
    return last != NULL ? last + 1 : files;
}

/* ---- results in the on-disk cache ------------------------------------------------------------------- */

static void cache_name(tl_context *ctx, char *name, size_t size)
{
    const tli_kernel_form cpu = tli_context_form(ctx, true), gpu = tli_context_form(ctx, false);
    (void)snprintf(name, size, "self-test-%s-%016llx-%u-%u-%u", TL_VERSION,
                   (unsigned long long)tli_kernel_sources_hash(ctx), (unsigned)cpu.vector_width,
                   (unsigned)gpu.row_group, (unsigned)gpu.tile);
}

static void recall_results(tl_context *ctx, forms *f)
{
    char name[96];
    unsigned char *data = NULL;
    size_t size = 0;
    if (f->recalled) return;
    f->recalled = true;
    cache_name(ctx, name, sizeof name);
    if (!tli_cache_get(ctx, name, &data, &size)) return;
    if (size == sizeof f->kept) memcpy(f->kept, data, size);
    free(data);
}

static void keep_results(tl_context *ctx, const forms *f)
{
    char name[96];
    cache_name(ctx, name, sizeof name);
    tli_cache_put(ctx, name, f->kept, sizeof f->kept);
}

/* ---- the choice ----------------------------------------------------------------------------------- */

static const char *form_name(bool cpu)
{
    return cpu ? "CPU" : "GPU";
}

static double try_form(tl_context *ctx, forms *f, int i, bool cpu, tli_kernel_check check)
{
    const family_state before = f->family[i];
    double error = 0;
    f->family[i] = (family_state){.chosen = true, .cpu = cpu};
    if (check(ctx, tli_kernel_families[i].name, &error) != TL_OK)
        error = DID_NOT_RUN;
    else if (!isfinite(error))
        error = NOT_FINITE;
    f->family[i] = before;
    return error;
}

double tli_kernel_forms_try(tl_context *ctx, const char *family, bool cpu, tli_kernel_check check)
{
    forms *f = forms_of(ctx);
    const int i = family_index(family);
    if (f == NULL || i < 0) return INFINITY;
    recall_results(ctx, f);
    const double error = try_form(ctx, f, i, cpu, check);
    f->kept[i][cpu] = isinf(error) ? NOT_KNOWN : error;
    keep_results(ctx, f);
    return error < NOT_FINITE ? error : INFINITY;
}

/* Stores the error message for later requests for a kernel of the family. */
static void refuse_family(tl_context *ctx, forms *f, int i, bool cpu)
{
    const double error = f->kept[i][cpu];
    char what[1200] = "with a result that is not finite";
    tl_error *refusal = f->family[i].refusal = calloc(1, sizeof *refusal);
    if (refusal == NULL) return; /* out of memory: use the family unchecked */
    if (isinf(error))
        (void)snprintf(what, sizeof what, "(%.1100s)", tl_context_error(ctx)->text);
    else if (error < NOT_FINITE)
        (void)tli_format(what, sizeof what, "with %.3g times the error that rounding explains", error);
    (void)tli_fail(refusal, TL_ERROR_DEVICE,
                   "kernels/%s.cl, in the form for %ss%s, fails its self-test on %s, driver %s, %s: try "
                   "another driver or "
                   "device (`translution devices --self-test` shows what is right on it), or set "
                   "TRANSLUTION_SELF_TEST=off to "
                   "run in spite of it",
                   tli_kernel_family_file(&tli_kernel_families[i], cpu), form_name(cpu),
                   tli_context_limits(ctx)->path_given ? " that was asked for" : "",
                   tl_context_device(ctx)->name, tl_context_device(ctx)->driver, what);
}

/* Chooses the preferred form or, if it is wrong and `change` allows it, the other; tests those whose errors
 * are not known. */
static void test_family(tl_context *ctx, forms *f, int i, bool change)
{
    const bool own = tli_context_limits(ctx)->cpu_path;
    double *kept = f->kept[i];
    tl_context_error(ctx)->text[0] = '\0';
    if (kept[own] == NOT_KNOWN) kept[own] = try_form(ctx, f, i, own, f->check);
    const tl_error why = *tl_context_error(ctx);
    if (kept[own] > 1 && change && kept[!own] == NOT_KNOWN) kept[!own] = try_form(ctx, f, i, !own, f->check);
    *tl_context_error(ctx) = why;
    const bool other = kept[own] > 1 && change && kept[!own] <= 1;
    f->family[i].cpu = other ? !own : own;
    if (kept[own] <= 1 || other) return;
    refuse_family(ctx, f, i, own);
    /* What could not be built or run is tried again at the next start: memory or a disk may have been full. */
    for (int cpu = 0; cpu < FORMS; cpu++)
        if (isinf(kept[cpu])) kept[cpu] = NOT_KNOWN;
}

static void choose_form(tl_context *ctx, forms *f, int i)
{
    const tli_limits *limits = tli_context_limits(ctx);
    const bool own = limits->cpu_path, change = !limits->path_given && tli_context_has_form(ctx, !own);
    family_state *family = &f->family[i];
    recall_results(ctx, f);
    if (!change && isinf(f->kept[i][own])) f->kept[i][own] = NOT_KNOWN; /* a refusal needs its message */
    double before[FORMS];
    memcpy(before, f->kept[i], sizeof before);
    const tli_context_aside aside = tli_context_step_aside(ctx);
    test_family(ctx, f, i, change);
    tli_context_step_back(ctx, &aside);
    if (memcmp(before, f->kept[i], sizeof before) != 0) keep_results(ctx, f);
    family->chosen = true;
    if (family->cpu == own) return;
    tli_log_write(
        tli_context_log(ctx), TL_LOG_NOTICE,
        "kernels/%s.cl, in the form for %ss, fails its self-test on %s: the form for %ss serves (see "
        "`translution devices --self-test`)",
        tli_kernel_family_file(&tli_kernel_families[i], own), form_name(own), tl_context_device(ctx)->name,
        form_name(family->cpu));
}

static const family_state *state_of_family(tl_context *ctx, int i)
{
    forms *f = tli_context_user_data(ctx, TLI_SLOT_KERNEL_FORMS)->data;
    if (f == NULL || tli_context_is_dry(ctx))
        return NULL; /* nothing can be checked there: the preferred form */
    if (!f->family[i].chosen && f->check == NULL) return NULL;
    if (!f->family[i].chosen) choose_form(ctx, f, i);
    return &f->family[i];
}

tli_kernel_form tli_kernel_form_of(tl_context *ctx, const char *family)
{
    const int i = family_index(family);
    const family_state *state = i >= 0 ? state_of_family(ctx, i) : NULL;
    return tli_context_form(ctx, state != NULL ? state->cpu : tli_context_limits(ctx)->cpu_path);
}

/* From the program of all families in the CPU form; if one does not build, only that one fails. */
static tl_status get_kernel(tl_context *ctx, bool cpu, const tli_kernel_family *family, const char *name,
                            const char *options, tli_kernel **out)
{
    forms *f = cpu && !family->by_options && options[0] == '\0' ? forms_of(ctx) : NULL;
    if (f != NULL && !f->apart) {
        if (tli_kernel_get_form(ctx, cpu, f->together, name, options, out) == TL_OK) return TL_OK;
        f->apart = true;
    }
    return tli_kernel_get_form(ctx, cpu, files_of(family, cpu), name, options, out);
}

tl_status tli_family_kernel(tl_context *ctx, const char *family, const char *name, const char *options,
                            tli_kernel **out)
{
    const int i = family_index(family);
    if (i < 0)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "kernels/%s.cl is missing in the table of ops/kernel_forms.c", family);
    const family_state *state = state_of_family(ctx, i);
    if (state != NULL && state->refusal != NULL) {
        *tl_context_error(ctx) = *state->refusal;
        return TL_ERROR_DEVICE;
    }
    const bool cpu = state != NULL ? state->cpu : tli_context_limits(ctx)->cpu_path;
    return get_kernel(ctx, cpu, &tli_kernel_families[i], name, options, out);
}
