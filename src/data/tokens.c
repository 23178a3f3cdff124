#include "data/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/random.h"

tl_status tli_ids_reserve(tli_ids *ids, size_t more, tl_error *err)
{
    if (ids->capacity - ids->count >= more) return TL_OK;
    size_t capacity = ids->capacity + ids->capacity / 2;
    if (capacity < ids->count + more) capacity = ids->count + more;
    if (capacity < 256) capacity = 256;
    uint16_t *items = capacity <= SIZE_MAX / sizeof *items ? realloc(ids->items, capacity * sizeof *items)
                                                           : NULL;
    if (items == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for %zu token ids", capacity);
    ids->items = items;
    ids->capacity = capacity;
    return TL_OK;
}

void tli_ids_free(tli_ids *ids)
{
    free(ids->items);
    *ids = (tli_ids){0};
}

/* ---- the file ------------------------------------------------------------------------------------ */

static tl_status check_ids(const tli_tokens *tokens, uint32_t vocab_size, tl_error *err)
{
    if (vocab_size == 0 || vocab_size > 65535) return TL_OK;
    for (uint64_t begin = 0; begin < tokens->count; begin += 65536) {
        const uint64_t end = tokens->count - begin < 65536 ? tokens->count : begin + 65536;
        uint16_t largest = 0; /* branch-free, so that the compiler can vectorise it */
        for (uint64_t i = begin; i < end; i++) {
            const uint16_t id = tli_tokens_at(tokens, i);
            largest = id > largest ? id : largest;
        }
        if (largest < vocab_size) continue;
        for (uint64_t i = begin; i < end; i++)
            if (tli_tokens_at(tokens, i) >= vocab_size)
                return tli_fail(err, TL_ERROR_INPUT,
                                "token file %s: id %u at token %" PRIu64 " (byte %" PRIu64
                                ") is beyond the vocabulary of %" PRIu32
                                "; give the vocabulary size that the "
                                "file was made with",
                                tokens->path, tli_tokens_at(tokens, i), i, 2 * i, vocab_size);
    }
    return TL_OK;
}

/* Width of ids in another tool's file, 32 or 64 bits; 0: they look like 16. In files of wide ids the high
 * halves (every second 16-bit value, or three of four) are zero or, for vocabularies beyond 65535, small
 * while low halves are not. */
static int wide_bits(const tli_tokens *tokens)
{
    enum { ENOUGH = 64, MOST = 1 << 20, SMALL = 4 /* high halves of ids below 2^18 */ };
    uint64_t set[4] = {0}, large[4] = {0};
    const uint64_t count = tokens->count < MOST ? tokens->count : MOST;
    if (count < ENOUGH) return 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint16_t id = tli_tokens_at(tokens, i);
        set[i % 4] += id != 0;
        large[i % 4] += id >= SMALL;
    }
    if (set[2] + set[3] == 0 && set[0] > 0 && (set[1] == 0 || (large[1] == 0 && 8 * large[0] > count)))
        return 64;
    if (set[1] + set[3] == 0 && set[0] + set[2] > 0) return 32;
    return large[1] + large[3] == 0 && 4 * (large[0] + large[2]) > count ? 32 : 0;
}

static bool is_printable(const tli_tokens *tokens)
{
    enum { ENOUGH = 64, MOST = 1 << 16 };
    const uint64_t bytes = 2 * tokens->count < MOST ? 2 * tokens->count : MOST;
    for (uint64_t i = 0; i < bytes; i++) {
        const uint8_t c = tokens->bytes[i];
        if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c > '~') return false;
    }
    return bytes >= ENOUGH;
}

/* Refuses token files of other tools, and text. */
static tl_status check_format(const tli_tokens *tokens, tl_error *err)
{
    static const char as_written[] = "this program reads ids of 16 bits (uint16, little-endian) and nothing "
                                     "else, as `translution tokenize` and "
                                     "nanoGPT write them";
    const uint64_t bytes = 2 * tokens->count;
    if (bytes >= 8 && memcmp(tokens->bytes, "\x93NUMPY", 6) == 0)
        return tli_fail(
            err, TL_ERROR_INPUT,
            "token file %s is a NumPy .npy file: %s; write the array with .astype('<u2').tofile(PATH)",
            tokens->path, as_written);
    if (bytes >= 8 && memcmp(tokens->bytes, "\x88\xd8\x34\x01\x01\x00\x00\x00", 8) == 0)
        return tli_fail(err, TL_ERROR_INPUT,
                        "token file %s has llm.c's header: %s; take the first 1024 bytes off (tail -c +1025)",
                        tokens->path, as_written);
    const int bits = wide_bits(tokens);
    if (bits != 0)
        return tli_fail(err, TL_ERROR_INPUT,
                        "token file %s holds ids of %d bits: %s; convert it, for example in NumPy by "
                        "fromfile(OLD, '<u%d').astype('<u2').tofile(NEW)",
                        tokens->path, bits, as_written, bits / 8);
    if (is_printable(tokens))
        return tli_fail(err, TL_ERROR_INPUT,
                        "token file %s is text: `translution tokenize` makes token files of it",
                        tokens->path);
    return TL_OK;
}

