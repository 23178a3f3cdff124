/* The check of all settings before a run; what shapes the model is checked by tli_model_check. */
#ifndef TASKS_SETTINGS_CHECK_H
#define TASKS_SETTINGS_CHECK_H

#include "tasks/settings.h"

/* TL_ERROR_USAGE with one sentence when a value makes no run: of training, or, with `training` false, of those that
 * tl_evaluate reads. */
tl_status tli_settings_check(const tl_settings *settings, bool training, tl_error *err);

/* The part of it that is about numbers and names; of those of a checkpoint, too. */
tl_status tli_settings_check_numbers(const tl_settings *settings, tl_error *err);

#endif
