#include "data/safetensors.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "data/checksum.h"

#define HEADER_LIMIT UINT64_C(100000000) /* the bound of the format's own library */
#define EXACT_LIMIT  9007199254740992.0  /* 2^53: from here on a JSON number is no longer exact as a double */
#define METADATA_KEY "__metadata__"

static const char *const dtype_names[] = {
    [TL_F32] = "F32", [TL_I64] = "I64", [TL_I32] = "I32", [TL_U8] = "U8"};
static const size_t dtype_widths[] = {[TL_F32] = 4, [TL_I64] = 8, [TL_I32] = 4, [TL_U8] = 1};
enum { DTYPE_COUNT = sizeof dtype_widths / sizeof dtype_widths[0] };

static bool host_is_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

/* Reverses the bytes of each of the `count` elements in place; the files are little-endian. */
static void swap_elements(unsigned char *data, size_t count, size_t width)
{
    for (size_t i = 0; i < count; i++, data += width) {
        for (size_t low = 0, high = width - 1; low < high; low++, high--) {
            unsigned char byte = data[low];
            data[low] = data[high];
            data[high] = byte;
        }
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The first name that occurs twice, or NULL. Sorts `names`. */
static const char *find_duplicate(const char **names, int count)
{
    if (count > 1) qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 1; i < count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) return names[i];
    }
    return NULL;
}

/* Elements x width in *bytes; false on overflow. Rank 0 is one element. */
static bool entry_bytes(const tl_st_entry *entry, uint64_t *bytes)
{
    uint64_t product = dtype_widths[entry->dtype];
    bool overflow = false, empty = false;
    for (uint32_t i = 0; i < entry->rank; i++) {
        uint64_t dim = entry->shape[i];
        if (dim == 0) {
            empty = true;
        } else if (product > UINT64_MAX / dim) {
            overflow = true;
        } else {
            product *= dim;
        }
    }
    *bytes = empty ? 0 : product;
    return empty || !overflow;
}

/* ---- reading ---- */

static bool json_count(const cJSON *item, uint64_t *value)
{
    if (!cJSON_IsNumber(item)) return false;
    double number = item->valuedouble;
    if (!(number >= 0.0 && number < EXACT_LIMIT)) return false;
    *value = (uint64_t)number;
    return (double)*value == number;
}

/* cJSON hands out C strings, so an escaped NUL would silently cut a name short. */
static bool has_escaped_nul(const char *text, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++) {
        if (text[i] != '\\') continue;
        if (length - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0) return true;
        i++;
    }
    return false;
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return true;
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

static tl_status out_of_memory(tl_error *err, const char *path)
{
    return tl_fail(err, TL_ERROR_MEMORY, "%s: not enough host memory for its header", path);
}

static tl_status parse_metadata(tl_safetensors *st, const cJSON *object, tl_error *err)
{
    if (st->metadata) return tl_fail(err, TL_ERROR_INPUT, "%s: " METADATA_KEY " occurs twice", st->path);
    if (!cJSON_IsObject(object))
        return tl_fail(err, TL_ERROR_INPUT, "%s: " METADATA_KEY " is not an object of strings", st->path);
    size_t count = 0;
    for (const cJSON *item = object->child; item; item = item->next) count++;
    st->metadata = calloc(count + 1, sizeof *st->metadata);
    const char **keys = calloc(count + 1, sizeof *keys);
    tl_status status = st->metadata && keys ? TL_OK : out_of_memory(err, st->path);
    int filled = 0;
    for (const cJSON *item = object->child; item && status == TL_OK; item = item->next) {
        if (!cJSON_IsString(item)) {
            status = tl_fail(err, TL_ERROR_INPUT, "%s: " METADATA_KEY " entry \"%.100s\" is not a string",
                             st->path, item->string);
            break;
        }
        keys[filled] = item->string;
        tl_st_pair *pair = &st->metadata[filled++];
        pair->key = copy_string(item->string);
        pair->value = copy_string(item->valuestring);
        st->metadata_count = filled;
        if (!pair->key || !pair->value) status = out_of_memory(err, st->path);
    }
    if (status == TL_OK) {
        const char *twice = find_duplicate(keys, filled);
        if (twice)
            status = tl_fail(err, TL_ERROR_INPUT, "%s: " METADATA_KEY " holds \"%.100s\" twice", st->path,
                             twice);
    }
    free(keys);
    return status;
}

