#include "train/checkpoint_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/checksum.h"

enum { FOLDER_CAPACITY = TLI_CHECKPOINT_PATH - 32 };

void tli_checkpoint_file(char path[TLI_CHECKPOINT_PATH], const char *out, uint64_t step, const char *name)
{
    snprintf(path, TLI_CHECKPOINT_PATH, "%s/checkpoints/%llu/%s.safetensors", out, (unsigned long long)step,
             name);
}

void tli_checkpoint_remove(const char *folder)
{
    /* leftovers of interrupted writes have temporary names */
    static const char *const names[] = {"model.safetensors", "state.safetensors", "model.safetensors.tmp",
                                        "state.safetensors.tmp"};
    char path[TLI_CHECKPOINT_PATH + 32];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

static void sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

tl_status tli_checkpoint_place(const char *out, uint64_t step, const char *temporary, tl_error *err)
{
    char parent[FOLDER_CAPACITY], final[TLI_CHECKPOINT_PATH], old[TLI_CHECKPOINT_PATH];
    snprintf(parent, sizeof parent, "%s/checkpoints", out);
    snprintf(final, sizeof final, "%s/%llu", parent, (unsigned long long)step);
    snprintf(old, sizeof old, "%s/.%llu.old", parent, (unsigned long long)step);
    sync_folder(temporary);
    const bool replaces = rename(final, old) == 0; /* the same step from an earlier attempt */
    if (rename(temporary, final) != 0) {
        const int code = errno;
        if (replaces) (void)rename(old, final);
        return tli_fail(err, TL_ERROR_IO, "cannot rename %s to %s: %s", temporary, final, strerror(code));
    }
    sync_folder(parent);
    if (replaces) tli_checkpoint_remove(old);
    return TL_OK;
}

/* ---- steps --------------------------------------------------------------------------------------- */

static int compare_steps(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* Step of a checkpoint folder's name ("120"); 0: another name. */
static uint64_t step_of(const char *name)
{
    char *end;
    if (name[0] < '1' || name[0] > '9' || strlen(name) > 19) return 0;
    const uint64_t step = strtoull(name, &end, 10);
    return *end == '\0' ? step : 0;
}

/* The steps of all numbered folders, newest first, allocated. */
static uint64_t *list_steps(const char *out, size_t *count)
{
    char path[FOLDER_CAPACITY];
    uint64_t *steps = NULL;
    *count = 0;
    snprintf(path, sizeof path, "%s/checkpoints", out);
    DIR *folder = opendir(path);
    if (folder == NULL) return NULL;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        const uint64_t step = step_of(e->d_name);
        if (step == 0) continue;
        uint64_t *grown = realloc(steps, (*count + 1) * sizeof *steps);
        if (grown == NULL) break;
        steps = grown;
        steps[(*count)++] = step;
    }
    closedir(folder);
    if (*count > 1) qsort(steps, *count, sizeof *steps, compare_steps);
    return steps;
}

static tl_status check_file(const char *path, tl_error *err)
{
    tli_safetensors st;
    TLI_TRY(tli_st_open(path, &st, err));
    const tl_status status = tli_checksum_verify(&st, true, err);
    tli_st_close(&st);
    return status;
}

static tl_status check_pair(const char *out, uint64_t step, tl_error *err)
{
    char path[TLI_CHECKPOINT_PATH];
    tli_checkpoint_file(path, out, step, "model");
    TLI_TRY(check_file(path, err));
    tli_checkpoint_file(path, out, step, "state");
    return check_file(path, err);
}

tl_status tli_checkpoint_newest(const char *out, const tl_log *log, uint64_t *step, tl_error *err)
{
    size_t count;
    uint64_t *steps = list_steps(out, &count);
    tl_error first = {0};
    *step = 0;
    for (size_t i = 0; i < count && *step == 0; i++) {
        tl_error why = {0};
        if (check_pair(out, steps[i], &why) == TL_OK) {
            *step = steps[i];
            continue;
        }
        tli_log_write(log, TL_LOG_NOTICE, "passing over the checkpoint of step %llu: %s",
                      (unsigned long long)steps[i], why.text);
        if (i == 0) first = why;
    }
    free(steps);
    if (*step > 0 || count == 0) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT,
                    "no checkpoint in %s/checkpoints is intact (%.600s): give another `run.out`, or remove "
                    "that folder to "
                    "start anew",
                    out, first.text);
}

void tli_checkpoint_prune(const char *out, uint64_t keep)
{
    char parent[FOLDER_CAPACITY], path[TLI_CHECKPOINT_PATH], hidden[TLI_CHECKPOINT_PATH];
    size_t count;
    uint64_t *steps = list_steps(out, &count);
    snprintf(parent, sizeof parent, "%s/checkpoints", out);
    for (size_t i = (size_t)keep; keep > 0 && i < count; i++) {
        snprintf(path, sizeof path, "%s/%llu", parent, (unsigned long long)steps[i]);
        snprintf(hidden, sizeof hidden, "%s/.%llu.old", parent, (unsigned long long)steps[i]);
        if (rename(path, hidden) == 0) tli_checkpoint_remove(hidden);
    }
    free(steps);
    DIR *folder = opendir(parent);
    if (folder == NULL) return;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        const char *dot = strrchr(e->d_name, '.');
        if (e->d_name[0] != '.' || dot == e->d_name || strlen(e->d_name) > 28) continue;
        if (strcmp(dot, ".old") != 0 && strcmp(dot, ".tmp") != 0) continue;
        snprintf(path, sizeof path, "%s/%.28s", parent, e->d_name);
        tli_checkpoint_remove(path);
    }
    closedir(folder);
}
