/* The fields of tl_settings that a task has, and functions on all of them. tl_settings and its defaults
 * are public. */
#ifndef TASKS_SETTINGS_H
#define TASKS_SETTINGS_H

#include "models/model.h"
#include "tasks/field.h"

struct tli_task;

enum { FIELDS_MAX = 80 };
/* All fields of a task, including its own: stored ones first, in file order. Returns how many. */
int tli_settings_fields(const struct tli_task *task, const field *list[FIELDS_MAX]);
/* The field of any task at this offset in tl_settings; NULL: none. */
const field *tli_settings_field_at(size_t at);
/* Whether a flag of this name sets a field of the task. */
bool tli_settings_has_flag(const struct tli_task *task, const char *flag);

/* Copies the test settings given in `asked`: 0, or -1 for a choice, means unchanged; UINT32_MAX becomes 0. */
void tli_settings_take_tested(tl_settings *settings, const tl_settings *asked);
/* Copies all test settings of `from`. */
void tli_settings_copy_tested(tl_settings *settings, const tl_settings *from);

/* Replaces unset betas and eps by the optimizer's defaults. */
void tli_settings_complete_optimizer(tl_settings *settings);

enum { SETTINGS_MOST_SLICES = 1024 };
uint32_t tli_settings_slices(const tl_settings *settings); /* that the gradient of a batch is summed from */

/* An empty result: counts 0, scores NaN. */
tl_result tli_result_empty(void);

#endif
