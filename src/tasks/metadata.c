#include "tasks/metadata.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/choices.h"
#include "core/number.h"
#include "data/augment.h"
#include "models/model.h"
#include "tasks/settings_check.h"

/* One table for both directions: where a value lies, how it is written, which names stand for it. */
typedef enum field_type {
    FIELD_TEXT,
    FIELD_LONG_TEXT,
    FIELD_U32,
    FIELD_U64,
    FIELD_F32,
    FIELD_NAME,
    FIELD_BOOL,
    FIELD_AUGMENT
} field_type;
typedef struct field {
    const char *key;
    field_type type;
    size_t at;
    const choices *names; /* FIELD_NAME */
    unsigned tasks;       /* that have it */
    const char *before;   /* its value in checkpoints older than the field; NULL: every checkpoint has it */
} field;

#define FIRST_NAME "" /* of FIELD_NAME, as `before`: the first of the names */

enum { MNIST = 1, VIT = 2, GPT = 4, IMAGES = MNIST | VIT, ALL = IMAGES | GPT };

#define NUMBER(k, type, member, tasks)                                                                       \
    {                                                                                                        \
        k, type, offsetof(tl_settings, member), NULL, tasks, NULL                                            \
    }
#define NAMED(k, member, list, tasks)                                                                        \
    {                                                                                                        \
        k, FIELD_NAME, offsetof(tl_settings, member), &(list), tasks, NULL                                   \
    }
static const field fields[] = {
    {"task", FIELD_TEXT, offsetof(tl_settings, task), NULL, ALL, NULL},
    NAMED("op", model.op, tli_op_choices, ALL),
    NAMED("pos", model.positions, tli_positions_choices, ALL),
    NAMED("pool", model.pool, tli_pool_choices, IMAGES),
    NUMBER("image_depth", FIELD_U32, model.image_depth, IMAGES),
    NUMBER("image_height", FIELD_U32, model.image_height, IMAGES),
    NUMBER("image_width", FIELD_U32, model.image_width, IMAGES),
    NUMBER("channels", FIELD_U32, model.channels, IMAGES),
    NUMBER("patch_depth", FIELD_U32, model.patch_depth, IMAGES),
    NUMBER("patch_height", FIELD_U32, model.patch_height, IMAGES),
    NUMBER("patch_width", FIELD_U32, model.patch_width, IMAGES),
    NUMBER("classes", FIELD_U32, model.classes, IMAGES),
    NUMBER("seq_len", FIELD_U32, model.seq_len, GPT),
    NUMBER("vocab_size", FIELD_U32, model.vocab_size, GPT),
    {"vocabulary", FIELD_LONG_TEXT, offsetof(tl_settings, vocabulary), NULL, GPT, NULL},
    NUMBER("dim", FIELD_U32, model.dim, ALL),
    NUMBER("depth", FIELD_U32, model.depth, ALL),
    NUMBER("heads", FIELD_U32, model.heads, ALL),
    NUMBER("head_dim", FIELD_U32, model.head_dim, ALL),
    NUMBER("mlp_dim", FIELD_U32, model.mlp_dim, ALL),
    NUMBER("relenc_dim", FIELD_U32, model.relenc_dim, ALL),
    NAMED("relative", model.relative, tli_role_choices, ALL),
    NAMED("offset_sharing", model.sharing, tli_sharing_choices, ALL),
    NUMBER("sharing_radius", FIELD_U32, model.sharing_radius, ALL),
    NUMBER("window", FIELD_U32, model.window, ALL),
    NUMBER("translution_layers", FIELD_U32, model.translution_layers, ALL),
    NAMED("motion", motion, tli_motion_choices, MNIST),
    NAMED("test_motion", test_motion, tli_motion_choices, MNIST),
    NUMBER("seed", FIELD_U64, seed, ALL),
    NUMBER("epochs", FIELD_U64, epochs, ALL),
    NUMBER("steps", FIELD_U64, steps, ALL),
    NUMBER("batch_size", FIELD_U32, batch_size, ALL),
    NUMBER("lr", FIELD_F32, lr, ALL),
    NUMBER("weight_decay", FIELD_F32, weight_decay, ALL),
    NUMBER("grad_clip", FIELD_F32, grad_clip, ALL),
    {"optimizer", FIELD_NAME, offsetof(tl_settings, optimizer), &tli_optimizer_choices, ALL, FIRST_NAME},
    {"beta1", FIELD_F32, offsetof(tl_settings, beta1), NULL, ALL, "0.9"},
    {"beta2", FIELD_F32, offsetof(tl_settings, beta2), NULL, ALL, "0.999"},
    {"eps", FIELD_F32, offsetof(tl_settings, eps), NULL, ALL, "1e-8"},
    NAMED("schedule", schedule, tli_schedule_choices, ALL),
    {"schedule_version", FIELD_U32, offsetof(tl_settings, schedule_version), NULL, ALL, "1"},
    NUMBER("warmup", FIELD_U64, warmup, ALL),
    NUMBER("samples_per_epoch", FIELD_U64, samples_per_epoch, GPT),
    NUMBER("limit_train", FIELD_U32, limit_train, ALL),
    NUMBER("limit_test", FIELD_U32, limit_test, ALL),
    NUMBER("augment", FIELD_AUGMENT, augment, VIT),
    {"exact_decode", FIELD_BOOL, offsetof(tl_settings, exact_decode), NULL, VIT, "false"},
    {"class_names", FIELD_LONG_TEXT, offsetof(tl_settings, class_names), NULL, VIT, NULL},
};
enum { FIELDS = sizeof fields / sizeof *fields };
static_assert((int)FIELDS <= (int)TLI_METADATA_MAX, "tli_metadata has room for every field");

