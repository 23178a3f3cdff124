#include "tasks/model_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/arithmetic.h"
#include "data/checksum.h"
#include "data/safetensors_part.h"
#include "data/safetensors_write.h"
#include "tasks/metadata.h"
#include "tasks/settings_check.h"

/* Tensors of a file in order: slot by slot, each with all parameters. */
typedef struct part_tensor {
    int index, slot; /* of the parameter; of its state */
    const tli_parameter *parameter;
    tl_tensor *tensor;     /* NULL: none of it is here */
    uint64_t first, count; /* elements of the parameter, as they are numbered here, that the tensor holds */
    char name[128];
} part_tensor;

static int part_count(const tli_registry *r, tli_model_part part)
{
    return r->count * (part == TLI_PART_VALUE ? 1 : r->rule->slots);
}

static part_tensor part_tensor_at(const tli_registry *r, tli_model_part part, int index)
{
    part_tensor t = {.index = index % r->count, .slot = index / r->count};
    const tli_parameter *p = t.parameter = &r->items[t.index];
    const bool value = part == TLI_PART_VALUE;
    t.tensor = value ? p->value : p->state[t.slot];
    t.count = value ? tli_parameter_count(p) : tli_registry_shared(r, t.index, &t.first);
    snprintf(t.name, sizeof t.name, "%s%s", value ? "" : r->rule->slot[t.slot], p->name);
    return t;
}

tli_st_dtype tli_model_stored_dtype(tli_dtype dtype)
{
    switch (dtype) {
    case TLI_DTYPE_F32: break;
    }
    return ST_F32;
}

/* values that are not finite must not become the newest checkpoint */
static tl_status check_finite(const part_tensor *t, const float *piece, uint64_t count, const char *path,
                              tl_error *err)
{
    for (uint64_t i = 0; i < count; i++)
        if (!isfinite(piece[i]))
            return tli_fail(err, TL_ERROR_DEVICE,
                            "tensor %s holds numbers that are not finite, so %s was not written: lower "
                            "`training.lr`, or try "
                            "`run.skip_nonfinite`",
                            t->name, path);
    return TL_OK;
}

/* ---- writing: by one process ----------------------------------------------------------------------- */

static tl_status write_tensor(tl_context *ctx, tli_st_writer *w, const part_tensor *t, float *piece)
{
    for (uint64_t at = 0; at < t->count; at += TLI_MODEL_PIECE) {
        const uint64_t n = tli_smaller(t->count - at, TLI_MODEL_PIECE);
        TLI_TRY(tl_tensor_read(ctx, t->tensor, at, n, piece));
        TLI_TRY(check_finite(t, piece, n, w->path, tl_context_error(ctx)));
        TLI_TRY(
            tli_st_write_data(w, piece, n * tli_element_bytes(t->parameter->dtype), tl_context_error(ctx)));
    }
    return TL_OK;
}

static tl_status write_tensors(tl_context *ctx, const tli_registry *r, tli_st_writer *w, tli_model_part part)
{
    float *piece = malloc(TLI_MODEL_PIECE * sizeof *piece);
    if (piece == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory while writing %s",
                        w->path);
    tl_status status = TL_OK;
    for (int i = 0; i < part_count(r, part) && status == TL_OK; i++) {
        const part_tensor t = part_tensor_at(r, part, i);
        status = write_tensor(ctx, w, &t, piece);
    }
    free(piece);
    return status;
}

/* ---- writing: by several ranks --------------------------------------------------------------------- */

/* Elements of the parameter, [first, first + count) as they are numbered here, that this rank writes. */
static uint64_t count_own(const tli_registry *r, tli_model_part part, const part_tensor *t,
                          const tli_model_writers *writers, uint64_t *first)
{
    *first = t->first;
    if (!writers->first && !tli_parameter_is_shared(t->parameter)) return 0;
    return part == TLI_PART_VALUE && writers->replicas ? tli_registry_shared(r, t->index, first) : t->count;
}

/* piece[0..count): elements of the parameter from `at` here on. */
static tl_status write_runs(tli_st_part *file, const tli_st_entry *e, const tli_parameter *p, uint64_t at,
                            uint64_t count, float *piece, tl_error *err)
{
    for (uint64_t done = 0, n; done < count; done += n) {
        int64_t whole;
        n = tli_smaller(tli_parameter_run(p, at + done, &whole), count - done);
        if (whole >= 0) TLI_TRY(tli_st_part_write(file, e, (uint64_t)whole, n, piece + done, err));
    }
    return TL_OK;
}

