#include "data/dataset.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define IMAGES_MAGIC UINT32_C(0x00000803) /* unsigned bytes, 3 dimensions */
#define LABELS_MAGIC UINT32_C(0x00000801)
#define SIDE_LIMIT   UINT32_C(4096)

/* A plain or gzip file, recognised by its first bytes: some browsers decompress a download but keep its
 * name. */
typedef struct source {
    FILE *file;
    char path[1200];
    bool packed, ended; /* gzip; the last gzip member is complete */
    z_stream stream;
    size_t held; /* bytes of `input` not yet returned, for a plain file */
    const unsigned char *next;
    unsigned char input[65536];
} source;

void tli_dataset_free(tli_dataset *set)
{
    free(set->pixels);
    free(set->labels);
    memset(set, 0, sizeof *set);
}

static void source_close(source *s)
{
    if (s->packed) inflateEnd(&s->stream);
    if (s->file) fclose(s->file);
    s->packed = false;
    s->file = NULL;
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static tl_status source_open(source *s, const char *folder, const char *name, tl_error *err)
{
    memset(s, 0, sizeof *s);
    int length = snprintf(s->path, sizeof s->path, "%s/%s.gz", folder, name);
    if (length < 0 || (size_t)length >= sizeof s->path)
        return tli_fail(err, TL_ERROR_INPUT, "the path of the folder %.80s... is too long", folder);
    s->path[length - 3] = 0; /* tries the uncompressed file first */
    if (!is_file(s->path)) s->path[length - 3] = '.';
    if (!is_file(s->path))
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s holds neither %s nor %s.gz; give the folder of the MNIST files", folder, name,
                        name);
    s->file = fopen(s->path, "rb");
    if (!s->file) return tli_fail(err, TL_ERROR_INPUT, "%s cannot be opened: %s", s->path, strerror(errno));
    s->held = fread(s->input, 1, sizeof s->input, s->file);
    s->next = s->input;
    if (s->held < 2 || s->input[0] != 0x1f || s->input[1] != 0x8b) return TL_OK;
    s->stream.next_in = s->input;
    s->stream.avail_in = (uInt)s->held;
    if (inflateInit2(&s->stream, 15 + 16) != Z_OK) /* + 16: a gzip header and checksum are required */
        return tli_fail(err, TL_ERROR_MEMORY, "%s: not enough host memory to unpack it", s->path);
    s->packed = true;
    return TL_OK;
}

static tl_status idx_damaged(const source *s, tl_error *err)
{
    if (ferror(s->file)) return tli_fail(err, TL_ERROR_INPUT, "%s cannot be read", s->path);
    return tli_fail(err, TL_ERROR_INPUT, "%s is not a sound gzip file; fetch it again", s->path);
}

