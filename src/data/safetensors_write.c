#include "data/safetensors_write.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "data/checksum.h"
#include "data/safetensors_format.h"

static tl_status write_failed(tli_st_writer *w, const char *what, int code, tl_error *err)
{
    tli_st_write_abort(w);
    return tli_fail(err, TL_ERROR_IO, "%s could not be %s: %s", w->path, what, strerror(code ? code : EIO));
}

/* Checks that names are present, unique and not the metadata's; computes consecutive begin and end
 * offsets. */
static tl_status place_entries(const char *path, tli_st_entry *entries, int count, uint64_t *total,
                               tl_error *err)
{
    *total = 0;
    const char **names = calloc((size_t)count + 1, sizeof *names);
    if (!names) return tli_st_out_of_memory(err, path);
    tl_status status = TL_OK;
    for (int i = 0; i < count && status == TL_OK; i++) {
        tli_st_entry *entry = &entries[i];
        uint64_t bytes = 0;
        names[i] = entry->name;
        if (!memchr(entry->name, 0, sizeof entry->name) || entry->name[0] == 0 ||
            tli_st_has_control(entry->name) || strcmp(entry->name, ST_METADATA_KEY) == 0) {
            status = tli_fail(err, TL_ERROR_USAGE, "%s: tensor %d has no usable name", path, i);
        } else if ((int)entry->dtype < 0 || (int)entry->dtype >= ST_DTYPES || entry->rank > 8 ||
                   !tli_st_entry_bytes(entry, &bytes) || (double)(*total + bytes) >= ST_EXACT_LIMIT ||
                   bytes > UINT64_MAX - *total) {
            status = tli_fail(err, TL_ERROR_USAGE,
                              "%s: tensor \"%s\" has a dtype or shape that no file can hold", path,
                              entry->name);
        } else {
            entry->begin = *total;
            entry->end = *total += bytes;
        }
    }
    const char *twice = status == TL_OK ? tli_st_find_duplicate(names, count) : NULL;
    if (twice) status = tli_fail(err, TL_ERROR_USAGE, "%s: tensor \"%s\" is given twice", path, twice);
    free(names);
    return status;
}

/* Integers are inserted as raw text: cJSON prints large doubles with an exponent. False: out of memory. */
static bool add_count(cJSON *array, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return cJSON_AddItemToArray(array, cJSON_CreateRaw(text));
}

static bool add_entry(cJSON *root, const tli_st_entry *entry)
{
    cJSON *object = cJSON_AddObjectToObject(root, entry->name);
    if (!object || !cJSON_AddStringToObject(object, "dtype", tli_st_dtype_names[entry->dtype])) return false;
    cJSON *shape = cJSON_AddArrayToObject(object, "shape");
    cJSON *offsets = cJSON_AddArrayToObject(object, "data_offsets");
    if (!shape || !offsets) return false;
    for (uint32_t i = 0; i < entry->rank; i++) {
        if (!add_count(shape, entry->shape[i])) return false;
    }
    return add_count(offsets, entry->begin) && add_count(offsets, entry->end);
}

/* The JSON header as text, or NULL when memory ran out. */
static char *print_header(const tli_st_entry *entries, int count, const tli_st_item *metadata,
                          int metadata_count)
{
    cJSON *root = cJSON_CreateObject();
    bool good = root != NULL;
    if (good && metadata_count > 0) {
        cJSON *object = cJSON_AddObjectToObject(root, ST_METADATA_KEY);
        good = object != NULL;
        for (int i = 0; i < metadata_count && good; i++)
            good = cJSON_AddStringToObject(object, metadata[i].key, metadata[i].value) != NULL;
    }
    for (int i = 0; i < count && good; i++) good = add_entry(root, &entries[i]);
    char *text = good ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text;
}

