#include "train/event_file.h"

#include <errno.h>
#include <string.h>

#ifndef TL_PROTOBUF_C

tl_status tli_event_file_check(tl_error *err)
{
    return tli_fail(err, TL_ERROR_USAGE,
                    "this translution was built without protobuf-c, by which `run.tensorboard` writes event "
                    "files: install it (Debian: libprotobuf-c-dev protobuf-c-compiler) and build again");
}

tl_status tli_event_file_open(tli_event_file *events, const char *folder, uint64_t first, tl_error *err)
{
    return tli_event_file_check(err);
}

tl_status tli_event_file_scalars(tli_event_file *events, uint64_t step, const char *test,
                                 const tli_metric *values, int count, tl_error *err)
{
    return TL_OK;
}

#else

#include <time.h>

#include "core/crc32c.h"
#include "train/event_file.pb-c.h"

enum { LONGEST_TAG = 128, LONGEST_EVENT = LONGEST_TAG + 64 }; /* bytes */

tl_status tli_event_file_check(tl_error *err)
{
    return TL_OK;
}

/* ---- records ---------------------------------------------------------------------------------------- */

static uint8_t *put_number(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

/* Records have their checksums rotated, and with a number added to them. */
static uint8_t *put_checksum(uint8_t *at, const uint8_t *data, size_t bytes)
{
    const uint32_t crc = tli_crc32c(data, bytes);
    return put_number(at, (uint32_t)((crc >> 15 | crc << 17) + UINT32_C(0xa282ead8)), 4);
}

/* Writes an event, whose time is now, as a record: its length in 8 bytes and their checksum, itself and its checksum. */
static bool write_event(FILE *file, Tli__Event *event)
{
    uint8_t record[8 + 4 + LONGEST_EVENT + 4], *at = record;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    event->wall_time = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    const size_t length = tli__event__get_packed_size(event);
    at = put_number(at, length, 8);
    at = put_checksum(at, record, 8);
    at = put_checksum(at + tli__event__pack(event, at), at, length);
    return fwrite(record, 1, (size_t)(at - record), file) == (size_t)(at - record);
}

/* Ends the writing of events: `good`, as far as it is known by now. */
static tl_status flush_events(tli_event_file *events, bool good, tl_error *err)
{
    if (good && fflush(events->file) == 0) return TL_OK;
    return tli_fail(err, TL_ERROR_IO, "%s could not be written: %s", events->path,
                    strerror(errno != 0 ? errno : EIO));
}

/* ---- files ------------------------------------------------------------------------------------------ */

/* Creates the first file of the numbered ones that is not there yet. Returns 0 or an errno. */
static int create_next(tli_event_file *events, const char *folder)
{
    for (int n = 1; events->file == NULL; n++) {
        snprintf(events->path, sizeof events->path, "%s/" TLI_EVENT_FILE_NAME "%06d", folder, n);
        events->file = fopen(events->path, "wx");
        if (events->file == NULL && errno != EEXIST) return errno;
    }
    return 0;
}

tl_status tli_event_file_open(tli_event_file *events, const char *folder, uint64_t first, tl_error *err)
{
    char version[] = "brain.Event:2";
    Tli__Event head = TLI__EVENT__INIT, session = TLI__EVENT__INIT;
    Tli__SessionLog start = TLI__SESSION_LOG__INIT;
    memset(events, 0, sizeof *events);
    const int code = create_next(events, folder);
    if (code != 0)
        return tli_fail(err, TL_ERROR_INPUT, "the event file %s cannot be created: %s", events->path,
                        strerror(code));
    head.what_case = TLI__EVENT__WHAT_FILE_VERSION;
    head.file_version = version;
    start.status = TLI__SESSION_LOG__SESSION_STATUS__START;
    session.step = (int64_t)first;
    session.what_case = TLI__EVENT__WHAT_SESSION_LOG;
    session.session_log = &start;
    errno = 0;
    return flush_events(events, write_event(events->file, &head) && write_event(events->file, &session), err);
}

static bool write_scalar(FILE *file, uint64_t step, char *tag, double number)
{
    Tli__Event event = TLI__EVENT__INIT;
    Tli__Summary summary = TLI__SUMMARY__INIT;
    Tli__Summary__Value value = TLI__SUMMARY__VALUE__INIT, *values = &value;
    value.tag = tag;
    value.value_case = TLI__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
    value.simple_value = (float)number;
    summary.n_value = 1;
    summary.value = &values;
    event.step = (int64_t)step;
    event.what_case = TLI__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    return write_event(file, &event);
}

tl_status tli_event_file_scalars(tli_event_file *events, uint64_t step, const char *test,
                                 const tli_metric *values, int count, tl_error *err)
{
    char tag[LONGEST_TAG];
    bool good = true;
    if (events->file == NULL) return TL_OK;
    errno = 0;
    for (int i = 0; i < count && good; i++) {
        snprintf(tag, sizeof tag, "%s%s/%s", test != NULL ? "eval/" : "", test != NULL ? test : "train",
                 values[i].key);
        good = write_scalar(events->file, step, tag, values[i].value);
    }
    return flush_events(events, good, err);
}

#endif

void tli_event_file_close(tli_event_file *events)
{
    if (events->file != NULL) fclose(events->file);
    events->file = NULL;
}
