#include "train/every_program.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/model.h"
#include "models/presets.h"
#include "ops/gemm_tensor.h"
#include "ops/kernel_forms.h"
#include "ops/offset_gemm_tensor.h"
#include "train/step.h"

static tl_status take_steps(tl_context *ctx, tl_model *model, const tl_settings *s, uint32_t smallest,
                            const void *zeros)
{
    const optimizer_settings optimizer = tli_step_optimizer(s, s->training.lr, 1);
    for (uint32_t count = s->training.batch_size; count >= smallest; count /= 2) {
        const tl_batch batch = {
            .count = count, .images = zeros, .tokens = zeros, .length = s->model.seq_len, .targets = zeros};
        TLI_TRY(tli_model_set_batch(ctx, model, &batch));
        TLI_TRY(tli_step_gradients(ctx, model, 0));
        TLI_TRY(tli_registry_update(ctx, tli_model_registry(model), &optimizer));
    }
    return TL_OK;
}

tl_status tli_dry_steps(tl_context *ctx, const tl_settings *s, uint32_t smallest)
{
    const bool is_text = s->model.arch == TL_ARCH_GPT;
    const uint64_t sample = is_text ? s->model.seq_len : tli_model_image_values(&s->model);
    /* images, ids and targets alike: a dry context reads nothing but what the host checks */
    void *zeros = calloc(1 + s->training.batch_size * sample, sizeof(float));
    tl_model *model = NULL;
    tl_status status = TL_OK;
    if (zeros == NULL)
        status = tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                          "the host has no memory left for a batch of %u samples", s->training.batch_size);
    if (status == TL_OK)
        status = tli_model_create(ctx, &s->model,
                                  &(tl_model_options){.batch = s->training.batch_size, .training = true},
                                  tli_optimizer_rule_of(s->training.optimizer), &model);
    if (status == TL_OK) status = take_steps(ctx, model, s, smallest, zeros);
    tli_model_destroy(ctx, model);
    free(zeros);
    return status;
}

/* Every set of relative roles that the operation may have, and every kind of positions. */
static tl_status take_operation(tl_context *ctx, tl_settings *s, tl_op_kind op)
{
    const op_rule *rule = tli_op_rule_of(op);
    s->model.op = op;
    s->model.window = rule->window == OP_WINDOW_KERNEL ? 1 : 0;
    for (int r = 0; r < (rule->chooses ? tli_role_choices.count : 1); r++)
        for (int p = 0; p < tli_positions_choices.count; p++) {
            s->model.relative = rule->chooses ? (tl_roles)tli_role_choices.items[r].value : 0;
            s->model.positions = (tl_positions)tli_positions_choices.items[p].value;
            /* The forms for CPUs depend on the batch, by powers of two: the full one, its half, ... and one sample. */
            if (tli_op_takes_positions(op, s->model.positions)) TLI_TRY(tli_dry_steps(ctx, s, 1));
        }
    return TL_OK;
}

/* Families whose kernels serve every shape; some of them no training step needs. */
static tl_status take_rows(tl_context *ctx)
{
    for (int i = 0; i < TLI_KERNEL_FAMILIES; i++) {
        const tli_kernel_family *family = &tli_kernel_families[i];
        tli_kernel *kernel; /* which one of the family makes no difference to a dry context */
        if (family->gpu_files == NULL)
            TLI_TRY(tli_family_kernel(ctx, family->name, family->name, "", &kernel));
    }
    return TL_OK;
}

/* What models transpose and the tiles that the unit's devices have (src/device/forms.c); products by offset of every preset's widths; of the
 * first's also where q or k is projected alike for all offsets. */
static tl_status take_precision(tl_context *ctx, tli_matrix_unit unit, tl_precision precision, int tiles)
{
    enum { TRANSPOSITIONS = 3 }; /* no model transposes both */
    enum { QK = TL_ROLE_Q | TL_ROLE_K };
    static const uint32_t sides[] = {64, 128};
    tli_kernel *kernel;
    for (int t = 0; t < TRANSPOSITIONS; t++)
        for (int tile = 0; tile < tiles; tile++)
            TLI_TRY(tli_gemm_tensor_kernel(ctx, unit, precision, t & 1, t >> 1, sides[tile], &kernel));
    for (int size = 0; tli_preset_at(size) != NULL; size++) {
        const tli_preset *preset = tli_preset_at(size);
        const uint32_t width = preset->heads * preset->head_dim;
        for (int roles = size == 0 ? TL_ROLE_Q : QK; roles <= QK; roles++) {
            char widths[160];
            const int used = snprintf(widths, sizeof widths, "-DINNER=%u -DHEADS=%u -DHEAD_DIM=%u",
                                      preset->dim, preset->heads, preset->head_dim);
            if (roles != QK)
                (void)snprintf(widths + used, sizeof widths - (size_t)used,
                               " -DQ_PER_OFFSET=%d -DK_PER_OFFSET=%d -DQ_STRIDE=%u -DK_STRIDE=%u",
                               roles == TL_ROLE_Q, roles == TL_ROLE_K, width, width);
            TLI_TRY(
                tli_offset_gemm_tensor_kernel(ctx, unit, precision, "offset_gemm_values", widths, &kernel));
        }
    }
    return TL_OK;
}

static tl_status take_precisions(tl_context *ctx, tli_matrix_unit unit, int tiles)
{
    for (int p = 0; p < tli_precision_choices.count; p++) {
        const tl_precision precision = (tl_precision)tli_precision_choices.items[p].value;
        if (tli_matrix_unit_has(unit, precision)) TLI_TRY(take_precision(ctx, unit, precision, tiles));
    }
    return TL_OK;
}

tl_status tli_every_program(tl_context *ctx)
{
    TLI_TRY(take_rows(ctx));
    if (!tli_context_limits(ctx)->cpu_path) {
        TLI_TRY(take_precisions(ctx, TLI_UNIT_MMA, 2));
        TLI_TRY(take_precisions(ctx, TLI_UNIT_MFMA, 1));
        TLI_TRY(take_precisions(ctx, TLI_UNIT_DPAS8, 1));
        TLI_TRY(take_precisions(ctx, TLI_UNIT_DPAS16, 1));
    }
    for (int t = 0; tli_task_at(t) != NULL; t++)
        for (int size = 0; tli_preset_at(size) != NULL; size++) {
            tl_settings s;
            (void)tl_settings_default(&s, tli_task_at(t)->name);
            tli_preset_apply(tli_preset_at(size), &s.model);
            s.model.depth = 1;
            s.model.recompute = true; /* the same kernels, in rows that 32 bits count */
            for (int op = 0; op < tli_op_choices.count; op++)
                TLI_TRY(take_operation(ctx, &s, (tl_op_kind)tli_op_choices.items[op].value));
        }
    return TL_OK;
}
