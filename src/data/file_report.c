#include "data/file_report.h"

#include <stdlib.h>
#include <string.h>

#include "data/image_decode.h"

enum { FILE_DAMAGED = 128 }; /* in `known`, beside tli_image_remark */

tl_status tli_file_report_begin(tli_file_report *r, const tli_image_folder *folder, bool train,
                                uint8_t *named, const tl_log *log, tl_error *err)
{
    *r = (tli_file_report){.folder = folder, .log = log, .train = train, .named = named};
    if (folder == NULL) return TL_OK;
    r->known = calloc(folder->count, sizeof *r->known);
    r->class_left = calloc(folder->classes, sizeof *r->class_left);
    if (r->known == NULL || r->class_left == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
    for (uint32_t i = 0; i < folder->count; i++) r->class_left[folder->labels[i]]++;
    return TL_OK;
}

void tli_file_report_end(tli_file_report *r)
{
    free(r->known);
    free(r->class_left);
    *r = (tli_file_report){0};
}

/* Whether to name a file in a message: only the first time. */
static bool report_is_news(tli_file_report *r, uint32_t sample)
{
    const bool news = r->named == NULL || r->named[sample] == 0;
    if (r->named != NULL) r->named[sample] = 1;
    r->news |= news;
    return news;
}

tl_status tli_file_report_damage(tli_file_report *r, uint32_t sample, const char *text, tl_error *err)
{
    const tli_image_folder *f = r->folder;
    if (f == NULL || (r->known[sample] & FILE_DAMAGED) != 0) return TL_OK;
    r->known[sample] |= FILE_DAMAGED;
    r->damaged++;
    if (report_is_news(r, sample)) tli_log_write(r->log, TL_LOG_NOTICE, "skipped: %s", text);
    const uint32_t label = f->labels[sample];
    if (--r->class_left[label] > 0) return TL_OK;
    return tli_fail(
        err, TL_ERROR_INPUT,
        "no image of the class %s in %s can be read: mend its files, or remove the class everywhere",
        f->class_names[label], f->root);
}

/* Counts a file with a remark; names the first one. */
static void report_remark(tli_file_report *r, uint32_t sample, tli_image_remark remark, uint32_t *count,
                          const char *what)
{
    if ((r->known[sample] & remark) != 0) return;
    r->known[sample] |= (uint8_t)remark;
    const bool news = report_is_news(r, sample);
    if ((*count)++ == 0 && news)
        tli_log_write(r->log, TL_LOG_NOTICE, "%s/%s %s, as in torchvision; more such files are only counted",
                      r->folder->root, r->folder->paths[sample], what);
}

void tli_file_report_remarks(tli_file_report *r, uint32_t sample, uint32_t remarks)
{
    if (r->folder == NULL) return;
    if ((remarks & TLI_IMAGE_ORIENTED) != 0)
        report_remark(r, sample, TLI_IMAGE_ORIENTED, &r->oriented,
                      "carries an orientation, which is not applied");
    if ((remarks & TLI_IMAGE_DEEP_GREY) != 0)
        report_remark(r, sample, TLI_IMAGE_DEEP_GREY, &r->deep,
                      "is greyscale of more than 8 bits, of which all values above 255 become white");
}

void tli_file_report_summary(const tli_file_report *r)
{
    if (!r->news) return;
    const char *root = r->folder->root;
    if (r->damaged > 0)
        tli_log_write(r->log, TL_LOG_NOTICE,
                      r->train ? "%u files of %s were skipped: they cannot be read as images"
                               : "%u files of %s cannot be read as images: evaluated without them",
                      r->damaged, root);
    if (r->oriented > 0)
        tli_log_write(r->log, TL_LOG_NOTICE, "%u files of %s carry an orientation, which is not applied",
                      r->oriented, root);
    if (r->deep > 0)
        tli_log_write(r->log, TL_LOG_NOTICE,
                      "%u files of %s are greyscale of more than 8 bits: values above 255 are white", r->deep,
                      root);
}
