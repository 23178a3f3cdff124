#include "cli/bench.h"

#include <stdarg.h>

#include "core/choices.h"
#include "ops/precision.h"

uint32_t tli_bench_rounds(const tli_cli_options *o)
{
    return o->bench.rounds > 0 ? o->bench.rounds : TLI_BENCH_ROUNDS;
}

tl_status tli_bench_no_word(const tli_cli_options *o, const char *name, tl_error *err)
{
    if (o->argument == NULL) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    "bench %s takes no word like '%s'; see `translution bench %s --help`", name, o->argument,
                    name);
}

void tli_bench_json_device(cJSON *json, tl_context *ctx)
{
    tli_json_add_text(json, "precision",
                      tli_choice_shown(&tli_precision_choices, (int)tli_precision_of(ctx)));
    tli_json_add_text(json, "device", tl_context_device(ctx)->name);
}

void tli_bench_line(const char *name, const char *format, ...)
{
    va_list list;
    printf("%-20s ", name);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
}

void tli_bench_line_ms(const char *name, tli_timing timing)
{
    tli_bench_line(name, "%.3f ms (fastest %.3f ms)", timing.median_ms, timing.min_ms);
}
