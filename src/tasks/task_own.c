/* The tasks own-vit and own-gpt: batches that a program which uses the library fills itself (tl_data). */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/config.h"
#include "data/motion.h"
#include "tasks/task.h"

struct tli_task_data {
    tl_settings *s;
    tl_data own;
    char *labels;             /* own.labels as cJSON prints it, owned; NULL: none */
    uint32_t *order;          /* sample order of epoch `ordered`; NULL: not shuffled */
    uint64_t ordered, filled; /* epoch of `order`, step of the batch; UINT64_MAX: none */
    uint64_t *numbers;        /* [capacity] samples of the batch */
    uint32_t capacity;
    tl_batch batch;
};

static void set_defaults(tl_settings *s)
{
    s->run.data[0] = '\0';
    s->model.image_depth = s->model.patch_depth = 1;
    s->training.epochs = 20;
    s->training.batch_size = 64;
}

/* Sizes of the input and the output are tli_model_check's. */
static tl_status own_check(const tl_settings *s, tl_error *err)
{
    return TL_OK;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static uint64_t limited(uint64_t samples, uint32_t limit)
{
    return limit > 0 && limit < samples ? limit : samples;
}

static uint64_t own_samples(const tli_task_data *d)
{
    return limited(d->own.samples, d->s->training.limit_train);
}

static uint64_t test_samples(const tli_task_data *d)
{
    return limited(d->own.test_samples, d->s->training.limit_test);
}

static bool own_tests(const tli_task_data *d)
{
    return d->own.test_samples > 0;
}

static tl_status check_data(const tl_data *own, const tl_settings *s, bool train, tl_error *err)
{
    if (own->fill == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "tl_data.fill is NULL: it is the function that fills a batch");
    if (train && own->samples == 0)
        return tli_fail(err, TL_ERROR_USAGE, "tl_data.samples is 0: there is nothing to train on");
    if (own->shuffle && own->samples > UINT32_MAX)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "tl_data.shuffle takes up to %u samples, not %llu: let tl_data.fill choose their order",
            UINT32_MAX, (unsigned long long)own->samples);
    if (s->run.eval_every > 0 && own->test_samples == 0)
        return tli_fail(err, TL_ERROR_USAGE,
                        "`run.eval_every` is %llu and tl_data.test_samples 0: there is nothing to evaluate",
                        (unsigned long long)s->run.eval_every);
    return TL_OK;
}

/* A JSON array of one string a class. */
static tl_status read_labels(tli_task_data *d, tl_error *err)
{
    if (d->own.labels == NULL) return TL_OK;
    if (d->s->model.arch != TL_ARCH_VIT)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_data.labels are names of classes, and a GPT has none: leave it NULL");
    cJSON *names = cJSON_Parse(d->own.labels);
    const int count = cJSON_IsArray(names) ? cJSON_GetArraySize(names) : -1;
    bool good = count >= 0 && (uint32_t)count == d->s->model.classes;
    for (int i = 0; good && i < count; i++) good = cJSON_IsString(cJSON_GetArrayItem(names, i));
    d->labels = good ? cJSON_PrintUnformatted(names) : NULL;
    cJSON_Delete(names);
    if (d->labels != NULL) return TL_OK;
    if (good) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the names of the classes");
    return tli_fail(err, TL_ERROR_USAGE,
                    "tl_data.labels is no JSON array of %u strings, one for every class of the model",
                    d->s->model.classes);
}

static void close_data(tli_task_data *d)
{
    if (d == NULL) return;
    cJSON_free(d->labels);
    free(d->order);
    free(d->numbers);
    free(d);
}

static tl_status fill_data(tli_task_data *d, const task_opening *how, tl_error *err)
{
    tl_settings *s = d->s;
    if (how->own == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "the task %s has no data but the caller's: give a tl_data in tl_trainer_config.data",
                        s->task);
    TLI_TRY(TLI_CONFIG_TAKE(&d->own, how->own, tl_data, err));
    TLI_TRY(check_data(&d->own, s, how->train, err));
    snprintf(s->run.data, sizeof s->run.data, "%s",
             d->own.identity != NULL ? d->own.identity : "the program");
    TLI_TRY(read_labels(d, err));
    if (!how->train || !d->own.shuffle) return TL_OK;
    d->order = malloc(own_samples(d) * sizeof *d->order);
    return d->order != NULL
               ? TL_OK
               : tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the order of %llu samples",
                          (unsigned long long)own_samples(d));
}

