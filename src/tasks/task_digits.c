/* The task mnist: digits from IDX files or generated, at the centre of a field or anywhere in it; with
 * several frames they move. */
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/motion.h"
#include "tasks/task.h"

struct tli_task_data {
    tl_settings *s;
    tli_dataset train, test;
    uint32_t *order;          /* sample order of epoch `ordered` */
    uint64_t ordered, filled; /* epoch of `order`, step of the batch; UINT64_MAX: none */
    float *images;            /* [batch][1][frame][height][width] */
    int32_t *targets;         /* [batch] */
    uint32_t capacity, count; /* images allocated; images in the batch */
    tli_batch_part part;      /* of training batches */
};

enum { DIGIT = 28 }; /* side in pixels of a digit given as an image file */

static void set_defaults(tl_settings *s)
{
    s->model.image_height = s->model.image_width = 84;
    s->model.image_depth = s->model.patch_depth = 1;
    s->model.channels = 1;
    s->model.patch_height = s->model.patch_width = 12;
    s->model.classes = 10;
    s->training.epochs = 20;
    s->training.batch_size = 256;
}

static const field own_fields[] = {
    FIELD(training, motion, FIELD_CHOICE, FIELD_STORED | FIELD_TRAIN, .choices = &tli_motion_choices,
          .after = "translution_layers",
          .help = "where training digits stand: static in the centre, dynamic anywhere (default: static)"),
    FIELD(training, test_motion, FIELD_CHOICE, FIELD_STORED | FIELD_TESTED | FIELD_TRAIN | FIELD_EVAL,
          .choices = &tli_motion_choices, .after = "motion", .follows = "motion", .flag = "test-motion",
          .help = "the same of the test digits that top1 and loss are of (default: as --motion)"),
};

static const task_result own_results[] = {{"top1_static", offsetof(tl_result, top1_static)},
                                          {"top1_dynamic", offsetof(tl_result, top1_dynamic)},
                                          {NULL, 0}};

static tl_status digits_check(const tl_settings *s, tl_error *err)
{
    if (s->model.channels != 1)
        return tli_fail(err, TL_ERROR_USAGE, "mnist takes images of 1 channel, not %u", s->model.channels);
    if (s->model.classes >= 10 || strcmp(s->run.data, "synthetic") != 0)
        return TL_OK; /* files: the labels determine it */
    return tli_fail(err, TL_ERROR_USAGE, "`model.classes` %u is too few: mnist has the labels 0 to 9",
                    s->model.classes);
}

/* Images must fit the field, labels the classes. */
static tl_status digits_load(const tl_settings *s, bool train, tli_dataset *set, tl_error *err)
{
    const uint32_t limit = train ? s->training.limit_train : s->training.limit_test;
    if (strcmp(s->run.data, "synthetic") == 0)
        TLI_TRY(tli_digits_draw(s->training.seed, train, limit, set, err));
    else
        TLI_TRY(tli_idx_load(s->run.data, train, limit, set, err));
    if (set->height > s->model.image_height || set->width > s->model.image_width)
        return tli_fail(err, TL_ERROR_USAGE,
                        "the images of %s are %u x %u and do not fit a field of %u x %u: use a larger "
                        "`model.image_height`",
                        s->run.data, set->height, set->width, s->model.image_height, s->model.image_width);
    for (uint32_t i = 0; i < set->count; i++)
        if (set->labels[i] >= s->model.classes)
            return tli_fail(
                err, TL_ERROR_INPUT,
                "label %u of %s/%s-labels-idx1-ubyte is %u, but the model has %u classes, 0 to %u: "
                "train with more `model.classes`",
                i, s->run.data, train ? "train" : "t10k", set->labels[i], s->model.classes,
                s->model.classes - 1);
    return TL_OK;
}

static void close_data(tli_task_data *d)
{
    if (d == NULL) return;
    tli_dataset_free(&d->train);
    tli_dataset_free(&d->test);
    free(d->order);
    free(d->images);
    free(d->targets);
    free(d);
}

