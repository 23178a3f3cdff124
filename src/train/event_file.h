/* TensorBoard's event files: what the metrics say, as scalars with step and wall time. A file is a row of records; one that
 * was cut off by the end of its process can be read up to there.
 *   train/loss, train/lr, train/images_per_second, ...
 *   eval/static/loss, eval/static/top1, ... */
#ifndef TRAIN_EVENT_FILE_H
#define TRAIN_EVENT_FILE_H

#include "train/metrics.h"

/* The names of event files begin with this; TensorBoard reads those of a folder in the order of their names. */
#define TLI_EVENT_FILE_NAME "events.out.tfevents."

typedef struct tli_event_file {
    FILE *file; /* NULL: none is written */
    char path[1024 + 64];
} tli_event_file;

/* TL_ERROR_USAGE where the library was built without what writes event files. */
tl_status tli_event_file_check(tl_error *err);
/* Creates the next event file of `folder`. What the files before it say of step `first` and later ones no longer counts. */
tl_status tli_event_file_open(tli_event_file *events, const char *folder, uint64_t first, tl_error *err);
/* Appends the values after `step` steps of training (test NULL) or of an evaluation on the test set `test`, and flushes
 * them. Does nothing if no file is open. */
tl_status tli_event_file_scalars(tli_event_file *events, uint64_t step, const char *test,
                                 const tli_metric *values, int count, tl_error *err);
void tli_event_file_close(tli_event_file *events); /* allowed on a zeroed or closed one */

#endif
