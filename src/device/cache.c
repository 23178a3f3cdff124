/* On-disk cache of program binaries. An entry is a file <family>-<128-bit key>.bin: a header and the
 * driver's binary. The key covers every input of the build; the header's checksum detects truncated or
 * damaged files. Cache failures are not errors: programs are then built from source. */
#include "device/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/files.h"

#define FORMAT  1u
#define LARGEST ((uint64_t)1 << 30) /* a larger size in a header is taken for damage */

typedef struct header {
    char magic[8];
    uint64_t format, key_low, key_high, size, checksum;
} header;

static const char MAGIC[8] = {'T', 'L', 'C', 'A', 'C', 'H', 'E', '\n'};

/* <a><b> in new memory. */
static char *cache_join(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    char *text = malloc(la + lb + 1);
    if (text == NULL) return NULL;
    memcpy(text, a, la);
    memcpy(text + la, b, lb + 1);
    return text;
}

void tli_cache_open(tli_cache *cache, const tl_log *log)
{
    const char *own = getenv("TRANSLUTION_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    cache->folder = NULL;
    if (own != NULL && strcmp(own, "off") == 0) return;
    if (own != NULL && own[0] != '\0')
        cache->folder = cache_join(own, "");
    else if (xdg != NULL && xdg[0] == '/') /* the XDG specification: ignore a relative path */
        cache->folder = cache_join(xdg, "/translution");
    else if (home != NULL && home[0] != '\0')
        cache->folder = cache_join(home, "/.cache/translution");
    if (cache->folder == NULL) {
        tli_log_write(log, TL_LOG_NOTICE,
                      "no HOME, so kernels are built anew at every start: set "
                      "TRANSLUTION_CACHE_DIR to a folder to keep them");
        return;
    }
    tli_folders folders;
    if (tli_make_folders(cache->folder, &folders) == 0 && access(cache->folder, R_OK | W_OK | X_OK) == 0)
        return;
    tli_log_write(log, TL_LOG_NOTICE,
                  "the cache folder %s cannot be written, so kernels are built anew at every "
                  "start: set TRANSLUTION_CACHE_DIR to a folder, or to off",
                  cache->folder);
    tli_cache_close(cache);
}

void tli_cache_close(tli_cache *cache)
{
    free(cache->folder);
    cache->folder = NULL;
}

tli_cache_key tli_cache_key_make(const tl_device_info *device, const char *options, const char *source)
{
    const char *flags = getenv("POCL_EXTRA_BUILD_FLAGS"); /* which PoCL adds to the options */
    const char *parts[] = {
        source,          options,        device->platform_name, device->platform_version,  device->name,
        device->version, device->driver, device->c_version,     flags != NULL ? flags : ""};
    XXH128_hash_t hash = {.low64 = FORMAT, .high64 = 0};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        /* the parts are hashed as a chain, so that moving text from one part to the next changes the key */
        XXH128_hash_t part = XXH3_128bits(parts[i], strlen(parts[i]));
        uint64_t words[4] = {hash.low64, hash.high64, part.low64, part.high64};
        hash = XXH3_128bits(words, sizeof words);
    }
    return (tli_cache_key){.low = hash.low64, .high = hash.high64};
}

static char *entry_path(const tli_cache *cache, const char *family, tli_cache_key key)
{
    char name[160];
    snprintf(name, sizeof name, "/%.100s-%016llx%016llx.bin", family, (unsigned long long)key.high,
             (unsigned long long)key.low);
    return cache_join(cache->folder, name);
}

static bool read_entry(FILE *file, tli_cache_key key, unsigned char **data, size_t *size)
{
    header head;
    if (fread(&head, sizeof head, 1, file) != 1) return false;
    if (memcmp(head.magic, MAGIC, sizeof MAGIC) != 0 || head.format != FORMAT || head.key_low != key.low ||
        head.key_high != key.high || head.size == 0 || head.size > LARGEST)
        return false;
    struct stat info; /* check the file size before head.size is trusted with an allocation */
    if (fstat(fileno(file), &info) != 0 || (uint64_t)info.st_size != sizeof head + head.size) return false;
    *data = malloc((size_t)head.size);
    *size = (size_t)head.size;
    if (*data == NULL) return false;
    if (fread(*data, 1, *size, file) == *size && XXH3_64bits(*data, *size) == head.checksum) return true;
    free(*data);
    *data = NULL;
    return false;
}

bool tli_cache_load(const tli_cache *cache, const char *family, tli_cache_key key, unsigned char **data,
                    size_t *size)
{
    *data = NULL;
    *size = 0;
    char *path = cache->folder != NULL ? entry_path(cache, family, key) : NULL;
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    free(path);
    if (file == NULL) return false;
    bool good = read_entry(file, key, data, size);
    fclose(file);
    return good;
}

/* Writes a temporary file beside the entry and renames it to the entry, *path. */
static bool write_entry(const char *path, const header *head, const unsigned char *data)
{
    char *temporary = cache_join(path, ".XXXXXX");
    if (temporary == NULL) return false;
    int descriptor = mkstemp(temporary);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    bool good = file != NULL && fwrite(head, sizeof *head, 1, file) == 1 &&
                fwrite(data, 1, (size_t)head->size, file) == head->size;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    else if (descriptor >= 0)
        close(descriptor);
    good = good && rename(temporary, path) == 0;
    if (!good && descriptor >= 0) unlink(temporary);
    free(temporary);
    return good;
}

void tli_cache_save(tli_cache *cache, const tl_log *log, const char *family, tli_cache_key key,
                    const unsigned char *data, size_t size)
{
    if (cache->folder == NULL) return;
    header head = {.format = FORMAT, .key_low = key.low, .key_high = key.high, .size = size};
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    head.checksum = XXH3_64bits(data, size);
    char *path = entry_path(cache, family, key);
    if (path == NULL) return;
    if (!write_entry(path, &head, data)) {
        tli_log_write(log, TL_LOG_NOTICE, "cannot write %s, so kernels are built anew at the next start",
                      path);
        tli_cache_close(cache); /* close the cache: one notice is enough */
    }
    free(path);
}
