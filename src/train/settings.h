/* tl_settings, its defaults and the names of its values are public; this header brings what they speak of.
 * The checkpoint's metadata holds what shapes the model and its training: no path, host, device or time. */
#ifndef TL_TRAIN_SETTINGS_H
#define TL_TRAIN_SETTINGS_H

#include "data/motion.h"
#include "models/model.h"

#endif