static tl_status open_data(tl_settings *s, const task_opening *how, tli_task_data **data, tl_error *err)
{
    const bool train = how->train;
    tli_task_data *d = calloc(1, sizeof *d);
    if (d == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the images of %s", s->run.data);
    d->s = s;
    d->part = how->part;
    d->ordered = d->filled = UINT64_MAX;
    tl_status status = train ? digits_load(s, true, &d->train, err) : TL_OK;
    if (status == TL_OK) status = digits_load(s, false, &d->test, err);
    if (status == TL_OK && train) {
        d->order = malloc(d->train.count * sizeof *d->order);
        if (d->order == NULL)
            status = tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the order of %u images",
                              d->train.count);
    }
    if (status == TL_OK)
        *data = d;
    else
        close_data(d);
    return status;
}

static uint64_t digits_samples(const tli_task_data *d)
{
    return d->train.count;
}

/* Hashes decoded contents: a gzipped file is the same data. */
static tli_set_identity digits_identify(const tli_task_data *d, bool train)
{
    const tli_dataset *set = train ? &d->train : &d->test;
    tli_set_identity identity = {.samples = set->count};
    if (strcmp(d->s->run.data, "synthetic") == 0) {
        tli_identity_add(&identity, TLI_DIGITS_NAME, sizeof TLI_DIGITS_NAME - 1);
        return identity;
    }
    tli_identity_add_number(&identity, set->height);
    tli_identity_add_number(&identity, set->width);
    tli_identity_add(&identity, set->labels, set->count);
    tli_identity_add_ends(&identity, set->pixels, (uint64_t)set->count * set->height * set->width);
    return identity;
}

static size_t field_size(const tl_settings *s)
{
    return (size_t)tli_model_image_values(&s->model);
}

static tl_status ensure_batch(tli_task_data *d, tl_error *err)
{
    const uint32_t wanted = d->s->training.batch_size;
    if (d->capacity >= wanted) return TL_OK;
    free(d->images);
    free(d->targets);
    d->images = malloc(wanted * field_size(d->s) * sizeof *d->images);
    d->targets = malloc(wanted * sizeof *d->targets);
    d->capacity = d->images != NULL && d->targets != NULL ? wanted : 0;
    if (d->capacity == wanted) return TL_OK;
    return tli_fail(err, TL_ERROR_MEMORY,
                    "out of host memory for a batch of %u images: use a smaller `training.batch_size`",
                    wanted);
}

/* Renders images order[first + range.from ...] (order NULL: in file order) into the batch. `purpose` and
 * `epoch` select the random stream of dynamic positions, see data/motion.h. */
static void digits_fill(tli_task_data *d, const tli_dataset *set, const uint32_t *order, uint32_t first,
                        tli_batch_range range, tl_motion motion, const char *purpose, uint64_t epoch)
{
    const tl_model_config *m = &d->s->model;
    const uint32_t height = m->image_height, width = m->image_width,
                   frames = m->image_depth > 0 ? m->image_depth : 1;
    for (uint32_t i = range.from; i < range.to; i++) {
        const uint32_t index = order != NULL ? order[first + i] : first + i;
        for (uint32_t frame = 0; frame < frames; frame++) {
            uint32_t y, x;
            tli_motion_frame(motion, d->s->training.seed, purpose, epoch, index, frame, frames, height, width,
                             set->height, set->width, &y, &x);
            tli_motion_place(set, index, y, x, height, width,
                             d->images + i * field_size(d->s) + (size_t)frame * height * width);
        }
        d->targets[i] = set->labels[index];
    }
}

static tl_batch inputs_of(const tli_task_data *d)
{
    return (tl_batch){.count = d->count, .images = d->images, .targets = d->targets};
}

static tl_status digits_prepare(tli_task_data *d, uint64_t done, tl_error *err)
{
    if (d->filled == done) return TL_OK;
    TLI_TRY(ensure_batch(d, err));
    const uint32_t size = d->s->training.batch_size;
    const uint64_t steps = (d->train.count + (uint64_t)size - 1) / size, epoch = done / steps;
    const uint32_t first = (uint32_t)(done % steps) * size, left = d->train.count - first;
    if (epoch != d->ordered) tli_epoch_order(d->s->training.seed, epoch, d->train.count, d->order);
    d->ordered = epoch;
    d->count = left < size ? left : size;
    digits_fill(d, &d->train, d->order, first, tli_batch_part_range(&d->part, d->count),
                d->s->training.motion, "motion/train", epoch);
    d->filled = done;
    return TL_OK;
}

