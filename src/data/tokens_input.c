#include "data/tokens_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/bpe.h"
#include "data/text_check.h"

enum { READ_BYTES = 1 << 18, WAIT_MS = 200, BLANKS_MAX = 256 /* on each side of a separator */ };

static tl_status out_of_memory(tl_error *err)
{
    return tli_fail(
        err, TL_ERROR_MEMORY,
        "out of host memory while reading the text: a stretch without a border between words is too long");
}

static tl_status input_grow(uint8_t **text, size_t *capacity, size_t wanted, tl_error *err)
{
    if (wanted <= *capacity) return TL_OK;
    size_t more = *capacity < SIZE_MAX / 2 && 2 * *capacity > wanted ? 2 * *capacity : wanted;
    uint8_t *bigger = realloc(*text, more);
    if (bigger == NULL) return out_of_memory(err);
    *text = bigger;
    *capacity = more;
    return TL_OK;
}

void tli_chunk_free(tli_chunk *chunk)
{
    free(chunk->text);
    free(chunk->ends);
    *chunk = (tli_chunk){0};
}

/* ---- files --------------------------------------------------------------------------------------- */

static tl_status cannot_read(const char *path, tl_error *err)
{
    return tli_fail(err, TL_ERROR_INPUT, "cannot read the text file %s: %s", path, strerror(errno));
}

static tl_status check_beginning(const char *path, tl_error *err)
{
    uint8_t bytes[TLI_TEXT_LOOK];
    FILE *file = fopen(path, "rb");
    if (file == NULL) return cannot_read(path, err);
    const size_t count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return tli_text_check(path, bytes, count, err);
}

static tl_status look_at(tli_input *input, const char *path, bool *sized, tl_error *err)
{
    struct stat what;
    if (strcmp(path, "-") == 0) {
        *sized = false;
        return TL_OK;
    }
    if (stat(path, &what) != 0 || access(path, R_OK) != 0) return cannot_read(path, err);
    if (S_ISDIR(what.st_mode))
        return tli_fail(err, TL_ERROR_INPUT, "%s is a folder; name its files, for example %s/*.txt", path,
                        path);
    *sized &= S_ISREG(what.st_mode);
    input->total += (uint64_t)what.st_size;
    return S_ISREG(what.st_mode) ? check_beginning(path, err) : TL_OK; /* a pipe is read only once */
}

tl_status tli_input_open(tli_input *input, const char *const *files, size_t count, const char *separator,
                         const volatile sig_atomic_t *stop, tl_error *err)
{
    bool sized = true;
    *input = (tli_input){.files = files,
                         .file_count = count,
                         .separator = separator,
                         .separator_bytes = separator != NULL ? strlen(separator) : 0,
                         .stop = stop,
                         .fd = -1};
    for (size_t i = 0; i < count; i++) TLI_TRY(look_at(input, files[i], &sized, err));
    if (!sized) input->total = 0;
    return input_grow(&input->raw, &input->capacity, READ_BYTES + input->separator_bytes + 2 * BLANKS_MAX + 2,
                      err);
}

static void close_file(tli_input *input)
{
    if (input->fd > STDIN_FILENO) close(input->fd);
    input->fd = -1;
}

void tli_input_close(tli_input *input)
{
    close_file(input);
    free(input->raw);
    free(input->carry);
    *input = (tli_input){.fd = -1};
}

static tl_status open_next(tli_input *input, tl_error *err)
{
    input->path = input->files[input->next_file++];
    const bool standard = strcmp(input->path, "-") == 0;
    input->fd = standard ? STDIN_FILENO : open(input->path, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0) return cannot_read(input->path, err);
    if (standard) input->path = "standard input";
    input->ended = input->checked = false;
    input->line_start = true;
    return TL_OK;
}

