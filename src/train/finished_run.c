#include "train/finished_run.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files.h"
#include "core/number.h"
#include "tasks/task.h"
#include "train/run_dir.h"

enum { LONGEST_RESULT = 4096 }; /* bytes of result.json */

typedef enum kind { KIND_COUNT, KIND_REAL, KIND_BOOL } kind;
typedef struct result_field {
    const char *key;
    kind kind;
    size_t at; /* offset in tl_result */
} result_field;

#define RESULT(kind, key, member)                                                                            \
    {                                                                                                        \
        key, kind, offsetof(tl_result, member)                                                               \
    }
static const result_field fields[] = {
    RESULT(KIND_COUNT, "steps", steps),
    RESULT(KIND_COUNT, "params", params),
    RESULT(KIND_COUNT, "peak_device_bytes", peak_device_bytes),
    RESULT(KIND_REAL, "loss", loss),
    RESULT(KIND_REAL, "test_loss", test_loss),
    RESULT(KIND_REAL, "perplexity", perplexity),
    RESULT(KIND_REAL, "top1", top1),
    RESULT(KIND_REAL, "top5", top5),
    RESULT(KIND_COUNT, "not_finite", not_finite),
    RESULT(KIND_REAL, "step_ms", step_ms),
    RESULT(KIND_REAL, "data_wait", data_wait),
    RESULT(KIND_BOOL, "files", files.known),
    RESULT(KIND_COUNT, "images", files.images),
    RESULT(KIND_COUNT, "passed_over", files.passed_over),
    RESULT(KIND_COUNT, "ignored", files.ignored),
    RESULT(KIND_BOOL, "test_files", test_files.known),
    RESULT(KIND_COUNT, "test_images", test_files.images),
    RESULT(KIND_COUNT, "test_passed_over", test_files.passed_over),
    RESULT(KIND_COUNT, "test_ignored", test_files.ignored),
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* 17 digits parse back to the same double; NaN and infinity become null */
static void write_real(FILE *file, double value)
{
    if (isfinite(value))
        tli_print(file, "%.17g", value);
    else
        fputs("null", file);
}

static void write_field(FILE *file, const result_field *f, const tl_result *result)
{
    const char *at = (const char *)result + f->at;
    fprintf(file, "\"%s\":", f->key);
    switch (f->kind) {
    case KIND_COUNT: fprintf(file, "%" PRIu64, *(const uint64_t *)at); break;
    case KIND_REAL: write_real(file, *(const double *)at); break;
    case KIND_BOOL: fputs(*(const bool *)at ? "true" : "false", file); break;
    }
    fputc(',', file);
}

/* Results specific to a task: null for other tasks. */
static void write_own_results(FILE *file, const tl_result *result)
{
    for (int t = 0; tli_task_at(t) != NULL; t++)
        for (const task_result *own = tli_task_at(t)->results; own != NULL && own->key != NULL; own++)
            write_field(file, &(result_field){own->key, KIND_REAL, own->at}, result);
}

/* The text of result.json, freed by the caller. NULL: out of memory. */
static char *result_text(const tl_result *result, double best, size_t *bytes)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, bytes);
    if (file == NULL) return NULL;
    fputc('{', file);
    for (int i = 0; i < FIELDS; i++) write_field(file, &fields[i], result);
    write_own_results(file, result);
    fputs("\"best\":", file);
    write_real(file, best);
    fputs("}\n", file);
    if (fclose(file) == 0) return text;
    free(text);
    return NULL;
}

tl_status tli_finished_save(const char *out, const tl_result *result, double best, tl_error *err)
{
    char path[TLI_OUT_CAPACITY + 32];
    size_t bytes = 0;
    bool created;
    snprintf(path, sizeof path, "%s/result.json", out);
    char *text = result_text(result, best, &bytes);
    const int code = text != NULL ? tli_replace_file(path, text, bytes, &created) : ENOMEM;
    free(text);
    return code == 0 ? TL_OK
                     : tli_fail(err, TL_ERROR_IO, "%s could not be written: %s", path, strerror(code));
}

static bool read_real(const cJSON *item, double *value)
{
    *value = cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
    return cJSON_IsNumber(item) || cJSON_IsNull(item);
}

static bool read_field(const cJSON *object, const result_field *f, tl_result *result)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, f->key);
    char *at = (char *)result + f->at;
    double value;
    if (f->kind == KIND_BOOL) {
        *(bool *)at = cJSON_IsTrue(item);
        return cJSON_IsBool(item);
    }
    if (f->kind == KIND_REAL) return read_real(item, (double *)at);
    if (!read_real(item, &value) || !(value >= 0 && value <= 9007199254740992.0)) return false;
    *(uint64_t *)at = (uint64_t)value;
    return true;
}

static bool read_own_results(const cJSON *object, tl_result *result)
{
    bool good = true;
    for (int t = 0; tli_task_at(t) != NULL; t++)
        for (const task_result *own = tli_task_at(t)->results; own != NULL && own->key != NULL; own++)
            if (cJSON_HasObjectItem(object, own->key)) /* older files lack newer results */
                good &= read_field(object, &(result_field){own->key, KIND_REAL, own->at}, result);
    return good;
}

bool tli_finished_load(const char *out, uint64_t steps, tl_result *result, double *best)
{
    char path[TLI_OUT_CAPACITY + 32];
    size_t bytes;
    tl_result found = *result;
    double score;
    snprintf(path, sizeof path, "%s/result.json", out);
    char *text = tli_read_file(path, LONGEST_RESULT, &bytes);
    if (text == NULL) return false;
    cJSON *object = cJSON_Parse(text);
    free(text);
    bool good = object != NULL;
    for (int i = 0; i < FIELDS && good; i++) good = read_field(object, &fields[i], &found);
    good = good && read_own_results(object, &found) &&
           read_real(cJSON_GetObjectItemCaseSensitive(object, "best"), &score) && found.steps == steps;
    cJSON_Delete(object);
    if (!good) return false;
    *result = found;
    *best = score;
    return true;
}