static tl_status parse_dtype(const tl_safetensors *st, tl_st_entry *entry, const cJSON *item, tl_error *err)
{
    if (!cJSON_IsString(item))
        return tl_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" has no dtype", st->path, entry->name);
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(item->valuestring, dtype_names[i]) == 0) {
            entry->dtype = (tl_dtype)i;
            return TL_OK;
        }
    }
    return tl_fail(
        err, TL_ERROR_INPUT,
        "%s: tensor \"%s\" has dtype \"%.32s\", but only F32, I64, I32 and U8 can be read; convert the "
        "file",
        st->path, entry->name, item->valuestring);
}

/* One `"name": {"dtype", "shape", "data_offsets"}`; checks all that a single entry can be checked for. */
static tl_status parse_entry(const tl_safetensors *st, const cJSON *item, tl_st_entry *entry, tl_error *err)
{
    const char *name = item->string;
    if (strlen(name) >= sizeof entry->name)
        return tl_fail(err, TL_ERROR_INPUT, "%s: tensor name \"%.60s...\" is longer than %zu bytes", st->path,
                       name, sizeof entry->name - 1);
    if (has_control(name))
        return tl_fail(err, TL_ERROR_INPUT, "%s: a tensor name holds control characters", st->path);
    memcpy(entry->name, name, strlen(name) + 1);
    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) != 3)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s: tensor \"%s\" must have dtype, shape and data_offsets, and nothing else",
                       st->path, name);
    TL_TRY(parse_dtype(st, entry, cJSON_GetObjectItemCaseSensitive(item, "dtype"), err));

    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    if (!cJSON_IsArray(shape))
        return tl_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" has no shape", st->path, name);
    for (const cJSON *dim = shape->child; dim; dim = dim->next) {
        if (entry->rank == sizeof entry->shape / sizeof entry->shape[0])
            return tl_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" has more than 8 dimensions", st->path,
                           name);
        if (!json_count(dim, &entry->shape[entry->rank++]))
            return tl_fail(err, TL_ERROR_INPUT,
                           "%s: the shape of tensor \"%s\" is not made of whole numbers below 2^53", st->path,
                           name);
    }

    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !json_count(offsets->child, &entry->begin) || !json_count(offsets->child->next, &entry->end))
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s: data_offsets of tensor \"%s\" are not two whole numbers below 2^53", st->path,
                       name);
    uint64_t bytes;
    if (!entry_bytes(entry, &bytes))
        return tl_fail(err, TL_ERROR_INPUT, "%s: the shape of tensor \"%s\" is too large for any file",
                       st->path, name);
    if (entry->end < entry->begin || entry->end - entry->begin != bytes)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s: tensor \"%s\" needs %" PRIu64
                       " bytes by its shape, but data_offsets are [%" PRIu64 ", %" PRIu64 "]",
                       st->path, name, bytes, entry->begin, entry->end);
    return TL_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const tl_st_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Names are unique and the entries, sorted by offset, tile the `data_bytes` behind the header exactly. */
static tl_status check_entries(tl_safetensors *st, uint64_t data_bytes, tl_error *err)
{
    const char **names = calloc((size_t)st->count + 1, sizeof *names);
    if (!names) return out_of_memory(err, st->path);
    for (int i = 0; i < st->count; i++) names[i] = st->entries[i].name;
    const char *twice = find_duplicate(names, st->count);
    free(names);
    if (twice) return tl_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" occurs twice", st->path, twice);

    if (st->count > 1) qsort(st->entries, (size_t)st->count, sizeof *st->entries, compare_offsets);
    uint64_t at = 0;
    for (int i = 0; i < st->count; i++) {
        const tl_st_entry *entry = &st->entries[i];
        if (entry->begin != at)
            return tl_fail(err, TL_ERROR_INPUT, "%s: tensor \"%s\" %s", st->path, entry->name,
                           entry->begin < at ? "overlaps another one"
                                             : "leaves a gap of unused bytes before it");
        at = entry->end;
    }
    if (at > data_bytes)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s is truncated: its tensors need %" PRIu64 " bytes, the file has %" PRIu64, st->path,
                       at, data_bytes);
    if (at < data_bytes)
        return tl_fail(err, TL_ERROR_INPUT, "%s: %" PRIu64 " bytes behind the last tensor", st->path,
                       data_bytes - at);
    return TL_OK;
}

