/* translution info --metrics RUN: the metrics of a run as comma-separated values (RFC 4180, but lines end in LF). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/log.h"
#include "core/text.h"

/* A name from the file as a cell: in quotes where it needs them, control characters escaped. */
static tl_status print_name(const char *name, tl_error *err)
{
    char *cell = tli_text_cell(name);
    if (cell == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while printing metrics");
    const char *quote = strpbrk(cell, ",\"") != NULL ? "\"" : "";
    printf("%s", quote);
    for (const char *c = cell; *c != '\0'; c++) printf("%s%c", *c == '"' ? "\"" : "", *c);
    printf("%s", quote);
    free(cell);
    return TL_OK;
}

static tl_status print_header(const tl_metrics *metrics, tl_error *err)
{
    const char *name;
    printf("step,epoch,test");
    for (int c = 0; (name = tl_metrics_column(metrics, c)) != NULL; c++) {
        printf(",");
        TLI_TRY(print_name(name, err));
    }
    printf("\n");
    return TL_OK;
}

static tl_status print_lines(const tl_metrics *metrics, tl_error *err)
{
    tl_metrics_line line;
    for (uint64_t i = 0; tl_metrics_line_at(metrics, i, &line) && ferror(stdout) == 0; i++) {
        printf("%" PRIu64 ",%" PRIu64 ",", line.step, line.epoch);
        if (line.test != NULL) TLI_TRY(print_name(line.test, err));
        for (int c = 0; tl_metrics_column(metrics, c) != NULL; c++) {
            const double value = tl_metrics_value(metrics, i, c);
            printf(",");
            if (isfinite(value)) printf("%.9g", value);
        }
        printf("\n");
    }
    return TL_OK;
}

void tli_cli_note_unreadable(const tli_cli_options *o, const tl_metrics *metrics, const char *run)
{
    const tl_log log = tli_cli_log(o);
    const uint64_t lines = tl_metrics_unreadable(metrics);
    if (lines > 0)
        tli_log_write(&log, TL_LOG_NOTICE, "%" PRIu64 " line%s of %s %s cut off or no metrics, and left out",
                      lines, lines > 1 ? "s" : "", run, lines > 1 ? "are" : "is");
}

tl_status tli_cli_print_metrics(const char *run, const tli_cli_options *o, tl_error *err)
{
    tl_metrics *metrics = NULL;
    TLI_TRY(tl_metrics_open(run, &metrics, err));
    tli_cli_note_unreadable(o, metrics, run);
    tl_status status = print_header(metrics, err);
    if (status == TL_OK) status = print_lines(metrics, err);
    tl_metrics_close(metrics);
    return status;
}