static tl_status write_own_tensor(tl_context *ctx, const tli_registry *r, tli_st_part *file,
                                  tli_model_part part, const part_tensor *t, const tli_model_writers *writers,
                                  float *piece)
{
    tl_error *err = tl_context_error(ctx);
    uint64_t first, count = count_own(r, part, t, writers, &first);
    const tli_st_entry *e = tli_st_find(&file->st, t->name);
    if (e == NULL) return tli_fail(err, TL_ERROR_IO, "%s has no tensor %s", file->path, t->name);
    for (uint64_t at = 0; at < count; at += TLI_MODEL_PIECE) {
        const uint64_t n = tli_smaller(count - at, TLI_MODEL_PIECE);
        TLI_TRY(tl_tensor_read(ctx, t->tensor, first - t->first + at, n, piece));
        TLI_TRY(check_finite(t, piece, n, file->path, err));
        TLI_TRY(write_runs(file, e, t->parameter, first + at, n, piece, err));
        TLI_TRY(tli_ranks_at_work(writers->ranks, err));
    }
    return TL_OK;
}

static tl_status write_own(tl_context *ctx, const tli_registry *r, const char *path, tli_model_part part,
                           const tli_model_writers *writers)
{
    tl_error *err = tl_context_error(ctx);
    tli_st_part file;
    float *piece = malloc(TLI_MODEL_PIECE * sizeof *piece);
    tl_status status = piece != NULL
                           ? tli_st_part_open(path, &file, err)
                           : tli_fail(err, TL_ERROR_MEMORY, "out of host memory while writing %s", path);
    if (status != TL_OK) {
        free(piece);
        return status;
    }
    for (int i = 0; i < part_count(r, part) && status == TL_OK; i++) {
        const part_tensor t = part_tensor_at(r, part, i);
        status = write_own_tensor(ctx, r, &file, part, &t, writers, piece);
    }
    free(piece);
    return tli_st_part_close(&file, status, err);
}

/* Rank 0's file is at least as long as its data before the others open it, and read back when all are done. `status`: whether
 * rank 0 has begun it. */
static tl_status write_together(tl_context *ctx, const tli_registry *r, tli_st_writer *w, const char *path,
                                tli_model_part part, const tli_model_writers *writers, tl_status status)
{
    tl_error *err = tl_context_error(ctx);
    const bool begins = tl_ranks_rank(writers->ranks) == 0;
    if (begins && status == TL_OK) status = tli_st_write_reserve(w, err);
    TLI_TRY(tli_ranks_agree(writers->ranks, status, err));
    TLI_TRY(tli_ranks_agree(writers->ranks, write_own(ctx, r, path, part, writers), err));
    return begins ? tli_st_write_join(w, err) : TL_OK;
}

