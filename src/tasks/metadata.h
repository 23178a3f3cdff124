/* Settings as safetensors metadata: one key a setting that the task has, in a fixed order, so that equal runs
 * give equal files. */
#ifndef TASKS_METADATA_H
#define TASKS_METADATA_H

#include "data/safetensors.h"
#include "tasks/settings.h"

typedef struct tli_metadata {
    int count;
    /* values point into text, or to the labels: do not copy the struct */
    tli_st_item pairs[FIELDS_MAX];
    char text[FIELDS_MAX][FIELD_TEXT_CAPACITY];
} tli_metadata;

/* The settings that a checkpoint's metadata hold; what no checkpoint holds stays as it is. */
tl_status tli_settings_from_metadata(const tli_safetensors *st, tl_settings *settings, tl_error *err);

/* What the classes or ids of a checkpoint's model stand for, as text: the file's, until it is closed. NULL: its task has no such
 * labels, or the file does not say them. */
const char *tli_labels_of(const tli_safetensors *st, const char *task);

/* `labels`: those of the data, NULL: unknown; they must live as long as `metadata`. */
void tli_metadata_write(const tl_settings *settings, const char *labels, tli_metadata *metadata);

/* The first stored setting in which two runs differ. */
typedef struct settings_difference {
    char what[80]; /* as the user knows it: "--image-size", "the vocabulary of --data" */
    char a[3 * FIELD_TEXT_CAPACITY],
        b[3 * FIELD_TEXT_CAPACITY]; /* the values as the flag takes them, the beginnings of long ones */
} settings_difference;
/* False: there is none. */
bool tli_settings_differ(const tl_settings *a, const char *labels_of_a, const tl_settings *b,
                         const char *labels_of_b, settings_difference *difference);

/* Whether two runs are tested by other settings. */
bool tli_settings_test_differently(const tl_settings *a, const tl_settings *b);

#endif
