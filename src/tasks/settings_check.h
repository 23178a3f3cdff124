/* Validation of all settings before a run; the model's configuration is validated by tli_model_check. */
#ifndef TASKS_SETTINGS_CHECK_H
#define TASKS_SETTINGS_CHECK_H

#include "tasks/settings.h"

/* TL_ERROR_USAGE with one sentence when settings are invalid for training or, if `training` is false,
 * those that tl_evaluate reads for evaluation. */
tl_status tli_settings_check(const tl_settings *settings, bool training, tl_error *err);

/* TL_ERROR_USAGE when run.accumulate asks for more parts of a batch than there are slices. */
tl_status tli_settings_check_slices(const tl_settings *settings, tl_error *err);

/* TL_ERROR_USAGE for settings that were not initialised. */
tl_status tli_settings_check_size(const tl_settings *settings, tl_error *err);

/* Only the checks of numbers and names; also used for a checkpoint's settings. */
tl_status tli_settings_check_numbers(const tl_settings *settings, tl_error *err);

#endif
