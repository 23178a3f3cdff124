#include "train/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/presets.h"
#include "train/metadata.h"
#include "train/trainer.h"

void tl_settings_default_mnist(tl_settings *s)
{
    const tl_preset *tiny = tl_preset_find("tiny");
    memset(s, 0, sizeof *s);
    snprintf(s->task, sizeof s->task, "mnist");
    snprintf(s->data, sizeof s->data, "synthetic");
    s->model = (tl_model_config){.op = TL_OP_ATTENTION,
                                 .positions = TL_POSITIONS_LEARNED,
                                 .pool = TL_POOL_CLS,
                                 .image_height = 84,
                                 .image_width = 84,
                                 .channels = 1,
                                 .patch = 12,
                                 .classes = 10,
                                 .dim = tiny->dim,
                                 .depth = tiny->depth,
                                 .heads = tiny->heads,
                                 .head_dim = tiny->head_dim,
                                 .mlp_dim = tiny->mlp_dim,
                                 .relenc_dim = 8};
    s->epochs = 20;
    s->batch_size = 256;
    s->lr = 3e-4f;
    s->weight_decay = 0.05f;
    s->schedule = TL_SCHEDULE_COSINE;
}

static const char *const op_names[] = {"attention", "translution", "alpha", "alpha-pure", "absolute", "conv"};
static const char *const motion_names[] = {"static", "dynamic"};
static const char *const schedule_names[] = {"cosine", "cosine-epoch", "constant"};
static const char *const position_names[] = {"none", "learned", "rope", "swin", "shaw"};
/* by tl_roles; 0 stands for all */
static const char *const relative_names[] = {"qkv", "q", "k", "qk", "v", "qv", "kv", "qkv"};
static const char *const sharing_names[] = {"none", "clip", "log"};
static const char *const pool_names[] = {"cls", "mean"};

const char *tl_op_name(tl_op_kind op)
{
    return op_names[op];
}
const char *tl_motion_name(tl_motion motion)
{
    return motion_names[motion];
}
const char *tl_schedule_name(tl_schedule schedule)
{
    return schedule_names[schedule];
}

/* ---- settings as metadata ------------------------------------------------------------------------ */

/* One table for both directions: where a value lies, how it is written, which names stand for it. */
typedef enum field_type { FIELD_TEXT, FIELD_U32, FIELD_U64, FIELD_F32, FIELD_NAME } field_type;
typedef struct field {
    const char *key;
    field_type type;
    size_t at;
    const char *const *names;
    int count;
} field;

#define NUMBER(k, type, member)                                                                              \
    {                                                                                                        \
        k, type, offsetof(tl_settings, member), NULL, 0                                                      \
    }
#define NAMED(k, member, list)                                                                               \
    {                                                                                                        \
        k, FIELD_NAME, offsetof(tl_settings, member), list, (int)(sizeof(list) / sizeof *(list))             \
    }
static const field fields[] = {
    {"task", FIELD_TEXT, offsetof(tl_settings, task), NULL, 0},
    NAMED("op", model.op, op_names),
    NAMED("pos", model.positions, position_names),
    NAMED("pool", model.pool, pool_names),
    NUMBER("image_height", FIELD_U32, model.image_height),
    NUMBER("image_width", FIELD_U32, model.image_width),
    NUMBER("channels", FIELD_U32, model.channels),
    NUMBER("patch_size", FIELD_U32, model.patch),
    NUMBER("classes", FIELD_U32, model.classes),
    NUMBER("dim", FIELD_U32, model.dim),
    NUMBER("depth", FIELD_U32, model.depth),
    NUMBER("heads", FIELD_U32, model.heads),
    NUMBER("head_dim", FIELD_U32, model.head_dim),
    NUMBER("mlp_dim", FIELD_U32, model.mlp_dim),
    NUMBER("relenc_dim", FIELD_U32, model.relenc_dim),
    NAMED("relative", model.relative, relative_names),
    NAMED("offset_sharing", model.sharing, sharing_names),
    NUMBER("sharing_radius", FIELD_U32, model.sharing_radius),
    NUMBER("window", FIELD_U32, model.window),
    NUMBER("translution_layers", FIELD_U32, model.translution_layers),
    NAMED("motion", motion, motion_names),
    NAMED("test_motion", test_motion, motion_names),
    NUMBER("seed", FIELD_U64, seed),
    NUMBER("epochs", FIELD_U64, epochs),
    NUMBER("steps", FIELD_U64, steps),
    NUMBER("batch_size", FIELD_U32, batch_size),
    NUMBER("lr", FIELD_F32, lr),
    NUMBER("weight_decay", FIELD_F32, weight_decay),
    NUMBER("grad_clip", FIELD_F32, grad_clip),
    NAMED("schedule", schedule, schedule_names),
    NUMBER("warmup", FIELD_U64, warmup),
    NUMBER("limit_train", FIELD_U32, limit_train),
    NUMBER("limit_test", FIELD_U32, limit_test),
};
enum { FIELDS = sizeof fields / sizeof *fields };