static tl_status begin_file(tl_context *ctx, const tli_registry *r, tli_st_writer *w, const char *path,
                            tli_model_part part, const tli_st_item *metadata, int metadata_count)
{
    tl_error *err = tl_context_error(ctx);
    const int count = part_count(r, part);
    tli_st_entry *entries = calloc((size_t)count + 1, sizeof *entries);
    if (entries == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while writing %s", path);
    for (int i = 0; i < count; i++) {
        const part_tensor t = part_tensor_at(r, part, i);
        const tli_parameter *p = t.parameter;
        snprintf(entries[i].name, sizeof entries[i].name, "%s", t.name);
        entries[i].dtype = tli_model_stored_dtype(p->dtype);
        entries[i].rank = p->rank;
        for (uint32_t d = 0; d < p->rank; d++) entries[i].shape[d] = p->shape[d];
    }
    const tl_status status = tli_st_write_begin(w, path, entries, count, metadata, metadata_count, err);
    free(entries);
    return status;
}

tl_status tli_model_write_part(tl_context *ctx, const tli_registry *r, const char *path, tli_model_part part,
                               const tli_model_writers *writers, const tli_st_item *metadata,
                               int metadata_count)
{
    tli_st_writer w = {0};
    const bool begins = writers == NULL || tl_ranks_rank(writers->ranks) == 0;
    tl_status status = begins ? begin_file(ctx, r, &w, path, part, metadata, metadata_count) : TL_OK;
    if (writers != NULL)
        status = write_together(ctx, r, &w, path, part, writers, status);
    else if (status == TL_OK)
        status = write_tensors(ctx, r, &w, part);
    if (begins && status == TL_OK) return tli_st_write_commit(&w, tl_context_error(ctx));
    tli_st_write_abort(&w);
    return status;
}

tl_status tli_model_save(tl_context *ctx, const tli_registry *registry, const tli_model_writers *writers,
                         const tl_settings *settings, const char *labels, uint64_t step, const char *path)
{
    tli_metadata metadata;
    tli_st_item pairs[FIELDS_MAX + 2];
    char number[24];
    tli_metadata_write(settings, labels, &metadata);
    memcpy(pairs, metadata.pairs, (size_t)metadata.count * sizeof *pairs);
    snprintf(number, sizeof number, "%llu", (unsigned long long)step);
    pairs[metadata.count] = (tli_st_item){(char[]){"step"}, number};
    pairs[metadata.count + 1] = (tli_st_item){(char[]){TLI_CHECKSUM_KEY}, (char[]){TLI_CHECKSUM_BLANK}};
    return tli_model_write_part(ctx, registry, path, TLI_PART_VALUE, writers, pairs, metadata.count + 2);
}

/* ---- reading ------------------------------------------------------------------------------------- */

tl_status tli_checkpoint_open(const char *checkpoint, tli_safetensors *st, tl_error *err)
{
    char path[1200];
    struct stat info;
    const bool folder = stat(checkpoint, &info) == 0 && S_ISDIR(info.st_mode);
    if ((size_t)snprintf(path, sizeof path, folder ? "%s/model.safetensors" : "%s", checkpoint) >=
        sizeof path)
        return tli_fail(err, TL_ERROR_USAGE, "the path of the checkpoint is too long: %.200s...", checkpoint);
    return tli_st_open(path, st, err);
}

tl_status tl_checkpoint_settings(const char *checkpoint, tl_settings *settings, tl_error *err)
{
    tli_safetensors st;
    if (checkpoint == NULL || settings == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "the path of a checkpoint or a place for its settings is missing");
    TLI_TRY(tli_settings_check_size(settings, err));
    TLI_TRY(tli_checkpoint_open(checkpoint, &st, err));
    tl_settings stored = *settings;
    const tl_status status = tli_settings_from_metadata(&st, &stored, err);
    tli_st_close(&st);
    if (status == TL_OK) *settings = stored;
    return status;
}

static bool same_shape(const tli_st_entry *e, const tli_parameter *p)
{
    if (e->dtype != tli_model_stored_dtype(p->dtype) || e->rank != p->rank) return false;
    for (uint32_t d = 0; d < p->rank; d++)
        if (e->shape[d] != p->shape[d]) return false;
    return true;
}

static tl_status read_tensor(tl_context *ctx, tli_safetensors *st, const part_tensor *t, float *piece)
{
    tl_error *err = tl_context_error(ctx);
    const tli_st_entry *e = tli_st_find(st, t->name);
    if (e == NULL || !same_shape(e, t->parameter))
        return tli_fail(err, TL_ERROR_INPUT, "%s %s tensor %s: it belongs to another model", st->path,
                        e == NULL ? "has no" : "has another shape or type for the", t->name);
    for (uint64_t at = 0, n; at < t->count; at += n) {
        int64_t whole;
        n = tli_parameter_run(t->parameter, t->first + at, &whole);
        if (t->count - at < n) n = t->count - at;
        if (n > TLI_MODEL_PIECE) n = TLI_MODEL_PIECE;
        if (whole >= 0)
            TLI_TRY(tli_st_read(st, e, (uint64_t)whole, n, piece, err));
        else
            memset(piece, 0, n * sizeof *piece);
        TLI_TRY(tl_tensor_write(ctx, t->tensor, at, n, piece));
    }
    return TL_OK;
}

tl_status tli_model_read_part(tl_context *ctx, tli_registry *r, tli_safetensors *st, tli_model_part part)
{
    tl_error *err = tl_context_error(ctx);
    const int wanted = part_count(r, part);
    if (st->count != wanted)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s holds %d tensors where the model has %d: it belongs to another model", st->path,
                        st->count, wanted);
    float *piece = malloc(TLI_MODEL_PIECE * sizeof *piece);
    if (piece == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while reading %s", st->path);
    tl_status status = TL_OK;
    for (int i = 0; i < wanted && status == TL_OK; i++) {
        const part_tensor t = part_tensor_at(r, part, i);
        status = read_tensor(ctx, st, &t, piece);
    }
    free(piece);
    return status;
}

tl_status tli_model_load(tl_context *ctx, tli_registry *registry, tli_safetensors *st)
{
    TLI_TRY(tli_checksum_verify(st, false, tl_context_error(ctx)));
    return tli_model_read_part(ctx, registry, st, TLI_PART_VALUE);
}

uint64_t tli_model_step(const tli_safetensors *st)
{
    const char *text = tli_st_metadata(st, "step");
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}
