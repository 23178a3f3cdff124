#include "data/safetensors.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/safetensors_format.h"

static bool json_count(const cJSON *item, uint64_t *value)
{
    if (!cJSON_IsNumber(item)) return false;
    double number = item->valuedouble;
    if (!(number >= 0.0 && number < ST_EXACT_LIMIT)) return false;
    *value = (uint64_t)number;
    return (double)*value == number;
}

/* cJSON returns C strings, so an escaped NUL would silently truncate a name. */
static bool has_escaped_nul(const char *text, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++) {
        if (text[i] != '\\') continue;
        if (length - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0) return true;
        i++;
    }
    return false;
}

static char *copy_string(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

static tl_status parse_metadata(tli_safetensors *st, const cJSON *object, tl_error *err)
{
    if (st->metadata) return tli_fail(err, TL_ERROR_INPUT, "%s: " ST_METADATA_KEY " occurs twice", st->path);
    if (!cJSON_IsObject(object))
        return tli_fail(err, TL_ERROR_INPUT, "%s: " ST_METADATA_KEY " is not an object of strings", st->path);
    size_t count = 0;
    for (const cJSON *item = object->child; item; item = item->next) count++;
    st->metadata = calloc(count + 1, sizeof *st->metadata);
    const char **keys = calloc(count + 1, sizeof *keys);
    tl_status status = st->metadata && keys ? TL_OK : tli_st_out_of_memory(err, st->path);
    int filled = 0;
    for (const cJSON *item = object->child; item && status == TL_OK; item = item->next) {
        if (!cJSON_IsString(item)) {
            status = tli_fail(err, TL_ERROR_INPUT, "%s: " ST_METADATA_KEY " entry \"%.100s\" is not a string",
                              st->path, item->string);
            break;
        }
        keys[filled] = item->string;
        tli_st_item *pair = &st->metadata[filled++];
        pair->key = copy_string(item->string);
        pair->value = copy_string(item->valuestring);
        st->metadata_count = filled;
        if (!pair->key || !pair->value) status = tli_st_out_of_memory(err, st->path);
    }
    if (status == TL_OK) {
        const char *twice = tli_st_find_duplicate(keys, filled);
        if (twice)
            status = tli_fail(err, TL_ERROR_INPUT, "%s: " ST_METADATA_KEY " holds \"%.100s\" twice", st->path,
                              twice);
    }
    free(keys);
    return status;
}

static tl_status parse_dtype(const tli_safetensors *st, tli_st_entry *entry, const cJSON *item, tl_error *err)
{
    if (!cJSON_IsString(item))
        return tli_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" has no dtype", st->path, entry->name);
    for (int i = 0; i < ST_DTYPES; i++) {
        if (strcmp(item->valuestring, tli_st_dtype_names[i]) == 0) {
            entry->dtype = (tli_st_dtype)i;
            return TL_OK;
        }
    }
    return tli_fail(
        err, TL_ERROR_INPUT,
        "%s: tensor \"%s\" has dtype \"%.32s\", but only F32, I64, I32 and U8 can be read; convert the "
        "file",
        st->path, entry->name, item->valuestring);
}