static tl_status parse_header(tl_safetensors *st, const char *text, size_t length, uint64_t data_bytes,
                              tl_error *err)
{
    if (text[0] != '{' || memchr(text, 0, length) || has_escaped_nul(text, length))
        return tl_fail(err, TL_ERROR_INPUT, "%s: the header is not a JSON object; is it a safetensors file?",
                       st->path);
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, length + 1, &end, 0); /* + 1: the NUL that our caller put */
    size_t used = root && end ? (size_t)(end - text) : 0;
    while (root && used < length && strchr(" \t\r\n", text[used])) used++;
    if (!cJSON_IsObject(root) || used != length) {
        cJSON_Delete(root);
        return tl_fail(err, TL_ERROR_INPUT, "%s: the header is not valid JSON", st->path);
    }
    size_t members = 0;
    for (const cJSON *item = root->child; item; item = item->next) members++;
    st->entries = calloc(members + 1, sizeof *st->entries);
    tl_status status = st->entries ? TL_OK : out_of_memory(err, st->path);
    for (const cJSON *item = root->child; item && status == TL_OK; item = item->next) {
        if (strcmp(item->string, METADATA_KEY) == 0) {
            status = parse_metadata(st, item, err);
        } else {
            status = parse_entry(st, item, &st->entries[st->count++], err);
        }
    }
    cJSON_Delete(root);
    TL_TRY(status);
    return check_entries(st, data_bytes, err);
}

static tl_status open_checked(const char *path, tl_safetensors *st, tl_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return tl_fail(err, TL_ERROR_INPUT, "%s cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return tl_fail(err, TL_ERROR_INPUT, "%s is not a regular file", path);
    st->file = fopen(path, "rb");
    if (!st->file) return tl_fail(err, TL_ERROR_INPUT, "%s cannot be opened: %s", path, strerror(errno));
    if (fstat(fileno(st->file), &info) != 0 || info.st_size < 0)
        return tl_fail(err, TL_ERROR_INPUT, "%s: its size cannot be read: %s", path, strerror(errno));
    uint64_t size = (uint64_t)info.st_size;

    unsigned char prefix[8];
    if (size < sizeof prefix || fread(prefix, 1, sizeof prefix, st->file) != sizeof prefix)
        return tl_fail(err, TL_ERROR_INPUT, "%s is too short for a safetensors file", path);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | prefix[i];
    if (length > HEADER_LIMIT || length > size - sizeof prefix || length < 2)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s: a header of %" PRIu64
                       " bytes does not fit; it is truncated or no safetensors file",
                       path, length);
    st->data_at = sizeof prefix + length;

    char *text = malloc((size_t)length + 1);
    if (!text) return out_of_memory(err, path);
    tl_status status;
    if (fread(text, 1, (size_t)length, st->file) != length) {
        status = tl_fail(err, TL_ERROR_INPUT, "%s: the header cannot be read", path);
    } else {
        text[length] = 0;
        status = parse_header(st, text, (size_t)length, size - st->data_at, err);
    }
    free(text);
    return status;
}

tl_status tl_st_open(const char *path, tl_safetensors *st, tl_error *err)
{
    memset(st, 0, sizeof *st);
    if (strlen(path) >= sizeof st->path)
        return tl_fail(err, TL_ERROR_INPUT, "the path %.80s... is longer than %zu bytes", path,
                       sizeof st->path - 1);
    memcpy(st->path, path, strlen(path) + 1);
    tl_status status = open_checked(path, st, err);
    if (status != TL_OK) tl_st_close(st);
    return status;
}

void tl_st_close(tl_safetensors *st)
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

const tl_st_entry *tl_st_find(const tl_safetensors *st, const char *name)
{
    for (int i = 0; i < st->count; i++) {
        if (strcmp(st->entries[i].name, name) == 0) return &st->entries[i];
    }
    return NULL;
}

