/* translution bench loader: how many images a second the loader alone makes, and what they look like. */
#include <string.h>
#include <time.h>

#include "cli/bench.h"
#include "core/clock.h"
#include "data/image_encode.h"
#include "data/loader.h"

enum { BATCHES = 20, COLUMNS = 8, SHOWN = 64, GAP = 2 };

typedef struct figures {
    uint64_t images;
    double seconds, cpu_seconds;
    uint32_t workers, damaged;
} figures;

/* Of all threads of the process. */
static double cpu_seconds(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) return 0;
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The batch's first pictures as rows of COLUMNS. */
static tl_status show(const char *path, const tl_loader_batch *b, uint32_t size, tl_error *err)
{
    const uint32_t count = b->count < SHOWN ? b->count : SHOWN, rows = (count + COLUMNS - 1) / COLUMNS;
    const uint32_t columns = count < COLUMNS ? count : COLUMNS, pitch = size + GAP;
    tl_image sheet = {0};
    TL_TRY(tl_image_reserve(&sheet, columns * pitch + GAP, rows * pitch + GAP, err));
    memset(sheet.pixels, 255, (size_t)sheet.width * sheet.height * 3);
    for (uint32_t i = 0; i < count; i++)
        tl_image_paint(&sheet, GAP + i % COLUMNS * pitch, GAP + i / COLUMNS * pitch,
                       b->images + (size_t)i * 3 * size * size, size, size);
    const tl_status status = tl_image_write_png(path, &sheet, err);
    tl_image_free(&sheet);
    return status;
}

static tl_status measure(const tl_cli_options *o, tl_loader *loader, figures *f, tl_error *err)
{
    const uint32_t rounds = o->bench.rounds > 0 ? o->bench.rounds : BATCHES;
    tl_loader_batch b;
    TL_TRY(tl_loader_get(loader, 0, &b, err));
    if (o->show[0] != '\0') TL_TRY(show(o->show, &b, o->settings.model.image_height, err));
    const double begun = tl_clock_seconds(), cpu_begun = cpu_seconds();
    /* Elsewhere, so that nothing that is counted was made ahead. */
    const uint64_t first = tl_loader_batches(loader) + 1000;
    for (uint64_t i = first; i < first + rounds; i++) {
        TL_TRY(tl_loader_get(loader, i, &b, err));
        f->images += b.count;
    }
    f->seconds = tl_clock_seconds() - begun;
    f->cpu_seconds = cpu_seconds() - cpu_begun;
    f->workers = tl_loader_workers(loader);
    f->damaged = tl_loader_damaged(loader);
    return TL_OK;
}

static tl_status run(const tl_cli_options *o, const tl_loader_options *options, figures *f, tl_error *err)
{
    tl_loader *loader = NULL;
    TL_TRY(tl_loader_create(options, &loader, err));
    const tl_status status = measure(o, loader, f, err);
    tl_loader_destroy(loader);
    return status;
}

static tl_status report(const tl_cli_options *o, const figures *f, tl_error *err)
{
    const double rate = (double)f->images / f->seconds, core_rate = (double)f->images / f->cpu_seconds;
    char augment[TL_AUGMENT_TEXT];
    tl_augment_name(o->settings.augment, augment);
    if (o->json) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddNumberToObject(json, "images_per_second", rate);
        cJSON_AddNumberToObject(json, "images_per_core_second", core_rate);
        cJSON_AddNumberToObject(json, "images", (double)f->images);
        cJSON_AddNumberToObject(json, "seconds", f->seconds);
        cJSON_AddNumberToObject(json, "workers", f->workers);
        cJSON_AddNumberToObject(json, "damaged", f->damaged);
        cJSON_AddNumberToObject(json, "image_size", o->settings.model.image_height);
        cJSON_AddNumberToObject(json, "batch_size", o->settings.batch_size);
        tl_json_add_text(json, "augment", augment);
        return tl_cli_print_json(json, err);
    }
    tl_bench_line("images", "%llu of %u x %u, batch %u, %s", (unsigned long long)f->images,
                  o->settings.model.image_height, o->settings.model.image_width, o->settings.batch_size,
                  augment);
    tl_bench_line("workers", "%u", f->workers);
    tl_bench_line("rate", "%.1f images/s", rate);
    tl_bench_line("rate of a core", "%.1f images/s of processor time", core_rate);
    if (f->damaged > 0) tl_bench_line("passed over", "%u files", f->damaged);
    return TL_OK;
}

tl_status tl_cmd_bench_loader(tl_cli_options *o, tl_error *err)
{
    const tl_settings *s = &o->settings;
    const bool synthetic = strcmp(s->data, "synthetic") == 0;
    tl_image_folder folder = {.root = ""};
    tl_dataset digits = {0};
    figures f = {0};
    TL_TRY(tl_bench_no_word(o, "loader", err));
    if (s->model.image_height != s->model.image_width || s->model.image_depth > 1)
        return tl_fail(err, TL_ERROR_USAGE, "bench loader makes square images: give --image-size one number");
    const tl_log log = tl_cli_log(o);
    tl_status status = synthetic ? tl_digits_draw(s->seed, 1, s->limit_train, &digits, err)
                                 : tl_image_folder_open(s->data, "train", s->limit_train, &folder, err);
    const tl_loader_options options = {.folder = synthetic ? NULL : &folder,
                                       .digits = synthetic ? &digits : NULL,
                                       .classes = synthetic ? 10 : folder.classes,
                                       .size = s->model.image_height,
                                       .batch = s->batch_size,
                                       .train = true,
                                       .augment = s->augment,
                                       .seed = s->seed,
                                       .workers = s->workers,
                                       .strict = s->strict,
                                       .exact_decode = s->exact_decode,
                                       .log = &log};
    if (status == TL_OK) status = run(o, &options, &f, err);
    tl_image_folder_free(&folder);
    tl_dataset_free(&digits);
    return status == TL_OK ? report(o, &f, err) : status;
}
