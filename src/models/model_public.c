/* tl_model of the public header: checks of arguments and of the order of calls. Files are in
 * tasks/object_files.c. */
#include <string.h>

#include "core/config.h"
#include "models/arch.h"

tl_status tli_model_own_check(tl_context *ctx, const tl_model *m)
{
    return tli_context_check(ctx, m, "model");
}

/* Checks also that its tensors are alive: users get them from tl_model_parameter and might destroy one. */
static tl_status check_whole_model(tl_context *ctx, tl_model *m)
{
    TLI_TRY(tli_model_own_check(ctx, m));
    return tli_registry_check(ctx, &m->registry);
}

tl_status tli_model_options_take(tl_context *ctx, const tl_model_options *options, tl_model_options *own)
{
    tl_error *err = tl_context_error(ctx);
    TLI_TRY(TLI_CONFIG_TAKE(own, options, tl_model_options, err));
    if (own->kv_cache && own->training)
        return tli_fail(err, TL_ERROR_USAGE,
                        "kv_cache is for inference: it cannot be combined with training");
    return TL_OK;
}

tl_status tl_model_create(tl_context *ctx, const tl_model_config *config, const tl_model_options *options,
                          tl_model **out)
{
    tl_error *err = tl_context_error(ctx);
    tl_model_config own;
    tl_model_options how;
    if (ctx == NULL || config == NULL || options == NULL || out == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a model to be made needs a context, a configuration, options and a place for its "
                        "handle");
    *out = NULL;
    TLI_TRY(TLI_CONFIG_TAKE(&own, config, tl_model_config, err));
    TLI_TRY(tli_model_options_take(ctx, options, &how));
    if (own.offset_ranks > 1)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "the model's `offset_ranks` is %u: only a run shares a model's matrices by offset out",
            own.offset_ranks);
    tl_model *m;
    TLI_TRY(tli_model_create(ctx, &own, &how, NULL, &m));
    const tl_status status = tli_registry_init(ctx, &m->registry, how.seed);
    if (status == TL_OK)
        *out = m;
    else
        tli_model_destroy(ctx, m);
    return status;
}

void tl_model_destroy(tl_context *ctx, tl_model *m)
{
    if (m != NULL && tli_model_own_check(ctx, m) == TL_OK) tli_model_destroy(ctx, m);
}

const tl_model_config *tl_model_configuration(const tl_model *m)
{
    return m != NULL ? &m->config : NULL;
}

/* ---- parameters ---------------------------------------------------------------------------------- */

bool tl_model_parameter_at(tl_model *m, int index, tl_parameter *out)
{
    if (m == NULL || out == NULL || index < 0 || index >= m->registry.count) return false;
    *out = tli_parameter_shown(&m->registry.items[index]);
    return true;
}

bool tl_model_parameter(tl_model *m, const char *name, tl_parameter *out)
{
    const tli_parameter *p = m != NULL && name != NULL ? tli_registry_find(&m->registry, name) : NULL;
    if (p == NULL || out == NULL) return false;
    *out = tli_parameter_shown(p);
    return true;
}

/* ---- a step -------------------------------------------------------------------------------------- */

tl_status tl_model_forward(tl_context *ctx, tl_model *m, const tl_batch *batch)
{
    tl_batch own;
    TLI_TRY(check_whole_model(ctx, m));
    if (batch == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the batch is missing: tl_model_forward takes one");
    TLI_TRY(TLI_CONFIG_TAKE(&own, batch, tl_batch, tl_context_error(ctx)));
    TLI_TRY(tli_model_set_batch(ctx, m, &own));
    return tli_model_forward(ctx, m);
}

static tl_status check_forwarded(tl_context *ctx, const tl_model *m, const char *what)
{
    if (m->stage >= TLI_STAGE_FORWARD) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "there is no %s yet: call tl_model_forward first",
                    what);
}

uint64_t tl_model_logits_count(const tl_model *m)
{
    if (m == NULL || m->stage == TLI_STAGE_NONE) return 0;
    return (uint64_t)tli_model_predictions(m) * m->arch->outputs(&m->config);
}

tl_status tl_model_read_logits(tl_context *ctx, tl_model *m, float *logits)
{
    TLI_TRY(tli_model_own_check(ctx, m));
    if (logits == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "the array for the logits is missing");
    TLI_TRY(check_forwarded(ctx, m, "logit"));
    return m->arch->read_logits(ctx, m, logits);
}

tl_tensor *tl_model_logits(tl_model *m)
{
    return m != NULL && m->arch->logits >= 0 ? m->buffers[m->arch->logits] : NULL;
}

tl_status tl_model_loss(tl_context *ctx, tl_model *m, float *loss)
{
    TLI_TRY(tli_model_own_check(ctx, m));
    TLI_TRY(check_forwarded(ctx, m, "loss"));
    if (m->stage == TLI_STAGE_FORWARD) TLI_TRY(tli_model_loss(ctx, m, 0));
    if (!m->has_loss)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "this batch has the caller's own gradient and no loss: call tl_model_loss before "
                        "tl_model_backward_from");
    return loss != NULL ? tli_model_read_losses(ctx, m, 0, 1, loss) : TL_OK;
}

static tl_status check_training(tl_context *ctx, tl_model *m)
{
    TLI_TRY(check_whole_model(ctx, m));
    if (m->training) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                    "the model was made for inference: set training in its tl_model_options to go backward.");
}

tl_status tl_model_backward(tl_context *ctx, tl_model *m)
{
    TLI_TRY(check_training(ctx, m));
    if (m->stage != TLI_STAGE_LOSS)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "backward needs a loss: call tl_model_forward and tl_model_loss before each "
                        "tl_model_backward");
    return tli_model_backward(ctx, m);
}

static tl_status check_own_gradient(tl_context *ctx, tl_model *m)
{
    TLI_TRY(check_training(ctx, m));
    if (m->stage == TLI_STAGE_FORWARD || m->stage == TLI_STAGE_LOSS) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                    "backward needs what forward keeps: call tl_model_forward before each "
                    "tl_model_backward_from");
}

tl_status tl_model_backward_from(tl_context *ctx, tl_model *m, const float *d_logits)
{
    TLI_TRY(check_own_gradient(ctx, m));
    if (d_logits == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "d_logits, the gradient of the logits, is missing");
    m->stage = TLI_STAGE_BATCH; /* until it is complete */
    TLI_TRY(m->arch->set_gradient(ctx, m, d_logits));
    return tli_model_backward(ctx, m);
}

tl_status tl_model_backward_from_tensor(tl_context *ctx, tl_model *m, const tl_tensor *d_logits)
{
    TLI_TRY(check_own_gradient(ctx, m));
    const uint64_t count = tl_model_logits_count(m);
    if (m->arch->d_logits < 0)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the logits of a GPT are never in memory at once: give their gradient to "
                        "tl_model_backward_from");
    TLI_TRY(tli_tensor_check_room(ctx, "d_logits", d_logits, count));
    TLI_TRY(tli_copy(ctx, tli_at(d_logits, 0), tli_model_at(m, m->arch->d_logits), count));
    return tli_model_backward(ctx, m);
}