static tl_status write_header(tli_st_writer *w, const char *text, tl_error *err)
{
    uint64_t length = strlen(text), padded = (length + 7) / 8 * 8;
    if (padded > ST_HEADER_LIMIT) {
        tli_st_write_abort(w);
        return tli_fail(err, TL_ERROR_USAGE, "%s: too many tensors or too much metadata for one header",
                        w->path);
    }
    unsigned char prefix[8];
    for (int i = 0; i < 8; i++) prefix[i] = (unsigned char)(padded >> (8 * i));
    errno = 0;
    if (fwrite(prefix, 1, 8, w->file) != 8 || fwrite(text, 1, (size_t)length, w->file) != length ||
        fwrite("       ", 1, (size_t)(padded - length), w->file) != padded - length)
        return write_failed(w, "written", errno, err);
    w->data_at = 8 + padded;
    const char *digits = tli_checksum_digits(text);
    if (digits == NULL) return TL_OK;
    w->checksum_at = 8 + (uint64_t)(digits - text);
    w->checksum = XXH3_createState();
    if (w->checksum == NULL) {
        tli_st_write_abort(w);
        return tli_st_out_of_memory(err, w->path);
    }
    XXH3_64bits_reset(w->checksum);
    XXH3_64bits_update(w->checksum, prefix, 8);
    XXH3_64bits_update(w->checksum, text, (size_t)length);
    XXH3_64bits_update(w->checksum, "       ", (size_t)(padded - length));
    return TL_OK;
}

/* Writes raw bytes. 0: written, else errno. */
static int write_bytes(tli_st_writer *w, const void *data, size_t bytes)
{
    errno = 0;
    if (fwrite(data, 1, bytes, w->file) != bytes) return errno ? errno : EIO;
    if (w->checksum != NULL) XXH3_64bits_update(w->checksum, data, bytes);
    return 0;
}

/* Writes the checksum's digits into the header. 0: written, else errno. */
static int write_checksum(tli_st_writer *w)
{
    char digits[TLI_CHECKSUM_DIGITS];
    if (w->checksum == NULL) return 0;
    tli_checksum_print(XXH3_64bits_digest(w->checksum), digits);
    errno = 0;
    if (fseeko(w->file, (off_t)w->checksum_at, SEEK_SET) != 0 ||
        fwrite(digits, 1, sizeof digits, w->file) != sizeof digits)
        return errno ? errno : EIO;
    return 0;
}

bool tli_st_unfinished(const char *path, char name[TLI_ST_UNFINISHED])
{
    /* A fixed name, so that leftovers of a killed run are overwritten instead of piling up. */
    snprintf(name, TLI_ST_UNFINISHED, "%s.tmp", path);
    return strlen(path) < sizeof((tli_st_writer *)0)->path;
}

tl_status tli_st_write_begin(tli_st_writer *w, const char *path, tli_st_entry *entries, int count,
                             const tli_st_item *metadata, int metadata_count, tl_error *err)
{
    char temporary[TLI_ST_UNFINISHED];
    memset(w, 0, sizeof *w);
    if (!tli_st_unfinished(path, temporary))
        return tli_fail(err, TL_ERROR_USAGE, "the path %.80s... is longer than %zu bytes", path,
                        sizeof w->path - 1);
    memcpy(w->path, path, strlen(path) + 1);
    TLI_TRY(place_entries(path, entries, count, &w->expected, err));
    for (int i = 0; i < metadata_count; i++) {
        for (int j = 0; j < i; j++) {
            if (strcmp(metadata[i].key, metadata[j].key) == 0)
                return tli_fail(err, TL_ERROR_USAGE, "%s: metadata \"%s\" is given twice", path,
                                metadata[i].key);
        }
    }
    w->spans = calloc((size_t)count + 1, sizeof *w->spans);
    char *text = print_header(entries, count, metadata, metadata_count);
    if (!w->spans || !text) {
        cJSON_free(text);
        tli_st_write_abort(w);
        return tli_st_out_of_memory(err, path);
    }
    w->span_count = count;
    for (int i = 0; i < count; i++) {
        w->spans[i].end = entries[i].end;
        w->spans[i].width = tli_st_dtype_widths[entries[i].dtype];
    }

    memcpy(w->temporary, temporary, sizeof temporary);
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

/* Big-endian hosts: swaps bytes through a small buffer. 0: written, else errno. */
static int write_swapped(tli_st_writer *w, const unsigned char *data, size_t bytes)
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
        tli_st_swap_elements(buffer, piece / w->spans[span].width, w->spans[span].width);
        const int code = write_bytes(w, buffer, piece);
        if (code != 0) return code;
        data += piece;
        at += piece;
        bytes -= piece;
    }
    return 0;
}

