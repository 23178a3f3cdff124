/* Batches of static or dynamic MNIST for the trainer and the evaluation. */
#ifndef TL_TRAIN_BATCHES_H
#define TL_TRAIN_BATCHES_H

#include "data/dataset.h"
#include "train/settings.h"

/* The training or test set that the settings name ("synthetic" or a folder of IDX files), cut to its limit
 * and checked against the model: images must fit the field, labels the classes. */
tl_status tl_batches_load(const tl_settings *settings, bool train, tl_dataset *set, tl_error *err);

/* Host memory for one batch. */
typedef struct tl_batch {
    float *images; /* [batch][1][height][width] */
    int32_t *targets;
    uint32_t count;
} tl_batch;
tl_status tl_batch_create(const tl_settings *settings, uint32_t capacity, tl_batch *batch, tl_error *err);
void tl_batch_free(tl_batch *batch);

/* Places images order[first..first + count) (order NULL: as they stand). `purpose` and `epoch` name the
 * stream of dynamic positions, see data/motion.h. */
void tl_batch_fill(tl_batch *batch, const tl_settings *settings, const tl_dataset *set, const uint32_t *order,
                   uint32_t first, uint32_t count, tl_motion motion, const char *purpose, uint64_t epoch);

/* Loss and accuracy on a test set; positions of dynamic images depend on the seed alone. */
typedef struct tl_scores {
    double loss, top1, top5; /* mean loss; percent */
} tl_scores;
tl_status tl_batches_score(tl_context *ctx, tl_model *model, const tl_settings *settings,
                           const tl_dataset *test, tl_motion motion, tl_batch *batch, uint32_t batch_size,
                           tl_scores *scores);

#endif
