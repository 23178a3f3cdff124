/* translution predict CHECKPOINT IMAGE...: the likeliest classes of images, and the model's attention. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "cli/ranks.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/terminal.h"
#include "core/text.h"

/* ---- pictures of the attention ---------------------------------------------------------------------- */

/* Limits of rows (what other programs can display) and bytes per file; further images go to FILE-2.png,
 * FILE-3.png and so on. */
enum { PAGE_ROWS = 16384, PAGE_BYTES = 64 << 20 };

typedef struct attention_pages {
    const tli_cli_options *o;
    tl_picture page; /* not written yet: one row per image */
    size_t capacity; /* bytes of its pixels */
    int written;     /* pages written */
} attention_pages;

/* The path of page `number`, counted from 1: "looks.png", "looks-2.png". */
static void page_path(const tli_cli_options *o, int number, char path[1100])
{
    const char *dot = strrchr(o->attention, '.'), *slash = strrchr(o->attention, '/');
    const bool suffix = dot != NULL && dot > o->attention && (slash == NULL || dot > slash + 1);
    const int stem = suffix ? (int)(dot - o->attention) : (int)strlen(o->attention);
    if (number == 1)
        snprintf(path, 1100, "%s", o->attention);
    else
        snprintf(path, 1100, "%.*s-%d%s", stem, o->attention, number, suffix ? dot : "");
}

static tl_status pages_write(attention_pages *p, tl_error *err)
{
    char path[1100];
    if (p->page.height == 0) return TL_OK;
    page_path(p->o, ++p->written, path);
    TLI_TRY(tli_cli_spare_inputs(p->o, "--attention", path, err));
    TLI_TRY(tl_picture_write_png(path, &p->page, err));
    p->page.height = 0;
    return TL_OK;
}

/* Appends a picture below the others; all have the same size. */
static tl_status pages_add(attention_pages *p, const tl_picture *one, tl_error *err)
{
    const size_t row = (size_t)one->width * 3, more = row * one->height;
    if (p->page.height > 0 &&
        (p->page.height + one->height > PAGE_ROWS || row * p->page.height + more > PAGE_BYTES))
        TLI_TRY(pages_write(p, err));
    const size_t before = row * p->page.height;
    if (before + more > p->capacity) {
        uint8_t *grown = realloc(p->page.pixels, before + more);
        if (grown == NULL) return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for the picture");
        p->page.pixels = grown;
        p->capacity = before + more;
    }
    memcpy(p->page.pixels + before, one->pixels, more); /* NOLINT: not NULL, as `more` is not 0 */
    p->page.width = one->width;
    p->page.height += one->height;
    return TL_OK;
}

/* ---- predictions --------------------------------------------------------------------------------- */

enum { GUESSES = 5 }; /* printed of an image, if the model has as many classes */

/* One line: file, then class and probability of the likeliest, tab-separated. */
static tl_status print_guesses(tl_predictor *p, const char *path, const tl_guess *guesses, uint32_t count,
                               tl_error *err)
{
    char *cell = tli_text_cell(path);
    bool good = cell != NULL;
    if (good) printf("%s", cell);
    for (uint32_t i = 0; i < count && good; i++) {
        free(cell);
        cell = tli_text_cell(tl_predictor_class_name(p, guesses[i].class_index));
        good = cell != NULL;
        if (good) printf("\t%s %.4f", cell, guesses[i].probability);
    }
    printf("\n");
    free(cell);
    return good ? TL_OK : tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for a line");
}

static tl_status add_guesses(tl_predictor *p, cJSON *images, const char *path, const tl_guess *guesses,
                             uint32_t count, tl_error *err)
{
    cJSON *image = cJSON_CreateObject();
    bool good = cJSON_AddItemToArray(images, image) && tli_json_add_text(image, "file", path);
    cJSON *classes = cJSON_AddArrayToObject(image, "classes");
    for (uint32_t i = 0; i < count && good; i++) {
        cJSON *guess = cJSON_CreateObject();
        good = cJSON_AddItemToArray(classes, guess) &&
               tli_json_add_text(guess, "class", tl_predictor_class_name(p, guesses[i].class_index)) &&
               cJSON_AddNumberToObject(guess, "probability", guesses[i].probability) != NULL;
    }
    return good ? TL_OK : tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for the result");
}

/* Ranks compute the attention together, and rank 0 keeps it. */
static tl_status predict_paint(tl_context *ctx, tl_predictor *p, attention_pages *pages)
{
    const tli_cli_options *o = pages->o;
    tl_picture painted;
    TLI_TRY(tl_predictor_attention(ctx, p, tli_cli_given(o, "layer") ? (int)o->layer : -1,
                                   tli_cli_given(o, "head") ? (int)o->head : -1, &painted));
    tl_status status = TL_OK;
    if (tl_ranks_rank(o->ranks) == 0) status = pages_add(pages, &painted, tl_context_error(ctx));
    free(painted.pixels);
    return status;
}

typedef struct predictions {
    tl_predictor *predictor;
    attention_pages pages;
    cJSON *images;      /* with --json: an array; otherwise NULL, and lines are printed at once */
    uint64_t count;     /* images classified */
    double first, last; /* tli_clock_seconds when the first and the latest were */
} predictions;

