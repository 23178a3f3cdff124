#include "tasks/model_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/checksum.h"
#include "data/safetensors_write.h"
#include "tasks/metadata.h"

enum { PIECE = 1 << 22 }; /* elements copied at a time: 16 MiB */

/* Tensors of a file in their order: one slot after the other, each of all parameters. */
typedef struct part_tensor {
    const tl_parameter *parameter;
    tl_tensor *tensor;
    char name[128];
} part_tensor;

static int part_count(const tl_registry *r, tl_model_part part)
{
    return part == TL_PART_VALUE ? r->count : r->count * r->rule->slots;
}

static part_tensor part_tensor_at(const tl_registry *r, tl_model_part part, int index)
{
    const tl_parameter *p = &r->items[index % r->count];
    const int slot = index / r->count;
    const bool value = part == TL_PART_VALUE;
    part_tensor t = {.parameter = p, .tensor = value ? p->value : p->state[slot]};
    snprintf(t.name, sizeof t.name, "%s%s", value ? "" : r->rule->slot[slot], p->name);
    return t;
}

tl_st_dtype tl_model_stored_dtype(tl_dtype dtype)
{
    switch (dtype) {
    case TL_DTYPE_F32: break;
    }
    return ST_F32;
}

/* What is not a number must not become the newest checkpoint. */
static tl_status check_finite(const tl_tensor *t, const float *piece, uint64_t count, const char *path,
                              tl_error *err)
{
    for (uint64_t i = 0; i < count; i++)
        if (!isfinite(piece[i]))
            return tl_fail(
                err, TL_ERROR_DEVICE,
                "tensor %s holds numbers that are not finite, so %s was not written: lower --lr, or try "
                "--skip-nonfinite",
                t->name, path);
    return TL_OK;
}

static tl_status write_tensor(tl_context *ctx, tl_st_writer *w, const tl_tensor *t, float *piece)
{
    const uint64_t count = t->lead * t->row;
    for (uint64_t at = 0; at < count; at += PIECE) {
        const uint64_t n = count - at < PIECE ? count - at : PIECE;
        TL_TRY(tl_tensor_read(ctx, t, at, n, piece));
        TL_TRY(check_finite(t, piece, n, w->path, tl_context_error(ctx)));
        TL_TRY(tl_st_write_data(w, piece, n * element_bytes(t->dtype), tl_context_error(ctx)));
    }
    return TL_OK;
}

static tl_status write_tensors(tl_context *ctx, const tl_registry *r, tl_st_writer *w, tl_model_part part)
{
    float *piece = malloc(PIECE * sizeof *piece);
    if (piece == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory while writing %s",
                       w->path);
    tl_status status = TL_OK;
    for (int i = 0; i < part_count(r, part) && status == TL_OK; i++)
        status = write_tensor(ctx, w, part_tensor_at(r, part, i).tensor, piece);
    free(piece);
    return status;
}

tl_status tl_model_write_part(tl_context *ctx, const tl_registry *r, const char *path, tl_model_part part,
                              const tl_st_pair *metadata, int metadata_count)
{
    tl_error *err = tl_context_error(ctx);
    const int count = part_count(r, part);
    tl_st_entry *entries = calloc((size_t)count + 1, sizeof *entries);
    if (entries == NULL) return tl_fail(err, TL_ERROR_MEMORY, "out of host memory while writing %s", path);
    for (int i = 0; i < count; i++) {
        const part_tensor t = part_tensor_at(r, part, i);
        const tl_parameter *p = t.parameter;
        snprintf(entries[i].name, sizeof entries[i].name, "%s", t.name);
        entries[i].dtype = tl_model_stored_dtype(p->dtype);
        entries[i].rank = p->rank;
        for (uint32_t d = 0; d < p->rank; d++) entries[i].shape[d] = p->shape[d];
    }
    tl_st_writer w = {0};
    tl_status status = tl_st_write_begin(&w, path, entries, count, metadata, metadata_count, err);
    free(entries);
    if (status != TL_OK) return status;
    status = write_tensors(ctx, r, &w, part);
    if (status == TL_OK) return tl_st_write_commit(&w, err);
    tl_st_write_abort(&w);
    return status;
}