/* Decompresses up to `bytes`; *got is less only at the end of a valid file. */
static tl_status read_packed(source *s, unsigned char *out, size_t bytes, size_t *got, tl_error *err)
{
    *got = 0;
    while (*got < bytes) {
        if (s->stream.avail_in == 0) {
            s->stream.next_in = s->input;
            s->stream.avail_in = (uInt)fread(s->input, 1, sizeof s->input, s->file);
            if (s->stream.avail_in == 0) {
                if (s->ended && !ferror(s->file)) return TL_OK;
                if (!ferror(s->file))
                    return tli_fail(err, TL_ERROR_INPUT, "%s is truncated; fetch it again", s->path);
                return idx_damaged(s, err);
            }
        }
        if (s->ended) { /* gzip members may follow one another; anything else is garbage */
            if (inflateReset(&s->stream) != Z_OK) return idx_damaged(s, err);
            s->ended = false;
        }
        size_t piece = bytes - *got < (1u << 30) ? bytes - *got : 1u << 30;
        s->stream.next_out = out + *got;
        s->stream.avail_out = (uInt)piece;
        int result = inflate(&s->stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return idx_damaged(s, err);
        *got += piece - s->stream.avail_out;
        s->ended = result == Z_STREAM_END;
    }
    return TL_OK;
}

static tl_status read_some(source *s, unsigned char *out, size_t bytes, size_t *got, tl_error *err)
{
    if (s->packed) return read_packed(s, out, bytes, got, err);
    *got = bytes < s->held ? bytes : s->held;
    memcpy(out, s->next, *got);
    s->next += *got;
    s->held -= *got;
    if (*got < bytes) *got += fread(out + *got, 1, bytes - *got, s->file);
    if (ferror(s->file)) return tli_fail(err, TL_ERROR_INPUT, "%s cannot be read", s->path);
    return TL_OK;
}

/* Reads `count` big-endian words; the first is the magic number. */
static tl_status read_header(source *s, uint32_t magic, const char *what, uint32_t *words, int count,
                             tl_error *err)
{
    unsigned char bytes[16];
    size_t got;
    TLI_TRY(read_some(s, bytes, (size_t)count * 4, &got, err));
    if (got < (size_t)count * 4)
        return tli_fail(err, TL_ERROR_INPUT, "%s is truncated in its header", s->path);
    for (int i = 0; i < count; i++) {
        const unsigned char *b = bytes + 4 * i;
        words[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    if (words[0] != magic)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s is no IDX file of %s: it begins with 0x%08" PRIx32 " instead of 0x%08" PRIx32,
                        s->path, what, words[0], magic);
    if (words[1] == 0) return tli_fail(err, TL_ERROR_INPUT, "%s holds no %s", s->path, what);
    return TL_OK;
}

static tl_status idx_truncated(const source *s, uint64_t bytes, uint64_t came, tl_error *err)
{
    return tli_fail(err, TL_ERROR_INPUT,
                    "%s is truncated: its header promises %" PRIu64 " bytes of data, %" PRIu64
                    " came; fetch it again",
                    s->path, bytes, came);
}

/* Reads the rest of the file, which must end `bytes` after its header (`at` of them are already read), so
 * that damage after the last image kept is found, too. */
static tl_status read_rest(source *s, uint64_t at, uint64_t bytes, tl_error *err)
{
    enum { ROOM = 1 << 18 };
    unsigned char *scratch = malloc(ROOM);
    if (!scratch) return tli_fail(err, TL_ERROR_MEMORY, "%s: not enough host memory to read it", s->path);
    tl_status status = TL_OK;
    size_t got = ROOM;
    while (status == TL_OK && got == ROOM && at <= bytes) {
        status = read_some(s, scratch, ROOM, &got, err);
        at += got;
    }
    free(scratch);
    if (status != TL_OK) return status;
    if (at < bytes) return idx_truncated(s, bytes, at, err);
    if (at > bytes) return tli_fail(err, TL_ERROR_INPUT, "%s has bytes behind its last element", s->path);
    return TL_OK;
}

/* Reads the first `kept` of `bytes` into a new *out. The buffer grows as data arrive, so that a header
 * that claims terabytes allocates nothing. */
static tl_status read_body(source *s, uint64_t kept, uint64_t bytes, uint8_t **out, tl_error *err)
{
    uint64_t size = 0, capacity = kept < (1u << 20) ? kept : 1u << 20;
    *out = NULL;
    while (size < kept) {
        uint8_t *grown = capacity <= SIZE_MAX ? realloc(*out, (size_t)capacity) : NULL;
        if (!grown)
            return tli_fail(err, TL_ERROR_MEMORY,
                            "%s: not enough host memory for %" PRIu64 " bytes; limit the number of images",
                            s->path, kept);
        *out = grown;
        size_t got;
        TLI_TRY(read_some(s, *out + size, (size_t)(capacity - size), &got, err));
        size += got;
        if (size < capacity) return idx_truncated(s, bytes, size, err);
        capacity = kept - size < capacity ? kept : 2 * capacity;
    }
    return read_rest(s, size, bytes, err);
}

static tl_status idx_load(source *images, source *labels, uint32_t limit, tli_dataset *set, tl_error *err)
{
    uint32_t image_words[4] = {0}, label_words[2] = {0};
    TLI_TRY(read_header(images, IMAGES_MAGIC, "images", image_words, 4, err));
    TLI_TRY(read_header(labels, LABELS_MAGIC, "labels", label_words, 2, err));
    uint32_t count = image_words[1], height = image_words[2], width = image_words[3];
    if (height == 0 || width == 0 || height > SIDE_LIMIT || width > SIDE_LIMIT)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s: images of %" PRIu32 " x %" PRIu32 " pixels; sides of 1 to %" PRIu32
                        " can be read",
                        images->path, height, width, SIDE_LIMIT);
    if (label_words[1] != count)
        return tli_fail(err, TL_ERROR_INPUT, "%s holds %" PRIu32 " labels but %s holds %" PRIu32 " images",
                        labels->path, label_words[1], images->path, count);
    uint32_t kept = limit > 0 && limit < count ? limit : count;
    TLI_TRY(read_body(labels, count, count, &set->labels, err));
    const uint64_t size = (uint64_t)height * width;
    TLI_TRY(read_body(images, kept * size, count * size, &set->pixels, err));
    set->count = kept;
    set->height = height;
    set->width = width;
    return TL_OK;
}

tl_status tli_idx_load(const char *folder, int train, uint32_t limit, tli_dataset *set, tl_error *err)
{
    memset(set, 0, sizeof *set);
    struct stat info;
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        return tli_fail(err, TL_ERROR_INPUT, "there is no folder %s; give the folder of the MNIST files",
                        folder);
    source *sources = calloc(2, sizeof *sources);
    if (!sources) return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory to read %s", folder);
    tl_status status = source_open(&sources[0], folder,
                                   train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte", err);
    if (status == TL_OK)
        status = source_open(&sources[1], folder,
                             train ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte", err);
    if (status == TL_OK) status = idx_load(&sources[0], &sources[1], limit, set, err);
    source_close(&sources[0]);
    source_close(&sources[1]);
    free(sources);
    if (status != TL_OK) tli_dataset_free(set);
    return status;
}
