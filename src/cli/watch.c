#include "cli/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/http.h"
#include "cli/page.h"
#include "core/clock.h"

/* Of the time that passes, a page that is asked for again and again takes at most this share: the runs have the rest. */
#define LARGEST_SHARE 0.1

/* A file as it was when the page was made; all 0: there was none. */
typedef struct file_state {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed;
} file_state;

enum { FILES_OF_RUN = 5 };

typedef struct watch {
    char *const *paths;
    int count;
    const char *table; /* the user's own; "": there is none */
    file_state table_file;
    file_state files[PAGE_MAX_RUNS][FILES_OF_RUN];
    char *text; /* of the newest page; NULL: it could not be made, as `fault` says */
    size_t bytes;
    tl_error fault;
    char tag[40];
    unsigned changes;  /* of the text */
    double made, took; /* time when the page was made, and how long that took */
} watch;

static file_state state_of(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) return (file_state){0};
    return (file_state){info.st_dev, info.st_ino, info.st_size, info.st_mtim};
}

static bool same_state(const file_state *a, const file_state *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Notes the files as they are now. Whether one has changed. */
static bool note_files(watch *w)
{
    static const char *const names[FILES_OF_RUN] = {"", "/" PAGE_METRICS, "/" PAGE_WEIGHTS,
                                                    "/" PAGE_CONFUSION, "/" PAGE_ATTENTION};
    const file_state table = state_of(w->table);
    bool changed = !same_state(&table, &w->table_file);
    w->table_file = table;
    for (int r = 0; r < w->count; r++)
        for (int f = 0; f < FILES_OF_RUN; f++) {
            char path[4200];
            snprintf(path, sizeof path, "%s%s", w->paths[r], names[f]);
            const file_state now = state_of(path);
            changed = changed || !same_state(&now, &w->files[r][f]);
            w->files[r][f] = now;
        }
    return changed;
}

/* Takes the new text, or NULL; the tag stays where nothing has changed. */
static void take_text(watch *w, char *text, size_t bytes)
{
    const bool same = text != NULL && w->text != NULL && bytes == w->bytes &&
                      memcmp(text, w->text, bytes) == 0;
    free(w->text);
    w->text = text;
    w->bytes = bytes;
    if (!same) snprintf(w->tag, sizeof w->tag, "%llx-%u", (unsigned long long)time(NULL), ++w->changes);
}

/* Makes the page. A run that cannot be read is a fault of the page only with `strict`. */
static tl_status make_page(watch *w, bool strict, tl_error *err)
{
    page p = {.live = true};
    char *text = NULL;
    size_t bytes = 0;
    const double begun = tli_clock_seconds();
    const tl_status opened = tli_page_open(&p, w->paths, w->count, w->table, err);
    const tl_status status = strict && opened != TL_OK ? opened : tli_page_make(&p, &text, &bytes, err);
    tli_page_close(&p);
    take_text(w, text, bytes);
    w->made = tli_clock_seconds();
    w->took = w->made - begun;
    return status;
}

static bool is_due(const watch *w)
{
    const double least = w->took / LARGEST_SHARE;
    return tli_clock_seconds() - w->made >= (least > PAGE_REFRESH_SECONDS ? least : PAGE_REFRESH_SECONDS);
}

static tli_http_text watch_source(void *user, const char *path)
{
    watch *w = user;
    if (strcmp(path, "/" PAGE_SCRIPT_NAME) == 0)
        return (tli_http_text){
            .type = "text/javascript", .text = tli_page_script, .bytes = strlen(tli_page_script)};
    if (strcmp(path, "/") != 0) return (tli_http_text){.type = NULL};
    if (is_due(w) && (note_files(w) || w->text == NULL)) (void)make_page(w, false, &w->fault);
    if (w->text != NULL)
        return (tli_http_text){
            .type = "text/html; charset=utf-8", .text = w->text, .bytes = w->bytes, .tag = w->tag};
    return (tli_http_text){.type = "text/plain; charset=utf-8",
                           .text = w->fault.text,
                           .bytes = strlen(w->fault.text),
                           .failed = true};
}

static tl_status watch_begin(const tli_cli_options *o, const tli_listener *at, watch *w, tl_error *err)
{
    note_files(w);
    TLI_TRY(make_page(w, true, err));
    if (!at->loopback)
        tli_cli_say("note: %s can be read by everybody whose machine reaches this one\n", at->url);
    if (!o->quiet) tli_cli_say("serving the page until interrupted (Ctrl-C)\n");
    printf("%s\n", at->url);
    return fflush(stdout) == 0 ? TL_OK
                               : tli_fail(err, TL_ERROR_IO, "the address of the page could not be written");
}

tl_status tli_watch(const tli_cli_options *o, tl_error *err)
{
    const char *where = o->listen[0] != '\0' ? o->listen : WATCH_ADDRESS;
    watch w = {.paths = o->arguments, .count = o->argument_count, .table = o->table};
    tli_listener at;
    TLI_TRY(tli_http_check(err));
    TLI_TRY(tli_listen(where, WATCH_ADDRESS, &at, err));
    tli_cli_catch_signals();
    tli_cli_outlive_readers();
    tl_status status = watch_begin(o, &at, &w, err);
    if (status == TL_OK)
        status = tli_http_serve(&at, watch_source, &w, &tli_cli_signal, err);
    else
        close(at.socket);
    free(w.text);
    return status == TL_OK ? TL_INTERRUPTED : status;
}
