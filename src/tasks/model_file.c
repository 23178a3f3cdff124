#include "tasks/model_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/checksum.h"
#include "data/safetensors_write.h"
#include "tasks/metadata.h"

enum { PIECE = 1 << 22 }; /* elements copied at a time: 16 MiB */

/* Of a parameter's name in files that hold a part of it. */
static const char *const prefixes[] = {"", "m.", "v."};

static tl_tensor *tensor_of(const tl_parameter *p, tl_model_part which)
{
    return which == TL_PART_VALUE ? p->value : which == TL_PART_MOMENT1 ? p->moment1 : p->moment2;
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

static tl_status write_parts(tl_context *ctx, const tl_registry *r, tl_st_writer *w, tl_model_part first,
                             tl_model_part last)
{
    float *piece = malloc(PIECE * sizeof *piece);
    if (piece == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory while writing %s",
                       w->path);
    tl_status status = TL_OK;
    for (int which = (int)first; which <= (int)last; which++)
        for (int i = 0; i < r->count && status == TL_OK; i++)
            status = write_tensor(ctx, w, tensor_of(&r->items[i], (tl_model_part)which), piece);
    free(piece);
    return status;
}

tl_status tl_model_write_parts(tl_context *ctx, const tl_registry *r, const char *path, tl_model_part first,
                               tl_model_part last, const tl_st_pair *metadata, int metadata_count)
{
    tl_error *err = tl_context_error(ctx);
    const int parts = (int)last - (int)first + 1;
    tl_st_entry *entries = calloc((size_t)(r->count * parts), sizeof *entries);
    if (entries == NULL) return tl_fail(err, TL_ERROR_MEMORY, "out of host memory while writing %s", path);
    for (int k = 0; k < parts * r->count; k++) {
        const tl_parameter *p = &r->items[k % r->count];
        snprintf(entries[k].name, sizeof entries[k].name, "%s%s", prefixes[(int)first + k / r->count],
                 p->name);
        entries[k].dtype = tl_model_stored_dtype(p->dtype);
        entries[k].rank = p->rank;
        for (uint32_t d = 0; d < p->rank; d++) entries[k].shape[d] = p->shape[d];
    }
    tl_st_writer w = {0};
    tl_status status = tl_st_write_begin(&w, path, entries, parts * r->count, metadata, metadata_count, err);
    free(entries);
    if (status != TL_OK) return status;
    status = write_parts(ctx, r, &w, first, last);
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
    return tl_model_write_parts(ctx, registry, path, TL_PART_VALUE, TL_PART_VALUE, pairs, metadata.count + 2);
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

tl_status tl_model_read_parts(tl_context *ctx, tl_registry *r, tl_safetensors *st, tl_model_part first,
                              tl_model_part last)
{
    tl_error *err = tl_context_error(ctx);
    const int wanted = r->count * ((int)last - (int)first + 1);
    if (st->count != wanted)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s holds %d tensors where the model has %d: it belongs to another model", st->path,
                       st->count, wanted);
    float *piece = malloc(PIECE * sizeof *piece);
    if (piece == NULL) return tl_fail(err, TL_ERROR_MEMORY, "out of host memory while reading %s", st->path);
    tl_status status = TL_OK;
    for (int k = 0; k < wanted && status == TL_OK; k++) {
        const int which = (int)first + k / r->count;
        const tl_parameter *p = &r->items[k % r->count];
        char name[128];
        snprintf(name, sizeof name, "%s%s", prefixes[which], p->name);
        const tl_st_entry *e = tl_st_find(st, name);
        if (e == NULL || !same_shape(e, p)) {
            status = tl_fail(err, TL_ERROR_INPUT, "%s %s tensor %s: it belongs to another model", st->path,
                             e == NULL ? "has no" : "has another shape or type for the", name);
            break;
        }
        tl_tensor *t = tensor_of(p, (tl_model_part)which);
        const uint64_t count = t->lead * t->row;
        for (uint64_t at = 0; at < count && status == TL_OK; at += PIECE) {
            const uint64_t n = count - at < PIECE ? count - at : PIECE;
            status = tl_st_read(st, e, at, n, piece, err);
            if (status == TL_OK) status = tl_tensor_write(ctx, t, at, n, piece);
        }
    }
    free(piece);
    return status;
}

tl_status tl_model_load(tl_context *ctx, tl_registry *registry, tl_safetensors *st)
{
    TL_TRY(tl_checksum_verify(st, false, tl_context_error(ctx)));
    return tl_model_read_parts(ctx, registry, st, TL_PART_VALUE, TL_PART_VALUE);
}

uint64_t tl_model_step(const tl_safetensors *st)
{
    const char *text = tl_st_metadata(st, "step");
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}