static tl_status digits_batch(tli_task_data *d, uint64_t done, tl_batch *inputs, tl_error *err)
{
    TLI_TRY(digits_prepare(d, done, err));
    *inputs = inputs_of(d);
    return TL_OK;
}

static int main_set(const tl_settings *s)
{
    return (int)s->training.test_motion;
}

/* Positions of dynamic images depend only on the seed. */
static tl_status test_begin(tli_task_data *d, int set, uint64_t *batches, tl_error *err)
{
    *batches = (d->test.count + (uint64_t)d->s->training.batch_size - 1) / d->s->training.batch_size;
    d->filled = UINT64_MAX; /* the test images overwrite the batch */
    return ensure_batch(d, err);
}

static tl_status test_batch(tli_task_data *d, int set, uint64_t number, tli_test_batch *batch, tl_error *err)
{
    const uint32_t size = d->s->training.batch_size, first = (uint32_t)number * size,
                   left = d->test.count - first;
    d->count = left < size ? left : size;
    digits_fill(d, &d->test, NULL, first, (tli_batch_range){0, d->count}, (tl_motion)set, "motion/test", 0);
    batch->inputs = inputs_of(d);
    return TL_OK;
}

/* A digit at the centre of a black field, as in static MNIST. */
static tl_status place_picture(const tl_settings *s, const tli_image *decoded, uint32_t width,
                               uint32_t height, tli_resampler *resampler, float *values, tli_image *seen,
                               tl_error *err)
{
    const uint32_t side = s->model.image_height;
    if (side < DIGIT)
        return tli_fail(err, TL_ERROR_USAGE, "the model was made for fields of %u pixels: digits take %d",
                        side, DIGIT);
    const uint32_t corner = (side - DIGIT) / 2;
    const tli_resize plan = {{0, 0, width, height}, DIGIT, DIGIT, {0, 0, DIGIT, DIGIT}};
    tli_image digit = {0};
    tl_status status = tli_resample(decoded, width, height, &plan, resampler, &digit, err);
    if (status == TL_OK) status = tli_image_reserve(seen, side, side, err);
    if (status == TL_OK) {
        memset(seen->pixels, 0, (size_t)side * side * 3);
        memset(values, 0, (size_t)side * side * sizeof *values);
    }
    for (uint32_t i = 0; i < DIGIT * DIGIT && status == TL_OK; i++) {
        const uint8_t *c = digit.pixels + 3 * i;
        const size_t at = (size_t)(corner + i / DIGIT) * side + corner + i % DIGIT;
        const float grey = (0.299f * c[0] + 0.587f * c[1] + 0.114f * c[2]) / 255.0f;
        values[at] = grey;
        memset(seen->pixels + 3 * at, (int)(grey * 255.0f + 0.5f), 3);
    }
    tli_image_free(&digit);
    return status;
}

static void digits_report(const tli_scores scores[TLI_TASK_MAX_SETS], tl_result *result)
{
    result->top1_static = scores[TL_MOTION_STATIC].top1;
    result->top1_dynamic = scores[TL_MOTION_DYNAMIC].top1;
}

const tli_task tli_task_digits = {
    .name = "mnist",
    .unit = "images",
    .classifies = true,
    .sets = 2,
    .set_choices = &tli_motion_choices,
    .arch = TL_ARCH_VIT,
    .example = "--op alpha --epochs 5",
    .data_help = "folder of IDX files, plain or .gz",
    .fields = FIELDS(own_fields),
    .results = own_results,
    .set_defaults = set_defaults,
    .check = digits_check,
    .open = open_data,
    .close = close_data,
    .samples = digits_samples,
    .identify = digits_identify,
    .batch = digits_batch,
    .prepare = digits_prepare,
    .main_set = main_set,
    .test_begin = test_begin,
    .test_batch = test_batch,
    .picture = place_picture,
    .report = digits_report,
};
