#include "train/metrics.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json_text.h"
#include "core/number.h"
#include "train/run_lock.h"

/* 9 digits are exact for a float, without cJSON's 17 */
static bool add_number(cJSON *object, const char *key, double value)
{
    if (!isfinite(value)) return cJSON_AddNullToObject(object, key) != NULL;
    char text[40];
    tli_format(text, sizeof text, "%.9g", value);
    return cJSON_AddRawToObject(object, key, text) != NULL;
}

static bool add_count(cJSON *object, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return cJSON_AddRawToObject(object, key, text) != NULL;
}

/* Prints the object as one line and deletes it; `good`: it is complete. */
static tl_status write_line(tli_metrics *metrics, cJSON *object, bool good, tl_error *err)
{
    char *text = good ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    if (!text) return tli_fail(err, TL_ERROR_MEMORY, "%s: not enough host memory for a line", metrics->path);
    errno = 0;
    bool written = fprintf(metrics->file, "%s\n", text) >= 0 && fflush(metrics->file) == 0;
    int code = errno;
    cJSON_free(text);
    if (!written)
        return tli_fail(err, TL_ERROR_IO, "%s could not be written: %s", metrics->path,
                        strerror(code ? code : EIO));
    return TL_OK;
}

/* pipes and devices may have several writers */
static tl_status lock_metrics(int descriptor, const char *path, tl_error *err)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) return TL_OK;
    if (tli_lock_file(descriptor) != TLI_LOCK_REFUSED) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT,
                    "another run is writing to the metrics file %s: choose another `run.metrics`", path);
}

static tl_status metrics_unwritable(const char *path, int code, tl_error *err)
{
    return tli_fail(err, TL_ERROR_INPUT,
                    "the metrics file %s cannot be opened for writing: %s; choose another `run.metrics`",
                    path, strerror(code));
}

tl_status tli_metrics_open(tli_metrics *metrics, const char *path, tl_error *err)
{
    memset(metrics, 0, sizeof *metrics);
    if (strlen(path) >= sizeof metrics->path)
        return tli_fail(err, TL_ERROR_USAGE, "the path %.80s... is longer than %zu bytes", path,
                        sizeof metrics->path - 1);
    memcpy(metrics->path, path, strlen(path) + 1);
    metrics->file = fopen(path, "a");
    if (!metrics->file) return metrics_unwritable(path, errno, err);
    const tl_status status = lock_metrics(fileno(metrics->file), path, err);
    if (status != TL_OK) tli_metrics_close(metrics);
    return status;
}

/* Whether a file can be created in the folder of `path`. */
static tl_status check_folder(const char *path, tl_error *err)
{
    char folder[sizeof((tli_metrics *)0)->path];
    const char *slash = strrchr(path, '/');
    const int length = slash == path ? 1 : slash != NULL ? (int)(slash - path) : 0;
    snprintf(folder, sizeof folder, "%.*s", length, path);
    if (access(length > 0 ? folder : ".", W_OK | X_OK) == 0) return TL_OK;
    return metrics_unwritable(path, errno, err);
}

tl_status tli_metrics_check(const char *path, tl_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) return check_folder(path, err);
    if (!S_ISREG(info.st_mode)) return TL_OK;
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return metrics_unwritable(path, errno, err);
    const tl_status status = lock_metrics(descriptor, path, err);
    close(descriptor);
    return status;
}

tl_status tli_metrics_line(tli_metrics *metrics, uint64_t step, uint64_t epoch, const char *test,
                           const tli_metric *values, int count, tl_error *err)
{
    cJSON *object = cJSON_CreateObject();
    bool good = object && add_count(object, "step", step) && add_count(object, "epoch", epoch) &&
                (test == NULL || tli_json_add_text(object, "test", test));
    for (int i = 0; i < count && good; i++) good = add_number(object, values[i].key, values[i].value);
    return write_line(metrics, object, good, err);
}

void tli_metrics_close(tli_metrics *metrics)
{
    if (metrics->file) fclose(metrics->file);
    metrics->file = NULL;
}