/* Parses one `"name": {"dtype", "shape", "data_offsets"}` and checks it as far as possible on its own. */
static tl_status parse_entry(const tli_safetensors *st, const cJSON *item, tli_st_entry *entry, tl_error *err)
{
    const char *name = item->string;
    if (strlen(name) >= sizeof entry->name)
        return tli_fail(err, TL_ERROR_INPUT, "%s: tensor name \"%.60s...\" is longer than %zu bytes",
                        st->path, name, sizeof entry->name - 1);
    if (tli_st_has_control(name))
        return tli_fail(err, TL_ERROR_INPUT, "%s: a tensor name holds control characters", st->path);
    memcpy(entry->name, name, strlen(name) + 1);
    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) != 3)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s: tensor \"%s\" must have dtype, shape and data_offsets, and nothing else",
                        st->path, name);
    TLI_TRY(parse_dtype(st, entry, cJSON_GetObjectItemCaseSensitive(item, "dtype"), err));

    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    if (!cJSON_IsArray(shape))
        return tli_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" has no shape", st->path, name);
    for (const cJSON *dim = shape->child; dim; dim = dim->next) {
        if (entry->rank == sizeof entry->shape / sizeof entry->shape[0])
            return tli_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" has more than 8 dimensions", st->path,
                            name);
        if (!json_count(dim, &entry->shape[entry->rank++]))
            return tli_fail(err, TL_ERROR_INPUT,
                            "%s: the shape of tensor \"%s\" is not made of whole numbers below 2^53",
                            st->path, name);
    }

    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !json_count(offsets->child, &entry->begin) || !json_count(offsets->child->next, &entry->end))
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s: data_offsets of tensor \"%s\" are not two whole numbers below 2^53", st->path,
                        name);
    uint64_t bytes;
    if (!tli_st_entry_bytes(entry, &bytes))
        return tli_fail(err, TL_ERROR_INPUT, "%s: the shape of tensor \"%s\" is too large for any file",
                        st->path, name);
    if (entry->end < entry->begin || entry->end - entry->begin != bytes)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s: tensor \"%s\" needs %" PRIu64
                        " bytes by its shape, but data_offsets are [%" PRIu64 ", %" PRIu64 "]",
                        st->path, name, bytes, entry->begin, entry->end);
    return TL_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const tli_st_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Names are unique, and the entries, sorted by offset, exactly cover the `data_bytes` after the header. */
static tl_status check_entries(tli_safetensors *st, uint64_t data_bytes, tl_error *err)
{
    const char **names = calloc((size_t)st->count + 1, sizeof *names);
    if (!names) return tli_st_out_of_memory(err, st->path);
    for (int i = 0; i < st->count; i++) names[i] = st->entries[i].name;
    const char *twice = tli_st_find_duplicate(names, st->count);
    free(names);
    if (twice) return tli_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" occurs twice", st->path, twice);

    if (st->count > 1) qsort(st->entries, (size_t)st->count, sizeof *st->entries, compare_offsets);
    uint64_t at = 0;
    for (int i = 0; i < st->count; i++) {
        const tli_st_entry *entry = &st->entries[i];
        if (entry->begin != at)
            return tli_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" %s", st->path, entry->name,
                            entry->begin < at ? "overlaps another one"
                                              : "leaves a gap of unused bytes before it");
        at = entry->end;
    }
    if (at > data_bytes)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s is truncated: its tensors need %" PRIu64 " bytes, the file has %" PRIu64,
                        st->path, at, data_bytes);
    if (at < data_bytes)
        return tli_fail(err, TL_ERROR_INPUT, "%s: %" PRIu64 " bytes behind the last tensor", st->path,
                        data_bytes - at);
    return TL_OK;
}

static tl_status parse_header(tli_safetensors *st, const char *text, size_t length, uint64_t data_bytes,
                              tl_error *err)
{
    if (text[0] != '{' || memchr(text, 0, length) || has_escaped_nul(text, length))
        return tli_fail(err, TL_ERROR_INPUT, "%s: the header is not a JSON object; is it a safetensors file?",
                        st->path);
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, length + 1, &end, 0); /* + 1: the NUL added by the caller */
    size_t used = root && end ? (size_t)(end - text) : 0;
    while (root && used < length && strchr(" \t\r\n", text[used])) used++;
    if (root == NULL || !cJSON_IsObject(root) || used != length) {
        cJSON_Delete(root);
        return tli_fail(err, TL_ERROR_INPUT, "%s: the header is not valid JSON", st->path);
    }
    size_t members = 0;
    for (const cJSON *item = root->child; item; item = item->next) members++;
    st->entries = calloc(members + 1, sizeof *st->entries);
    tl_status status = st->entries ? TL_OK : tli_st_out_of_memory(err, st->path);
    for (const cJSON *item = root->child; item && status == TL_OK; item = item->next) {
        if (strcmp(item->string, ST_METADATA_KEY) == 0) {
            status = parse_metadata(st, item, err);
        } else {
            status = parse_entry(st, item, &st->entries[st->count++], err);
        }
    }
    cJSON_Delete(root);
    TLI_TRY(status);
    return check_entries(st, data_bytes, err);
}

