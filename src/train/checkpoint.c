#include "train/checkpoint.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"
#include "core/number.h"
#include "data/checksum.h"
#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "train/checkpoint_clock.h"
#include "train/checkpoint_list.h"

enum { PATH_CAPACITY = 1200 };

/* ---- writing ------------------------------------------------------------------------------------- */

static tl_status make_folder(tl_error *err, const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return TL_OK;
    return tli_fail(err, TL_ERROR_IO, "cannot make the folder %s: %s", path, strerror(errno));
}

/* The losses as text that parses back to the same floats. */
static tl_status save_state(tl_context *ctx, const tli_registry *registry, const tli_model_writers *writers,
                            const tli_train_state *standing, const char *path)
{
    char number[24], best[40], losses[TLI_RECENT_LOSSES * 20] = "";
    size_t used = 0;
    snprintf(number, sizeof number, "%llu", (unsigned long long)standing->step);
    for (int i = 0; i < standing->losses; i++)
        used += (size_t)tli_format(losses + used, sizeof losses - used, "%s%.9g", i > 0 ? " " : "",
                                   (double)standing->loss[i]);
    tli_format(best, sizeof best, "%.17g", standing->best);
    tli_identity_text data;
    tli_st_item metadata[4 + TLI_IDENTITY_PAIRS] = {
        {(char[]){"step"}, number},
        {(char[]){"losses"}, losses},
        {(char[]){"best"}, best},
        {(char[]){TLI_CHECKSUM_KEY}, (char[]){TLI_CHECKSUM_BLANK}}};
    const int count = 4 + tli_identity_write(&standing->data, &data, metadata + 4);
    return tli_model_write_part(ctx, registry, path, TLI_PART_STATE, writers, metadata, count);
}

/* OUT/model.safetensors as a hard link to the checkpoint's file, which is never modified; on file systems
 * without links a copy. */
static tl_status publish_model(const char *source, const char *out, tl_error *err)
{
    char path[PATH_CAPACITY + 80], temporary[PATH_CAPACITY + 80];
    snprintf(path, sizeof path, "%s/model.safetensors", out);
    snprintf(temporary, sizeof temporary, "%s/.model.safetensors.link", out);
    (void)unlink(temporary);
    int code = link(source, temporary) == 0 ? 0 : tli_copy_file(source, temporary);
    if (code == 0 && rename(temporary, path) != 0) code = errno;
    (void)unlink(temporary); /* rename leaves it if both names are links to one file */
    return code == 0 ? TL_OK : tli_fail(err, TL_ERROR_IO, "cannot write %s: %s", path, strerror(code));
}

/* The folder of a checkpoint that is not complete yet. */
static void unfinished_folder(char path[PATH_CAPACITY + 40], const char *out, uint64_t step)
{
    snprintf(path, PATH_CAPACITY + 40, "%s/checkpoints/.%llu.tmp", out, (unsigned long long)step);
}

static tl_status make_unfinished(const char *out, const char *folder, tl_error *err)
{
    char parent[PATH_CAPACITY];
    snprintf(parent, sizeof parent, "%s/checkpoints", out);
    TLI_TRY(make_folder(err, parent));
    tli_checkpoint_remove(folder);
    return make_folder(err, folder);
}

static tl_status save_pair(tl_context *ctx, const tli_registry *registry, const tli_model_writers *writers,
                           const tl_settings *settings, const char *labels, const char *folder,
                           const tli_train_state *standing)
{
    char path[TLI_CHECKPOINT_PATH];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    TLI_TRY(tli_model_save(ctx, registry, writers, settings, labels, standing->step, path));
    snprintf(path, sizeof path, "%s/state.safetensors", folder);
    return save_state(ctx, registry, writers, standing, path);
}

tl_status tli_checkpoint_save(tl_context *ctx, const tli_registry *registry, const tli_model_writers *writers,
                              const tl_settings *settings, const char *labels, const char *out,
                              const tli_train_state *standing)
{
    tl_error *err = tl_context_error(ctx);
    char folder[PATH_CAPACITY + 40], path[TLI_CHECKPOINT_PATH];
    const uint64_t step = standing->step;
    const bool places = writers == NULL || tl_ranks_rank(writers->ranks) == 0;
    unfinished_folder(folder, out, step);
    if (!places) return save_pair(ctx, registry, writers, settings, labels, folder, standing);
    tl_status status = make_unfinished(out, folder, err);
    if (status == TL_OK) status = save_pair(ctx, registry, writers, settings, labels, folder, standing);
    if (status == TL_OK) status = tli_checkpoint_place(out, step, folder, err);
    if (status != TL_OK) {
        tli_checkpoint_remove(folder);
        return status;
    }
    tli_checkpoint_file(path, out, step, "model");
    TLI_TRY(publish_model(path, out, err));
    tli_checkpoint_prune(out, tli_checkpoint_keep(settings));
    return TL_OK;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* Opens a file of the checkpoint. */
static tl_status open_file(const char *out, uint64_t step, const char *name, tli_safetensors *st,
                           tl_error *err)
{
    char path[TLI_CHECKPOINT_PATH];
    tli_checkpoint_file(path, out, step, name);
    return tli_st_open(path, st, err);
}

/* Whether this rank finds the checkpoint that rank 0 has found. */
static tl_status find_same(const char *out, const tl_ranks *ranks, uint64_t step, tl_error *err)
{
    tli_safetensors st;
    tl_error why = {0};
    if (step == 0 || tl_ranks_rank(ranks) == 0) return TL_OK;
    if (open_file(out, step, "state", &st, &why) != TL_OK)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "the checkpoint after step %llu, which rank 0 has found, is not there: `run.out` must be a "
            "folder that all ranks share (%.600s)",
            (unsigned long long)step, why.text);
    tli_st_close(&st);
    return TL_OK;
}