int tl_metadata_count(void)
{
    return FIELDS;
}

static void write_field(const field *f, const tl_settings *s, char *text, size_t room)
{
    const char *at = (const char *)s + f->at;
    switch (f->type) {
    case FIELD_TEXT: snprintf(text, room, "%s", at); break;
    case FIELD_U32: snprintf(text, room, "%u", *(const uint32_t *)at); break;
    case FIELD_U64: snprintf(text, room, "%llu", (unsigned long long)*(const uint64_t *)at); break;
    case FIELD_F32: snprintf(text, room, "%.9g", (double)*(const float *)at); break;
    case FIELD_NAME: snprintf(text, room, "%s", f->names[*(const unsigned *)at]); break;
    }
}

void tl_metadata_write(const tl_settings *s, tl_metadata *m)
{
    for (int i = 0; i < FIELDS; i++) {
        write_field(&fields[i], s, m->text[i], sizeof m->text[i]);
        m->pairs[i].key = (char *)(uintptr_t)fields[i].key;
        m->pairs[i].value = m->text[i];
    }
    m->count = FIELDS;
}

static bool read_field(const field *f, const char *text, tl_settings *s)
{
    char *at = (char *)s + f->at, *end = NULL;
    errno = 0;
    switch (f->type) {
    case FIELD_TEXT: snprintf(at, sizeof s->task, "%s", text); return strlen(text) < sizeof s->task;
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
        const float value = strtof(text, &end);
        *(float *)at = value;
        return errno == 0 && end != text && *end == '\0';
    }
    case FIELD_NAME:
        for (int i = 0; i < f->count; i++) {
            if (strcmp(text, f->names[i]) != 0) continue;
            *(unsigned *)at = (unsigned)i;
            return true;
        }
        return false;
    }
    return false;
}

tl_status tl_settings_from_metadata(const tl_safetensors *st, tl_settings *settings, tl_error *err)
{
    for (int i = 0; i < FIELDS; i++) {
        const char *text = tl_st_metadata(st, fields[i].key);
        if (text == NULL)
            return tl_fail(err, TL_ERROR_INPUT,
                           "%s does not say %s in its metadata: it is not a checkpoint of this program",
                           st->path, fields[i].key);
        if (!read_field(&fields[i], text, settings))
            return tl_fail(err, TL_ERROR_INPUT,
                           "%s has %s = '%s' in its metadata, which this version does not know", st->path,
                           fields[i].key, text);
    }
    if (strcmp(settings->task, "mnist") != 0)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s is a checkpoint of the task '%s', which this version does not know", st->path,
                       settings->task);
    return tl_model_check(&settings->model, err);
}

const char *tl_settings_difference(const tl_settings *a, const tl_settings *b)
{
    for (int i = 0; i < FIELDS; i++) {
        char x[TL_METADATA_TEXT], y[TL_METADATA_TEXT];
        write_field(&fields[i], a, x, sizeof x);
        write_field(&fields[i], b, y, sizeof y);
        if (strcmp(x, y) != 0) return fields[i].key;
    }
    return NULL;
}
