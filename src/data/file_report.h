/* Messages about the files of a data set while it is read: files that cannot be decoded, and files whose
 * orientation or depth is not honoured, each named once, and their numbers. An error when a class has no
 * readable image left. */
#ifndef DATA_FILE_REPORT_H
#define DATA_FILE_REPORT_H

#include <stdbool.h>

#include "core/log.h"
#include "core/status.h"
#include "data/image_folder.h"

typedef struct tli_file_report {
    const tli_image_folder *folder; /* NULL: the data are not files, and nothing is reported */
    const tl_log *log;
    bool train;
    uint8_t *known;       /* owned, [images]: state of each file, see file_report.c */
    uint32_t *class_left; /* owned, [classes]: images not known to be damaged */
    /* the caller's, [images], or NULL: files already named by another report of the same set */
    uint8_t *named;
    bool news;                        /* there is something not yet reported */
    uint32_t damaged, oriented, deep; /* files */
} tli_file_report;

/* `folder` and `named` must outlive the report. */
tl_status tli_file_report_begin(tli_file_report *report, const tli_image_folder *folder, bool train,
                                uint8_t *named, const tl_log *log, tl_error *err);
void tli_file_report_end(tli_file_report *report); /* allowed on a zeroed one */

/* Image `sample` is damaged, as `text` says. TL_ERROR_INPUT: it was the last of its class. */
tl_status tli_file_report_damage(tli_file_report *report, uint32_t sample, const char *text, tl_error *err);
/* Image `sample` was decoded with these tli_image_remarks. */
void tli_file_report_remarks(tli_file_report *report, uint32_t sample, uint32_t remarks);
/* Logs how many files of each kind there were, if there is something new. */
void tli_file_report_summary(const tli_file_report *report);

#endif
