/* Shared by the kinds of `bench`. Results are printed as a table or, with --json, as one object. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "cli/timing.h"
#include "models/model.h"

enum { TLI_BENCH_ROUNDS = 10 };

uint32_t tli_bench_rounds(const tli_cli_options *o); /* --rounds, or its default */
/* TL_ERROR_USAGE for unexpected arguments. */
tl_status tli_bench_no_word(const tli_cli_options *o, const char *name, tl_error *err);

/* The device's name and the precision that its products have. */
void tli_bench_json_device(cJSON *json, tl_context *ctx);

/* `bench step --model-device`. */
tl_status tli_bench_step_model(tli_cli_options *o, tl_error *err);

/* Prints one line of the table. */
void tli_bench_line(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "1.234 ms (fastest 1.200 ms)" */
void tli_bench_line_ms(const char *name, tli_timing timing);

#endif
