#include "train/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static tl_status run_dir_unwritable(tl_error *err, const char *path, int code)
{
    return tli_fail(err, TL_ERROR_INPUT, "cannot write the output folder %s: %s; choose another --out", path,
                    strerror(code));
}

/* mkdir -p. */
static tl_status make_all(const char *path, tl_error *err)
{
    char part[TLI_OUT_CAPACITY];
    if (strlen(path) >= sizeof part) return run_dir_unwritable(err, path, ENAMETOOLONG);
    for (size_t i = 0;; i++) {
        part[i] = path[i];
        if (i > 0 && (path[i] == '/' || path[i] == '\0')) {
            part[i] = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST) return run_dir_unwritable(err, part, errno);
            part[i] = path[i];
        }
        if (path[i] == '\0') break;
    }
    struct stat info;
    if (stat(path, &info) != 0) return run_dir_unwritable(err, path, errno);
    if (!S_ISDIR(info.st_mode)) return run_dir_unwritable(err, path, ENOTDIR);
    return access(path, W_OK | X_OK) == 0 ? TL_OK : run_dir_unwritable(err, path, errno);
}

tl_status tli_run_dir_make(const char *wanted, const char *task, const char *op, char out[TLI_OUT_CAPACITY],
                           tl_error *err)
{
    if (wanted[0] != '\0') {
        snprintf(out, TLI_OUT_CAPACITY, "%s", wanted);
        return make_all(wanted, err);
    }
    TLI_TRY(make_all("runs", err));
    for (int n = 1; n < 1000000; n++) {
        snprintf(out, TLI_OUT_CAPACITY, "runs/%s-%s-%d", task, op, n);
        if (mkdir(out, 0777) == 0) return TL_OK;
        if (errno != EEXIST) return run_dir_unwritable(err, out, errno);
    }
    return tli_fail(err, TL_ERROR_INPUT, "the folder runs is full of earlier runs: give an --out");
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
                            "cannot move %s of an earlier run out of the way: %s; choose another --out", from,
                            strerror(errno));
    }
    if (earlier[0] != '\0')
        tli_log_write(log, TL_LOG_NOTICE, "%s holds an earlier run: its files are now in %s", out, earlier);
    return TL_OK;
}