tl_status tli_checkpoint_settings(const char *out, tl_ranks *ranks, const tl_log *log, tl_settings *settings,
                                  uint64_t *step, tl_error *err)
{
    tli_safetensors st;
    *step = 0;
    if (tl_ranks_rank(ranks) == 0) TLI_TRY(tli_checkpoint_newest(out, log, step, err));
    TLI_TRY(tli_ranks_broadcast(ranks, step, sizeof *step, err));
    TLI_TRY(tli_ranks_agree(ranks, find_same(out, ranks, *step, err), err));
    if (*step == 0) return TL_OK;
    TLI_TRY(open_file(out, *step, "model", &st, err));
    const tl_status status = tli_settings_from_metadata(&st, settings, err);
    tli_st_close(&st);
    return status;
}

/* Takes the run's length from `settings` if it is longer and in the same unit. */
static void allow_longer(tl_settings *stored, const tl_settings *settings, const tl_log *log)
{
    const bool by_steps = stored->training.steps > 0;
    uint64_t *before = by_steps ? &stored->training.steps : &stored->training.epochs;
    const uint64_t now = by_steps ? settings->training.steps : settings->training.epochs;
    if (by_steps != (settings->training.steps > 0) || now <= *before) return;
    tli_log_write(
        log, TL_LOG_NOTICE,
        "the run is now of %llu %s instead of %llu: from the next step on its schedule is that of the "
        "longer run",
        (unsigned long long)now, by_steps ? "steps" : "epochs", (unsigned long long)*before);
    *before = now;
}

static tl_status check_settings(const tli_safetensors *st, const tl_settings *settings, const char *labels,
                                const tl_log *log, tl_error *err)
{
    tl_settings stored = *settings;
    settings_difference d;
    TLI_TRY(tli_settings_from_metadata(st, &stored, err));
    tli_settings_copy_tested(&stored, settings); /* test settings do not affect the training */
    allow_longer(&stored, settings, log);
    if (!tli_settings_differ(&stored, tli_labels_of(st, stored.task), settings, labels, &d)) return TL_OK;
    return tli_fail(
        err, TL_ERROR_USAGE,
        "cannot resume from %s: %s is %s in the checkpoint of step %llu and %s now; give the same "
        "settings or another `run.out`",
        st->path, d.what, d.a, (unsigned long long)tli_model_step(st), d.b);
}

static tl_status read_standing(const tli_safetensors *st, tli_train_state *standing, tl_error *err)
{
    const char *text = tli_st_metadata(st, "losses");
    if (tli_model_step(st) != standing->step || text == NULL)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s does not say that it is the state after step %llu: remove its folder", st->path,
                        (unsigned long long)standing->step);
    const char *best = tli_st_metadata(st, "best");
    standing->best = best != NULL ? tli_parse_double(best, NULL) : (double)NAN;
    standing->data = tli_identity_read(st);
    standing->losses = 0;
    while (*text != '\0' && standing->losses < TLI_RECENT_LOSSES) {
        char *end;
        standing->loss[standing->losses++] = tli_parse_float(text, &end);
        if (end == text)
            return tli_fail(err, TL_ERROR_INPUT, "%s holds losses that are no numbers: remove its folder",
                            st->path);
        text = end;
    }
    return TL_OK;
}

tl_status tli_checkpoint_resume(tl_context *ctx, tli_registry *registry, const tl_settings *settings,
                                const char *labels, const char *out, uint64_t step, tli_train_state *standing)
{
    tl_error *err = tl_context_error(ctx);
    tli_safetensors st;
    *standing = (tli_train_state){.step = step, .best = (double)NAN};
    TLI_TRY(open_file(out, step, "model", &st, err));
    tl_status status = check_settings(&st, settings, labels, tli_context_log(ctx), err);
    if (status == TL_OK) status = tli_model_read_part(ctx, registry, &st, TLI_PART_VALUE);
    tli_st_close(&st);
    TLI_TRY(status);

    TLI_TRY(open_file(out, step, "state", &st, err));
    status = read_standing(&st, standing, err);
    if (status == TL_OK) status = tli_model_read_part(ctx, registry, &st, TLI_PART_STATE);
    tli_st_close(&st);
    return status;
}
