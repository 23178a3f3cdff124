#include "tasks/task.h"

#include <string.h>

static const tli_task *const tasks[] = {&tli_task_digits, &tli_task_images, &tli_task_text};
enum { TASKS = sizeof tasks / sizeof *tasks };

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

const char *tli_task_names(void)
{
    return "mnist, vit, gpt";
}
