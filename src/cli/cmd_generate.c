/* translution generate CHECKPOINT: text from a GPT, on standard output as it comes. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "core/clock.h"
#include "core/terminal.h"
#include "infer/generate.h"

static tl_status write_text(void *user, const uint8_t *bytes, size_t count, tl_error *err)
{
    FILE *out = user;
    if (fwrite(bytes, 1, count, out) == count && fflush(out) == 0) return TL_OK;
    return tli_fail(err, TL_ERROR_IO, "cannot write the text to standard output: %s", strerror(errno));
}

static tl_status generate_run(tli_cli_options *o, tl_context *ctx)
{
    const tli_cli_generate *c = &o->generate;
    const tli_generation g = {.prompt = c->prompt,
                              .vocab = o->vocab,
                              .encoder = o->encoder,
                              .tokens = c->tokens,
                              .sampling = {c->temperature, c->top_k, c->top_p},
                              .seed = o->settings.training.seed,
                              .no_cache = c->no_cache,
                              .write = write_text,
                              .user = stdout,
                              /* On a terminal the text itself is its progress. */
                              .progress = tli_is_terminal(stdout) ? NULL : tli_cli_progress(o),
                              .stop = &tli_cli_signal};
    uint64_t made;
    const double begun = tli_clock_seconds();
    const tl_status status = tli_generate(ctx, o->argument, &g, &made);
    if (status == TL_OK || made > 0) putchar('\n');
    TLI_TRY(status);
    const double seconds = tli_clock_seconds() - begun;
    if (!o->quiet)
        tli_cli_say("%" PRIu64 " tokens in %.2f seconds%s\n", made, seconds,
                    made < c->tokens ? ": the text ended" : "");
    return o->profile ? tli_cli_print_profile(stderr, o, ctx) : TL_OK;
}

tl_status tli_cmd_generate(tli_cli_options *o, tl_error *err)
{
    if (o->argument == NULL)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "generate needs a checkpoint of a GPT: a .safetensors file or the folder of a run; see "
            "`translution generate --help`");
    tli_cli_catch_signals();
    return tli_cli_on_device(o, err, generate_run);
}
