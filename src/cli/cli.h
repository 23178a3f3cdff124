/* Shared by the commands: each cmd_<name>.c implements one, main.c dispatches, report.c prints results. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "cli/options.h"
#include "cli/process.h"
#include "core/json_text.h"

struct cJSON;

/* A command: parsed options in, results on stdout, status out; main prints its error message. */
tl_status tli_cmd_devices(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_train(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_eval(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_tokenize(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_generate(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_tune(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_kernels(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_info(const tli_cli_options *o, tl_error *err);
tl_status tli_cmd_report(const tli_cli_options *o, tl_error *err);
tl_status tli_cmd_bench_gemm(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_bench_op(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_bench_step(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_predict(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_bench_loader(tli_cli_options *o, tl_error *err);
tl_status tli_cmd_bench_memory(tli_cli_options *o, tl_error *err);

/* Log to stderr: `quiet` prints only errors, `verbose` adds details. */
tl_log tli_cli_log(const tli_cli_options *o);
/* Where to show progress: standard error, or NULL with --quiet. */
FILE *tli_cli_progress(const tli_cli_options *o);

/* Opens the device of --device, prints its name on stderr (also with --quiet), calls `work` and closes it.
 * On failure the context's message is copied to `err`. */
typedef tl_status tli_device_work(tli_cli_options *o, tl_context *ctx);
tl_status tli_cli_on_device(tli_cli_options *o, tl_error *err, tli_device_work *work);
/* TL_ERROR_USAGE if the context could not have the form for GPUs that it was made with. */
tl_status tli_cli_need_gpu_form(tl_context *ctx);

/* TL_ERROR_USAGE if writing `path`, the value of `flag`, would overwrite a file among the command's
 * arguments, or the weights or metrics in a run folder among them, under any name. */
tl_status tli_cli_spare_inputs(const tli_cli_options *o, const char *flag, const char *path, tl_error *err);

/* Prints the last line of train and eval, a JSON object. NaN becomes null. */
tl_status tli_cli_print_result(const tl_settings *settings, const tl_result *result, const char *device,
                               tl_error *err);
/* Output of --profile and --trace at the end of a run: per-kernel times as a table on `out`, and the trace
 * file. Nothing if the context has no profile. */
tl_status tli_cli_print_profile(FILE *out, const tli_cli_options *o, tl_context *ctx);

/* The limits that a memory plan is compared with; usable false: unknown device. */
typedef struct tli_cli_limits {
    bool known;
    uint64_t total_bytes, max_alloc_bytes, chunk_bytes;
    char device[320];
} tli_cli_limits;

/* The limits of the device that a run would use; `known` stays false when there is none. */
tl_status tli_cli_find_limits(const tli_cli_options *o, tli_cli_limits *limits, tl_error *err);
tli_cli_limits tli_cli_limits_of(const tl_device_info *device, const tli_cli_options *o);
/* Prints a table: parameters, gradients, ... their sum, the device's limits and whether it fits; the same as JSON. */
void tli_cli_print_plan(FILE *out, const tl_settings *settings, const tl_memory_plan *plan,
                        const tli_cli_limits *limits);
/* With `rank_plan` also what follows of that. */
tl_status tli_cli_print_plan_json(const tl_settings *settings, const tl_memory_plan *plan,
                                  const tli_cli_limits *limits, int ranks, const tl_rank_plan *rank_plan,
                                  tl_error *err);
/* Further lines of the table: what one of so many ranks sends in a step, and the step's time as far as it is known. */
void tli_cli_print_rank_plan(FILE *out, int ranks, const tl_rank_plan *plan);

/* Copies `text` for a terminal: control characters become '?'. Returns `out`. */
char *tli_cli_plain(const char *text, char *out, size_t capacity);

/* Prints the differences of two .safetensors files on stdout. */
tl_status tli_cli_diff(tl_file *first, tl_file *second, tl_error *err);
/* Prints the metrics of a run as comma-separated values on stdout. */
tl_status tli_cli_print_metrics(const char *run, const tli_cli_options *o, tl_error *err);
/* Says on stderr, unless --quiet, how many lines of the run's metrics are left out; nothing if none are. */
void tli_cli_note_unreadable(const tli_cli_options *o, const tl_metrics *metrics, const char *run);
/* "64 x 3 x 12"; returns `text`. */
char *tli_cli_shape(const tl_tensor_info *tensor, char *text, size_t capacity);

/* Prints a JSON value (a cJSON *, which it frees; NULL: out of memory) on one line of stdout. */
tl_status tli_cli_print_json(struct cJSON *value, tl_error *err);

#endif
