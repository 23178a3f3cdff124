/* What users are told of the files of a set while it is read: which cannot be read as images, which are not seen as people see
 * them, each once; and how many there were. When a class has no sound image left, reading cannot go on. */
#ifndef DATA_FILE_REPORT_H
#define DATA_FILE_REPORT_H

#include <stdbool.h>

#include "core/log.h"
#include "core/status.h"
#include "data/image_folder.h"

typedef struct tli_file_report {
    const tli_image_folder *folder; /* NULL: nothing is of files, and nothing is reported */
    const tl_log *log;
    bool train;
    uint8_t *known;       /* owned, [images]: what is known of a file, see file_report.c */
    uint32_t *class_left; /* owned, [classes]: images that are not known to be damaged */
    /* the caller's, [images], or NULL: files named before, by another report of the same set */
    uint8_t *named;
    bool news;                        /* something was found that was not named before */
    uint32_t damaged, oriented, deep; /* files */
} tli_file_report;

/* `folder` and `named` must outlive the report. */
tl_status tli_file_report_begin(tli_file_report *report, const tli_image_folder *folder, bool train,
                                uint8_t *named, const tl_log *log, tl_error *err);
void tli_file_report_end(tli_file_report *report); /* fine on a zeroed one */

/* Image `sample` is damaged, as `text` says. TL_ERROR_INPUT: it was the last of its class. */
tl_status tli_file_report_damage(tli_file_report *report, uint32_t sample, const char *text, tl_error *err);
/* Image `sample` was decoded with these tli_image_remarks. */
void tli_file_report_remarks(tli_file_report *report, uint32_t sample, uint32_t remarks);
/* Notices of how many files there were of each kind, if any is news. */
void tli_file_report_summary(const tli_file_report *report);

#endif
