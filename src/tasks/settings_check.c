#include "tasks/settings_check.h"

#include <string.h>

#include "models/model.h"
#include "tasks/task.h"

#define TEXT(member)                                                                                         \
    {                                                                                                        \
#member, offsetof(tl_settings, run.member), sizeof((tl_settings *)0)->run.member                     \
    }

static const struct {
    const char *name;
    size_t at, capacity;
} texts[] = {TEXT(data), TEXT(out), TEXT(metrics), TEXT(init), TEXT(confusion), TEXT(attention_maps)};
enum { TEXTS = sizeof texts / sizeof *texts };

static bool is_of_model(const field *f)
{
    const size_t at = offsetof(tl_settings, model);
    return f->at >= at && f->at < at + sizeof(tl_model_config);
}

tl_status tli_settings_check_numbers(const tl_settings *s, tl_error *err)
{
    const field *list[FIELDS_MAX];
    const int count = tli_settings_fields(tli_task_find(s->task), list);
    for (int i = 0; i < count; i++)
        if (!is_of_model(list[i])) TLI_TRY(tli_field_check(list[i], s, false, err));
    for (int t = 0; tli_task_at(t) != NULL; t++) { /* also refuse values of other tasks' settings */
        const field_table *own = &tli_task_at(t)->fields;
        for (int i = 0; i < own->count; i++) TLI_TRY(tli_field_check(&own->items[i], s, true, err));
    }
    return TL_OK;
}

/* The fields that tl_evaluate reads are known before the task is. */
static tl_status check_evaluation(const tl_settings *s, tl_error *err)
{
    for (int t = 0; tli_task_at(t) != NULL; t++) {
        const field *list[FIELDS_MAX];
        const int count = tli_settings_fields(tli_task_at(t), list);
        for (int i = 0; i < count; i++)
            if ((list[i]->use & FIELD_EVAL) != 0) TLI_TRY(tli_field_check(list[i], s, true, err));
    }
    return TL_OK;
}

static tl_status check_texts(const tl_settings *s, tl_error *err)
{
    for (int i = 0; i < TEXTS; i++)
        if (memchr((const char *)s + texts[i].at, '\0', texts[i].capacity) == NULL)
            return tli_fail(err, TL_ERROR_USAGE, "%s takes at most %zu characters and a terminating zero",
                            texts[i].name, texts[i].capacity - 1);
    return TL_OK;
}

static tl_status check_training(const tl_settings *s, tl_error *err)
{
    char names[TASK_NAMES_CAPACITY];
    const tli_task *task = memchr(s->task, '\0', sizeof s->task) != NULL ? tli_task_find(s->task) : NULL;
    if (task == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "unknown task '%.*s': this version trains %s, and on the caller's data %s and %s",
                        (int)sizeof s->task, s->task, tli_task_names(NULL, ", ", names),
                        tli_task_own_vit.name, tli_task_own_gpt.name);
    TLI_TRY(tli_settings_check_numbers(s, err));
    if (tli_optimizer_rule_of(s->training.optimizer)->eps == 0.0f && s->training.eps != 0.0f)
        return tli_fail(err, TL_ERROR_USAGE, "the optimizer %s has no eps: leave it 0",
                        tli_choice_shown(&tli_optimizer_choices, (int)s->training.optimizer));
    TLI_TRY(tli_model_check(&s->model, err));
    if (s->model.arch != task->arch)
        return tli_fail(err, TL_ERROR_USAGE, "%s trains models of the architecture %s, not %s", s->task,
                        tli_choice_shown(&tli_arch_choices, (int)task->arch),
                        tli_choice_shown(&tli_arch_choices, (int)s->model.arch));
    TLI_TRY(tli_settings_check_slices(s, err));
    return task->check(s, err);
}

tl_status tli_settings_check_slices(const tl_settings *s, tl_error *err)
{
    const uint32_t slices = tli_settings_slices(s);
    if (s->run.accumulate <= slices) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    "`run.accumulate` %u asks for more parts of a batch than the run has slices: "
                    "`training.grad_slices` is %u",
                    (unsigned)s->run.accumulate, slices);
}

tl_status tli_settings_check_size(const tl_settings *s, tl_error *err)
{
    if (s->size == sizeof *s) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    "the size of the settings is %zu: initialise them with tl_settings_default", s->size);
}

tl_status tli_settings_check(const tl_settings *s, bool training, tl_error *err)
{
    TLI_TRY(tli_settings_check_size(s, err));
    TLI_TRY(check_texts(s, err));
    return training ? check_training(s, err) : check_evaluation(s, err);
}