static tl_status take_guesses(predictions *t, const char *path, const tl_guess *guesses, uint32_t count,
                              tl_error *err)
{
    t->last = tli_clock_seconds();
    if (t->count++ == 0) t->first = t->last;
    if (t->images == NULL) return print_guesses(t->predictor, path, guesses, count, err);
    return add_guesses(t->predictor, t->images, path, guesses, count, err);
}

static tl_status predict_print_json(const tli_cli_options *o, tl_context *ctx, predictions *t)
{
    cJSON *json = cJSON_CreateObject();
    if (!cJSON_AddItemToObject(json, "images", t->images)) cJSON_Delete(t->images);
    t->images = NULL;
    /* After the first image, for which kernels are built; NaN becomes null. */
    cJSON_AddNumberToObject(json, "images_per_second",
                            t->count > 1 ? (double)(t->count - 1) / (t->last - t->first) : (double)NAN);
    cJSON_AddNumberToObject(json, "first_image_ms",
                            t->count > 0 ? (t->first - o->started) * 1e3 : (double)NAN);
    cJSON_AddNumberToObject(json, "peak_device_bytes", (double)tl_memory_peak(ctx));
    tli_json_add_text(json, "device", tl_context_device(ctx)->name);
    return tli_cli_print_json(json, tl_context_error(ctx));
}

/* Files that cannot be read as images are named as they come, and at the end the command has failed. */
static tl_status predict_all(tl_context *ctx, predictions *t, tli_progress *progress)
{
    tl_predictor *p = t->predictor;
    attention_pages *pages = &t->pages;
    const bool to_terminal = !t->pages.o->json &&
                             tli_is_terminal(stdout); /* where the lines stand above the progress */
    const tli_cli_options *o = pages->o;
    const tl_log log = tli_cli_log(o);
    const uint32_t classes = tl_predictor_configuration(p)->classes,
                   count = classes < GUESSES ? classes : GUESSES;
    tl_error *err = tl_context_error(ctx), first = {0};
    int bad = 0, i = 1;
    for (; i < o->argument_count && tli_cli_signal == 0; i++) {
        tli_progress_update(progress, (uint64_t)i - 1, tli_clock_seconds());
        tl_guess guesses[GUESSES];
        const tl_status status = tl_predictor_classify_file(ctx, p, o->arguments[i], count, guesses);
        if (to_terminal || status != TL_OK) tli_progress_clear(progress);
        if (status == TL_ERROR_INPUT) {
            if (bad++ == 0) first = *err;
            tli_log_write(&log, TL_LOG_ERROR, "skipped: %s", err->text);
            continue;
        }
        TLI_TRY(status);
        if (o->attention[0] != '\0') TLI_TRY(predict_paint(ctx, p, pages));
        if (tl_ranks_rank(o->ranks) > 0) continue; /* rank 0 prints */
        TLI_TRY(take_guesses(t, o->arguments[i], guesses, count, err));
    }
    TLI_TRY(pages_write(pages, err));
    if (o->json && tl_ranks_rank(o->ranks) == 0) TLI_TRY(predict_print_json(o, ctx, t));
    if (i < o->argument_count) {
        (void)tli_fail(err, TL_INTERRUPTED, "stopped by signal %d before %s", (int)tli_cli_signal,
                       o->arguments[i]);
        tli_cli_stop_ranks(o, err);
        return TL_INTERRUPTED;
    }
    if (bad == 0) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT, "%d of %d images cannot be read; the first: %s", bad,
                    o->argument_count - 1, first.text);
}

static tl_status predict_run(tli_cli_options *o, tl_context *ctx)
{
    predictions t = {.pages = {.o = o}};
    const tl_predictor_options options = {
        .size = sizeof options, .ranks = o->ranks, .offset_ranks = o->settings.run.offset_ranks};
    TLI_TRY(tl_predictor_create(ctx, o->argument, &options, &t.predictor));
    if (o->json) t.images = cJSON_CreateArray();
    tli_progress progress;
    tli_progress_begin(&progress, tli_cli_progress(o), "predicting", "images",
                       (uint64_t)o->argument_count - 1, tli_clock_seconds());
    tl_status status = !o->json || t.images != NULL ? TL_OK
                                                    : tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                                                               "not enough host memory for the result");
    if (status == TL_OK) status = predict_all(ctx, &t, &progress);
    tli_progress_clear(&progress);
    free(t.pages.page.pixels);
    cJSON_Delete(t.images);
    tl_predictor_destroy(ctx, t.predictor);
    return status;
}

static tl_status predict_on_device(tli_cli_options *o, tl_error *err)
{
    return tli_cli_on_device(o, err, predict_run);
}

tl_status tli_cmd_predict(tli_cli_options *o, tl_error *err)
{
    if (o->argument_count < 2)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "predict needs a checkpoint and at least one image; see `translution predict --help`");
    if (o->attention[0] != '\0') TLI_TRY(tli_cli_spare_inputs(o, "--attention", o->attention, err));
    return tli_cli_with_ranks(o, err, predict_on_device);
}
