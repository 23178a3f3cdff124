#include "train/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/event_file.h"

static tl_status choose_run_dir(tli_folder *dir, const char *task, const char *op, tl_error *err)
{
    for (int n = 1; n < 1000000; n++) {
        snprintf(dir->path, sizeof dir->path, "runs/%s-%s-%d", task, op, n);
        if (mkdir(dir->path, 0777) == 0) return TL_OK;
        if (errno != EEXIST) return tli_folder_unwritable(dir->path, errno, err);
    }
    dir->path[0] = '\0'; /* it is an earlier run's */
    return tli_fail(err, TL_ERROR_INPUT, "the folder runs is full of earlier runs: choose a `run.out`");
}

tl_status tli_run_dir_make(tli_folder *dir, const char *wanted, const char *task, const char *op,
                           tl_error *err)
{
    TLI_TRY(tli_folder_make(dir, wanted[0] != '\0' ? wanted : "runs", err));
    if (wanted[0] != '\0') return TL_OK;
    const tl_status status = choose_run_dir(dir, task, op, err);
    if (status != TL_OK) tli_folder_unmake(dir);
    return status;
}

/* Whether a file or folder in a run's folder is moved aside before another run. */
static int is_of_earlier_run(const struct dirent *entry)
{
    static const char *const names[] = {"checkpoints",          "metrics.jsonl", "model.safetensors",
                                        "best.safetensors",     "result.json",   "confusion.tsv",
                                        "attention.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(entry->d_name, names[i]) == 0) return 1;
    return strncmp(entry->d_name, TLI_EVENT_FILE_NAME, strlen(TLI_EVENT_FILE_NAME)) == 0;
}

/* Makes the first free one of OUT/earlier-1, -2, ... */
static tl_status make_earlier(const char *out, char earlier[TLI_OUT_CAPACITY + 32], tl_error *err)
{
    for (int n = 1;; n++) {
        snprintf(earlier, TLI_OUT_CAPACITY + 32, "%s/earlier-%d", out, n);
        if (mkdir(earlier, 0777) == 0) return TL_OK;
        if (errno != EEXIST) return tli_folder_unwritable(earlier, errno, err);
    }
}

static tl_status move_aside(const char *out, const char *earlier, const char *name, tl_error *err)
{
    char from[TLI_OUT_CAPACITY + 256 + 32], to[TLI_OUT_CAPACITY + 256 + 32];
    snprintf(from, sizeof from, "%s/%s", out, name);
    snprintf(to, sizeof to, "%s/%s", earlier, name);
    if (rename(from, to) == 0) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT,
                    "cannot move %s of an earlier run out of the way: %s; choose another `run.out`", from,
                    strerror(errno));
}

tl_status tli_run_dir_set_aside(const char *out, const tl_log *log, tl_error *err)
{
    char earlier[TLI_OUT_CAPACITY + 32] = "";
    struct dirent **found;
    const int count = scandir(out, &found, is_of_earlier_run, alphasort);
    if (count < 0) return tli_folder_unwritable(out, errno, err);
    tl_status status = count > 0 ? make_earlier(out, earlier, err) : TL_OK;
    for (int i = 0; i < count; i++) {
        if (status == TL_OK) status = move_aside(out, earlier, found[i]->d_name, err);
        free(found[i]);
    }
    free(found);
    if (count > 0 && status == TL_OK)
        tli_log_write(log, TL_LOG_NOTICE, "%s holds an earlier run: its files are now in %s", out, earlier);
    return status;
}
