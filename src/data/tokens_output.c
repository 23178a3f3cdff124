#include "data/tokens_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/random.h"

static tl_status cannot_write(const tl_output_file *file, tl_error *err)
{
    return tl_fail(err, TL_ERROR_IO, "cannot write %s: %s", file->path, strerror(errno));
}

static tl_status flush(tl_output_file *file, tl_error *err)
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

static tl_status write_ids(tl_output_file *file, const uint16_t *ids, size_t count, tl_error *err)
{
    for (size_t i = 0; i < count;) {
        if (file->used == TL_OUTPUT_BUFFER) TL_TRY(flush(file, err));
        uint8_t *to = file->buffer + file->used;
        const size_t room = (TL_OUTPUT_BUFFER - file->used) / 2, n = count - i < room ? count - i : room;
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

tl_status tl_output_open(tl_output *output, const char *folder, double val_fraction, uint64_t seed,
                         tl_error *err)
{
    static const char *const names[] = {"train.bin", "val.bin"};
    memset(output, 0, sizeof *output);
    output->val_fraction = val_fraction;
    output->seed = seed;
    for (int i = 0; i < 2; i++) output->files[i].fd = -1;
    for (int i = 0; i < 2; i++) {
        tl_output_file *f = &output->files[i];
        const long id = (long)getpid();
        const int length = snprintf(f->temporary, sizeof f->temporary, "%s/%s.tmp-%ld", folder, names[i], id);
        if (length >= TL_OUTPUT_PATH)
            return tl_fail(err, TL_ERROR_INPUT, "the path of the output folder is too long");
        snprintf(f->path, sizeof f->path, "%s/%s", folder, names[i]);
        f->buffer = malloc(TL_OUTPUT_BUFFER);
        if (f->buffer == NULL)
            return tl_fail(err, TL_ERROR_MEMORY, "out of host memory while opening %s", f->path);
        f->fd = open(f->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (f->fd < 0)
            return tl_fail(err, TL_ERROR_INPUT, "cannot write %s: %s; choose another --out", f->path,
                           strerror(errno));
    }
    return TL_OK;
}

void tl_output_close(tl_output *output)
{
    for (int i = 0; i < 2; i++) {
        tl_output_file *f = &output->files[i];
        if (f->fd >= 0) {
            close(f->fd);
            unlink(f->temporary);
        }
        free(f->buffer);
        f->buffer = NULL;
        f->fd = -1;
    }
}

/* ---- documents ----------------------------------------------------------------------------------- */

tl_status tl_output_write(tl_output *output, const uint16_t *ids, size_t count, tl_error *err)
{
    if (!output->open) {
        output->open = true;
        output->word = tl_random_word(output->seed, tl_random_stream("tokens/val"), output->documents);
        output->side = (double)output->word < output->val_fraction * 4294967296.0 ? TL_VAL : TL_TRAIN;
        output->begin = output->files[output->side].tokens;
    }
    return write_ids(&output->files[output->side], ids, count, err);
}

void tl_output_end_document(tl_output *output)
{
    tl_output_file *f = &output->files[output->side];
    tl_output_candidate *c = &f->candidate;
    if (f->documents == 0 || (output->side == TL_TRAIN ? output->word < c->word : output->word > c->word))
        *c = (tl_output_candidate){output->word, output->begin, f->tokens - output->begin};
    f->documents++;
    output->documents++;
    output->open = false;
}

tl_status tl_output_take_back(tl_output *output, uint64_t count, tl_error *err)
{
    tl_output_file *f = &output->files[output->side];
    TL_TRY(flush(f, err));
    f->tokens -= count;
    const off_t size = (off_t)(2 * f->tokens);
    return ftruncate(f->fd, size) == 0 && lseek(f->fd, size, SEEK_SET) == size ? TL_OK : cannot_write(f, err);
}

/* ---- afterwards ---------------------------------------------------------------------------------- */

static tl_status read_at(tl_output_file *f, uint64_t offset, size_t bytes, tl_error *err)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = pread(f->fd, f->buffer + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return tl_fail(err, TL_ERROR_IO, "cannot read back what was written to %s", f->path);
        done += (size_t)got;
    }
    return TL_OK;
}

static tl_status write_at(tl_output_file *f, uint64_t offset, const uint8_t *bytes, size_t count,
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

/* Moves tokens from one file to the other, empty one, and closes the gap. */
static tl_status move(tl_output_file *from, tl_output_file *to, uint64_t begin, uint64_t count, tl_error *err)
{
    const uint64_t first = 2 * begin, gap = 2 * count, bytes = 2 * from->tokens;
    TL_TRY(flush(from, err));
    for (uint64_t at = first, n; at < bytes; at += n) {
        const uint64_t end = at < first + gap ? first + gap : bytes;
        n = end - at < TL_OUTPUT_BUFFER ? end - at : TL_OUTPUT_BUFFER;
        TL_TRY(read_at(from, at, (size_t)n, err));
        if (at < first + gap)
            TL_TRY(write_at(to, at - first, from->buffer, (size_t)n, err));
        else
            TL_TRY(write_at(from, at - gap, from->buffer, (size_t)n, err));
    }
    from->tokens -= count;
    to->tokens = count;
    return ftruncate(from->fd, (off_t)(bytes - gap)) == 0 ? TL_OK : cannot_write(from, err);
}

tl_status tl_output_balance(tl_output *output, bool cut, tl_error *err)
{
    tl_output_file *train = &output->files[TL_TRAIN], *val = &output->files[TL_VAL];
    const double fraction = output->val_fraction;
    if (!(fraction > 0 && fraction < 1)) return TL_OK;
    if (output->documents > 1) {
        if (train->documents > 0 && val->documents > 0) return TL_OK;
        tl_output_file *from = train->documents > 0 ? train : val, *to = from == train ? val : train;
        TL_TRY(move(from, to, from->candidate.begin, from->candidate.count, err));
        from->documents--;
        to->documents++;
        return TL_OK;
    }
    if (!cut) return TL_OK;
    if (val->tokens > 0) TL_TRY(move(val, train, 0, val->tokens, err));
    const uint64_t kept = (uint64_t)((double)train->tokens * (1 - fraction));
    return kept < train->tokens ? move(train, val, kept, train->tokens - kept, err) : TL_OK;
}

tl_status tl_output_map(tl_output *output, const uint16_t *map, tl_error *err)
{
    for (int i = 0; i < 2; i++) {
        tl_output_file *f = &output->files[i];
        TL_TRY(flush(f, err));
        for (uint64_t at = 0, n, bytes = 2 * f->tokens; at < bytes; at += n) {
            n = bytes - at < TL_OUTPUT_BUFFER ? bytes - at : TL_OUTPUT_BUFFER;
            TL_TRY(read_at(f, at, (size_t)n, err));
            for (uint64_t k = 0; k < n; k += 2) {
                const uint16_t id = map[f->buffer[k] | f->buffer[k + 1] << 8];
                f->buffer[k] = (uint8_t)id;
                f->buffer[k + 1] = (uint8_t)(id >> 8);
            }
            TL_TRY(write_at(f, at, f->buffer, (size_t)n, err));
        }
    }
    return TL_OK;
}

tl_status tl_output_commit(tl_output *output, tl_error *err)
{
    for (int i = 0; i < 2; i++) {
        tl_output_file *f = &output->files[i];
        TL_TRY(flush(f, err));
        if (fsync(f->fd) != 0 && errno != EINVAL)
            return cannot_write(f, err); /* EINVAL: no such thing there */
    }
    for (int i = 0; i < 2; i++) {
        tl_output_file *f = &output->files[i];
        if (rename(f->temporary, f->path) != 0) return cannot_write(f, err);
        close(f->fd);
        f->fd = -1;
    }
    return TL_OK;
}
