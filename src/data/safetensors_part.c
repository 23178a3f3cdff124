#include "data/safetensors_part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "data/safetensors_format.h"
#include "data/safetensors_write.h"

tl_status tli_st_part_open(const char *path, tli_st_part *part, tl_error *err)
{
    char unfinished[TLI_ST_UNFINISHED];
    memset(part, 0, sizeof *part);
    part->descriptor = -1;
    if (!tli_st_unfinished(path, unfinished))
        return tli_fail(err, TL_ERROR_USAGE, "the path %.80s... is longer than %zu bytes", path,
                        sizeof part->path - 1);
    memcpy(part->path, path, strlen(path) + 1);
    TLI_TRY(tli_st_open(unfinished, &part->st, err));
    part->descriptor = open(unfinished, O_WRONLY | O_CLOEXEC);
    if (part->descriptor >= 0) return TL_OK;
    const int code = errno;
    tli_st_close(&part->st);
    return tli_fail(err, TL_ERROR_IO, "%s could not be opened: %s", unfinished, strerror(code));
}

/* 0: written, else errno. */
static int write_at(int descriptor, const unsigned char *data, size_t bytes, uint64_t at)
{
    while (bytes > 0) {
        const ssize_t written = pwrite(descriptor, data, bytes, (off_t)at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return written < 0 ? errno : EIO;
        data += written;
        at += (uint64_t)written;
        bytes -= (size_t)written;
    }
    return 0;
}

tl_status tli_st_part_write(tli_st_part *part, const tli_st_entry *entry, uint64_t first, uint64_t count,
                            void *data, tl_error *err)
{
    const size_t width = tli_st_dtype_widths[entry->dtype];
    const uint64_t elements = (entry->end - entry->begin) / width;
    if (first > elements || count > elements - first || count > SIZE_MAX / width)
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s: elements [%" PRIu64 ", +%" PRIu64
                        ") of tensor \"%s\" were to be written, it has %" PRIu64,
                        part->path, first, count, entry->name, elements);
    if (!tli_st_host_is_little_endian()) tli_st_swap_elements(data, (size_t)count, width);
    const int code = write_at(part->descriptor, data, (size_t)count * width,
                              part->st.data_at + entry->begin + first * width);
    if (code == 0) return TL_OK;
    return tli_fail(err, TL_ERROR_IO, "%s could not be written: %s", part->path, strerror(code));
}

tl_status tli_st_part_close(tli_st_part *part, tl_status status, tl_error *err)
{
    int code = 0;
    if (part->descriptor < 0) return status;
    /* EINVAL: the file system has no fsync for it. */
    if (status == TL_OK && fsync(part->descriptor) != 0 && errno != EINVAL) code = errno;
    if (close(part->descriptor) != 0 && code == 0) code = errno;
    part->descriptor = -1;
    tli_st_close(&part->st);
    if (status != TL_OK || code == 0) return status;
    return tli_fail(err, TL_ERROR_IO, "%s could not be written: %s", part->path, strerror(code));
}