/* Waits in steps, so that a stop request is noticed while a pipe is silent. */
static tl_status read_more(tli_input *input, tl_error *err)
{
    memmove(input->raw, input->raw + input->begin, input->end - input->begin);
    input->end -= input->begin;
    input->begin = 0;
    for (;;) {
        if (input->stop != NULL && *input->stop != 0)
            return tli_fail(err, TL_INTERRUPTED, "stopped while reading %s; nothing was written",
                            input->path);
        struct pollfd ready = {.fd = input->fd, .events = POLLIN};
        const int polled = poll(&ready, 1, WAIT_MS);
        if (polled < 0 && errno != EINTR) return cannot_read(input->path, err);
        if (polled <= 0) continue;
        const ssize_t got = read(input->fd, input->raw + input->end, input->capacity - input->end);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return cannot_read(input->path, err);
        input->ended = got == 0;
        input->end += (size_t)got;
        input->bytes += (uint64_t)got;
        return TL_OK;
    }
}

/* ---- documents ----------------------------------------------------------------------------------- */

static tl_status input_append(tli_input *input, tli_chunk *chunk, const uint8_t *text, size_t bytes,
                              tl_error *err)
{
    if (bytes == 0) return TL_OK;
    TLI_TRY(input_grow(&chunk->text, &chunk->capacity, chunk->bytes + bytes, err));
    memcpy(chunk->text + chunk->bytes, text, bytes);
    chunk->bytes += bytes;
    input->open = true;
    return TL_OK;
}

static tl_status end_document(tli_input *input, tli_chunk *chunk, tl_error *err)
{
    if (!input->open) return TL_OK;
    if (chunk->end_count == chunk->end_room) {
        const size_t capacity = chunk->end_room != 0 ? 2 * chunk->end_room : 64;
        size_t *ends = realloc(chunk->ends, capacity * sizeof *ends);
        if (ends == NULL) return out_of_memory(err);
        chunk->ends = ends;
        chunk->end_room = capacity;
    }
    chunk->ends[chunk->end_count++] = chunk->bytes;
    input->open = false;
    return TL_OK;
}

typedef enum answer { NO, YES, UNKNOWN } answer;

static size_t skip_blanks(const tli_input *input, size_t at)
{
    const size_t most = input->end - at < BLANKS_MAX ? input->end : at + BLANKS_MAX;
    while (at < most && (input->raw[at] == ' ' || input->raw[at] == '\t')) at++;
    return at;
}

/* Whether the line that begins at `at` is a separator, and where the next one begins; UNKNOWN: more input
 * is needed. Blanks before it are ignored, unless the separator itself begins with them. */
static answer separator_at(const tli_input *input, size_t at, size_t *next)
{
    const char *separator = input->separator;
    const size_t n = input->separator_bytes, end = input->end;
    if (separator == NULL) return NO;
    if (separator[0] != ' ' && separator[0] != '\t') at = skip_blanks(input, at);
    if (memcmp(input->raw + at, separator, end - at < n ? end - at : n) != 0) return NO;
    if (end - at < n) return input->ended ? NO : UNKNOWN;
    at = skip_blanks(input, at + n);
    *next = at;
    if (at == end) return input->ended ? YES : UNKNOWN;
    *next = at + 1;
    if (input->raw[at] == '\n') return YES;
    if (input->raw[at] != '\r') return NO;
    if (at + 1 == end) return input->ended ? YES : UNKNOWN;
    *next = at + (input->raw[at + 1] == '\n' ? 2 : 1);
    return YES;
}

/* End of the line at `at`, after its LF or CR (a CRLF gives an extra empty line, which is not a
 * separator); input->end: not yet read. *carriage caches the position of the next CR, so that text without
 * any is searched once; SIZE_MAX: not searched yet. */
static size_t line_end(const tli_input *input, size_t at, size_t *carriage)
{
    if (*carriage == SIZE_MAX || *carriage < at) {
        const uint8_t *found = memchr(input->raw + at, '\r', input->end - at);
        *carriage = found != NULL ? (size_t)(found - input->raw) : input->end;
    }
    const uint8_t *newline = memchr(input->raw + at, '\n', *carriage - at);
    if (newline != NULL) return (size_t)(newline - input->raw) + 1;
    return *carriage < input->end ? *carriage + 1 : input->end;
}

