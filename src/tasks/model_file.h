/* A model as a safetensors file: what a command line names, weights written and read. */
#ifndef TASKS_MODEL_FILE_H
#define TASKS_MODEL_FILE_H

#include "data/safetensors.h"
#include "models/registry.h"
#include "tasks/settings.h"

/* Opens what a command line names: a .safetensors file, or the newest weights in the folder of a run. */
tl_status tli_checkpoint_open(const char *checkpoint, tli_safetensors *st, tl_error *err);

/* How a file names the type of a tensor on the device. */
tli_st_dtype tli_model_stored_dtype(tli_dtype dtype);

/* Writes the weights with the run's settings, the step and the labels of the data (NULL: unknown) as metadata. */
tl_status tli_model_save(tl_context *ctx, const tli_registry *registry, const tl_settings *settings,
                         const char *labels, uint64_t step, const char *path);
/* Reads every parameter of the registry; names, shapes and dtype must match exactly. */
tl_status tli_model_load(tl_context *ctx, tli_registry *registry, tli_safetensors *st);
/* The step in a model's metadata; 0: there is none. */
uint64_t tli_model_step(const tli_safetensors *st);

/* What a file holds of every parameter: its value, or the optimizer's state, by the names of its slots. */
typedef enum tli_model_part { TLI_PART_VALUE, TLI_PART_STATE } tli_model_part;

/* A file of this part of all parameters. Numbers that are not finite are refused. */
tl_status tli_model_write_part(tl_context *ctx, const tli_registry *registry, const char *path,
                               tli_model_part part, const tli_st_item *metadata, int metadata_count);
/* Reads such a file; names, shapes and dtype must match exactly. */
tl_status tli_model_read_part(tl_context *ctx, tli_registry *registry, tli_safetensors *st,
                              tli_model_part part);

#endif
