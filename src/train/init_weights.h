/* Weights to begin a new run with, taken from a file tensor by tensor by name: --init. */
#ifndef TRAIN_INIT_WEIGHTS_H
#define TRAIN_INIT_WEIGHTS_H

#include "models/registry.h"
#include "tasks/settings.h"

/* TL_ERROR_USAGE for settings->init_partial without settings->init. */
tl_status tli_init_weights_flags(const tl_settings *settings, tl_error *err);

/* The file that settings->init names and what it would do to a model of settings->model, without a device.
 * data_open: the task has completed the model by what the data know; otherwise nothing is said about the head; labels: what its classes or ids stand for, NULL: unknown. OK without
 * an init. */
tl_status tli_init_weights_check(const tl_settings *settings, bool data_open, const char *labels,
                                 const tl_log *log, tl_error *err);

/* Draws initial values for all parameters of settings->model and puts those of the file in their place.
 *
 * Refused, naming the tensor: one that the model or the file has not, or that has another shape. With
 * settings->init_partial instead, and with a notice each: the head (also a token embedding) and learned positions keep
 * what was drawn, and of tables by offset those matrices are copied whose offset both grids have (ops/geometry.h). A
 * file without settings in its metadata says nothing of its grid: its tables must have the model's shape. */
tl_status tli_init_weights(tl_context *ctx, tli_registry *registry, const tl_settings *settings,
                           const char *labels);

#endif
