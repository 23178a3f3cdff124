#include "data/tokens_output.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/random.h"

static tl_status cannot_write(const tli_output_file *file, tl_error *err)
{
    return tli_fail(err, TL_ERROR_IO, "cannot write %s: %s", file->path, strerror(errno));
}

static tl_status output_flush(tli_output_file *file, tl_error *err)
{
    for (size_t done = 0; done < file->used;) {
        const ssize_t put = write(file->fd, file->buffer + done, file->used - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return cannot_write(file, err);
        done += (size_t)put;
    }
    file->used = 0;
    return TL_OK;
}

static tl_status write_ids(tli_output_file *file, const uint16_t *ids, size_t count, tl_error *err)
{
    for (size_t i = 0; i < count;) {
        if (file->used == TLI_OUTPUT_BUFFER) TLI_TRY(output_flush(file, err));
        uint8_t *to = file->buffer + file->used;
        const size_t capacity = (TLI_OUTPUT_BUFFER - file->used) / 2,
                     n = count - i < capacity ? count - i : capacity;
        for (size_t k = 0; k < n; k++) {
            to[2 * k] = (uint8_t)ids[i + k];
            to[2 * k + 1] = (uint8_t)(ids[i + k] >> 8);
        }
        file->used += 2 * n;
        i += n;
    }
    file->tokens += count;
    return TL_OK;
}

tl_status tli_output_open(tli_output *output, const char *folder, double val_fraction, uint64_t seed,
                          tl_error *err)
{
    static const char *const names[] = {"train.bin", "val.bin"};
    memset(output, 0, sizeof *output);
    output->val_fraction = val_fraction;
    output->seed = seed;
    for (int i = 0; i < 2; i++) output->files[i].fd = -1;
    for (int i = 0; i < 2; i++) {
        tli_output_file *f = &output->files[i];
        const long id = (long)getpid();
        const int length = snprintf(f->temporary, sizeof f->temporary, "%s/%s.tmp-%ld", folder, names[i], id);
        if (length >= TLI_OUTPUT_PATH)
            return tli_fail(err, TL_ERROR_INPUT, "the path of the output folder is too long");
        snprintf(f->path, sizeof f->path, "%s/%s", folder, names[i]);
        f->buffer = malloc(TLI_OUTPUT_BUFFER);
        if (f->buffer == NULL)
            return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while opening %s", f->path);
        f->fd = open(f->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (f->fd < 0)
            return tli_fail(err, TL_ERROR_INPUT, "cannot write %s: %s; choose another `run.out`", f->path,
                            strerror(errno));
    }
    return TL_OK;
}

void tli_output_close(tli_output *output)
{
    for (int i = 0; i < 2; i++) {
        tli_output_file *f = &output->files[i];
        if (f->fd >= 0) {
            close(f->fd);
            unlink(f->temporary);
        }
        free(f->buffer);
        free(f->candidates.items);
        f->buffer = NULL;
        f->candidates = (tli_output_candidates){0};
        f->fd = -1;
    }
}

/* ---- documents ----------------------------------------------------------------------------------- */

tl_status tli_output_write(tli_output *output, const uint16_t *ids, size_t count, tl_error *err)
{
    if (!output->open) {
        output->open = true;
        output->word = tli_random_word(output->seed, tli_random_stream("tokens/val"), output->documents);
        output->side = (double)output->word < output->val_fraction * 4294967296.0 ? TLI_VAL : TLI_TRAIN;
        output->begin = output->files[output->side].tokens;
    }
    return write_ids(&output->files[output->side], ids, count, err);
}

/* Number of candidates: enough for the expected excess on one side, which grows as the square root of the
 * number of documents. */
enum { CANDIDATES_MAX = 1 << 16 };

/* Whether document a is nearer to the other file than b: by their random words, then by position. */
static bool is_nearer(int side, const tli_output_candidate *a, const tli_output_candidate *b)
{
    const bool smaller = a->word != b->word ? a->word < b->word : a->begin < b->begin;
    return smaller == (side == TLI_TRAIN);
}

static void sift_down(int side, tli_output_candidates *list)
{
    tli_output_candidate *heap = list->items;
    for (size_t i = 0, child; (child = 2 * i + 1) < list->count; i = child) {
        if (child + 1 < list->count && is_nearer(side, &heap[child], &heap[child + 1])) child++;
        if (!is_nearer(side, &heap[i], &heap[child])) return;
        const tli_output_candidate swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

static void sift_up(int side, tli_output_candidates *list)
{
    tli_output_candidate *heap = list->items;
    for (size_t i = list->count - 1, parent; i > 0; i = parent) {
        parent = (i - 1) / 2;
        if (!is_nearer(side, &heap[parent], &heap[i])) return;
        const tli_output_candidate swap = heap[i];
        heap[i] = heap[parent];
        heap[parent] = swap;
    }
}

static tl_status add_candidate(int side, tli_output_candidates *list, const tli_output_candidate *c,
                               tl_error *err)
{
    if (list->count == CANDIDATES_MAX) {
        if (!is_nearer(side, c, &list->items[0])) return TL_OK;
        list->items[0] = *c;
        sift_down(side, list);
        return TL_OK;
    }
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity > 0 ? 2 * list->capacity : 64;
        tli_output_candidate *items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL)
            return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the list of documents");
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *c;
    sift_up(side, list);
    return TL_OK;
}

static int by_place(const void *a, const void *b)
{
    const uint64_t x = ((const tli_output_candidate *)a)->begin, y = ((const tli_output_candidate *)b)->begin;
    return (x > y) - (x < y);
}

/* Keeps only the `wanted` nearest documents, or all if fewer, sorted by position. */
static void choose_nearest(int side, tli_output_candidates *list, uint64_t wanted)
{
    while (list->count > wanted) {
        list->items[0] = list->items[--list->count];
        sift_down(side, list);
    }
    qsort(list->items, list->count, sizeof *list->items, by_place);
}

tl_status tli_output_end_document(tli_output *output, tl_error *err)
{
    tli_output_file *f = &output->files[output->side];
    const tli_output_candidate c = {output->word, output->begin, f->tokens - output->begin};
    f->documents++;
    output->documents++;
    output->open = false;
    return add_candidate(output->side, &f->candidates, &c, err);
}

tl_status tli_output_take_back(tli_output *output, uint64_t count, tl_error *err)
{
    tli_output_file *f = &output->files[output->side];
    TLI_TRY(output_flush(f, err));
    f->tokens -= count;
    for (size_t i = 0; i < f->candidates.count; i++)
        if (f->candidates.items[i].begin == output->begin) f->candidates.items[i].count -= count;
    const off_t size = (off_t)(2 * f->tokens);
    return ftruncate(f->fd, size) == 0 && lseek(f->fd, size, SEEK_SET) == size ? TL_OK : cannot_write(f, err);
}

/* ---- moving documents ------------------------------------------------------------------------------- */

static tl_status read_at(tli_output_file *f, uint64_t offset, size_t bytes, tl_error *err)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = pread(f->fd, f->buffer + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return tli_fail(err, TL_ERROR_IO, "cannot read back what was written to %s", f->path);
        done += (size_t)got;
    }
    return TL_OK;
}

static tl_status write_at(tli_output_file *f, uint64_t offset, const uint8_t *bytes, size_t count,
                          tl_error *err)
{
    for (size_t done = 0; done < count;) {
        const ssize_t put = pwrite(f->fd, bytes + done, count - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return cannot_write(f, err);
        done += (size_t)put;
    }
    return TL_OK;
}

/* Copies tokens of `from` to the end of `to`. */
static tl_status append_tokens(tli_output_file *from, tli_output_file *to, uint64_t begin, uint64_t count,
                               tl_error *err)
{
    for (uint64_t at = 2 * begin, n, end = at + 2 * count; at < end; at += n) {
        n = end - at < TLI_OUTPUT_BUFFER ? end - at : TLI_OUTPUT_BUFFER;
        TLI_TRY(read_at(from, at, (size_t)n, err));
        TLI_TRY(write_at(to, 2 * to->tokens, from->buffer, (size_t)n, err));
        to->tokens += n / 2;
    }
    return TL_OK;
}

/* Moves ranges of tokens, in order of position, to the end of the other file, and closes the gaps. */
static tl_status output_move(tli_output_file *from, tli_output_file *to, const tli_output_candidate *list,
                             size_t count, tl_error *err)
{
    if (count == 0) return TL_OK;
    TLI_TRY(output_flush(from, err));
    TLI_TRY(output_flush(to, err));
    uint64_t write = 2 * list[0].begin;
    for (size_t i = 0; i < count; i++) {
        TLI_TRY(append_tokens(from, to, list[i].begin, list[i].count, err));
        const uint64_t end = 2 * (i + 1 < count ? list[i + 1].begin : from->tokens);
        for (uint64_t at = 2 * (list[i].begin + list[i].count), n; at < end; at += n, write += n) {
            n = end - at < TLI_OUTPUT_BUFFER ? end - at : TLI_OUTPUT_BUFFER;
            TLI_TRY(read_at(from, at, (size_t)n, err));
            TLI_TRY(write_at(from, write, from->buffer, (size_t)n, err));
        }
    }
    from->tokens = write / 2;
    return ftruncate(from->fd, (off_t)write) == 0 ? TL_OK : cannot_write(from, err);
}

uint64_t tli_output_share(uint64_t count, double fraction)
{
    if (!(fraction > 0) || count == 0) return 0;
    if (fraction >= 1) return count;
    const uint64_t share = (uint64_t)llround(fraction * (double)count);
    return share >= count ? count - 1 : share < 1 && count > 1 ? 1 : share;
}

static tl_status move_documents(tli_output *output, int side, uint64_t wanted, tl_error *err)
{
    tli_output_file *from = &output->files[side], *to = &output->files[1 - side];
    choose_nearest(side, &from->candidates, wanted);
    from->documents -= from->candidates.count;
    to->documents += from->candidates.count;
    return output_move(from, to, from->candidates.items, from->candidates.count, err);
}

tl_status tli_output_balance(tli_output *output, bool cut, tl_error *err)
{
    tli_output_file *train = &output->files[TLI_TRAIN], *val = &output->files[TLI_VAL];
    const uint64_t wanted = tli_output_share(output->documents, output->val_fraction);
    if (val->documents > wanted) TLI_TRY(move_documents(output, TLI_VAL, val->documents - wanted, err));
    if (val->documents < wanted) TLI_TRY(move_documents(output, TLI_TRAIN, wanted - val->documents, err));
    if (output->documents != 1 || train->documents == 0 || !cut) return TL_OK;
    const uint64_t last = tli_output_share(train->tokens, output->val_fraction);
    const tli_output_candidate end = {0, train->tokens - last, last};
    return output_move(train, val, &end, last > 0 ? 1 : 0, err);
}

tl_status tli_output_map(tli_output *output, const uint16_t *map, tl_error *err)
{
    for (int i = 0; i < 2; i++) {
        tli_output_file *f = &output->files[i];
        TLI_TRY(output_flush(f, err));
        for (uint64_t at = 0, n, bytes = 2 * f->tokens; at < bytes; at += n) {
            n = bytes - at < TLI_OUTPUT_BUFFER ? bytes - at : TLI_OUTPUT_BUFFER;
            TLI_TRY(read_at(f, at, (size_t)n, err));
            for (uint64_t k = 0; k < n; k += 2) {
                const uint16_t id = map[f->buffer[k] | f->buffer[k + 1] << 8];
                f->buffer[k] = (uint8_t)id;
                f->buffer[k + 1] = (uint8_t)(id >> 8);
            }
            TLI_TRY(write_at(f, at, f->buffer, (size_t)n, err));
        }
    }
    return TL_OK;
}

tl_status tli_output_commit(tli_output *output, tl_error *err)
{
    for (int i = 0; i < 2; i++) {
        tli_output_file *f = &output->files[i];
        TLI_TRY(output_flush(f, err));
        if (fsync(f->fd) != 0 && errno != EINVAL)
            return cannot_write(f, err); /* EINVAL: the file system has no fsync for it */
    }
    for (int i = 0; i < 2; i++) {
        tli_output_file *f = &output->files[i];
        if (rename(f->temporary, f->path) != 0) return cannot_write(f, err);
        close(f->fd);
        f->fd = -1;
    }
    return TL_OK;
}
