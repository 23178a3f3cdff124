/* Settings as safetensors metadata: one key per setting of the task, in a fixed order, so that equal runs
 * give equal files. */
#ifndef TASKS_METADATA_H
#define TASKS_METADATA_H

#include "data/safetensors.h"
#include "tasks/settings.h"

typedef struct tli_metadata {
    int count;
    /* values point into text or labels: do not copy the struct */
    tli_st_item pairs[FIELDS_MAX];
    char text[FIELDS_MAX][FIELD_TEXT_CAPACITY];
} tli_metadata;

/* Reads the settings in a checkpoint's metadata; settings that checkpoints do not store are unchanged. */
tl_status tli_settings_from_metadata(const tli_safetensors *st, tl_settings *settings, tl_error *err);

/* Class names or vocabulary of a checkpoint's model, as text; valid until the file is closed. NULL: its
 * task has none, or the file does not store them. */
const char *tli_labels_of(const tli_safetensors *st, const char *task);

/* `labels`: those of the data, NULL: unknown; must outlive `metadata`. */
void tli_metadata_write(const tl_settings *settings, const char *labels, tli_metadata *metadata);

/* The first stored setting in which two runs differ. */
typedef struct settings_difference {
    char what[80]; /* "`model.image_height`", "the vocabulary of `run.data`" */
    char a[3 * FIELD_TEXT_CAPACITY],
        b[3 * FIELD_TEXT_CAPACITY]; /* the values in the form of the flag, truncated if long */
} settings_difference;
/* False: they do not differ. */
bool tli_settings_differ(const tl_settings *a, const char *labels_of_a, const tl_settings *b,
                         const char *labels_of_b, settings_difference *difference);

/* Whether the test settings of two runs differ. */
bool tli_settings_test_differently(const tl_settings *a, const tl_settings *b);

#endif
