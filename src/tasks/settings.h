/* tl_settings and its defaults are public; this is what else the library says of them. */
#ifndef TL_TASKS_SETTINGS_H
#define TL_TASKS_SETTINGS_H

#include "data/motion.h"
#include "models/model.h"

/* Puts the optimizer's own numbers where settings leave betas and eps to it. */
void settings_complete_optimizer(tl_settings *settings);

/* Nothing known: counts 0, scores not a number. */
tl_result tl_result_empty(void);

#endif
