/* The public tl_file: a safetensors file that the library's user reads. */
#include <stdlib.h>
#include <string.h>

#include "data/safetensors_format.h"
#include "tasks/model_file.h"

enum { PIECE = 1 << 15 }; /* bytes converted at a time */

tl_status tl_file_open(const char *path, tl_file **out, tl_error *err)
{
    if (out != NULL) *out = NULL;
    if (path == NULL || out == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a file to be opened needs its path and a place for its handle: one is NULL");
    tl_file *file = calloc(1, sizeof *file);
    if (file == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while opening %s", path);
    const tl_status status = tli_checkpoint_open(path, file, err);
    if (status == TL_OK)
        *out = file;
    else
        free(file);
    return status;
}

void tl_file_close(tl_file *file)
{
    if (file == NULL) return;
    tli_st_close(file);
    free(file);
}

static uint64_t elements_of(const tli_st_entry *e)
{
    return (e->end - e->begin) / tli_st_dtype_widths[e->dtype];
}

static tl_tensor_info describe_entry(const tli_st_entry *e)
{
    tl_tensor_info info = {
        .name = e->name, .dtype = tli_st_dtype_names[e->dtype], .rank = e->rank, .count = elements_of(e)};
    memcpy(info.shape, e->shape, e->rank * sizeof *e->shape);
    return info;
}

bool tl_file_tensor_at(const tl_file *file, int index, tl_tensor_info *out)
{
    if (file == NULL || out == NULL || index < 0 || index >= file->count) return false;
    *out = describe_entry(&file->entries[index]);
    return true;
}

bool tl_file_tensor(const tl_file *file, const char *name, tl_tensor_info *out)
{
    const tli_st_entry *e = file != NULL && name != NULL ? tli_st_find(file, name) : NULL;
    if (e == NULL || out == NULL) return false;
    *out = describe_entry(e);
    return true;
}

static float number_at(const unsigned char *bytes, tli_st_dtype dtype)
{
    int64_t wide;
    int32_t narrow;
    float number;
    switch (dtype) {
    case ST_I64: memcpy(&wide, bytes, sizeof wide); return (float)wide;
    case ST_I32: memcpy(&narrow, bytes, sizeof narrow); return (float)narrow;
    case ST_U8: return (float)*bytes;
    case ST_F32: break;
    }
    memcpy(&number, bytes, sizeof number);
    return number;
}

/* Reads whole numbers in pieces and converts them. */
static tl_status read_converted(tl_file *file, const tli_st_entry *e, uint64_t at, uint64_t count,
                                float *target, tl_error *err)
{
    unsigned char piece[PIECE];
    const size_t width = tli_st_dtype_widths[e->dtype];
    for (uint64_t done = 0; done < count;) {
        const uint64_t n = count - done < PIECE / width ? count - done : PIECE / width;
        TLI_TRY(tli_st_read(file, e, at + done, n, piece, err));
        for (uint64_t i = 0; i < n; i++) target[done + i] = number_at(piece + i * width, e->dtype);
        done += n;
    }
    return TL_OK;
}

tl_status tl_file_read(tl_file *file, const char *name, uint64_t at, uint64_t count, float *target,
                       tl_error *err)
{
    if (file == NULL || name == NULL || (target == NULL && count > 0))
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_file_read takes a file, a tensor's name and a target: one is NULL");
    const tli_st_entry *e = tli_st_find(file, name);
    if (e == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "%s has no tensor %s: tl_file_tensor_at lists those it has",
                        file->path, name);
    if (at > elements_of(e) || count > elements_of(e) - at || e->dtype == ST_F32) /* refused, or as it is */
        return tli_st_read(file, e, at, count, target, err);
    return read_converted(file, e, at, count, target, err);
}

bool tl_file_metadata_at(const tl_file *file, int index, const char **key, const char **value)
{
    if (file == NULL || key == NULL || value == NULL || index < 0 || index >= file->metadata_count)
        return false;
    *key = file->metadata[index].key;
    *value = file->metadata[index].value;
    return true;
}

const char *tl_file_metadata(const tl_file *file, const char *key)
{
    return file != NULL && key != NULL ? tli_st_metadata(file, key) : NULL;
}
