#include "train/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

tl_status tli_run_dir_set_aside(const char *out, const tl_log *log, tl_error *err)
{
    static const char *const names[] = {"checkpoints",          "metrics.jsonl", "model.safetensors",
                                        "best.safetensors",     "result.json",   "confusion.tsv",
                                        "attention.safetensors"};
    char from[TLI_OUT_CAPACITY + 64], to[TLI_OUT_CAPACITY + 128], earlier[TLI_OUT_CAPACITY + 32] = "";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(from, sizeof from, "%s/%s", out, names[i]);
        if (access(from, F_OK) != 0) continue;
        for (int n = 1; earlier[0] == '\0'; n++) {
            snprintf(earlier, sizeof earlier, "%s/earlier-%d", out, n);
            if (mkdir(earlier, 0777) == 0) break;
            if (errno != EEXIST) return tli_folder_unwritable(earlier, errno, err);
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
