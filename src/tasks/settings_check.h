/* Ranges of the settings' numbers, once for the command line and for users of the library, and the check of all settings
 * before a run. What shapes the model is checked by tli_model_check. */
#ifndef TASKS_SETTINGS_CHECK_H
#define TASKS_SETTINGS_CHECK_H

#include "tasks/settings.h"

typedef enum setting_kind { SETTING_U32, SETTING_U64, SETTING_FLOAT } setting_kind;

typedef struct setting_range {
    const char *name; /* "batch_size": the member, and with dashes the flag */
    size_t at;        /* in tl_settings */
    setting_kind kind;
    double low, high;
    double unset; /* stands for "not asked for", though it may lie below `low` */
} setting_range;

/* Of the number at this offset in tl_settings; NULL: it has none here. */
const setting_range *tli_setting_range_at(size_t at);

/* TL_ERROR_USAGE with one sentence when a value makes no run: of training, or, with `training` false, of those that
 * tl_evaluate reads. */
tl_status tli_settings_check(const tl_settings *settings, bool training, tl_error *err);

/* The part of it that is about numbers; of those of a checkpoint, too. */
tl_status tli_settings_check_numbers(const tl_settings *settings, tl_error *err);

/* "`where` takes a whole number from 1 to 5, not '6'": how the command line and tli_settings_check refuse. */
tl_status tli_setting_fail(const char *where, bool whole, double low, double high, const char *text,
                           tl_error *err);

#endif
