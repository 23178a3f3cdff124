/* The task vit: images in class folders, or generated digits, as RGB, augmented and mixed. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/json_text.h"
#include "core/log.h"
#include "data/augment.h"
#include "data/loader.h"
#include "tasks/task.h"

enum { DIGITS = 10 };

struct tli_task_data {
    tl_settings *s;
    const char *labels; /* of the model to be tested, or NULL */
    const tl_log *log;
    tli_batch_part part;
    bool synthetic;
    tli_image_folder train, val;          /* from folders ... */
    tli_dataset train_digits, val_digits; /* ... or generated */
    char **names;                         /* of the classes; owned by `val` or, for digits, below */
    char *digit_names[DIGITS];
    char digit_text[DIGITS][2];
    char *names_json;   /* class names as JSON, owned */
    tli_loader *loader; /* for training, created with the first batch */
    tli_loader *tester; /* for the current test */
    uint8_t *val_named; /* files of val already named, see tli_loader_options; NULL if generated */
};

static void set_defaults(tl_settings *s)
{
    s->model.image_depth = s->model.patch_depth = 1;
    s->model.image_height = s->model.image_width = 224;
    s->model.patch_height = s->model.patch_width = 16;
    s->model.channels = 3;
    s->model.classes = 1000;
    s->training.epochs = 300;
    s->training.batch_size = 256;
    s->training.augment = TL_AUGMENT_ALL;
}

static const field own_fields[] = {
    FIELD(training, augment, FIELD_AUGMENT, FIELD_STORED | FIELD_TRAIN | FIELD_LOADER,
          .choices = &tli_augment_choices, .metavar = "LIST",
          .help = "augmentations, several joined by commas (default: all of them), of"),
    FIELD(run, workers, FIELD_U32, FIELD_TRAIN | FIELD_EVAL | FIELD_LOADER, .high = 1024,
          .help = "threads that load images (default: 0, one for every core)"),
    FIELD(run, strict, FIELD_BOOL, FIELD_TRAIN | FIELD_EVAL | FIELD_LOADER | FIELD_OF_FILES,
          .help = "stop at a damaged image instead of skipping it"),
    FIELD(training, exact_decode, FIELD_BOOL, FIELD_STORED | FIELD_TRAIN | FIELD_LOADER | FIELD_OF_FILES,
          .before = "false", .flag = "exact-decode",
          .help = "decode large JPEGs at full size, as evaluation does, instead of at twice the size needed: "
                  "slower"),
    {.key = "class_names",
     .type = FIELD_LABELS,
     .use = FIELD_STORED,
     .described = "the list of classes of `run.data`"},
};

