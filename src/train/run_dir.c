#include "train/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"

static tl_status run_dir_unwritable(tl_error *err, const char *path, int code)
{
    return tli_fail(err, TL_ERROR_INPUT, "cannot write the output folder %s: %s; choose another `run.out`",
                    path, strerror(code));
}

/* With the folders above it; after a failure dir->path is what could not be made. */
static tl_status make_all(tli_run_dir *dir, const char *path, tl_error *err)
{
    tli_folders folders;
    if (strlen(path) >= sizeof dir->path) return run_dir_unwritable(err, path, ENAMETOOLONG);
    const int code = tli_make_folders(path, &folders);
    snprintf(dir->path, sizeof dir->path, "%.*s", (int)folders.reached, path);
    dir->found = folders.found;
    if (code != 0) return run_dir_unwritable(err, dir->path, code);
    return access(path, W_OK | X_OK) == 0 ? TL_OK : run_dir_unwritable(err, path, errno);
}

static tl_status make_run_dir(tli_run_dir *dir, const char *wanted, const char *task, const char *op,
                              tl_error *err)
{
    TLI_TRY(make_all(dir, wanted[0] != '\0' ? wanted : "runs", err));
    if (wanted[0] != '\0') return TL_OK;
    for (int n = 1; n < 1000000; n++) {
        snprintf(dir->path, sizeof dir->path, "runs/%s-%s-%d", task, op, n);
        if (mkdir(dir->path, 0777) == 0) return TL_OK;
        if (errno != EEXIST) return run_dir_unwritable(err, dir->path, errno);
    }
    dir->path[0] = '\0'; /* it is an earlier run's */
    return tli_fail(err, TL_ERROR_INPUT, "the folder runs is full of earlier runs: choose a `run.out`");
}

tl_status tli_run_dir_make(tli_run_dir *dir, const char *wanted, const char *task, const char *op,
                           tl_error *err)
{
    *dir = (tli_run_dir){.path = ""};
    const tl_status status = make_run_dir(dir, wanted, task, op, err);
    if (status != TL_OK) tli_run_dir_unmake(dir);
    return status;
}

void tli_run_dir_unmake(const tli_run_dir *dir)
{
    char path[TLI_OUT_CAPACITY];
    memcpy(path, dir->path, sizeof path);
    for (size_t i = strlen(path); i > dir->found; i--) {
        if (path[i] != '/' && path[i] != '\0') continue;
        path[i] = '\0';
        (void)rmdir(path); /* fails for one that is not empty, and then for its parents, too */
    }
}

tl_status tli_run_dir_set_aside(const char *out, const tl_log *log, tl_error *err)
{
    static const char *const names[] = {"checkpoints", "metrics.jsonl", "model.safetensors",
                                        "best.safetensors", "result.json"};
    char from[TLI_OUT_CAPACITY + 64], to[TLI_OUT_CAPACITY + 128], earlier[TLI_OUT_CAPACITY + 32] = "";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(from, sizeof from, "%s/%s", out, names[i]);
        if (access(from, F_OK) != 0) continue;
        for (int n = 1; earlier[0] == '\0'; n++) {
            snprintf(earlier, sizeof earlier, "%s/earlier-%d", out, n);
            if (mkdir(earlier, 0777) == 0) break;
            if (errno != EEXIST) return run_dir_unwritable(err, earlier, errno);
            earlier[0] = '\0';
        }
        snprintf(to, sizeof to, "%s/%s", earlier, names[i]);
        if (rename(from, to) != 0)
            return tli_fail(err, TL_ERROR_INPUT,
                            "cannot move %s of an earlier run out of the way: %s; choose another `run.out`",
                            from, strerror(errno));
    }
    if (earlier[0] != '\0')
        tli_log_write(log, TL_LOG_NOTICE, "%s holds an earlier run: its files are now in %s", out, earlier);
    return TL_OK;
}
