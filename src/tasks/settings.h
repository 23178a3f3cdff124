/* tl_settings and its defaults are public; this is what else the library says of them. */
#ifndef TASKS_SETTINGS_H
#define TASKS_SETTINGS_H

#include "data/motion.h"
#include "models/model.h"

/* Puts the optimizer's own numbers where settings leave betas and eps to it. */
void tli_settings_complete_optimizer(tl_settings *settings);

/* Nothing known: counts 0, scores not a number. */
tl_result tli_result_empty(void);

#endif
