#include "tasks/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/presets.h"
#include "tasks/task.h"

/* Counts of steps: every integer up to here is exact in the metadata's and JSON's doubles. */
#define BIG 1e15

#define MODEL_NUMBER(member)                                                                                 \
    {                                                                                                        \
        .key = #member, .type = FIELD_U32, .at = offsetof(tl_settings, model.member), .use = FIELD_STORED    \
    }
#define MODEL_NUMBER_BY(member, by)                                                                          \
    {                                                                                                        \
        .key = #member, .type = FIELD_U32, .at = offsetof(tl_settings, model.member), .use = FIELD_STORED,   \
        .flag = by                                                                                           \
    }
#define MODEL_NUMBER_OF_DATA(member)                                                                         \
    {                                                                                                        \
        .key = #member, .type = FIELD_U32, .at = offsetof(tl_settings, model.member),                        \
        .use = FIELD_STORED | FIELD_OF_DATA                                                                  \
    }
#define MODEL_CHOICE(name, member, list)                                                                     \
    {                                                                                                        \
        .key = name, .type = FIELD_CHOICE, .at = offsetof(tl_settings, model.member), .use = FIELD_STORED,   \
        .choices = &(list)                                                                                   \
    }
#define STORED(member, kind, least, most)                                                                    \
    {                                                                                                        \
        .key = #member, .type = kind, .at = offsetof(tl_settings, training.member), .use = FIELD_STORED,     \
        .low = least, .high = most                                                                           \
    }
#define NOT_STORED(member, kind, least, most)                                                                \
    {                                                                                                        \
        .key = #member, .type = kind, .at = offsetof(tl_settings, run.member), .low = least, .high = most    \
    }

/* ---- the fields of all tasks, in the order of files ---------------------------------------------- */

static const field beginning[] = {
    {.key = "task",
     .type = FIELD_TEXT,
     .at = offsetof(tl_settings, task),
     .capacity = sizeof((tl_settings *)0)->task,
     .use = FIELD_STORED,
     .described = "the task"},
    MODEL_CHOICE("op", op, tli_op_choices),
    MODEL_CHOICE("pos", positions, tli_positions_choices),
};

/* What makes the input and the head of a family's models. */
static const field of_images[] = {
    MODEL_CHOICE("pool", pool, tli_pool_choices),
    MODEL_NUMBER_BY(image_depth, "image-size"),
    MODEL_NUMBER_BY(image_height, "image-size"),
    MODEL_NUMBER_BY(image_width, "image-size"),
    {.key = "channels",
     .type = FIELD_U32,
     .at = offsetof(tl_settings, model.channels),
     .use = FIELD_STORED,
     .described = "the number of channels"},
    MODEL_NUMBER_BY(patch_depth, "patch-size"),
    MODEL_NUMBER_BY(patch_height, "patch-size"),
    MODEL_NUMBER_BY(patch_width, "patch-size"),
    MODEL_NUMBER_OF_DATA(classes),
};
static const field of_sequences[] = {
    MODEL_NUMBER(seq_len),
    MODEL_NUMBER_OF_DATA(vocab_size),
};

static const field of_models[] = {
    MODEL_NUMBER(dim),
    MODEL_NUMBER(depth),
    MODEL_NUMBER(heads),
    MODEL_NUMBER(head_dim),
    MODEL_NUMBER(mlp_dim),
    MODEL_NUMBER(relenc_dim),
    MODEL_CHOICE("relative", relative, tli_role_choices),
    MODEL_CHOICE("offset_sharing", sharing, tli_sharing_choices),
    MODEL_NUMBER_BY(sharing_radius, "offset-sharing"),
    MODEL_NUMBER(window),
    MODEL_NUMBER(translution_layers),
};