static tl_status images_check(const tl_settings *s, tl_error *err)
{
    const tl_model_config *m = &s->model;
    if (m->image_height != m->image_width || m->image_depth > 1 || m->channels != 3)
        return tli_fail(err, TL_ERROR_USAGE, "vit takes square images of 3 channels, not %u x %u x %u of %u",
                        m->image_depth, m->image_height, m->image_width, m->channels);
    if ((s->training.augment & ~(uint32_t)TL_AUGMENT_ALL) != 0)
        return tli_fail(err, TL_ERROR_USAGE, "there is no augmentation of number %u", s->training.augment);
    return TL_OK;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static void close_data(tli_task_data *d)
{
    if (d == NULL) return;
    if (d->loader != NULL) tli_loader_summarise(d->loader);
    tli_loader_destroy(d->loader);
    tli_loader_destroy(d->tester);
    free(d->val_named);
    tli_image_folder_free(&d->train);
    tli_image_folder_free(&d->val);
    tli_dataset_free(&d->train_digits);
    tli_dataset_free(&d->val_digits);
    cJSON_free(d->names_json);
    free(d);
}

static tl_status open_digits(tli_task_data *d, bool train, tl_error *err)
{
    const tl_settings *s = d->s;
    for (int i = 0; i < DIGITS; i++) {
        d->digit_text[i][0] = (char)('0' + i);
        d->digit_names[i] = d->digit_text[i];
    }
    d->names = d->digit_names;
    if (train) TLI_TRY(tli_digits_draw(s->training.seed, 1, s->training.limit_train, &d->train_digits, err));
    return tli_digits_draw(s->training.seed, 0, s->training.limit_test, &d->val_digits, err);
}

/* "data/train: 24 images of 3 classes; ignored 12 files: 7 .gif, 5 .txt" */
static void describe_folder(const tli_task_data *d, const tli_image_folder *f)
{
    char limited[32] = "", ignored[TLI_IGNORED_TEXT + 40] = "";
    if (f->count < f->found) snprintf(limited, sizeof limited, "%u of ", f->count);
    if (f->ignored > 0)
        snprintf(ignored, sizeof ignored, "; ignored %u files: %s", f->ignored, f->ignored_kinds);
    tli_log_write(d->log, TL_LOG_NOTICE, "%s: %s%u images of %u classes%s", f->root, limited, f->found,
                  f->classes, ignored);
}

static tl_status open_folders(tli_task_data *d, bool train, tl_error *err)
{
    const tl_settings *s = d->s;
    if (train) TLI_TRY(tli_image_folder_open(s->run.data, "train", s->training.limit_train, &d->train, err));
    TLI_TRY(tli_image_folder_open(s->run.data, "val", s->training.limit_test, &d->val, err));
    d->names = d->val.class_names;
    d->val_named = calloc(d->val.count, 1);
    if (d->val_named == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the images of %s", s->run.data);
    if (train) describe_folder(d, &d->train);
    describe_folder(d, &d->val);
    if (!train) return TL_OK;
    return tli_image_folder_match(&d->val, d->train.class_names, d->train.classes, d->train.root, err);
}

static tl_status no_memory(tl_error *err)
{
    return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the names of the classes");
}

/* The strings of a JSON array, which owns them, as an array to be freed. NULL: *count -1: not an array of
 * strings; else out of memory. */
static char **strings_of(const cJSON *array, int *count)
{
    *count = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : -1;
    char **strings = *count >= 0 ? calloc((size_t)*count + 1, sizeof *strings) : NULL;
    for (int i = 0; strings != NULL && i < *count; i++) {
        strings[i] = cJSON_GetStringValue(cJSON_GetArrayItem(array, i));
        if (strings[i] != NULL) continue;
        free(strings);
        strings = NULL;
        *count = -1;
    }
    return strings;
}

/* A checkpoint's classes must equal the data's. Both are compared as text, see core/text.h; `names` are
 * the data's. */
static tl_status match_names(const tli_task_data *d, const cJSON *names, tl_error *err)
{
    cJSON *stored = cJSON_Parse(d->labels);
    int our_count, their_count;
    char **ours = strings_of(names, &our_count), **theirs = strings_of(stored, &their_count);
    tli_image_folder shown = {.class_names = ours, .classes = (uint32_t)our_count};
    snprintf(shown.root, sizeof shown.root, "%s", d->synthetic ? "synthetic" : d->val.root);
    tl_status status;
    if (their_count < 0)
        status = tli_fail(err, TL_ERROR_INPUT, "the checkpoint's class_names are no JSON array of names");
    else if (ours == NULL || theirs == NULL)
        status = no_memory(err);
    else
        status = tli_image_folder_match(&shown, theirs, (uint32_t)their_count, "the checkpoint", err);
    free(ours);
    free(theirs);
    cJSON_Delete(stored);
    return status;
}

/* Sets the model's classes from the data, or checks that they are equal. */
static tl_status settle_classes(tli_task_data *d, bool train, tl_error *err)
{
    tl_settings *s = d->s;
    const uint32_t classes = d->synthetic ? DIGITS : d->val.classes;
    cJSON *names = tli_json_text_array(d->names, classes);
    d->names_json = names != NULL ? cJSON_PrintUnformatted(names) : NULL;
    tl_status status = d->names_json != NULL ? TL_OK : no_memory(err);
    if (status == TL_OK && !train && d->labels != NULL && d->labels[0] == '[')
        status = match_names(d, names, err);
    cJSON_Delete(names);
    TLI_TRY(status);
    if ((s->run.exact_labels || !train) && s->model.classes != classes)
        return tli_fail(err, train ? TL_ERROR_USAGE : TL_ERROR_INPUT, "%s has %u classes, not %u: %s",
                        s->run.data, classes, s->model.classes,
                        train ? "leave `model.classes` out" : "the checkpoint was trained on others");
    s->model.classes = classes;
    return TL_OK;
}

static tl_status open_data(tl_settings *s, const task_opening *how, tli_task_data **data, tl_error *err)
{
    const bool train = how->train;
    tli_task_data *d = calloc(1, sizeof *d);
    if (d == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the images of %s", s->run.data);
    d->s = s;
    d->labels = how->labels;
    d->log = how->log;
    d->part = how->part;
    d->synthetic = strcmp(s->run.data, "synthetic") == 0;
    tl_status status = d->synthetic ? open_digits(d, train, err) : open_folders(d, train, err);
    if (status == TL_OK) status = settle_classes(d, train, err);
    if (status == TL_OK)
        *data = d;
    else
        close_data(d);
    return status;
}

/* Reads the lists of files but no file. */
static tl_status images_look(tl_settings *s, tl_error *err)
{
    tli_task_data *d = NULL;
    TLI_TRY(open_data(s, &(task_opening){.train = true}, &d, err));
    close_data(d);
    return TL_OK;
}

static const char *labels(const tli_task_data *d)
{
    return d->names_json;
}

/* ---- batches ------------------------------------------------------------------------------------- */

static uint64_t images_samples(const tli_task_data *d)
{
    return d->synthetic ? d->train_digits.count : d->train.count;
}

/* Hashes the names below the set's folder and the file sizes, without reading files. */
static tli_set_identity images_identify(const tli_task_data *d, bool train)
{
    const tli_image_folder *f = train ? &d->train : &d->val;
    if (d->synthetic) {
        tli_set_identity drawn = {.samples = train ? d->train_digits.count : d->val_digits.count};
        tli_identity_add(&drawn, TLI_DIGITS_NAME, sizeof TLI_DIGITS_NAME - 1);
        return drawn;
    }
    tli_set_identity identity = {.samples = f->count};
    for (uint32_t i = 0; i < f->count; i++) {
        tli_identity_add(&identity, f->paths[i], strlen(f->paths[i]) + 1);
        tli_identity_add_number(&identity, tli_image_folder_size(f, i));
    }
    return identity;
}

static tl_status make_loader(const tli_task_data *d, bool train, tli_loader **loader, tl_error *err)
{
    const tl_settings *s = d->s;
    const tli_loader_options options = {
        .folder = d->synthetic ? NULL
                  : train      ? &d->train
                               : &d->val,
        .digits = !d->synthetic ? NULL
                  : train       ? &d->train_digits
                                : &d->val_digits,
        .classes = s->model.classes,
        .size = s->model.image_height,
        .batch = s->training.batch_size,
        .train = train,
        .part = train ? d->part : (tli_batch_part){0},
        .augment = s->training.augment,
        .seed = s->training.seed,
        .workers = s->run.workers,
        .strict = s->run.strict,
        .named = train ? NULL : d->val_named,
        .exact_decode = s->training.exact_decode,
        .log = d->log,
    };
    return tli_loader_create(&options, loader, err);
}

static tl_batch inputs_of(const tli_loader_batch *b)
{
    return (tl_batch){.count = b->count, .images = b->images, .targets = b->labels, .soft_targets = b->soft};
}

static tl_status images_batch(tli_task_data *d, uint64_t done, tl_batch *inputs, tl_error *err)
{
    tli_loader_batch b;
    if (d->loader == NULL) TLI_TRY(make_loader(d, true, &d->loader, err));
    TLI_TRY(tli_loader_get(d->loader, done, &b, err));
    *inputs = inputs_of(&b);
    return TL_OK;
}

/* Workers read ahead by themselves; they only need the buffer of the batch that has been copied to the
 * device. */
static tl_status images_prepare(tli_task_data *d, uint64_t done, tl_error *err)
{
    if (d->loader != NULL) tli_loader_release(d->loader);
    return TL_OK;
}

/* ---- testing ------------------------------------------------------------------------------------- */

static tl_status test_begin(tli_task_data *d, int set, uint64_t *batches, tl_error *err)
{
    TLI_TRY(make_loader(d, false, &d->tester, err));
    *batches = tli_loader_batches(d->tester);
    return TL_OK;
}

static tl_status test_batch(tli_task_data *d, int set, uint64_t number, tli_test_batch *batch, tl_error *err)
{
    tli_loader_batch b;
    TLI_TRY(tli_loader_get(d->tester, number, &b, err));
    *batch = (tli_test_batch){.inputs = inputs_of(&b), .passed_over = b.passed_over};
    return TL_OK;
}

static void test_end(tli_task_data *d)
{
    if (d->tester != NULL) tli_loader_summarise(d->tester);
    tli_loader_destroy(d->tester);
    d->tester = NULL;
}

static tl_set_files images_files(const tli_task_data *d, bool train)
{
    const tli_image_folder *f = train ? &d->train : &d->val;
    const uint32_t passed_over = train && d->loader != NULL ? tli_loader_damaged(d->loader) : 0;
    if (d->synthetic)
        return (tl_set_files){.known = true, .images = train ? d->train_digits.count : d->val_digits.count};
    return (tl_set_files){
        .known = true, .images = f->count - passed_over, .passed_over = passed_over, .ignored = f->ignored};
}

static const char *class_name(const tli_task_data *d, uint32_t class_index)
{
    return d->names[class_index];
}

/* The centre of the image, as in evaluation. */
static tl_status cut_picture(const tl_settings *s, const tli_image *decoded, uint32_t width, uint32_t height,
                             tli_resampler *resampler, float *values, tli_image *seen, tl_error *err)
{
    const tli_resize plan = tli_resize_centre(width, height, s->model.image_height);
    TLI_TRY(tli_resample(decoded, width, height, &plan, resampler, seen, err));
    tli_normalise(seen, values);
    return TL_OK;
}

static int main_set(const tl_settings *s)
{
    return 0;
}

const tli_task tli_task_images = {
    .name = "vit",
    .unit = "images",
    .classifies = true,
    .sets = 1,
    .arch = TL_ARCH_VIT,
    .example = "--data data/birds --out runs/birds",
    .data_help = "folder of train/CLASS and val/CLASS with images",
    .fields = FIELDS(own_fields),
    .set_defaults = set_defaults,
    .check = images_check,
    .look = images_look,
    .open = open_data,
    .close = close_data,
    .labels = labels,
    .samples = images_samples,
    .identify = images_identify,
    .batch = images_batch,
    .prepare = images_prepare,
    .main_set = main_set,
    .test_begin = test_begin,
    .test_batch = test_batch,
    .test_end = test_end,
    .files = images_files,
    .picture = cut_picture,
    .class_name = class_name,
};