static tl_status tokens_map(int fd, tli_tokens *tokens, tl_error *err)
{
    struct stat what;
    if (fstat(fd, &what) != 0)
        return tli_fail(err, TL_ERROR_INPUT, "cannot read the token file %s: %s", tokens->path,
                        strerror(errno));
    if (!S_ISREG(what.st_mode))
        return tli_fail(err, TL_ERROR_INPUT, "token file %s is not a regular file", tokens->path);
    if (what.st_size == 0)
        return tli_fail(err, TL_ERROR_INPUT,
                        "token file %s is empty; `translution tokenize` makes such files", tokens->path);
    if (what.st_size % 2 != 0)
        return tli_fail(
            err, TL_ERROR_INPUT,
            "token file %s has an odd number of bytes (%lld), but ids take two each: it is cut short or "
            "no token file",
            tokens->path, (long long)what.st_size);
    if ((uintmax_t)what.st_size > SIZE_MAX)
        return tli_fail(err, TL_ERROR_MEMORY, "token file %s is too long for this machine's addresses",
                        tokens->path);
    void *bytes = mmap(NULL, (size_t)what.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return tli_fail(err, TL_ERROR_INPUT, "cannot map the token file %s: %s", tokens->path,
                        strerror(errno));
    tokens->bytes = bytes;
    tokens->count = (uint64_t)what.st_size / 2;
    tokens->mapped = (uint64_t)what.st_size;
    return TL_OK;
}

tl_status tli_tokens_open(const char *path, uint32_t vocab_size, bool by_chars, tli_tokens *tokens,
                          tl_error *err)
{
    memset(tokens, 0, sizeof *tokens);
    if ((size_t)snprintf(tokens->path, sizeof tokens->path, "%s", path) >= sizeof tokens->path)
        return tli_fail(err, TL_ERROR_INPUT, "the path of the token file is too long: %.200s...", path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tli_fail(err, TL_ERROR_INPUT, "cannot read the token file %s: %s", path, strerror(errno));
    tl_status status = tokens_map(fd, tokens, err);
    close(fd);
    if (status == TL_OK && !by_chars) status = check_format(tokens, err);
    if (status == TL_OK) status = check_ids(tokens, vocab_size, err);
    if (status != TL_OK) tli_tokens_close(tokens);
    return status;
}

void tli_tokens_close(tli_tokens *tokens)
{
    free(tokens->owned);
    if (tokens->mapped > 0) munmap((void *)(uintptr_t)tokens->bytes, (size_t)tokens->mapped);
    memset(tokens, 0, sizeof *tokens);
}

/* ---- windows ------------------------------------------------------------------------------------- */

tl_status tli_tokens_check_window(const tli_tokens *tokens, uint32_t length, tl_error *err)
{
    if (length == 0) return tli_fail(err, TL_ERROR_USAGE, "a window must be at least 1 token long");
    if (tokens->count > length) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT,
                    "token file %s holds %" PRIu64 " tokens, fewer than the %" PRIu64
                    " that a window of %" PRIu32
                    " and its next token take; give more text or a shorter window",
                    tokens->path, tokens->count, (uint64_t)length + 1, length);
}

uint64_t tli_tokens_random_window(const tli_tokens *tokens, uint64_t seed, uint64_t epoch, uint64_t sample,
                                  uint32_t length)
{
    const uint64_t places = tokens->count - length;
    /* Each epoch has its own stream, since the index needs eight words per sample: two, and more for
     * rejected draws, which have a probability of places / 2^64. */
    const uint64_t stream = tli_random_stream("tokens/window") + epoch * 0x9E3779B97F4A7C15u;
    tli_random r = tli_random_make(seed, stream);
    r.index = sample << 3;
    const uint64_t threshold = (0 - places) % places; /* 2^64 mod places */
    for (;;) {
        uint64_t word = (uint64_t)tli_random_u32(&r) << 32;
        word |= tli_random_u32(&r);
        if (word >= threshold) return word % places;
    }
}

uint64_t tli_tokens_window_count(const tli_tokens *tokens, uint32_t length)
{
    return (tokens->count - 1) / length;
}

void tli_tokens_read_window(const tli_tokens *tokens, uint64_t start, uint32_t length, uint32_t *x,
                            uint32_t *y)
{
    for (uint32_t i = 0; i < length; i++) x[i] = tli_tokens_at(tokens, start + i);
    for (uint32_t i = 0; y != NULL && i < length; i++) y[i] = tli_tokens_at(tokens, start + i + 1);
}
