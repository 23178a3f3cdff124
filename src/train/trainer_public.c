/* tl_trainer of the public header, and tl_train on top of it. */
#include <math.h>
#include <stdlib.h>

#include "core/config.h"
#include "train/training_run.h"

struct tl_trainer {
    tl_settings settings;
    tl_hooks hooks;
    training_run run;
    bool failed, finished;
};

static void trainer_free(tl_trainer *t)
{
    if (t->run.model != NULL && !tli_context_owns(t->run.ctx, t->run.model))
        t->run.model = NULL; /* the caller has destroyed it */
    tli_run_close(&t->run);
    free(t);
}

/* *out is the trainer also of a run that could not be opened: its settings say how far it came. NULL: there is
 * none. */
static tl_status trainer_open(tl_context *ctx, const tl_trainer_config *c, tl_trainer **out)
{
    tl_error *err = tl_context_error(ctx);
    *out = NULL;
    TLI_TRY(tli_run_check(c->settings, err));
    tl_trainer *t = calloc(1, sizeof *t);
    if (t == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a trainer");
    *out = t;
    t->settings = *c->settings;
    t->hooks.size = sizeof t->hooks;
    t->run = (training_run){.ctx = ctx, .s = &t->settings, .hooks = &t->hooks, .best = (double)NAN};
    if (c->hooks != NULL) TLI_TRY(TLI_CONFIG_TAKE(&t->hooks, c->hooks, tl_hooks, err));
    return tli_run_open(&t->run, c->data);
}

static tl_status trainer_train(tl_trainer *t, tl_result *result)
{
    training_run *r = &t->run;
    *result = tli_result_empty();
    const tl_status status = tli_run_train(r, result);
    t->failed = status != TL_OK && status != TL_INTERRUPTED;
    t->finished = status == TL_OK && r->done == r->total;
    if ((status == TL_ERROR_DEVICE || status == TL_ERROR_IO) && r->saved > 0)
        tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE,
                      "%s holds the checkpoint after step %llu: `run.resume` goes on there", r->dir.path,
                      (unsigned long long)r->saved);
    return status;
}

tl_status tl_train(tl_context *ctx, tl_settings *settings, const tl_hooks *hooks, tl_result *result)
{
    if (ctx == NULL || settings == NULL || result == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "tl_train takes a context, settings and a result");
    tl_trainer *t;
    *result = tli_result_empty();
    tl_status status = trainer_open(ctx, &(tl_trainer_config){.settings = settings, .hooks = hooks}, &t);
    if (status == TL_OK) status = trainer_train(t, result);
    if (t == NULL) return status;
    *settings = t->settings;
    trainer_free(t);
    return status;
}

/* ---- the trainer --------------------------------------------------------------------------------- */

static void disown_and_free(tl_context *ctx, void *object)
{
    tli_context_disown(ctx, object);
    trainer_free(object);
}

tl_status tl_trainer_create(tl_context *ctx, const tl_trainer_config *config, tl_trainer **out)
{
    tl_error *err = tl_context_error(ctx);
    if (ctx == NULL || config == NULL || out == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a trainer to be made needs a context, a configuration and a place for its handle");
    *out = NULL;
    tl_trainer_config own;
    TLI_TRY(TLI_CONFIG_TAKE(&own, config, tl_trainer_config, err));
    if (own.settings == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_trainer_config.settings is NULL: make them by tl_settings_default");
    tl_trainer *t;
    tl_status status = trainer_open(ctx, &own, &t);
    if (status == TL_OK) status = tli_context_own(ctx, t, disown_and_free);
    if (status == TL_OK)
        *out = t;
    else if (t != NULL)
        trainer_free(t);
    return status;
}

/* May be called with the handle of a destroyed trainer. */
static tl_status check_trainer(tl_context *ctx, const tl_trainer *t)
{
    return tli_context_check(ctx, t, "trainer");
}

tl_status tl_trainer_run(tl_context *ctx, tl_trainer *t, tl_result *result)
{
    tl_error *err = tl_context_error(ctx);
    TLI_TRY(check_trainer(ctx, t));
    TLI_TRY(tli_model_own_check(ctx, t->run.model));
    if (result == NULL) return tli_fail(err, TL_ERROR_USAGE, "tl_trainer_run needs a place for its result");
    if (t->failed)
        return tli_fail(err, TL_ERROR_USAGE,
                        "the trainer's run has failed: destroy it, and make another with `run.resume`");
    if (t->finished)
        return tli_fail(err, TL_ERROR_USAGE, "the trainer has done all of its %llu steps",
                        (unsigned long long)t->run.total);
    return trainer_train(t, result);
}

tl_model *tl_trainer_model(const tl_trainer *t)
{
    return t != NULL ? t->run.model : NULL;
}

const tl_settings *tl_trainer_settings(const tl_trainer *t)
{
    return t != NULL ? &t->settings : NULL;
}

void tl_trainer_destroy(tl_context *ctx, tl_trainer *t)
{
    if (t != NULL && check_trainer(ctx, t) == TL_OK) disown_and_free(ctx, t);
}
