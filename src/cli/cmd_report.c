/* translution report RUN... --out FILE: runs side by side as one HTML page; needs no device. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/page.h"
#include "core/files.h"

static tl_status check_words(const tli_cli_options *o, tl_error *err)
{
    struct stat info;
    const char *out = o->settings.run.out;
    if (o->argument_count == 0)
        return tli_fail(err, TL_ERROR_USAGE,
                        "report needs the folders of one or more runs; see `translution report --help`");
    if (o->argument_count > PAGE_MAX_RUNS)
        return tli_fail(err, TL_ERROR_USAGE, "report compares up to %d runs, not %d: leave some out",
                        PAGE_MAX_RUNS, o->argument_count);
    if (out[0] == '\0')
        return tli_fail(err, TL_ERROR_USAGE, "report needs --out FILE.html, the page that it writes");
    if (stat(out, &info) == 0 && !S_ISREG(info.st_mode))
        return tli_fail(err, TL_ERROR_USAGE, "--out %s is there and is no file: choose another name", out);
    return tli_cli_spare_inputs(o, "--out", out, err);
}

/* ---- the runs --------------------------------------------------------------------------------------- */

static void note_test(page_run *run, const char *test)
{
    for (int t = 0; t < run->test_count; t++)
        if (strcmp(run->tests[t], test) == 0) return;
    if (run->test_count < PAGE_MAX_TESTS) run->tests[run->test_count++] = test;
}

/* Test sets, and the first and last step. */
static void survey_run(page_run *run)
{
    tl_metrics_line line;
    run->first = UINT64_MAX;
    for (uint64_t i = 0; tl_metrics_line_at(run->metrics, i, &line); i++) {
        if (line.step < run->first) run->first = line.step;
        if (line.step > run->last) run->last = line.step;
        if (line.test != NULL) note_test(run, line.test);
    }
}

/* A run without weights is one that has not saved yet, or a file of metrics alone. */
static tl_status open_run(const tli_cli_options *o, const char *path, page_run *run, tl_error *err)
{
    struct stat info;
    char weights[4096];
    run->path = path;
    TLI_TRY(tl_metrics_open(path, &run->metrics, err));
    tli_cli_note_unreadable(o, run->metrics, path);
    survey_run(run);
    snprintf(weights, sizeof weights, "%s/model.safetensors", path);
    return stat(weights, &info) == 0 ? tl_file_open(weights, &run->weights, err) : TL_OK;
}

static void close_runs(page *p)
{
    for (int i = 0; i < p->count; i++) {
        tl_metrics_close(p->runs[i].metrics);
        tl_file_close(p->runs[i].weights);
    }
}

/* ---- the file --------------------------------------------------------------------------------------- */

static tl_status report_write(page *p, const char *path, tl_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    if (memory == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while writing the page");
    tl_status status = tli_page_write(p, memory, err);
    if (fclose(memory) != 0 && status == TL_OK)
        status = tli_fail(err, TL_ERROR_MEMORY, "out of host memory while writing the page");
    bool created = false;
    const int code = status == TL_OK ? tli_replace_file(path, text, bytes, &created) : 0;
    free(text);
    if (code != 0)
        return tli_fail(err, created ? TL_ERROR_IO : TL_ERROR_INPUT, "the page %s cannot be written: %s",
                        path, strerror(code));
    char size[32];
    if (status == TL_OK)
        printf("%s: %d run%s, %d picture%s, %s\n", path, p->count, p->count > 1 ? "s" : "", p->pictures,
               p->pictures == 1 ? "" : "s", tli_cli_bytes(bytes, size));
    return status;
}

tl_status tli_cmd_report(const tli_cli_options *o, tl_error *err)
{
    page p = {.count = 0};
    TLI_TRY(check_words(o, err));
    tl_status status = TL_OK;
    while (p.count < o->argument_count && status == TL_OK) {
        status = open_run(o, o->arguments[p.count], &p.runs[p.count], err);
        p.count++;
    }
    if (status == TL_OK) status = report_write(&p, o->settings.run.out, err);
    close_runs(&p);
    return status;
}
