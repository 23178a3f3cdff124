/* Files of the public header's models and layers: open, save and load. */
#include <stdlib.h>
#include <string.h>

#include "data/checksum.h"
#include "models/layer.h"
#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "tasks/task.h"

/* What a file says of its model beside the configuration; written again by tl_model_save. */
typedef struct origin {
    tl_settings settings;
    uint64_t step;
    bool labelled;
    char labels[];
} origin;

static tl_status keep_origin(const tli_safetensors *st, const tl_settings *settings, origin **out,
                             tl_error *err)
{
    const char *labels = tli_labels_of(st, settings->task);
    const size_t length = labels != NULL ? strlen(labels) + 1 : 0;
    origin *o = malloc(sizeof *o + length);
    *out = o;
    if (o == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the settings of %s", st->path);
    o->settings = *settings;
    o->step = tli_model_step(st);
    o->labelled = labels != NULL;
    if (labels != NULL) memcpy(o->labels, labels, length);
    return TL_OK;
}

static tl_status open_file(tl_context *ctx, tli_safetensors *st, const tl_model_options *options,
                           tl_model **out)
{
    tl_error *err = tl_context_error(ctx);
    const char *task = tli_st_metadata(st, "task");
    origin *from = NULL;
    tl_settings s;
    if (!tl_settings_default(&s, task != NULL ? task : ""))
        memset(&s, 0, sizeof s); /* which is then refused */
    s.model = (tl_model_config){.size = sizeof s.model};
    TLI_TRY(tli_settings_from_metadata(st, &s, err));
    TLI_TRY(keep_origin(st, &s, &from, err));
    tl_model *m = NULL;
    tl_status status = tli_model_create(ctx, &s.model, options, NULL, &m);
    if (status == TL_OK) status = tli_model_load(ctx, tli_model_registry(m), st);
    if (status != TL_OK) {
        free(from);
        tli_model_destroy(ctx, m);
        return status;
    }
    *tli_model_origin(m) = from;
    *out = m;
    return TL_OK;
}

tl_status tl_model_open(tl_context *ctx, const char *path, const tl_model_options *options, tl_model **out)
{
    tl_model_options how;
    tli_safetensors st;
    if (ctx == NULL || path == NULL || options == NULL || out == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "a model to be opened needs a context, a path, options and a place for its handle");
    *out = NULL;
    TLI_TRY(tli_model_options_take(ctx, options, &how));
    TLI_TRY(tli_checkpoint_open(path, &st, tl_context_error(ctx)));
    const tl_status status = open_file(ctx, &st, &how, out);
    tli_st_close(&st);
    return status;
}

static tl_status check_path(tl_context *ctx, const char *path)
{
    if (path != NULL) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "the path of the file is missing");
}

/* Rank by rank a run's model has a share of its matrices: its files are the run's. */
static tl_status check_whole(tl_context *ctx, const tl_model *model)
{
    if (tli_model_group(model) == NULL) return TL_OK;
    return tli_fail(
        tl_context_error(ctx), TL_ERROR_USAGE,
        "the model's matrices are shared out by `run.offset_ranks`: use the checkpoints of its run");
}

tl_status tl_model_save(tl_context *ctx, tl_model *model, const char *path)
{
    TLI_TRY(tli_model_own_check(ctx, model));
    TLI_TRY(check_whole(ctx, model));
    TLI_TRY(check_path(ctx, path));
    const origin *from = *tli_model_origin(model);
    const tl_model_config *config = tl_model_configuration(model);
    tl_settings s;
    if (from != NULL)
        s = from->settings;
    else
        tl_settings_default(&s, tli_task_of_own(config->arch)->name);
    s.model = *config;
    return tli_model_save(ctx, tli_model_registry(model), NULL, &s,
                          from != NULL && from->labelled ? from->labels : NULL, from != NULL ? from->step : 0,
                          path);
}

static tl_status load_values(tl_context *ctx, tli_registry *registry, const char *path)
{
    tli_safetensors st;
    TLI_TRY(check_path(ctx, path));
    TLI_TRY(tli_checkpoint_open(path, &st, tl_context_error(ctx)));
    const tl_status status = tli_model_load(ctx, registry, &st);
    tli_st_close(&st);
    return status;
}

tl_status tl_model_load(tl_context *ctx, tl_model *model, const char *path)
{
    TLI_TRY(tli_model_own_check(ctx, model));
    TLI_TRY(check_whole(ctx, model));
    return load_values(ctx, tli_model_registry(model), path);
}

tl_status tl_layer_save(tl_context *ctx, tl_layer *layer, const char *path)
{
    const tli_st_item checksum = {(char[]){TLI_CHECKSUM_KEY}, (char[]){TLI_CHECKSUM_BLANK}};
    TLI_TRY(tli_layer_own_check(ctx, layer));
    TLI_TRY(check_path(ctx, path));
    return tli_model_write_part(ctx, &layer->registry, path, TLI_PART_VALUE, NULL, &checksum, 1);
}

tl_status tl_layer_load(tl_context *ctx, tl_layer *layer, const char *path)
{
    TLI_TRY(tli_layer_own_check(ctx, layer));
    return load_values(ctx, &layer->registry, path);
}