static unsigned task_bit(const char *task)
{
    return strcmp(task, "mnist") == 0 ? MNIST : strcmp(task, "vit") == 0 ? VIT : GPT;
}

/* A text that lies elsewhere, of any length. */
static const char *long_text(const field *f, const tl_settings *s)
{
    const char *text = *(const char *const *)((const char *)s + f->at);
    return text != NULL ? text : "unknown";
}

/* A checkpoint says what the positions are, not that they are the operation's. */
static int stored_value(const field *f, const tl_settings *s)
{
    if (f->at == offsetof(tl_settings, model.positions)) return (int)tli_model_positions(&s->model);
    return tli_choice_load((const char *)s + f->at);
}

static void write_field(const field *f, const tl_settings *s, char *text, size_t room)
{
    const char *at = (const char *)s + f->at;
    switch (f->type) {
    case FIELD_TEXT: snprintf(text, room, "%s", at); break;
    case FIELD_LONG_TEXT: snprintf(text, room, "%s", long_text(f, s)); break;
    case FIELD_U32: snprintf(text, room, "%u", *(const uint32_t *)at); break;
    case FIELD_U64: snprintf(text, room, "%llu", (unsigned long long)*(const uint64_t *)at); break;
    case FIELD_F32: tli_format(text, room, "%.9g", (double)*(const float *)at); break;
    case FIELD_NAME: snprintf(text, room, "%s", tli_choice_shown(f->names, stored_value(f, s))); break;
    case FIELD_BOOL: snprintf(text, room, "%s", *(const bool *)at ? "true" : "false"); break;
    case FIELD_AUGMENT: tli_augment_name(*(const uint32_t *)at, text); break;
    }
}

/* As a checkpoint says them: with the numbers that were left to the optimizer. */
static tl_settings stored_settings(const tl_settings *settings)
{
    tl_settings s = *settings;
    tli_settings_complete_optimizer(&s);
    return s;
}

void tli_metadata_write(const tl_settings *settings, tli_metadata *m)
{
    const unsigned task = task_bit(settings->task);
    const tl_settings s = stored_settings(settings);
    m->count = 0;
    for (int i = 0; i < FIELDS; i++) {
        if ((fields[i].tasks & task) == 0) continue;
        write_field(&fields[i], &s, m->text[m->count], sizeof m->text[m->count]);
        m->pairs[m->count].key = (char *)(uintptr_t)fields[i].key;
        m->pairs[m->count].value = fields[i].type == FIELD_LONG_TEXT
                                       ? (char *)(uintptr_t)long_text(&fields[i], &s)
                                       : m->text[m->count];
        m->count++;
    }
}

