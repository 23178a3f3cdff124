/* The metrics file of a run: JSON lines, appended and flushed one by one, for plots and other programs.
 *   {"step":100,"epoch":1,"loss":0.53,"lr":0.0003,"images_per_second":812.5,"data_wait":0.01}
 *   {"step":235,"epoch":1,"test":"static","loss":0.21,"top1":93.5,"top5":99.8}
 * Values that are not finite are written as null. */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "core/status.h"

typedef struct tli_metrics {
    FILE *file;
    char path[1024];
} tli_metrics;

/* Opens `path` for appending (a resumed run continues its file) and locks it if it is a regular file on a
 * file system with locks. TL_ERROR_INPUT when that fails or another run has it open. */
tl_status tli_metrics_open(tli_metrics *metrics, const char *path, tl_error *err);
/* Whether tli_metrics_open would succeed, checked before a run changes anything; creates nothing. */
tl_status tli_metrics_check(const char *path, tl_error *err);
typedef struct tli_metric {
    const char *key;
    double value;
} tli_metric;

/* Writes a training step (test NULL) or an evaluation on the test set `test`; `step`: steps done, the last
 * of them in the 1-based `epoch`. */
tl_status tli_metrics_line(tli_metrics *metrics, uint64_t step, uint64_t epoch, const char *test,
                           const tli_metric *values, int count, tl_error *err);
void tli_metrics_close(tli_metrics *metrics); /* allowed on a zeroed or closed one */

#endif
