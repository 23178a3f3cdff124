#include "tasks/task.h"

#include <string.h>

static const tl_task *const tasks[] = {&task_digits, &task_images, &task_text};
enum { TASKS = sizeof tasks / sizeof *tasks };

const tl_task *tl_task_find(const char *name)
{
    for (int i = 0; i < TASKS; i++)
        if (strcmp(name, tasks[i]->name) == 0) return tasks[i];
    return NULL;
}

const char *tl_task_set_name(const tl_task *task, int set)
{
    return task->set_choices != NULL ? choice_shown(task->set_choices, set) : "val";
}

const char *tl_task_names(void)
{
    return "mnist, vit, gpt";
}
