/* Model files (safetensors): finding one by the command line's argument, writing and reading weights. */
#ifndef TASKS_MODEL_FILE_H
#define TASKS_MODEL_FILE_H

#include "data/safetensors.h"
#include "models/registry.h"
#include "tasks/settings.h"

/* Opens a .safetensors file, or the newest weights in a run folder. */
tl_status tli_checkpoint_open(const char *checkpoint, tli_safetensors *st, tl_error *err);

/* dtype in files of a tensor's dtype on the device. */
tli_st_dtype tli_model_stored_dtype(tli_dtype dtype);

/* Reads every parameter of the registry; names, shapes and dtype must match exactly. */
tl_status tli_model_load(tl_context *ctx, tli_registry *registry, tli_safetensors *st);
/* The step in a model's metadata; 0 if missing. */
uint64_t tli_model_step(const tli_safetensors *st);

/* Contents of a file: the parameters' values, or the optimizer state, named by its slots. */
typedef enum tli_model_part { TLI_PART_VALUE, TLI_PART_STATE } tli_model_part;

/* Reads a part of a registry that is not all here: elements [at, at + count), as they are numbered in files, of a parameter's
 * value or, of its state, slot. A parameter is read in pieces of TLI_MODEL_PIECE, all parameters in order, slot by slot. */
enum { TLI_MODEL_PIECE = 1 << 22 }; /* elements: 16 MiB */
typedef struct tli_model_source {
    tl_status (*read)(const void *user, tl_context *ctx, tli_model_part part, int parameter, int slot,
                      uint64_t at, uint64_t count, float *out);
    const void *user;
} tli_model_source;
/* How many slots a part has of every parameter: of values 1. */
int tli_model_slots(const tli_registry *registry, tli_model_part part);

/* Writes such a file for all parameters. Values that are not finite are refused. `source` NULL: the
 * registry has all of it. */
tl_status tli_model_write_part(tl_context *ctx, const tli_registry *registry, const char *path,
                               tli_model_part part, const tli_model_source *source,
                               const tli_st_item *metadata, int metadata_count);
/* Writes the weights; settings, step and labels of the data (NULL: unknown) are stored as metadata. */
tl_status tli_model_save(tl_context *ctx, const tli_registry *registry, const tli_model_source *source,
                         const tl_settings *settings, const char *labels, uint64_t step, const char *path);
/* Reads such a file, what the registry has a share of; names, shapes and dtype must match exactly. */
tl_status tli_model_read_part(tl_context *ctx, tli_registry *registry, tli_safetensors *st,
                              tli_model_part part);

#endif
