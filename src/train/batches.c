#include "train/batches.h"

#include <stdlib.h>
#include <string.h>

tl_status tl_batches_load(const tl_settings *s, bool train, tl_dataset *set, tl_error *err)
{
    const uint32_t limit = train ? s->limit_train : s->limit_test;
    if (strcmp(s->data, "synthetic") == 0)
        TL_TRY(tl_digits_draw(s->seed, train, limit, set, err));
    else
        TL_TRY(tl_idx_load(s->data, train, limit, set, err));
    tl_status status = TL_OK;
    if (set->height > s->model.image_height || set->width > s->model.image_width)
        status = tl_fail(
            err, TL_ERROR_USAGE,
            "the images of %s are %u x %u and do not fit a field of %u x %u: use a larger --image-size",
            s->data, set->height, set->width, s->model.image_height, s->model.image_width);
    for (uint32_t i = 0; i < set->count && status == TL_OK; i++)
        if (set->labels[i] >= s->model.classes)
            status = tl_fail(err, TL_ERROR_INPUT,
                             "image %u of %s has the label %u, but the model has %u classes", i, s->data,
                             set->labels[i], s->model.classes);
    if (status != TL_OK) tl_dataset_free(set);
    return status;
}

static size_t field_size(const tl_settings *s)
{
    return (size_t)s->model.image_height * s->model.image_width;
}

tl_status tl_batch_create(const tl_settings *settings, uint32_t capacity, tl_batch *batch, tl_error *err)
{
    batch->images = malloc(capacity * field_size(settings) * sizeof *batch->images);
    batch->targets = malloc(capacity * sizeof *batch->targets);
    batch->count = 0;
    if (batch->images != NULL && batch->targets != NULL) return TL_OK;
    tl_batch_free(batch);
    return tl_fail(err, TL_ERROR_MEMORY,
                   "out of host memory for a batch of %u images: use a smaller --batch-size", capacity);
}

void tl_batch_free(tl_batch *batch)
{
    free(batch->images);
    free(batch->targets);
    *batch = (tl_batch){0};
}

void tl_batch_fill(tl_batch *batch, const tl_settings *s, const tl_dataset *set, const uint32_t *order,
                   uint32_t first, uint32_t count, tl_motion motion, const char *purpose, uint64_t epoch)
{
    const uint32_t height = s->model.image_height, width = s->model.image_width;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t index = order != NULL ? order[first + i] : first + i;
        uint32_t y, x;
        tl_motion_position(motion, s->seed, purpose, epoch, index, height, width, set->height, set->width, &y,
                           &x);
        tl_motion_place(set, index, y, x, height, width, batch->images + i * field_size(s));
        batch->targets[i] = set->labels[index];
    }
    batch->count = count;
}

tl_status tl_batches_score(tl_context *ctx, tl_model *model, const tl_settings *s, const tl_dataset *test,
                           tl_motion motion, tl_batch *batch, uint32_t batch_size, tl_scores *scores)
{
    *scores = (tl_scores){0};
    float *losses = malloc(batch_size * sizeof *losses);
    int32_t *ranks = malloc(batch_size * sizeof *ranks);
    tl_status status = TL_OK;
    if (losses == NULL || ranks == NULL)
        status = tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the evaluation");
    for (uint32_t first = 0; first < test->count && status == TL_OK; first += batch_size) {
        const uint32_t count = test->count - first < batch_size ? test->count - first : batch_size;
        tl_batch_fill(batch, s, test, NULL, first, count, motion, "motion/test", 0);
        status = tl_model_set_batch(
            ctx, model, &(tl_inputs){.count = count, .images = batch->images, .targets = batch->targets});
        if (status == TL_OK) status = tl_model_forward(ctx, model);
        if (status == TL_OK) status = tl_model_loss(ctx, model, 0);
        if (status == TL_OK) status = tl_model_read_row_losses(ctx, model, losses);
        if (status == TL_OK) status = tl_model_read_ranks(ctx, model, ranks);
        for (uint32_t i = 0; i < count && status == TL_OK; i++) {
            scores->loss += (double)losses[i];
            scores->top1 += ranks[i] == 0;
            scores->top5 += ranks[i] < 5;
        }
    }
    free(losses);
    free(ranks);
    const double n = test->count;
    scores->loss /= n;
    scores->top1 *= 100.0 / n;
    scores->top5 *= 100.0 / n;
    return status;
}
