/* translution eval CHECKPOINT: loss and accuracy on the static and the dynamic test set. */
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/flag_rules.h"
#include "cli/ranks.h"

/* Refuses flags that do not apply to the checkpoint's task, before opening a device. */
static tl_status check_flags(const tli_cli_options *o, tl_error *err)
{
    tl_settings stored = o->settings;
    TLI_TRY(tl_checkpoint_settings(o->argument, &stored, err));
    TLI_TRY(tli_flags_check(o, &stored, err));
    if (tli_cli_given(o, "seed") && o->settings.training.seed != stored.training.seed)
        return tli_fail(err, TL_ERROR_USAGE,
                        "--seed %" PRIu64 " is not %" PRIu64
                        ", with which the checkpoint was trained and which draws its test set: leave it out",
                        o->settings.training.seed, stored.training.seed);
    return TL_OK;
}

static tl_status eval_run(tli_cli_options *o, tl_context *ctx)
{
    tl_settings *s = &o->settings;
    if (!tli_cli_given(o, "test-motion")) s->training.test_motion = (tl_motion)-1; /* as stored */
    if (!tli_cli_given(o, "batch-size")) s->training.batch_size = 0;               /* what fits */
    if (tli_cli_given(o, "limit-test") && s->training.limit_test == 0)
        s->training.limit_test = UINT32_MAX;                     /* all; 0: as stored */
    if (tl_ranks_rank(o->ranks) > 0) s->run.confusion[0] = '\0'; /* rank 0 writes it */
    tl_hooks hooks = {
        .size = sizeof hooks, .progress = tli_cli_progress(o), .stop = &tli_cli_signal, .ranks = o->ranks};
    tl_result result = {0};
    TLI_TRY(tl_evaluate(ctx, o->argument, s, &hooks, &result));
    if (tl_ranks_rank(o->ranks) > 0) return TL_OK;
    if (o->profile) TLI_TRY(tli_cli_print_profile(stderr, o, ctx));
    return tli_cli_print_result(s, &result, tl_context_device(ctx)->name, tl_context_error(ctx));
}

static tl_status eval_on_device(tli_cli_options *o, tl_error *err)
{
    return tli_cli_on_device(o, err, eval_run);
}

tl_status tli_cmd_eval(tli_cli_options *o, tl_error *err)
{
    if (o->argument == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "eval needs a checkpoint: a .safetensors file or the folder of a run; see "
                        "`translution eval --help`");
    TLI_TRY(check_flags(o, err));
    const char *table = o->settings.run.confusion, *maps = o->settings.run.attention_maps;
    if (table[0] != '\0') TLI_TRY(tli_cli_spare_inputs(o, "--confusion", table, err));
    if (maps[0] != '\0') TLI_TRY(tli_cli_spare_inputs(o, "--attention-maps", maps, err));
    return tli_cli_with_ranks(o, err, eval_on_device);
}