static bool read_field(const field *f, const char *text, tl_settings *s)
{
    char *at = (char *)s + f->at, *end = NULL;
    errno = 0;
    switch (f->type) {
    case FIELD_TEXT: snprintf(at, sizeof s->task, "%s", text); return strlen(text) < sizeof s->task;
    case FIELD_LONG_TEXT: *(const char **)at = text; return true; /* the file's, while it is open */
    case FIELD_U32:
    case FIELD_U64: {
        const unsigned long long value = strtoull(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || *text == '-') return false;
        if (f->type == FIELD_U32 && value > UINT32_MAX) return false;
        if (f->type == FIELD_U32)
            *(uint32_t *)at = (uint32_t)value;
        else
            *(uint64_t *)at = value;
        return true;
    }
    case FIELD_F32: {
        const float value = tli_parse_float(text, &end);
        *(float *)at = value;
        return errno == 0 && end != text && *end == '\0';
    }
    case FIELD_NAME: {
        int value;
        if (!tli_choice_find(f->names, text, strlen(text), &value)) return false;
        tli_choice_store(at, value);
        return true;
    }
    case FIELD_BOOL:
        *(bool *)at = strcmp(text, "true") == 0;
        return *(bool *)at || strcmp(text, "false") == 0;
    case FIELD_AUGMENT: return tli_augment_parse(text, (uint32_t *)at, NULL) == TL_OK;
    }
    return false;
}

static const char *value_before(const field *f)
{
    const bool first = f->before != NULL && strcmp(f->before, FIRST_NAME) == 0;
    return first ? f->names->items[0].name : f->before;
}

tl_status tli_settings_from_metadata(const tli_safetensors *st, tl_settings *settings, tl_error *err)
{
    const char *task = tli_st_metadata(st, "task");
    tl_settings defaults;
    if (task != NULL && !tl_settings_default(&defaults, task))
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s is a checkpoint of the task '%s', which this version does not know", st->path,
                        task);
    if (task != NULL) settings->model.family = defaults.model.family;
    for (int i = 0; i < FIELDS; i++) {
        if (task != NULL && (fields[i].tasks & task_bit(task)) == 0) continue;
        const char *text = tli_st_metadata(st, fields[i].key);
        if (text == NULL) text = value_before(&fields[i]);
        if (text == NULL)
            return tli_fail(err, TL_ERROR_INPUT,
                            "%s does not say %s in its metadata: it is not a checkpoint of this program",
                            st->path, fields[i].key);
        if (!read_field(&fields[i], text, settings))
            return tli_fail(err, TL_ERROR_INPUT,
                            "%s has %s = '%s' in its metadata, which this version does not know", st->path,
                            fields[i].key, text);
    }
    tl_error why = {0};
    if (tli_settings_check_numbers(settings, &why) != TL_OK)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s has a number in its metadata that this version does not know: %s", st->path,
                        why.text);
    return tli_model_check(&settings->model, err);
}

/* A float as short as it was given, where that tells the two apart. */
static void show_field(const field *f, const tl_settings *s, const char *format, char text[TLI_METADATA_TEXT])
{
    if (f->type == FIELD_F32)
        tli_format(text, TLI_METADATA_TEXT, format, (double)*(const float *)((const char *)s + f->at));
}

const char *tli_settings_difference(const tl_settings *a, const tl_settings *b, char of_a[TLI_METADATA_TEXT],
                                    char of_b[TLI_METADATA_TEXT])
{
    const unsigned tasks = task_bit(a->task) | task_bit(b->task);
    const tl_settings stored_a = stored_settings(a), stored_b = stored_settings(b);
    a = &stored_a, b = &stored_b;
    for (int i = 0; i < FIELDS; i++) {
        const field *f = &fields[i];
        if ((f->tasks & tasks) == 0) continue;
        write_field(f, a, of_a, TLI_METADATA_TEXT);
        write_field(f, b, of_b, TLI_METADATA_TEXT);
        const bool same = f->type == FIELD_LONG_TEXT ? strcmp(long_text(f, a), long_text(f, b)) == 0
                                                     : strcmp(of_a, of_b) == 0;
        if (same) continue;
        char short_a[TLI_METADATA_TEXT] = "", short_b[TLI_METADATA_TEXT] = "";
        show_field(f, a, "%g", short_a);
        show_field(f, b, "%g", short_b);
        if (strcmp(short_a, short_b) != 0) {
            snprintf(of_a, TLI_METADATA_TEXT, "%s", short_a);
            snprintf(of_b, TLI_METADATA_TEXT, "%s", short_b);
        }
        return f->key;
    }
    return NULL;
}