static tl_status open_checked(const char *path, tli_safetensors *st, tl_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return tli_fail(err, TL_ERROR_INPUT, "%s cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return tli_fail(err, TL_ERROR_INPUT, "%s is not a regular file", path);
    st->file = fopen(path, "rb");
    if (!st->file) return tli_fail(err, TL_ERROR_INPUT, "%s cannot be opened: %s", path, strerror(errno));
    if (fstat(fileno(st->file), &info) != 0 || info.st_size < 0)
        return tli_fail(err, TL_ERROR_INPUT, "%s: its size cannot be read: %s", path, strerror(errno));
    uint64_t size = (uint64_t)info.st_size;

    unsigned char prefix[8];
    if (size < sizeof prefix || fread(prefix, 1, sizeof prefix, st->file) != sizeof prefix)
        return tli_fail(err, TL_ERROR_INPUT, "%s is too short for a safetensors file", path);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | prefix[i];
    if (length > ST_HEADER_LIMIT || length > size - sizeof prefix || length < 2)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s: a header of %" PRIu64
                        " bytes does not fit; it is truncated or no safetensors file",
                        path, length);
    st->data_at = sizeof prefix + length;

    char *text = malloc((size_t)length + 1);
    if (!text) return tli_st_out_of_memory(err, path);
    tl_status status;
    if (fread(text, 1, (size_t)length, st->file) != length) {
        status = tli_fail(err, TL_ERROR_INPUT, "%s: the header cannot be read", path);
    } else {
        text[length] = 0;
        status = parse_header(st, text, (size_t)length, size - st->data_at, err);
    }
    free(text);
    return status;
}

tl_status tli_st_open(const char *path, tli_safetensors *st, tl_error *err)
{
    memset(st, 0, sizeof *st);
    if (strlen(path) >= sizeof st->path)
        return tli_fail(err, TL_ERROR_INPUT, "the path %.80s... is longer than %zu bytes", path,
                        sizeof st->path - 1);
    memcpy(st->path, path, strlen(path) + 1);
    tl_status status = open_checked(path, st, err);
    if (status != TL_OK) tli_st_close(st);
    return status;
}

void tli_st_close(tli_safetensors *st)
{
    for (int i = 0; i < st->metadata_count; i++) {
        free(st->metadata[i].key);
        free(st->metadata[i].value);
    }
    free(st->metadata);
    free(st->entries);
    if (st->file) fclose(st->file);
    memset(st, 0, sizeof *st);
}

const tli_st_entry *tli_st_find(const tli_safetensors *st, const char *name)
{
    for (int i = 0; i < st->count; i++) {
        if (strcmp(st->entries[i].name, name) == 0) return &st->entries[i];
    }
    return NULL;
}

const char *tli_st_metadata(const tli_safetensors *st, const char *key)
{
    for (int i = 0; i < st->metadata_count; i++) {
        if (strcmp(st->metadata[i].key, key) == 0) return st->metadata[i].value;
    }
    return NULL;
}

tl_status tli_st_read(tli_safetensors *st, const tli_st_entry *entry, uint64_t first, uint64_t count,
                      void *out, tl_error *err)
{
    size_t width = tli_st_dtype_widths[entry->dtype];
    uint64_t elements = (entry->end - entry->begin) / width;
    if (first > elements || count > elements - first || count > SIZE_MAX / width)
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s: elements [%" PRIu64 ", +%" PRIu64
                        ") of tensor \"%s\" were asked for, it has %" PRIu64,
                        st->path, first, count, entry->name, elements);
    if (count == 0) return TL_OK;
    if (fseeko(st->file, (off_t)(st->data_at + entry->begin + first * width), SEEK_SET) != 0 ||
        fread(out, width, (size_t)count, st->file) != count)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s: tensor \"%s\" cannot be read; the file changed or the disk fails", st->path,
                        entry->name);
    if (!tli_st_host_is_little_endian()) tli_st_swap_elements(out, (size_t)count, width);
    return TL_OK;
}
