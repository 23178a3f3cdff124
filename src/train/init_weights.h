/* --init: initialises a new run with weights from a file, tensor by tensor by name. */
#ifndef TRAIN_INIT_WEIGHTS_H
#define TRAIN_INIT_WEIGHTS_H

#include "models/registry.h"
#include "tasks/settings.h"

/* TL_ERROR_USAGE for settings->init_partial without settings->init. */
tl_status tli_init_weights_flags(const tl_settings *settings, tl_error *err);

/* Checks settings->init against a model of settings->model, without a device. data_open: the model is
 * already completed from the data; otherwise the head is not checked. labels: class names or vocabulary of
 * the data, NULL: unknown. TL_OK without settings->init. */
tl_status tli_init_weights_check(const tl_settings *settings, bool data_open, const char *labels,
                                 const tl_log *log, tl_error *err);

/* Draws initial values for all parameters of settings->model, then copies those of the file over them.
 *
 * A tensor that is missing in the model or the file, or has another shape, is an error that names it. With
 * settings->init_partial, with a notice each: the head (and a token embedding) and learned positions keep
 * their initial values, and of per-offset tables the matrices whose offset exists in both grids are copied
 * (ops/geometry.h). If the file's metadata has no settings, its grid is unknown and its tables must have
 * the model's shape. */
tl_status tli_init_weights(tl_context *ctx, tli_registry *registry, const tl_settings *settings,
                           const char *labels);

#endif
