/* The training loop: data -> model -> optimizer -> metrics, progress and checkpoints. */
#ifndef TL_TRAIN_TRAINER_H
#define TL_TRAIN_TRAINER_H

#include <signal.h>
#include <stdio.h>

#include "data/safetensors.h"
#include "train/settings.h"

/* Metadata of a checkpoint -> settings; used by eval, info and resume. */
tl_status tl_settings_from_metadata(const tl_safetensors *st, tl_settings *settings, tl_error *err);

/* Nothing known: counts 0, scores not a number. */
tl_result tl_result_empty(void);

#endif
