/* translution report RUN... --out FILE, or --watch: runs side by side as one HTML page; needs no device. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/page.h"
#include "cli/watch.h"
#include "core/files.h"
#include "core/number.h"

static tl_status check_words(const tli_cli_options *o, tl_error *err)
{
    if (o->argument_count == 0)
        return tli_fail(err, TL_ERROR_USAGE,
                        "report needs the folders of one or more runs; see `translution report --help`");
    if (o->argument_count > PAGE_MAX_RUNS)
        return tli_fail(err, TL_ERROR_USAGE, "report compares up to %d runs, not %d: leave some out",
                        PAGE_MAX_RUNS, o->argument_count);
    return TL_OK;
}

static tl_status check_file(const tli_cli_options *o, const char *out, tl_error *err)
{
    struct stat info;
    if (out[0] == '\0')
        return tli_fail(err, TL_ERROR_USAGE,
                        "report needs --out FILE.html, the page that it writes, or --watch, to serve it");
    if (stat(out, &info) == 0 && !S_ISREG(info.st_mode))
        return tli_fail(err, TL_ERROR_USAGE, "--out %s is there and is no file: choose another name", out);
    return tli_cli_spare_inputs(o, "--out", out, err);
}

static tl_status report_write(page *p, const char *path, tl_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    TLI_TRY(tli_page_make(p, &text, &bytes, err));
    bool created = false;
    const int code = tli_replace_file(path, text, bytes, &created);
    free(text);
    if (code != 0)
        return tli_fail(err, created ? TL_ERROR_IO : TL_ERROR_INPUT, "the page %s cannot be written: %s",
                        path, strerror(code));
    printf("%s: %d run%s, %d picture%s, %s\n", path, p->count, p->count > 1 ? "s" : "", p->pictures,
           p->pictures == 1 ? "" : "s", TLI_SIZE(bytes));
    return TL_OK;
}

static tl_status report_file(const tli_cli_options *o, tl_error *err)
{
    page p = {.count = 0};
    TLI_TRY(check_file(o, o->settings.run.out, err));
    tl_status status = tli_page_open(&p, o->arguments, o->argument_count, o->table, err);
    for (int i = 0; status == TL_OK && i < p.count; i++)
        tli_cli_note_unreadable(o, p.runs[i].metrics, p.runs[i].path);
    if (status == TL_OK) status = report_write(&p, o->settings.run.out, err);
    tli_page_close(&p);
    return status;
}

tl_status tli_cmd_report(const tli_cli_options *o, tl_error *err)
{
    TLI_TRY(check_words(o, err));
    return o->watch ? tli_watch(o, err) : report_file(o, err);
}
