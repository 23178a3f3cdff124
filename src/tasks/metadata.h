/* Settings as safetensors metadata: one key a setting that the task has, in a fixed order, so that equal runs
 * give equal files.
 */
#ifndef TASKS_METADATA_H
#define TASKS_METADATA_H

#include "data/safetensors.h"
#include "tasks/settings.h"

enum { TLI_METADATA_MAX = 48, TLI_METADATA_TEXT = 48 };

typedef struct tli_metadata {
    int count;
    tli_st_pair pairs
        [TLI_METADATA_MAX]; /* values point into text, or where the settings do: do not copy the struct */
    char text[TLI_METADATA_MAX][TLI_METADATA_TEXT];
} tli_metadata;

/* The settings that a checkpoint's metadata hold; what no checkpoint holds stays as it is. */
tl_status tli_settings_from_metadata(const tli_safetensors *st, tl_settings *settings, tl_error *err);

void tli_metadata_write(const tl_settings *settings, tli_metadata *metadata);

/* The first stored setting in which two runs differ, and its values, the beginnings of long ones; NULL: none. */
const char *tli_settings_difference(const tl_settings *a, const tl_settings *b, char of_a[TLI_METADATA_TEXT],
                                    char of_b[TLI_METADATA_TEXT]);

#endif
