#include "tasks/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/arithmetic.h"
#include "models/presets.h"
#include "tasks/task.h"

/* Step counts: all integers up to here are exact as doubles in metadata and JSON. */
#define BIG                      1e15

#define SIZE(member, ...)        FIELD(model, member, FIELD_U32, FIELD_STORED, __VA_ARGS__)
#define IMAGE(member)            SIZE(member, .flag = "image-size")
#define KIND(name, member, list) FIELD_AS(name, member, FIELD_CHOICE, FIELD_STORED, .choices = &(list))
#define NUMBER(member, kind, least, ...)                                                                     \
    FIELD(training, member, kind, FIELD_STORED, .low = least, __VA_ARGS__)
#define OF_RUN(member, kind, ...) FIELD(run, member, kind, 0, __VA_ARGS__)

/* ---- fields of all tasks, in file order ------------------------------------------------------------- */

static const field beginning[] = {
    FIELD_AS("task", task, FIELD_TEXT, FIELD_STORED, .capacity = sizeof((tl_settings *)0)->task,
             .described = "the task"),
    KIND("op", model.op, tli_op_choices),
    KIND("pos", model.positions, tli_positions_choices),
};

/* Fields that define an architecture's input and head. */
static const field of_images[] = {
    KIND("pool", model.pool, tli_pool_choices),
    IMAGE(image_depth),
    IMAGE(image_height),
    IMAGE(image_width),
    SIZE(channels, .described = "the number of channels"),
    SIZE(patch_depth, .flag = "patch-size"),
    SIZE(patch_height, .flag = "patch-size"),
    SIZE(patch_width, .flag = "patch-size"),
    FIELD(model, classes, FIELD_U32, FIELD_STORED | FIELD_OF_DATA, ),
};
static const field of_sequences[] = {
    SIZE(seq_len, ),
    FIELD(model, vocab_size, FIELD_U32, FIELD_STORED | FIELD_OF_DATA, ),
};

static const field of_models[] = {
    SIZE(dim, ),
    SIZE(depth, ),
    SIZE(heads, ),
    SIZE(head_dim, ),
    SIZE(mlp_dim, ),
    SIZE(relenc_dim, ),
    KIND("relative", model.relative, tli_role_choices),
    KIND("offset_sharing", model.sharing, tli_sharing_choices),
    SIZE(sharing_radius, .flag = "offset-sharing"),
    SIZE(window, ),
    SIZE(translution_layers, ),
};

static const field of_training[] = {
    NUMBER(seed, FIELD_U64, 0, .high = 9007199254740991.0),
    NUMBER(epochs, FIELD_U64, 1, .high = BIG),
    NUMBER(steps, FIELD_U64, 1, .high = BIG, .zero_is_unset = true),
    FIELD(training, batch_size, FIELD_U32, FIELD_STORED | FIELD_EVAL, .low = 1, .high = 1048576),
    NUMBER(lr, FIELD_FLOAT, 0, .high = 1000),
    NUMBER(weight_decay, FIELD_FLOAT, 0, .high = 1000),
    NUMBER(grad_clip, FIELD_FLOAT, 0, .high = 1e30),
    FIELD(training, optimizer, FIELD_CHOICE, FIELD_STORED, .choices = &tli_optimizer_choices,
          .before = FIELD_FIRST),
    NUMBER(beta1, FIELD_FLOAT, 0, .high = 0.999999, .minus_one_is_unset = true, .before = "0.9"),
    NUMBER(beta2, FIELD_FLOAT, 0, .high = 0.999999, .minus_one_is_unset = true, .before = "0.999"),
    NUMBER(eps, FIELD_FLOAT, 1e-12, .high = 1, .zero_is_unset = true, .before = "1e-8"),
    KIND("schedule", training.schedule, tli_schedule_choices),
    NUMBER(schedule_version, FIELD_U32, 1, .high = TL_SCHEDULE_VERSION, .before = "1",
           .described = "the version of the schedule"),
    NUMBER(warmup, FIELD_U64, 0, .high = BIG),
    NUMBER(limit_train, FIELD_U32, 0, .high = 4294967295.0),
    FIELD(training, limit_test, FIELD_U32, FIELD_STORED | FIELD_TESTED | FIELD_EVAL, .high = 4294967295.0),
    NUMBER(grad_slices, FIELD_U64, 1, .high = SETTINGS_MOST_SLICES, .zero_is_unset = true, .before = "1"),
    FIELD(training, precision, FIELD_CHOICE, FIELD_STORED, .choices = &tli_precision_choices,
          .before = FIELD_FIRST),
};

static const field of_runs[] = {
    OF_RUN(stop_after, FIELD_U64, .low = 1, .high = BIG, .zero_is_unset = true),
    OF_RUN(checkpoint_every, FIELD_U64, .high = BIG),
    OF_RUN(checkpoint_minutes, FIELD_FLOAT, .high = 1e6),
    OF_RUN(eval_every, FIELD_U64, .high = BIG),
    OF_RUN(keep, FIELD_U64, .high = BIG),
    OF_RUN(recompute, FIELD_CHOICE, .choices = &tli_recompute_choices),
    OF_RUN(accumulate, FIELD_U64, .low = 1, .high = SETTINGS_MOST_SLICES, .zero_is_unset = true),
    OF_RUN(offset_ranks, FIELD_U64, .low = 1, .high = SETTINGS_MOST_SLICES, .zero_is_unset = true),
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
    char buffer[FIELD_TEXT_CAPACITY];
    for (int i = 0; i < count; i++)
        if (strcmp(tli_field_flag(list[i], buffer), flag) == 0) return true;
    return false;
}

/* ---- values -------------------------------------------------------------------------------------- */

/* Defaults common to all tasks. */
static void set_common(tl_settings *s, const tli_task *task)
{
    const tli_preset *tiny = tli_preset_at(0);
    memset(s, 0, sizeof *s);
    s->size = sizeof *s;
    s->training.size = sizeof s->training;
    s->run.size = sizeof s->run;
    snprintf(s->task, sizeof s->task, "%s", task->name);
    snprintf(s->run.data, sizeof s->run.data, "synthetic");
    s->model = (tl_model_config){.size = sizeof s->model,
                                 .arch = task->arch,
                                 .op = TL_OP_ATTENTION,
                                 .dim = tiny->dim,
                                 .depth = tiny->depth,
                                 .heads = tiny->heads,
                                 .head_dim = tiny->head_dim,
                                 .mlp_dim = tiny->mlp_dim,
                                 .relenc_dim = 8};
    s->training.lr = 3e-4f;
    s->training.weight_decay = 0.05f;
    s->training.beta1 = s->training.beta2 = -1.0f; /* the optimizer's defaults, as is eps 0 */
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

uint32_t tli_settings_slices(const tl_settings *s)
{
    const uint64_t slices = s->training.grad_slices > 0 ? s->training.grad_slices : s->run.accumulate;
    return slices > 0 ? (uint32_t)slices : 1;
}

uint32_t tl_settings_slice_samples(const tl_settings *s)
{
    return s == NULL ? 0 : (uint32_t)tli_ceil_div(s->training.batch_size, tli_settings_slices(s));
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
                        .data_wait = none,
                        .communication = none};
    for (int t = 0; tli_task_at(t) != NULL; t++)
        for (const task_result *own = tli_task_at(t)->results; own != NULL && own->key != NULL; own++)
            *(double *)((char *)&result + own->at) = none;
    return result;
}