const char *tl_st_metadata(const tl_safetensors *st, const char *key)
{
    for (int i = 0; i < st->metadata_count; i++) {
        if (strcmp(st->metadata[i].key, key) == 0) return st->metadata[i].value;
    }
    return NULL;
}

tl_status tl_st_read(tl_safetensors *st, const tl_st_entry *entry, uint64_t first, uint64_t count, void *out,
                     tl_error *err)
{
    size_t width = dtype_widths[entry->dtype];
    uint64_t elements = (entry->end - entry->begin) / width;
    if (first > elements || count > elements - first || count > SIZE_MAX / width)
        return tl_fail(err, TL_ERROR_USAGE,
                       "%s: elements [%" PRIu64 ", +%" PRIu64
                       ") of tensor \"%s\" were asked for, it has %" PRIu64,
                       st->path, first, count, entry->name, elements);
    if (count == 0) return TL_OK;
    if (fseeko(st->file, (off_t)(st->data_at + entry->begin + first * width), SEEK_SET) != 0 ||
        fread(out, width, (size_t)count, st->file) != count)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s: tensor \"%s\" cannot be read; the file changed or the disk fails", st->path,
                       entry->name);
    if (!host_is_little_endian()) swap_elements(out, (size_t)count, width);
    return TL_OK;
}

/* ---- writing ---- */

static tl_status write_failed(tl_st_writer *w, const char *what, int code, tl_error *err)
{
    tl_st_write_abort(w);
    return tl_fail(err, TL_ERROR_IO, "%s could not be %s: %s", w->path, what, strerror(code ? code : EIO));
}

/* Names: present, unique, not the metadata's; shapes: fill begin and end, one entry behind the other. */
static tl_status place_entries(const char *path, tl_st_entry *entries, int count, uint64_t *total,
                               tl_error *err)
{
    *total = 0;
    const char **names = calloc((size_t)count + 1, sizeof *names);
    if (!names) return out_of_memory(err, path);
    tl_status status = TL_OK;
    for (int i = 0; i < count && status == TL_OK; i++) {
        tl_st_entry *entry = &entries[i];
        uint64_t bytes = 0;
        names[i] = entry->name;
        if (!memchr(entry->name, 0, sizeof entry->name) || entry->name[0] == 0 || has_control(entry->name) ||
            strcmp(entry->name, METADATA_KEY) == 0) {
            status = tl_fail(err, TL_ERROR_USAGE, "%s: tensor %d has no usable name", path, i);
        } else if ((int)entry->dtype < 0 || (int)entry->dtype >= DTYPE_COUNT || entry->rank > 8 ||
                   !entry_bytes(entry, &bytes) || (double)(*total + bytes) >= EXACT_LIMIT ||
                   bytes > UINT64_MAX - *total) {
            status = tl_fail(err, TL_ERROR_USAGE,
                             "%s: tensor \"%s\" has a dtype or shape that no file can hold", path,
                             entry->name);
        } else {
            entry->begin = *total;
            entry->end = *total += bytes;
        }
    }
    const char *twice = status == TL_OK ? find_duplicate(names, count) : NULL;
    if (twice) status = tl_fail(err, TL_ERROR_USAGE, "%s: tensor \"%s\" is given twice", path, twice);
    free(names);
    return status;
}

/* Whole numbers go in as raw text: cJSON prints large doubles with an exponent. False: out of memory. */
static bool add_count(cJSON *array, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return cJSON_AddItemToArray(array, cJSON_CreateRaw(text));
}

static bool add_entry(cJSON *root, const tl_st_entry *entry)
{
    cJSON *object = cJSON_AddObjectToObject(root, entry->name);
    if (!object || !cJSON_AddStringToObject(object, "dtype", dtype_names[entry->dtype])) return false;
    cJSON *shape = cJSON_AddArrayToObject(object, "shape");
    cJSON *offsets = cJSON_AddArrayToObject(object, "data_offsets");
    if (!shape || !offsets) return false;
    for (uint32_t i = 0; i < entry->rank; i++) {
        if (!add_count(shape, entry->shape[i])) return false;
    }
    return add_count(offsets, entry->begin) && add_count(offsets, entry->end);
}

