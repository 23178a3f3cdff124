#include "train/run_ranks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ops/tuning.h"
#include "tasks/metadata.h"
#include "tasks/settings_check.h"

tl_status tli_run_group_ranks(training_run *r)
{
    tl_ranks *all = r->hooks->ranks;
    tl_error *err = tl_context_error(r->ctx);
    const int rank = tl_ranks_rank(all), size = tl_ranks_size(all), sharing = tli_offset_ranks(r->s);
    TLI_TRY(tli_ranks_group(all, rank - rank % sharing, 1, sharing, &r->offsets, err));
    return tli_ranks_group(all, rank % sharing, sharing, size / sharing, &r->replicas, err);
}

tl_status tl_settings_check_ranks(const tl_settings *settings, const tl_ranks *ranks, tl_error *err)
{
    if (settings == NULL) return tli_fail(err, TL_ERROR_USAGE, "the settings are missing");
    TLI_TRY(tli_settings_check_size(settings, err));
    tl_settings own = *settings;
    return tli_share_slices(&own, tl_ranks_size(ranks), err);
}

tl_status tli_share_slices(tl_settings *s, int ranks, tl_error *err)
{
    TLI_TRY(tli_check_offset_ranks(&s->model, s->run.offset_ranks, (uint64_t)ranks, err));
    if (ranks == 1) return TL_OK;
    if ((ranks & (ranks - 1)) != 0)
        return tli_fail(err, TL_ERROR_USAGE, "a run takes 2, 4, 8, ... ranks, not %d", ranks);
    ranks /= tli_offset_ranks(s);
    if (s->training.grad_slices == 0 && ranks > 1)
        s->training.grad_slices = tli_settings_slices(s) * (uint64_t)ranks;
    const uint32_t slices = tli_settings_slices(s);
    if (tli_grad_slices_levels(slices, ranks) < 0)
        return tli_fail(err, TL_ERROR_USAGE,
                        "%d ranks cannot share the %u slices of a batch: start fewer, or begin a run of more "
                        "`training.grad_slices`",
                        ranks, slices);
    if (s->run.accumulate <= slices / (uint32_t)ranks) return TL_OK;
    return tli_fail(
        err, TL_ERROR_USAGE,
        "`run.accumulate` %u asks for more parts than each of %d ranks has: `training.grad_slices` is "
        "%u",
        (unsigned)s->run.accumulate, ranks, slices);
}

/* What ranks must have alike. Of one layout in one version. */
typedef struct run_terms {
    char version[32];
    size_t size;                  /* of this struct */
    char tiles[TLI_TUNING_LABEL]; /* of matrix products */
    tl_settings settings;
} run_terms;

static tl_status refuse_rank(training_run *r, const char *what, const char *own, const char *first)
{
    return tli_fail(tl_context_error(r->ctx), TL_ERROR_USAGE,
                    "%s is %s in rank %d and %s in rank 0: start all ranks alike", what, own,
                    tl_ranks_rank(r->hooks->ranks), first);
}

/* Settings that are not stored, but decide which steps are done. */
static tl_status compare_options(training_run *r, const tl_settings *first)
{
    const tl_settings *own = r->s;
    const field *list[FIELDS_MAX];
    const int count = tli_settings_fields(r->task, list);
    for (int i = 0; i < count; i++) {
        char theirs[FIELD_TEXT_CAPACITY], ours[FIELD_TEXT_CAPACITY], what[80];
        if ((list[i]->use & FIELD_STORED) != 0 || tli_field_same(list[i], own, first)) continue;
        tli_field_write(list[i], own, ours);
        tli_field_write(list[i], first, theirs);
        snprintf(what, sizeof what, "`%s`", list[i]->path);
        return refuse_rank(r, what, ours, theirs);
    }
    if (own->run.resume != first->run.resume)
        return refuse_rank(r, "`run.resume`", own->run.resume ? "given" : "not given",
                           first->run.resume ? "given" : "not given");
    if (own->run.skip_nonfinite != first->run.skip_nonfinite)
        return refuse_rank(r, "`run.skip_nonfinite`", own->run.skip_nonfinite ? "given" : "not given",
                           first->run.skip_nonfinite ? "given" : "not given");
    return TL_OK;
}

tl_status tli_run_compare_ranks(training_run *r)
{
    run_terms own = {.version = TL_VERSION, .size = sizeof own}, first;
    settings_difference d;
    own.settings = *r->s;
    if (r->hooks->ranks == NULL) return TL_OK;
    (void)tli_tuning_label(r->ctx, own.tiles);
    first = own;
    TLI_TRY(tli_ranks_broadcast(r->hooks->ranks, &first, sizeof first, tl_context_error(r->ctx)));
    if (strcmp(own.version, first.version) != 0 || own.size != first.size)
        return refuse_rank(r, "the program's version", own.version, first.version);
    if (tli_settings_differ(&own.settings, r->labels, &first.settings, r->labels, &d))
        return refuse_rank(r, d.what, d.a, d.b);
    TLI_TRY(compare_options(r, &first.settings));
    if (strcmp(own.tiles, first.tiles) != 0)
        return refuse_rank(r, "the table of tuned tiles (`translution tune`)", own.tiles, first.tiles);
    return TL_OK;
}

tl_status tli_run_compare_data(training_run *r, const char *unit)
{
    tl_error *err = tl_context_error(r->ctx);
    tli_data_identity first = r->identity;
    char what[TLI_IDENTITY_DIFFERENCE];
    if (r->hooks->ranks == NULL) return TL_OK;
    TLI_TRY(tli_ranks_broadcast(r->hooks->ranks, &first, sizeof first, err));
    if (!tli_identity_differs(&first, &r->identity, unit, r->s->run.data, what, sizeof what)) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT,
                    "the data are not those of rank 0: %s; give all ranks the same data (`run.data`)", what);
}

/* A name that no earlier run has used, so that no file system remembers that it is missing. */
static void name_probe(const training_run *r, char path[TLI_OUT_CAPACITY + 64])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(path, TLI_OUT_CAPACITY + 64, "%s/.shared-%ld-%lld", r->dir.path, (long)getpid(),
             1000000000LL * now.tv_sec + now.tv_nsec);
}

static tl_status make_probe(const char *path, tl_error *err)
{
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) return tli_fail(err, TL_ERROR_INPUT, "cannot write %s: %s", path, strerror(errno));
    close(descriptor);
    return TL_OK;
}

static tl_status find_probe(const char *path, tl_error *err)
{
    if (access(path, F_OK) == 0) return TL_OK;
    return tli_fail(
        err, TL_ERROR_USAGE,
        "the file %s, which rank 0 has made, is not there (%s): `run.out` must be a folder that all "
        "ranks share, as each writes its part of checkpoints",
        path, strerror(errno));
}

tl_status tli_run_share_folder(training_run *r)
{
    tl_error *err = tl_context_error(r->ctx);
    tl_ranks *all = r->hooks->ranks;
    char path[TLI_OUT_CAPACITY + 64] = "";
    tl_status status = TL_OK;
    if (all == NULL) return TL_OK;
    const bool makes = tl_ranks_rank(all) == 0;
    if (makes) {
        name_probe(r, path);
        TLI_TRY(make_probe(path, err));
    }
    status = tli_ranks_broadcast(all, path, sizeof path, err);
    if (status == TL_OK) status = tli_ranks_broadcast(all, r->dir.path, sizeof r->dir.path, err);
    if (status == TL_OK) status = tli_ranks_agree(all, find_probe(path, err), err);
    if (makes) (void)unlink(path);
    return status;
}
