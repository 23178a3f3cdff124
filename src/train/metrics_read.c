/* The public header's tl_metrics: reads what train/metrics.c writes, and whatever else a file of that name may hold. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/status.h"

enum { MAX_COLUMNS = 32, MAX_TESTS = 32, MAX_NAME = 64 }; /* a run has fewer; names in bytes */

typedef struct metrics_row {
    uint64_t step, epoch;
    int test; /* index in `tests`; -1: a training step */
} metrics_row;

struct tl_metrics {
    metrics_row *rows;
    uint64_t count, capacity, unreadable;
    char *columns[MAX_COLUMNS], *tests[MAX_TESTS];
    double *values[MAX_COLUMNS]; /* [capacity] */
    int column_count, test_count;
};

/* ---- names ------------------------------------------------------------------------------------------ */

/* Index of `name` in the list, to which it is added if it is new; -1: the list is full, the name too long, or memory is out. */
static int metrics_name(char **names, int *count, int most, const char *name)
{
    for (int i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0) return i;
    if (*count == most || strlen(name) > MAX_NAME) return -1;
    names[*count] = strdup(name);
    return names[*count] != NULL ? (*count)++ : -1;
}

static bool add_column(tl_metrics *m, int column)
{
    m->values[column] = malloc(m->capacity * sizeof *m->values[column]);
    for (uint64_t i = 0; m->values[column] != NULL && i < m->capacity; i++)
        m->values[column][i] = (double)NAN;
    return m->values[column] != NULL;
}

/* ---- lines ------------------------------------------------------------------------------------------ */

/* Room for one more row. */
static bool metrics_grow(tl_metrics *m)
{
    if (m->count < m->capacity) return true;
    const uint64_t capacity = m->capacity == 0 ? 1024 : 2 * m->capacity;
    metrics_row *rows = realloc(m->rows, capacity * sizeof *rows);
    if (rows == NULL) return false;
    m->rows = rows;
    for (int c = 0; c < m->column_count; c++) {
        double *values = realloc(m->values[c], capacity * sizeof *values);
        if (values == NULL) return false;
        m->values[c] = values;
        for (uint64_t i = m->capacity; i < capacity; i++) values[i] = (double)NAN;
    }
    m->capacity = capacity;
    return true;
}

/* Reads a whole number from 0 on into *out; where the object has no such key, `missing`, or, if that is UINT64_MAX, fails.
 * False: the key is missing or its value is something else. */
static bool read_count(const cJSON *object, const char *key, uint64_t missing, uint64_t *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    *out = missing;
    if (item == NULL) return missing != UINT64_MAX;
    const double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= 0 && value <= 0x1p53 && floor(value) == value)) return false;
    *out = (uint64_t)value;
    return true;
}

/* Step, epoch and test set of a line; false: it is no line of metrics. */
static bool read_row(tl_metrics *m, const cJSON *object, metrics_row *row)
{
    const cJSON *test = cJSON_GetObjectItemCaseSensitive(object, "test");
    if (!cJSON_IsObject(object) || !read_count(object, "step", UINT64_MAX, &row->step) ||
        !read_count(object, "epoch", 0, &row->epoch) || (test != NULL && !cJSON_IsString(test)))
        return false;
    row->test = test != NULL ? metrics_name(m->tests, &m->test_count, MAX_TESTS, test->valuestring) : -1;
    return test == NULL || row->test >= 0;
}

/* The other numbers of the line at the end of the columns. False: out of memory. */
static bool read_values(tl_metrics *m, const cJSON *object)
{
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        const bool number = cJSON_IsNumber(item) || cJSON_IsNull(item);
        if (!number || strcmp(item->string, "step") == 0 || strcmp(item->string, "epoch") == 0) continue;
        const int known = m->column_count;
        const int column = metrics_name(m->columns, &m->column_count, MAX_COLUMNS, item->string);
        if (m->column_count > known && !add_column(m, column)) return false;
        if (column >= 0)
            m->values[column][m->count] = cJSON_IsNumber(item) && isfinite(item->valuedouble)
                                              ? item->valuedouble
                                              : (double)NAN;
    }
    return true;
}

/* A line of `length` bytes with a 0 behind them. False: out of memory. */
static bool read_metrics_line(tl_metrics *m, char *line, size_t length)
{
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = '\0';
    if (length == 0) return true;
    cJSON *object = strlen(line) == length ? cJSON_ParseWithOpts(line, NULL, true) : NULL;
    metrics_row row;
    bool good = true;
    if (object == NULL || !read_row(m, object, &row)) {
        m->unreadable++;
    } else {
        good = metrics_grow(m) && read_values(m, object);
        if (good) m->rows[m->count++] = row;
    }
    cJSON_Delete(object);
    return good;
}