/* The JSON header as text, or NULL when memory ran out. */
static char *print_header(const tl_st_entry *entries, int count, const tl_st_pair *metadata,
                          int metadata_count)
{
    cJSON *root = cJSON_CreateObject();
    bool good = root != NULL;
    if (good && metadata_count > 0) {
        cJSON *object = cJSON_AddObjectToObject(root, METADATA_KEY);
        good = object != NULL;
        for (int i = 0; i < metadata_count && good; i++)
            good = cJSON_AddStringToObject(object, metadata[i].key, metadata[i].value) != NULL;
    }
    for (int i = 0; i < count && good; i++) good = add_entry(root, &entries[i]);
    char *text = good ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text;
}

static tl_status write_header(tl_st_writer *w, const char *text, tl_error *err)
{
    uint64_t length = strlen(text), padded = (length + 7) / 8 * 8;
    if (padded > HEADER_LIMIT) {
        tl_st_write_abort(w);
        return tl_fail(err, TL_ERROR_USAGE, "%s: too many tensors or too much metadata for one header",
                       w->path);
    }
    unsigned char prefix[8];
    for (int i = 0; i < 8; i++) prefix[i] = (unsigned char)(padded >> (8 * i));
    errno = 0;
    if (fwrite(prefix, 1, 8, w->file) != 8 || fwrite(text, 1, (size_t)length, w->file) != length ||
        fwrite("       ", 1, (size_t)(padded - length), w->file) != padded - length)
        return write_failed(w, "written", errno, err);
    const char *digits = tl_checksum_digits(text);
    if (digits == NULL) return TL_OK;
    w->checksum_at = 8 + (uint64_t)(digits - text);
    w->checksum = XXH3_createState();
    if (w->checksum == NULL) {
        tl_st_write_abort(w);
        return out_of_memory(err, w->path);
    }
    XXH3_64bits_reset(w->checksum);
    XXH3_64bits_update(w->checksum, prefix, 8);
    XXH3_64bits_update(w->checksum, text, (size_t)length);
    XXH3_64bits_update(w->checksum, "       ", (size_t)(padded - length));
    return TL_OK;
}

/* Bytes as they stand in the file. 0: written, else errno. */
static int write_bytes(tl_st_writer *w, const void *data, size_t bytes)
{
    errno = 0;
    if (fwrite(data, 1, bytes, w->file) != bytes) return errno ? errno : EIO;
    if (w->checksum != NULL) XXH3_64bits_update(w->checksum, data, bytes);
    return 0;
}

/* Puts the digits of the checksum into the header. 0: written, else errno. */
static int write_checksum(tl_st_writer *w)
{
    char digits[TL_CHECKSUM_DIGITS];
    if (w->checksum == NULL) return 0;
    tl_checksum_print(XXH3_64bits_digest(w->checksum), digits);
    errno = 0;
    if (fseeko(w->file, (off_t)w->checksum_at, SEEK_SET) != 0 ||
        fwrite(digits, 1, sizeof digits, w->file) != sizeof digits)
        return errno ? errno : EIO;
    return 0;
}

tl_status tl_st_write_begin(tl_st_writer *w, const char *path, tl_st_entry *entries, int count,
                            const tl_st_pair *metadata, int metadata_count, tl_error *err)
{
    memset(w, 0, sizeof *w);
    if (strlen(path) >= sizeof w->path)
        return tl_fail(err, TL_ERROR_USAGE, "the path %.80s... is longer than %zu bytes", path,
                       sizeof w->path - 1);
    memcpy(w->path, path, strlen(path) + 1);
    TL_TRY(place_entries(path, entries, count, &w->expected, err));
    for (int i = 0; i < metadata_count; i++) {
        for (int j = 0; j < i; j++) {
            if (strcmp(metadata[i].key, metadata[j].key) == 0)
                return tl_fail(err, TL_ERROR_USAGE, "%s: metadata \"%s\" is given twice", path,
                               metadata[i].key);
        }
    }
    w->spans = calloc((size_t)count + 1, sizeof *w->spans);
    char *text = print_header(entries, count, metadata, metadata_count);
    if (!w->spans || !text) {
        cJSON_free(text);
        tl_st_write_abort(w);
        return out_of_memory(err, path);
    }
    w->span_count = count;
    for (int i = 0; i < count; i++) {
        w->spans[i].end = entries[i].end;
        w->spans[i].width = dtype_widths[entries[i].dtype];
    }

    /* A fixed temporary name: what a killed run left behind is replaced instead of piling up. */
    snprintf(w->temporary, sizeof w->temporary, "%s.tmp", path);
    unlink(w->temporary);
    int fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) w->file = fdopen(fd, "wb");
    if (!w->file) {
        int code = errno;
        if (fd >= 0) close(fd);
        cJSON_free(text);
        return write_failed(w, "created", code, err);
    }
    tl_status status = write_header(w, text, err);
    cJSON_free(text);
    return status;
}

