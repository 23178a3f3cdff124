/* translution eval CHECKPOINT: loss and accuracy on the static and the dynamic test set. */
#include "cli/cli.h"

static tl_status run(tl_cli_options *o, tl_context *ctx, tl_error *err)
{
    tl_settings *s = &o->settings;
    if (!o->test_motion_given) s->test_motion = (tl_motion)-1; /* as stored */
    if (!s->batch_given) s->batch_size = 0;                    /* what fits */
    tl_hooks hooks = {.progress = s->quiet ? NULL : stderr, .stop = &tl_cli_signal};
    tl_result result = {0};
    bool profile = s->profile;
    tl_status status = tl_evaluate(ctx, o->argument, s, &hooks, &result);
    if (status != TL_OK) {
        *err = *tl_context_error(ctx);
        return status;
    }
    if (profile) status = tl_cli_print_profile(stderr, o, ctx);
    if (status != TL_OK) *err = *tl_context_error(ctx);
    TL_TRY(status);
    return tl_cli_print_result(s, &result, tl_context_device(ctx)->name, err);
}

tl_status tl_cmd_eval(tl_cli_options *o, tl_error *err)
{
    if (o->argument == NULL)
        return tl_fail(err, TL_ERROR_USAGE,
                       "eval needs a checkpoint: a .safetensors file or the folder of a run; see "
                       "`translution eval --help`");
    const char *table = o->settings.confusion;
    if (table[0] != '\0') TL_TRY(tl_cli_spare_inputs(o, "--confusion", table, err));
    tl_cli_catch_signals();
    tl_cli_outlive_readers();
    tl_log log = tl_cli_log(o);
    tl_context *ctx = NULL;
    TL_TRY(tl_cli_open_device(o, &log, &ctx, err));
    tl_status status = run(o, ctx, err);
    tl_context_destroy(ctx);
    return status;
}