/* Once enough of a file's beginning is read: refuses what is not text, and drops a byte-order mark. */
static tl_status begin_text(tli_input *input, tl_error *err)
{
    const uint8_t *text = input->raw + input->begin;
    const size_t there = input->end - input->begin;
    if (input->checked || (there < TLI_TEXT_LOOK && !input->ended)) return TL_OK;
    input->checked = true;
    TLI_TRY(tli_text_check(input->path, text, there, err));
    if (there < TLI_TEXT_BOM_BYTES || memcmp(text, TLI_TEXT_BOM, TLI_TEXT_BOM_BYTES) != 0) return TL_OK;
    input->begin += TLI_TEXT_BOM_BYTES;
    input->marks++;
    return TL_OK;
}

/* Moves input to the chunk, except for the beginning of a line that may become a separator. */
static tl_status input_absorb(tli_input *input, tli_chunk *chunk, tl_error *err)
{
    TLI_TRY(begin_text(input, err));
    if (!input->checked) return TL_OK;
    size_t at = input->begin, next = at, carriage = SIZE_MAX;
    while (at < input->end) {
        const answer found = input->line_start ? separator_at(input, at, &next) : NO;
        if (found == UNKNOWN) break;
        if (found == YES) {
            TLI_TRY(input_append(input, chunk, input->raw + input->begin, at - input->begin, err));
            TLI_TRY(end_document(input, chunk, err));
            input->begin = at = next;
            continue;
        }
        next = input->separator != NULL ? line_end(input, at, &carriage) : input->end;
        input->line_start = next > at && (input->raw[next - 1] == '\n' || input->raw[next - 1] == '\r');
        at = next;
    }
    TLI_TRY(input_append(input, chunk, input->raw + input->begin, at - input->begin, err));
    input->begin = at;
    return TL_OK;
}

/* Moves the text from `at` on to the next chunk. */
static tl_status input_carry(tli_input *input, tli_chunk *chunk, size_t at, tl_error *err)
{
    const size_t bytes = chunk->bytes - at;
    TLI_TRY(input_grow(&input->carry, &input->carry_room, bytes, err));
    memcpy(input->carry, chunk->text + at, bytes);
    input->carry_bytes = bytes;
    chunk->bytes = at;
    return TL_OK;
}

/* Splits the chunk after its last complete document or inside an unfinished one; *done false: it must
 * grow. */
static tl_status input_cut(tli_input *input, tli_chunk *chunk, bool *done, tl_error *err)
{
    const size_t last = chunk->end_count > 0 ? chunk->ends[chunk->end_count - 1] : 0;
    *done = true;
    if (last == chunk->bytes) return TL_OK;
    const size_t place = last + tli_bpe_cut(chunk->text + last, chunk->bytes - last);
    if (place > 0) return input_carry(input, chunk, place, err);
    *done = false;
    return TL_OK;
}

tl_status tli_input_next(tli_input *input, size_t target, tli_chunk *chunk, bool *more, tl_error *err)
{
    const bool open = input->open;
    chunk->bytes = chunk->end_count = 0;
    TLI_TRY(input_append(input, chunk, input->carry, input->carry_bytes, err));
    input->carry_bytes = 0;
    input->open = open;
    for (bool done = false; !done;) {
        if (chunk->bytes >= target) {
            TLI_TRY(input_cut(input, chunk, &done, err));
            target = 2 * chunk->bytes;
        } else if (input->fd < 0) {
            done = input->next_file == input->file_count;
            if (!done) TLI_TRY(open_next(input, err));
        } else {
            TLI_TRY(read_more(input, err));
            TLI_TRY(input_absorb(input, chunk, err));
            if (!input->ended) continue;
            TLI_TRY(end_document(input, chunk, err));
            close_file(input);
        }
    }
    *more = chunk->bytes > 0 || chunk->end_count > 0;
    return TL_OK;
}
