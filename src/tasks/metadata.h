/* Settings as safetensors metadata: one key a setting that the task has, in a fixed order, so that equal runs
 * give equal files.
 */
#ifndef TL_TASKS_METADATA_H
#define TL_TASKS_METADATA_H

#include "data/safetensors.h"
#include "tasks/settings.h"

enum { TL_METADATA_MAX = 48, TL_METADATA_TEXT = 48 };

typedef struct tl_metadata {
    int count;
    tl_st_pair
        pairs[TL_METADATA_MAX]; /* values point into text, or where the settings do: do not copy the struct */
    char text[TL_METADATA_MAX][TL_METADATA_TEXT];
} tl_metadata;

/* The settings that a checkpoint's metadata hold; what no checkpoint holds stays as it is. */
tl_status tl_settings_from_metadata(const tl_safetensors *st, tl_settings *settings, tl_error *err);

void tl_metadata_write(const tl_settings *settings, tl_metadata *metadata);

/* The first stored setting in which two runs differ, and its values, the beginnings of long ones; NULL: none. */
const char *tl_settings_difference(const tl_settings *a, const tl_settings *b, char of_a[TL_METADATA_TEXT],
                                   char of_b[TL_METADATA_TEXT]);

#endif