tl_status tl_model_save(tl_context *ctx, const tl_registry *registry, const tl_settings *settings,
                        uint64_t step, const char *path)
{
    tl_metadata metadata;
    tl_st_pair pairs[TL_METADATA_MAX + 2];
    char number[24];
    tl_metadata_write(settings, &metadata);
    memcpy(pairs, metadata.pairs, (size_t)metadata.count * sizeof *pairs);
    snprintf(number, sizeof number, "%llu", (unsigned long long)step);
    pairs[metadata.count] = (tl_st_pair){(char[]){"step"}, number};
    pairs[metadata.count + 1] = (tl_st_pair){(char[]){TL_CHECKSUM_KEY}, (char[]){TL_CHECKSUM_BLANK}};
    return tl_model_write_part(ctx, registry, path, TL_PART_VALUE, pairs, metadata.count + 2);
}

/* ---- reading ------------------------------------------------------------------------------------- */

tl_status tl_checkpoint_open(const char *checkpoint, tl_safetensors *st, tl_error *err)
{
    char path[1200];
    struct stat info;
    const bool folder = stat(checkpoint, &info) == 0 && S_ISDIR(info.st_mode);
    if ((size_t)snprintf(path, sizeof path, folder ? "%s/model.safetensors" : "%s", checkpoint) >=
        sizeof path)
        return tl_fail(err, TL_ERROR_USAGE, "the path of the checkpoint is too long: %.200s...", checkpoint);
    return tl_st_open(path, st, err);
}

static bool same_shape(const tl_st_entry *e, const tl_parameter *p)
{
    if (e->dtype != tl_model_stored_dtype(p->dtype) || e->rank != p->rank) return false;
    for (uint32_t d = 0; d < p->rank; d++)
        if (e->shape[d] != p->shape[d]) return false;
    return true;
}

static tl_status read_tensor(tl_context *ctx, tl_safetensors *st, const part_tensor *t, float *piece)
{
    tl_error *err = tl_context_error(ctx);
    const tl_st_entry *e = tl_st_find(st, t->name);
    if (e == NULL || !same_shape(e, t->parameter))
        return tl_fail(err, TL_ERROR_INPUT, "%s %s tensor %s: it belongs to another model", st->path,
                       e == NULL ? "has no" : "has another shape or type for the", t->name);
    const uint64_t count = t->tensor->lead * t->tensor->row;
    for (uint64_t at = 0; at < count; at += PIECE) {
        const uint64_t n = count - at < PIECE ? count - at : PIECE;
        TL_TRY(tl_st_read(st, e, at, n, piece, err));
        TL_TRY(tl_tensor_write(ctx, t->tensor, at, n, piece));
    }
    return TL_OK;
}

tl_status tl_model_read_part(tl_context *ctx, tl_registry *r, tl_safetensors *st, tl_model_part part)
{
    tl_error *err = tl_context_error(ctx);
    const int wanted = part_count(r, part);
    if (st->count != wanted)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s holds %d tensors where the model has %d: it belongs to another model", st->path,
                       st->count, wanted);
    float *piece = malloc(PIECE * sizeof *piece);
    if (piece == NULL) return tl_fail(err, TL_ERROR_MEMORY, "out of host memory while reading %s", st->path);
    tl_status status = TL_OK;
    for (int i = 0; i < wanted && status == TL_OK; i++) {
        const part_tensor t = part_tensor_at(r, part, i);
        status = read_tensor(ctx, st, &t, piece);
    }
    free(piece);
    return status;
}

tl_status tl_model_load(tl_context *ctx, tl_registry *registry, tl_safetensors *st)
{
    TL_TRY(tl_checksum_verify(st, false, tl_context_error(ctx)));
    return tl_model_read_part(ctx, registry, st, TL_PART_VALUE);
}

uint64_t tl_model_step(const tl_safetensors *st)
{
    const char *text = tl_st_metadata(st, "step");
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}
