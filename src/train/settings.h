/* What a run is: every setting of `train` and `eval`, filled by the command line, used by the trainer, stored in
 * the checkpoint's metadata (only what shapes the model and its training; no path, host, device or time). */
#ifndef TL_TRAIN_SETTINGS_H
#define TL_TRAIN_SETTINGS_H

#include <stdbool.h>

#include "data/motion.h"
#include "models/vit.h"

#endif
