/* Batches of images, prepared by worker threads and returned in order. A batch is a function of the
 * options and its number only; the number of workers affects only speed.
 *
 * Unreadable files are named once, counted and skipped: in training the next readable image of the epoch's
 * order is used instead, in evaluation the batch has one image fewer. It is an error when a class has no
 * readable file. */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include "data/augment.h"
#include "data/batch_part.h"
#include "data/dataset.h"
#include "data/image_folder.h"

typedef struct tli_loader_options {
    const tli_image_folder *folder; /* image files, or ... */
    const tli_dataset *digits;      /* ... greyscale digits, as RGB; both must outlive the loader */
    uint32_t classes;
    uint32_t size;  /* side of an image in pixels */
    uint32_t batch; /* images per batch */
    bool train;     /* epochs in random order, augmented; otherwise one pass in the set's order */
    tli_batch_part
        part;         /* in training: only these images of a batch are made, and what they are mixed with */
    uint32_t augment; /* tl_augment, in training */
    uint64_t seed;
    uint32_t workers;  /* 0: one per core */
    bool exact_decode; /* training, too, decodes large JPEGs at full size */
    bool strict;       /* a file that cannot be read as an image is an error */
    /* the caller's, [images of folder], 0 at first: files that were named before, by another loader of the
     * same set, are not named again; NULL: this is the only loader */
    uint8_t *named;
    const tl_log *log;
} tli_loader_options;

typedef struct tli_loader_batch {
    uint32_t count;        /* 0: all its files were skipped, or the pass has fewer batches */
    const float *images;   /* [count][3][size][size]; outside the part anything */
    const int32_t *labels; /* [count] */
    const float *soft;     /* [count][classes] soft targets if images are mixed, or NULL */
    uint32_t passed_over;  /* in evaluation: files of the batch that cannot be read as images */
} tli_loader_batch;

typedef struct tli_loader tli_loader;

tl_status tli_loader_create(const tli_loader_options *options, tli_loader **out, tl_error *err);
void tli_loader_destroy(tli_loader *loader);
/* The batch with this number, counted from 0 over all epochs; fast if it follows the previous one. Valid
 * until the next get or release. TL_ERROR_INPUT: a damaged file under `strict`, or a class without
 * readable files. */
tl_status tli_loader_get(tli_loader *loader, uint64_t number, tli_loader_batch *batch, tl_error *err);
/* The last batch is no longer needed: its buffer can be refilled at once. */
void tli_loader_release(tli_loader *loader);

uint64_t tli_loader_batches(const tli_loader *loader); /* per epoch */
uint32_t tli_loader_workers(const tli_loader *loader);
uint32_t tli_loader_damaged(const tli_loader *loader); /* files skipped so far */
/* Notices of how many files were skipped, carry an orientation and so on, if any of them is new. */
void tli_loader_summarise(const tli_loader *loader);

#endif