/* Drops lines whose steps a resumed run did again: those behind which a line has a lower step, or is the training
 * step itself, which comes before the evaluations after it, or the same evaluation. */
static void drop_repeated(tl_metrics *m)
{
    uint64_t end = UINT64_MAX, last[MAX_TESTS], kept = 0; /* steps from `end` on come again */
    for (int i = 0; i < MAX_TESTS; i++) last[i] = UINT64_MAX;
    for (uint64_t i = m->count; i-- > 0;) {
        metrics_row *row = &m->rows[i];
        if (row->step >= end || (row->test >= 0 && row->step == last[row->test])) {
            row->step = UINT64_MAX; /* dropped */
            continue;
        }
        end = row->test < 0 ? row->step : row->step + 1;
        if (row->test >= 0) last[row->test] = row->step;
    }
    for (uint64_t i = 0; i < m->count; i++) {
        if (m->rows[i].step == UINT64_MAX) continue;
        m->rows[kept] = m->rows[i];
        for (int c = 0; c < m->column_count; c++) m->values[c][kept] = m->values[c][i];
        kept++;
    }
    m->count = kept;
}

/* ---- the file --------------------------------------------------------------------------------------- */

/* Reads all lines. Returns 0 or an errno. */
static int metrics_read(tl_metrics *m, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool good = true;
    errno = 0;
    while (good && (length = getline(&line, &capacity, file)) >= 0)
        good = read_metrics_line(m, line, (size_t)length);
    const int code = !good ? ENOMEM : feof(file) != 0 ? 0 : errno != 0 ? errno : EIO;
    free(line);
    return code;
}

static tl_status metrics_open_file(tl_metrics *m, const char *path, const struct stat *info, tl_error *err)
{
    FILE *file = S_ISREG(info->st_mode) ? fopen(path, "r") : NULL;
    if (file == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "%s cannot be read: %s", path,
                        S_ISREG(info->st_mode) ? strerror(errno) : "it is not a regular file");
    const int code = metrics_read(m, file);
    fclose(file);
    if (code == ENOMEM) return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory to read %s", path);
    if (code != 0) return tli_fail(err, TL_ERROR_IO, "%s could not be read: %s", path, strerror(code));
    drop_repeated(m);
    return TL_OK;
}

tl_status tl_metrics_open(const char *path, tl_metrics **out, tl_error *err)
{
    struct stat info;
    char inside[4096];
    if (path == NULL || out == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "metrics to be opened need a path and a place for their handle");
    *out = NULL;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        snprintf(inside, sizeof inside, "%s/metrics.jsonl", path);
        path = inside;
    }
    if (stat(path, &info) != 0)
        return tli_fail(err, TL_ERROR_INPUT,
                        "the metrics %s cannot be read: %s; name the folder of a run or a file of metrics",
                        path, strerror(errno));
    tl_metrics *m = calloc(1, sizeof *m);
    if (m == NULL) return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory to read %s", path);
    const tl_status status = metrics_open_file(m, path, &info, err);
    if (status == TL_OK)
        *out = m;
    else
        tl_metrics_close(m);
    return status;
}

void tl_metrics_close(tl_metrics *m)
{
    if (m == NULL) return;
    for (int c = 0; c < m->column_count; c++) {
        free(m->columns[c]);
        free(m->values[c]);
    }
    for (int t = 0; t < m->test_count; t++) free(m->tests[t]);
    free(m->rows);
    free(m);
}

bool tl_metrics_line_at(const tl_metrics *m, uint64_t index, tl_metrics_line *out)
{
    if (m == NULL || out == NULL || index >= m->count) return false;
    const metrics_row *row = &m->rows[index];
    *out = (tl_metrics_line){
        .step = row->step, .epoch = row->epoch, .test = row->test >= 0 ? m->tests[row->test] : NULL};
    return true;
}

const char *tl_metrics_column(const tl_metrics *m, int column)
{
    return m != NULL && column >= 0 && column < m->column_count ? m->columns[column] : NULL;
}

double tl_metrics_value(const tl_metrics *m, uint64_t index, int column)
{
    return tl_metrics_column(m, column) != NULL && index < m->count ? m->values[column][index] : (double)NAN;
}

uint64_t tl_metrics_unreadable(const tl_metrics *m)
{
    return m != NULL ? m->unreadable : 0;
}