/* Big-endian hosts: swaps through a small buffer, entry by entry. 0: written, else errno. */
static int write_swapped(tl_st_writer *w, const unsigned char *data, size_t bytes)
{
    unsigned char buffer[4096];
    uint64_t at = w->written;
    int span = 0;
    while (bytes > 0) {
        while (w->spans[span].end <= at) span++;
        uint64_t left = w->spans[span].end - at;
        size_t piece = bytes < sizeof buffer ? bytes : sizeof buffer;
        if (piece > left) piece = (size_t)left;
        memcpy(buffer, data, piece);
        swap_elements(buffer, piece / w->spans[span].width, w->spans[span].width);
        const int code = write_bytes(w, buffer, piece);
        if (code != 0) return code;
        data += piece;
        at += piece;
        bytes -= piece;
    }
    return 0;
}

tl_status tl_st_write_data(tl_st_writer *w, const void *data, size_t bytes, tl_error *err)
{
    if (!w->file) return tl_fail(err, TL_ERROR_USAGE, "%s is not open for writing", w->path);
    uint64_t end = w->written + bytes;
    bool fits = bytes <= w->expected - w->written;
    /* Whole elements only, on every host, since a big-endian one has to swap them. */
    for (int i = 0; i < w->span_count && fits; i++) {
        if (w->spans[i].end < end) continue;
        fits = (w->spans[i].end - end) % w->spans[i].width == 0;
        break;
    }
    if (!fits) {
        tl_st_write_abort(w);
        return tl_fail(err, TL_ERROR_USAGE,
                       "%s: a piece of %zu bytes splits an element or runs past the last tensor", w->path,
                       bytes);
    }
    if (bytes == 0) return TL_OK;
    const int code = host_is_little_endian() ? write_bytes(w, data, bytes) : write_swapped(w, data, bytes);
    if (code) return write_failed(w, "written", code, err);
    w->written = end;
    return TL_OK;
}

/* The rename itself reaches the disk only with its folder; folders that cannot be synced are let be. */
static void sync_folder_of(const char *path)
{
    char folder[sizeof((tl_st_writer *)0)->path];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    memcpy(folder, path, length);
    folder[length] = 0;
    int fd = open(length ? folder : slash ? "/" : ".", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

tl_status tl_st_write_commit(tl_st_writer *w, tl_error *err)
{
    if (!w->file) return tl_fail(err, TL_ERROR_USAGE, "%s is not open for writing", w->path);
    if (w->written != w->expected) {
        uint64_t written = w->written, expected = w->expected;
        tl_st_write_abort(w);
        return tl_fail(err, TL_ERROR_USAGE, "%s: %" PRIu64 " of %" PRIu64 " bytes were given", w->path,
                       written, expected);
    }
    const int code = write_checksum(w);
    if (code) return write_failed(w, "written", code, err);
    errno = 0;
    if (fflush(w->file) != 0 || fsync(fileno(w->file)) != 0) return write_failed(w, "written", errno, err);
    FILE *file = w->file;
    w->file = NULL;
    if (fclose(file) != 0) return write_failed(w, "written", errno, err);
    if (rename(w->temporary, w->path) != 0) return write_failed(w, "renamed into place", errno, err);
    w->temporary[0] = 0;
    sync_folder_of(w->path);
    tl_st_write_abort(w); /* only memory is left to free */
    return TL_OK;
}

void tl_st_write_abort(tl_st_writer *w)
{
    if (w->file) fclose(w->file);
    if (w->temporary[0]) unlink(w->temporary);
    free(w->spans);
    XXH3_freeState(w->checksum);
    w->checksum = NULL;
    w->file = NULL;
    w->temporary[0] = 0;
    w->spans = NULL;
    w->span_count = 0;
}
