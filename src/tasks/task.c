#include "tasks/task.h"

#include <stdio.h>
#include <string.h>

/* All tasks, those of the command line first; its first is the default of commands that need one. */
static const tli_task *const tasks[] = {
    &tli_task_digits, &tli_task_images, &tli_task_text, &tli_task_own_vit, &tli_task_own_gpt,
};
enum { TASKS = sizeof tasks / sizeof *tasks };

const tli_task *tli_task_at(int index)
{
    return index >= 0 && index < TASKS && !tasks[index]->callers ? tasks[index] : NULL;
}

const tli_task *tli_task_find(const char *name)
{
    for (int i = 0; i < TASKS; i++)
        if (strcmp(name, tasks[i]->name) == 0) return tasks[i];
    return NULL;
}

const char *tli_task_set_name(const tli_task *task, int set)
{
    return task->set_choices != NULL ? tli_choice_shown(task->set_choices, set) : "val";
}

char *tli_task_names(bool (*has)(const tli_task *task), const char *between, char names[TASK_NAMES_CAPACITY])
{
    size_t used = 0;
    names[0] = '\0';
    for (int i = 0; i < TASKS && used < TASK_NAMES_CAPACITY; i++)
        if (!tasks[i]->callers && (has == NULL || has(tasks[i])))
            used += (size_t)snprintf(names + used, TASK_NAMES_CAPACITY - used, "%s%s",
                                     used > 0 ? between : "", tasks[i]->name);
    return names;
}

bool tli_task_classifies(const tli_task *task)
{
    return task->classifies;
}

bool tli_task_takes_pictures(const tli_task *task)
{
    return task->picture != NULL;
}

bool tl_result_number(const tl_result *result, const char *name_of_task, int index, const char **name,
                      double *value)
{
    const tli_task *task = name_of_task != NULL ? tli_task_find(name_of_task) : NULL;
    if (result == NULL || task == NULL || index < 0 || name == NULL || value == NULL) return false;
    const struct {
        const char *name;
        double value;
        bool had;
    } shared[] = {{"params", (double)result->params, true},
                  {"steps", (double)result->steps, true},
                  {"loss", result->loss, true},
                  {"test_loss", result->test_loss, true},
                  {"top1", result->top1, task->classifies},
                  {"top5", result->top5, task->classifies},
                  {"perplexity", result->perplexity, !task->classifies}};
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if (!shared[i].had || index-- > 0) continue;
        *name = shared[i].name;
        *value = shared[i].value;
        return true;
    }
    for (const task_result *own = task->results; own != NULL && own->key != NULL; own++) {
        if (index-- > 0) continue;
        *name = own->key;
        *value = *(const double *)((const char *)result + own->at);
        return true;
    }
    return false;
}

tl_status tli_task_check_offered(const tli_task *task, const char *path, tl_error *err)
{
    if (!task->callers) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT,
                    "%s was trained by a program on data of its own (task %s), which has them: "
                    "`translution info` describes the model, tl_trainer goes on with it",
                    path, task->name);
}

const tli_task *tli_task_of_own(tl_arch arch)
{
    return arch == TL_ARCH_GPT ? &tli_task_own_gpt : &tli_task_own_vit;
}

tl_status tli_task_check_own(const tli_task *task, const tl_data *own, tl_error *err)
{
    if (own == NULL || task->callers) return TL_OK;
    return tli_fail(
        err, TL_ERROR_USAGE,
        "the task %s has data of its own, and tl_trainer_config.data is given: make the settings by "
        "tl_settings_default(&settings, \"%s\") or \"%s\"",
        task->name, tli_task_own_vit.name, tli_task_own_gpt.name);
}
