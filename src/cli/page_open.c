/* Opens the runs of a page: their metrics, and the weights of those that have saved some. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/page.h"

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
static tl_status open_run(page_run *run)
{
    struct stat info;
    char weights[4096];
    const tl_status status = tl_metrics_open(run->path, &run->metrics, &run->fault);
    survey_run(run);
    TLI_TRY(status);
    snprintf(weights, sizeof weights, "%s/" PAGE_WEIGHTS, run->path);
    return stat(weights, &info) == 0 ? tl_file_open(weights, &run->weights, &run->fault) : TL_OK;
}

tl_status tli_page_open(page *p, char *const *paths, int count, const char *table, tl_error *err)
{
    tl_status first = tli_page_read_results(&p->results, table, err);
    for (p->count = 0; p->count < count; p->count++) {
        page_run *run = &p->runs[p->count];
        *run = (page_run){.path = paths[p->count]};
        const tl_status status = open_run(run);
        if (status != TL_OK && first == TL_OK) first = tli_fail(err, status, "%s", run->fault.text);
    }
    return first;
}

void tli_page_close(page *p)
{
    free(p->results.text);
    for (int i = 0; i < p->count; i++) {
        tl_metrics_close(p->runs[i].metrics);
        tl_file_close(p->runs[i].weights);
    }
}