static const field of_training[] = {
    STORED(seed, FIELD_U64, 0, 9007199254740991.0),
    STORED(epochs, FIELD_U64, 1, BIG),
    {.key = "steps",
     .type = FIELD_U64,
     .at = offsetof(tl_settings, training.steps),
     .use = FIELD_STORED,
     .low = 1,
     .high = BIG,
     .zero_is_unset = true},
    {.key = "batch_size",
     .type = FIELD_U32,
     .at = offsetof(tl_settings, training.batch_size),
     .use = FIELD_STORED | FIELD_EVAL,
     .low = 1,
     .high = 1048576},
    STORED(lr, FIELD_FLOAT, 0, 1000),
    STORED(weight_decay, FIELD_FLOAT, 0, 1000),
    STORED(grad_clip, FIELD_FLOAT, 0, 1e30),
    {.key = "optimizer",
     .type = FIELD_CHOICE,
     .at = offsetof(tl_settings, training.optimizer),
     .use = FIELD_STORED,
     .choices = &tli_optimizer_choices,
     .before = FIELD_FIRST},
    {.key = "beta1",
     .type = FIELD_FLOAT,
     .at = offsetof(tl_settings, training.beta1),
     .use = FIELD_STORED,
     .high = 0.999999,
     .minus_one_is_unset = true,
     .before = "0.9"},
    {.key = "beta2",
     .type = FIELD_FLOAT,
     .at = offsetof(tl_settings, training.beta2),
     .use = FIELD_STORED,
     .high = 0.999999,
     .minus_one_is_unset = true,
     .before = "0.999"},
    {.key = "eps",
     .type = FIELD_FLOAT,
     .at = offsetof(tl_settings, training.eps),
     .use = FIELD_STORED,
     .low = 1e-12,
     .high = 1,
     .zero_is_unset = true,
     .before = "1e-8"},
    {.key = "schedule",
     .type = FIELD_CHOICE,
     .at = offsetof(tl_settings, training.schedule),
     .use = FIELD_STORED,
     .choices = &tli_schedule_choices},
    {.key = "schedule_version",
     .type = FIELD_U32,
     .at = offsetof(tl_settings, training.schedule_version),
     .use = FIELD_STORED,
     .low = 1,
     .high = TL_SCHEDULE_VERSION,
     .before = "1",
     .described = "the version of the schedule"},
    STORED(warmup, FIELD_U64, 0, BIG),
    STORED(limit_train, FIELD_U32, 0, 4294967295.0),
    {.key = "limit_test",
     .type = FIELD_U32,
     .at = offsetof(tl_settings, training.limit_test),
     .use = FIELD_STORED | FIELD_TESTED | FIELD_EVAL,
     .high = 4294967295.0},
};

static const field of_runs[] = {
    {.key = "stop_after",
     .type = FIELD_U64,
     .at = offsetof(tl_settings, run.stop_after),
     .low = 1,
     .high = BIG,
     .zero_is_unset = true},
    NOT_STORED(checkpoint_every, FIELD_U64, 0, BIG),
    NOT_STORED(checkpoint_minutes, FIELD_FLOAT, 0, 1e6),
    NOT_STORED(eval_every, FIELD_U64, 0, BIG),
    NOT_STORED(keep, FIELD_U64, 0, BIG),
    {.key = "recompute",
     .type = FIELD_CHOICE,
     .at = offsetof(tl_settings, run.recompute),
     .choices = &tli_recompute_choices},
};

static const field_table beginning_table = FIELDS(beginning), model_table = FIELDS(of_models),
                         training_table = FIELDS(of_training), run_table = FIELDS(of_runs);
static const field_table family_tables[] = {
    [TL_ARCH_VIT] = FIELDS(of_images), [TL_ARCH_GPT] = FIELDS(of_sequences)};

static int append_after(const field *list[FIELDS_MAX], int count, const field_table *own, const char *key)
{
    for (int i = 0; i < own->count; i++) {
        const field *f = &own->items[i];
        if (key != NULL ? f->after == NULL || strcmp(f->after, key) != 0 : f->after != NULL) continue;
        list[count++] = f;
        if (key != NULL) count = append_after(list, count, own, f->key);
    }
    return count;
}

static int append_table(const field *list[FIELDS_MAX], int count, const field_table *table,
                        const field_table *own)
{
    for (int i = 0; i < table->count; i++) {
        list[count++] = &table->items[i];
        count = append_after(list, count, own, table->items[i].key);
    }
    return count;
}

int tli_settings_fields(const tli_task *task, const field *list[FIELDS_MAX])
{
    const field_table *own = &task->fields;
    int count = append_table(list, 0, &beginning_table, own);
    count = append_table(list, count, &family_tables[task->arch], own);
    count = append_table(list, count, &model_table, own);
    count = append_table(list, count, &training_table, own);
    count = append_after(list, count, own, NULL);
    return append_table(list, count, &run_table, own);
}