tl_status tli_st_write_data(tli_st_writer *w, const void *data, size_t bytes, tl_error *err)
{
    if (!w->file) return tli_fail(err, TL_ERROR_USAGE, "%s is not open for writing", w->path);
    uint64_t end = w->written + bytes;
    bool fits = bytes <= w->expected - w->written;
    /* Whole elements only, on every host, since a big-endian one has to swap them. */
    for (int i = 0; i < w->span_count && fits; i++) {
        if (w->spans[i].end < end) continue;
        fits = (w->spans[i].end - end) % w->spans[i].width == 0;
        break;
    }
    if (!fits) {
        tli_st_write_abort(w);
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s: a piece of %zu bytes splits an element or runs past the last tensor", w->path,
                        bytes);
    }
    if (bytes == 0) return TL_OK;
    const int code = tli_st_host_is_little_endian() ? write_bytes(w, data, bytes)
                                                    : write_swapped(w, data, bytes);
    if (code) return write_failed(w, "written", code, err);
    w->written = end;
    return TL_OK;
}

tl_status tli_st_write_reserve(tli_st_writer *w, tl_error *err)
{
    errno = 0;
    if (fflush(w->file) != 0 || ftruncate(fileno(w->file), (off_t)(w->data_at + w->expected)) != 0)
        return write_failed(w, "written", errno, err);
    return TL_OK;
}

/* Continues the checksum with the data; 0: read to the end, else errno. */
static int sum_data(tli_st_writer *w, FILE *file, unsigned char *piece, size_t most)
{
    size_t count;
    errno = 0;
    if (fseeko(file, (off_t)w->data_at, SEEK_SET) != 0) return errno;
    while ((count = fread(piece, 1, most, file)) > 0) {
        if (w->checksum != NULL) XXH3_64bits_update(w->checksum, piece, count);
        w->written += count;
    }
    return ferror(file) != 0 ? errno : 0;
}

tl_status tli_st_write_join(tli_st_writer *w, tl_error *err)
{
    enum { PIECE = 1 << 20 };
    unsigned char *piece = malloc(PIECE);
    FILE *file = piece != NULL ? fopen(w->temporary, "rb") : NULL;
    int code = file != NULL ? 0 : errno;
    if (file != NULL) {
        code = sum_data(w, file, piece, PIECE);
        fclose(file);
    }
    free(piece);
    return code == 0 ? TL_OK : write_failed(w, "read back", code, err);
}

/* The rename is durable only after a sync of the folder; a failure of that is ignored. */
static void sync_folder_of(const char *path)
{
    char folder[sizeof((tli_st_writer *)0)->path];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    memcpy(folder, path, length);
    folder[length] = 0;
    int fd = open(length ? folder : slash ? "/" : ".", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

tl_status tli_st_write_commit(tli_st_writer *w, tl_error *err)
{
    if (!w->file) return tli_fail(err, TL_ERROR_USAGE, "%s is not open for writing", w->path);
    if (w->written != w->expected) {
        uint64_t written = w->written, expected = w->expected;
        tli_st_write_abort(w);
        return tli_fail(err, TL_ERROR_USAGE, "%s: %" PRIu64 " of %" PRIu64 " bytes were given", w->path,
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
    tli_st_write_abort(w); /* only memory is left to free */
    return TL_OK;
}

void tli_st_write_abort(tli_st_writer *w)
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
