/* The fields of tl_settings that a task has, and what the library does with all of them alike. tl_settings itself and
 * its defaults are public. */
#ifndef TASKS_SETTINGS_H
#define TASKS_SETTINGS_H

#include "models/model.h"
#include "tasks/field.h"

struct tli_task;

enum { FIELDS_MAX = 80 };
/* All fields of a task, its own among them: the stored ones first, in the order of files. Returns how many. */
int tli_settings_fields(const struct tli_task *task, const field *list[FIELDS_MAX]);
/* The field at this offset in tl_settings, of any task; NULL: there is none. */
const field *tli_settings_field_at(size_t at);
/* Whether a flag of this name sets a field that the task has. */
bool tli_settings_has_flag(const struct tli_task *task, const char *flag);

/* How a model is tested, as far as `asked` says it: 0, or -1 of a choice, is as it was; UINT32_MAX becomes 0. */
void tli_settings_take_tested(tl_settings *settings, const tl_settings *asked);
/* The same, whatever `from` says. */
void tli_settings_copy_tested(tl_settings *settings, const tl_settings *from);

/* Puts the optimizer's own numbers where settings leave betas and eps to it. */
void tli_settings_complete_optimizer(tl_settings *settings);

/* Nothing known: counts 0, scores not a number. */
tl_result tli_result_empty(void);

#endif