const field *tli_settings_field_at(size_t at)
{
    for (int t = 0; tli_task_at(t) != NULL; t++) {
        const field *list[FIELDS_MAX];
        const int count = tli_settings_fields(tli_task_at(t), list);
        for (int i = 0; i < count; i++)
            if (list[i]->at == at) return list[i];
    }
    return NULL;
}

bool tli_settings_has_flag(const tli_task *task, const char *flag)
{
    const field *list[FIELDS_MAX];
    const int count = tli_settings_fields(task, list);
    char capacity[FIELD_TEXT_CAPACITY];
    for (int i = 0; i < count; i++)
        if (strcmp(tli_field_flag(list[i], capacity), flag) == 0) return true;
    return false;
}

/* ---- values -------------------------------------------------------------------------------------- */

/* What all tasks have in common. */
static void set_common(tl_settings *s, const tli_task *task)
{
    const tli_preset *tiny = tli_preset_at(0);
    memset(s, 0, sizeof *s);
    snprintf(s->task, sizeof s->task, "%s", task->name);
    snprintf(s->run.data, sizeof s->run.data, "synthetic");
    s->model = (tl_model_config){.arch = task->arch,
                                 .op = TL_OP_ATTENTION,
                                 .dim = tiny->dim,
                                 .depth = tiny->depth,
                                 .heads = tiny->heads,
                                 .head_dim = tiny->head_dim,
                                 .mlp_dim = tiny->mlp_dim,
                                 .relenc_dim = 8};
    s->training.lr = 3e-4f;
    s->training.weight_decay = 0.05f;
    s->training.beta1 = s->training.beta2 = -1.0f; /* the optimizer's own, as eps 0 */
    s->training.schedule = TL_SCHEDULE_COSINE;
    s->training.schedule_version = TL_SCHEDULE_VERSION;
    s->run.checkpoint_minutes = 15.0f;
}

bool tl_settings_default(tl_settings *s, const char *name)
{
    const tli_task *task = name != NULL ? tli_task_find(name) : NULL;
    if (s == NULL || task == NULL) return false;
    set_common(s, task);
    task->set_defaults(s);
    return true;
}

void tli_settings_take_tested(tl_settings *s, const tl_settings *asked)
{
    const field *list[FIELDS_MAX];
    const int count = tli_settings_fields(tli_task_find(s->task), list);
    for (int i = 0; i < count; i++) {
        const field *f = list[i];
        const char *at = (const char *)asked + f->at;
        if ((f->use & FIELD_TESTED) == 0) continue;
        if (f->type == FIELD_CHOICE ? tli_choice_load(at) < 0 : *(const uint32_t *)at == 0) continue;
        tli_field_copy(f, asked, s);
        if (f->type == FIELD_U32 && *(const uint32_t *)at == UINT32_MAX) *(uint32_t *)((char *)s + f->at) = 0;
    }
}

void tli_settings_copy_tested(tl_settings *s, const tl_settings *from)
{
    const field *list[FIELDS_MAX];
    const int count = tli_settings_fields(tli_task_find(s->task), list);
    for (int i = 0; i < count; i++)
        if ((list[i]->use & FIELD_TESTED) != 0) tli_field_copy(list[i], from, s);
}

void tli_settings_complete_optimizer(tl_settings *s)
{
    const optimizer_rule *rule = tli_optimizer_rule_of(s->training.optimizer);
    if (rule == NULL) return;
    if (s->training.beta1 < 0.0f) s->training.beta1 = rule->beta1;
    if (s->training.beta2 < 0.0f) s->training.beta2 = rule->beta2;
    if (s->training.eps == 0.0f) s->training.eps = rule->eps;
}

tl_result tli_result_empty(void)
{
    const double none = (double)NAN;
    tl_result result = {.loss = none,
                        .test_loss = none,
                        .perplexity = none,
                        .top1 = none,
                        .top5 = none,
                        .step_ms = none,
                        .data_wait = none};
    for (int t = 0; tli_task_at(t) != NULL; t++)
        for (const task_result *own = tli_task_at(t)->results; own != NULL && own->key != NULL; own++)
            *(double *)((char *)&result + own->at) = none;
    return result;
}
