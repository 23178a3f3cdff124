/* translution bench loader: images per second of the data loader alone, and optionally a picture of them. */
#include <string.h>
#include <time.h>

#include "cli/bench.h"
#include "core/clock.h"
#include "core/progress.h"
#include "data/image_encode.h"
#include "data/loader.h"

enum { BATCHES = 20, COLUMNS = 8, SHOWN = 64, GAP = 2 };

typedef struct figures {
    uint64_t images;
    double seconds, cpu_seconds;
    uint32_t workers, damaged;
} figures;

/* CPU time of all threads of the process. */
static double cpu_seconds(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) return 0;
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The first images of a batch in rows of COLUMNS. */
static tl_status bench_loader_show(const char *path, const tli_loader_batch *b, uint32_t size, tl_error *err)
{
    const uint32_t count = b->count < SHOWN ? b->count : SHOWN, rows = (count + COLUMNS - 1) / COLUMNS;
    const uint32_t columns = count < COLUMNS ? count : COLUMNS, pitch = size + GAP;
    tli_image sheet = {0};
    TLI_TRY(tli_image_reserve(&sheet, columns * pitch + GAP, rows * pitch + GAP, err));
    memset(sheet.pixels, 255, (size_t)sheet.width * sheet.height * 3);
    for (uint32_t i = 0; i < count; i++)
        tli_image_paint(&sheet, GAP + i % COLUMNS * pitch, GAP + i / COLUMNS * pitch,
                        b->images + (size_t)i * 3 * size * size, size, size);
    const tl_status status = tl_picture_write_png(
        path, &(tl_picture){sheet.width, sheet.height, sheet.pixels}, err);
    tli_image_free(&sheet);
    return status;
}

static tl_status bench_loader_measure(const tli_cli_options *o, tli_loader *loader, figures *f, tl_error *err)
{
    const uint32_t rounds = o->bench.rounds > 0 ? o->bench.rounds : BATCHES;
    tli_loader_batch b;
    TLI_TRY(tli_loader_get(loader, 0, &b, err));
    if (o->show[0] != '\0') TLI_TRY(bench_loader_show(o->show, &b, o->settings.model.image_height, err));
    const double begun = tli_clock_seconds(), cpu_begun = cpu_seconds();
    /* Starts in another epoch, so that nothing measured was prepared before. */
    const uint64_t first = tli_loader_batches(loader) + 1000;
    tli_progress progress;
    tli_progress_begin(&progress, tli_cli_progress(o), "loading", "batches", rounds, begun);
    for (uint64_t i = first; i < first + rounds; i++) {
        TLI_TRY(tli_loader_get(loader, i, &b, err));
        f->images += b.count;
        tli_progress_update(&progress, i - first + 1, tli_clock_seconds());
    }
    tli_progress_clear(&progress);
    f->seconds = tli_clock_seconds() - begun;
    f->cpu_seconds = cpu_seconds() - cpu_begun;
    f->workers = tli_loader_workers(loader);
    f->damaged = tli_loader_damaged(loader);
    return TL_OK;
}

static tl_status bench_loader_run(const tli_cli_options *o, const tli_loader_options *options, figures *f,
                                  tl_error *err)
{
    tli_loader *loader = NULL;
    TLI_TRY(tli_loader_create(options, &loader, err));
    const tl_status status = bench_loader_measure(o, loader, f, err);
    tli_loader_destroy(loader);
    return status;
}

static tl_status bench_loader_report(const tli_cli_options *o, const figures *f, tl_error *err)
{
    const double rate = (double)f->images / f->seconds, core_rate = (double)f->images / f->cpu_seconds;
    char augment[TLI_AUGMENT_TEXT];
    tli_augment_name(o->settings.training.augment, augment);
    if (o->json) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddNumberToObject(json, "images_per_second", rate);
        cJSON_AddNumberToObject(json, "images_per_core_second", core_rate);
        cJSON_AddNumberToObject(json, "images", (double)f->images);
        cJSON_AddNumberToObject(json, "seconds", f->seconds);
        cJSON_AddNumberToObject(json, "workers", f->workers);
        cJSON_AddNumberToObject(json, "damaged", f->damaged);
        cJSON_AddNumberToObject(json, "image_size", o->settings.model.image_height);
        cJSON_AddNumberToObject(json, "batch_size", o->settings.training.batch_size);
        tli_json_add_text(json, "augment", augment);
        return tli_cli_print_json(json, err);
    }
    tli_bench_line("images", "%llu of %u x %u, batch %u, %s", (unsigned long long)f->images,
                   o->settings.model.image_height, o->settings.model.image_width,
                   o->settings.training.batch_size, augment);
    tli_bench_line("workers", "%u", f->workers);
    tli_bench_line("rate", "%.1f images/s", rate);
    tli_bench_line("rate of a core", "%.1f images/s of processor time", core_rate);
    if (f->damaged > 0) tli_bench_line("skipped", "%u files", f->damaged);
    return TL_OK;
}

tl_status tli_cmd_bench_loader(tli_cli_options *o, tl_error *err)
{
    const tl_settings *s = &o->settings;
    const bool synthetic = strcmp(s->run.data, "synthetic") == 0;
    tli_image_folder folder = {.root = ""};
    tli_dataset digits = {0};
    figures f = {0};
    TLI_TRY(tli_bench_no_word(o, "loader", err));
    if (s->model.image_height != s->model.image_width || s->model.image_depth > 1)
        return tli_fail(err, TL_ERROR_USAGE,
                        "bench loader makes square images: give --image-size one number");
    const tl_log log = tli_cli_log(o);
    tl_status status = synthetic ? tli_digits_draw(s->training.seed, 1, s->training.limit_train, &digits, err)
                                 : tli_image_folder_open(s->run.data, "train", s->training.limit_train,
                                                         &folder, err);
    const tli_loader_options options = {.folder = synthetic ? NULL : &folder,
                                        .digits = synthetic ? &digits : NULL,
                                        .classes = synthetic ? 10 : folder.classes,
                                        .size = s->model.image_height,
                                        .batch = s->training.batch_size,
                                        .train = true,
                                        .augment = s->training.augment,
                                        .seed = s->training.seed,
                                        .workers = s->run.workers,
                                        .strict = s->run.strict,
                                        .exact_decode = s->training.exact_decode,
                                        .log = &log};
    if (status == TL_OK) status = bench_loader_run(o, &options, &f, err);
    tli_image_folder_free(&folder);
    tli_dataset_free(&digits);
    return status == TL_OK ? bench_loader_report(o, &f, err) : status;
}
