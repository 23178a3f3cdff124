/* Model files (safetensors): finding one by the command line's argument, writing and reading weights. */
#ifndef TASKS_MODEL_FILE_H
#define TASKS_MODEL_FILE_H

#include "comm/ranks.h"
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

enum { TLI_MODEL_PIECE = 1 << 22 }; /* elements that are read or written at a time: 16 MiB */

/* Ranks that write a file together, each what it has of the model. */
typedef struct tli_model_writers {
    tl_ranks *ranks;
    bool replicas; /* several have the same values: each writes those of its share of the registry */
    bool first;    /* of those that share matrices by offset out: it writes what all of these have */
} tli_model_writers;

/* Writes such a file for all parameters. Values that are not finite are refused. With `writers` all of them call this, rank 0
 * begins and ends the file, and its metadata count; NULL: the registry has all of it. */
tl_status tli_model_write_part(tl_context *ctx, const tli_registry *registry, const char *path,
                               tli_model_part part, const tli_model_writers *writers,
                               const tli_st_item *metadata, int metadata_count);
/* Writes the weights; settings, step and labels of the data (NULL: unknown) are stored as metadata. */
tl_status tli_model_save(tl_context *ctx, const tli_registry *registry, const tli_model_writers *writers,
                         const tl_settings *settings, const char *labels, uint64_t step, const char *path);
/* Reads such a file, what the registry has a share of; names, shapes and dtype must match exactly. */
tl_status tli_model_read_part(tl_context *ctx, tli_registry *registry, tli_safetensors *st,
                              tli_model_part part);

#endif
