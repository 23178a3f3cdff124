#include "tasks/task.h"

#include <stdio.h>
#include <string.h>

/* All tasks; the first is the default of commands that need one. */
static const tli_task *const tasks[] = {
    &tli_task_digits,
    &tli_task_images,
    &tli_task_text,
};
enum { TASKS = sizeof tasks / sizeof *tasks };

const tli_task *tli_task_at(int index)
{
    return index >= 0 && index < TASKS ? tasks[index] : NULL;
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
        if (has == NULL || has(tasks[i]))
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