static tl_status open_data(tl_settings *s, const task_opening *how, tli_task_data **data, tl_error *err)
{
    tli_task_data *d = calloc(1, sizeof *d);
    if (d == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the program's data");
    d->s = s;
    d->ordered = d->filled = UINT64_MAX;
    const tl_status status = fill_data(d, how, err);
    if (status == TL_OK)
        *data = d;
    else
        close_data(d);
    return status;
}

static const char *labels(const tli_task_data *d)
{
    return d->labels;
}

/* Both sets have the same name. */
static tli_set_identity own_identify(const tli_task_data *d, bool train)
{
    tli_set_identity identity = {.samples = train ? own_samples(d) : test_samples(d)};
    tli_identity_add_number(&identity, train && d->own.shuffle);
    if (d->own.identity != NULL) tli_identity_add(&identity, d->own.identity, strlen(d->own.identity));
    return identity;
}

/* ---- batches ------------------------------------------------------------------------------------- */

static tl_status ensure_batch(tli_task_data *d, tl_error *err)
{
    const uint32_t wanted = d->s->training.batch_size;
    if (d->capacity >= wanted) return TL_OK;
    free(d->numbers);
    d->numbers = malloc(wanted * sizeof *d->numbers);
    d->capacity = d->numbers != NULL ? wanted : 0;
    return d->capacity > 0
               ? TL_OK
               : tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the numbers of %u samples", wanted);
}

/* What the model does not check: the number of samples, and that there are targets. */
static tl_status check_batch(const tl_settings *s, const tl_batch_request *request, const tl_batch *b,
                             tl_error *err)
{
    const bool train = request->set == TL_SET_TRAIN, soft = train && s->model.arch == TL_ARCH_VIT;
    if (b->count > request->count || (train && b->count == 0))
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_data.fill gave a count of %u where %u samples were asked for", b->count,
                        request->count);
    if (b->count == 0 || b->targets != NULL || (soft && b->soft_targets != NULL)) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "tl_data.fill gave no %s: set them in its tl_batch",
                    soft ? "targets or soft_targets" : "targets");
}

/* Asks for samples first ... first + count - 1 of `order` (NULL: of the set). */
static tl_status ask(tli_task_data *d, tl_batch_request *request, const uint32_t *order, uint64_t first,
                     tl_error *err)
{
    tl_error said = {0};
    for (uint32_t i = 0; i < request->count; i++)
        d->numbers[i] = order != NULL ? order[first + i] : first + i;
    request->samples = d->numbers;
    d->batch = (tl_batch){.size = sizeof d->batch, .count = request->count};
    const tl_status status = d->own.fill(d->own.user, request, &d->batch, &said);
    if (status == TL_OK) return check_batch(d->s, request, &d->batch, err);
    return tli_fail(err, status, "%s",
                    said.text[0] != '\0' ? said.text : "tl_data.fill failed, and did not say why");
}

static uint32_t batch_count(const tli_task_data *d, uint64_t first, uint64_t samples)
{
    const uint32_t size = d->s->training.batch_size;
    return samples - first < size ? (uint32_t)(samples - first) : size;
}

static uint64_t batches_of(const tli_task_data *d, uint64_t samples)
{
    return (samples + d->s->training.batch_size - 1) / d->s->training.batch_size;
}

static tl_status own_prepare(tli_task_data *d, uint64_t done, tl_error *err)
{
    if (d->filled == done) return TL_OK;
    TLI_TRY(ensure_batch(d, err));
    const uint64_t samples = own_samples(d), steps = batches_of(d, samples), epoch = done / steps,
                   first = done % steps * d->s->training.batch_size;
    if (d->order != NULL && epoch != d->ordered)
        tli_epoch_order(d->s->training.seed, epoch, (uint32_t)samples, d->order);
    d->ordered = epoch;
    tl_batch_request request = {
        .set = TL_SET_TRAIN, .step = done, .epoch = epoch, .count = batch_count(d, first, samples)};
    d->filled = UINT64_MAX;
    TLI_TRY(ask(d, &request, d->order, first, err));
    d->filled = done;
    return TL_OK;
}

/* Between two runs the caller may use its arrays. */
static void own_forget(tli_task_data *d)
{
    d->filled = UINT64_MAX;
}

static tl_status own_batch(tli_task_data *d, uint64_t done, tl_batch *inputs, tl_error *err)
{
    TLI_TRY(own_prepare(d, done, err));
    *inputs = d->batch;
    return TL_OK;
}

/* ---- testing ------------------------------------------------------------------------------------- */

static int main_set(const tl_settings *s)
{
    return 0;
}

static tl_status test_begin(tli_task_data *d, int set, uint64_t *batches, tl_error *err)
{
    *batches = batches_of(d, test_samples(d));
    d->filled = UINT64_MAX; /* the caller may use one batch for both sets */
    return ensure_batch(d, err);
}

static tl_status test_batch(tli_task_data *d, int set, uint64_t number, tli_test_batch *batch, tl_error *err)
{
    const uint64_t first = number * d->s->training.batch_size;
    tl_batch_request request = {
        .set = TL_SET_TEST, .step = number, .count = batch_count(d, first, test_samples(d))};
    TLI_TRY(ask(d, &request, NULL, first, err));
    batch->inputs = d->batch;
    batch->passed_over = request.count - d->batch.count;
    return TL_OK;
}

static const field classes[] = {
    {.key = "class_names", .type = FIELD_LABELS, .use = FIELD_STORED, .described = "tl_data.labels"}};

#define OWN                                                                                                  \
    .sets = 1, .callers = true, .set_defaults = set_defaults, .check = own_check, .open = open_data,         \
    .close = close_data, .labels = labels, .samples = own_samples, .identify = own_identify,                 \
    .batch = own_batch, .prepare = own_prepare, .forget = own_forget, .main_set = main_set,                  \
    .tests = own_tests, .test_begin = test_begin, .test_batch = test_batch

const tli_task tli_task_own_vit = {.name = "own-vit",
                                   .unit = "images",
                                   .classifies = true,
                                   .arch = TL_ARCH_VIT,
                                   .fields = FIELDS(classes),
                                   OWN};
const tli_task tli_task_own_gpt = {
    .name = "own-gpt", .unit = "tokens", .classifies = false, .arch = TL_ARCH_GPT, OWN};
