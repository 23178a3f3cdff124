/* --init: initialises a new run with weights from a file, tensor by tensor by name. */
#ifndef TRAIN_INIT_WEIGHTS_H
#define TRAIN_INIT_WEIGHTS_H

#include "models/registry.h"
#include "tasks/settings.h"

/* TL_ERROR_USAGE for settings->init_partial without settings->init. */
tl_status tli_init_weights_flags(const tl_settings *settings, tl_error *err);

/* The file settings->run.init and what each parameter of a model takes from it. */
typedef struct tli_init_weights tli_init_weights;

/* Reads the file, checks its checksum, and decides, without a device, what each parameter of settings->model takes
 * from it. *out NULL: there is no settings->run.init. file: settings->run.init, already open, which stays the
 * caller's; NULL: opened here. `settings`, `file`, `labels` and `err` must outlive it. data_open: the model is already
 * completed from the data; otherwise the head is not checked. labels: class names or vocabulary of the data, NULL:
 * unknown.
 *
 * A tensor that is missing in the model or the file, or has another shape, is an error that names it. With
 * settings->init_partial, with a notice each: the head (and a token embedding) and learned positions keep
 * their initial values, and of per-offset tables the matrices whose offset exists in both grids are copied
 * (ops/geometry.h). If the file's metadata has no settings, its grid is unknown and its tables must have
 * the model's shape. */
tl_status tli_init_weights_open(const tl_settings *settings, tl_file *file, bool data_open,
                                const char *labels, const tl_log *log, tl_error *err, tli_init_weights **out);
void tli_init_weights_close(tli_init_weights *weights); /* NULL is allowed */
/* Copies what was decided over the initial values of the model's parameters. */
tl_status tli_init_weights_copy(tl_context *ctx, tli_init_weights *weights, tli_registry *registry);

#endif
