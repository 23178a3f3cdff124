/* translution predict CHECKPOINT IMAGE...: the likeliest classes of images, and where the model looks. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "data/image_encode.h"
#include "train/predict.h"

/* Adds a picture of the same width below the others. */
static tl_status stack(tl_image *all, const tl_image *one, tl_error *err)
{
    const size_t before = (size_t)all->width * all->height * 3, more = (size_t)one->width * one->height * 3;
    uint8_t *grown = realloc(all->pixels, before + more);
    if (grown == NULL) return tl_fail(err, TL_ERROR_MEMORY, "not enough host memory for the picture");
    memcpy(grown + before, one->pixels, more);
    all->pixels = grown;
    all->room = before + more;
    all->width = one->width;
    all->height += one->height;
    return TL_OK;
}

/* One line: file, then class and probability of the likeliest, tab-separated. */
static void print_guesses(tl_predictor *p, const char *path, const tl_guess *guesses, int count)
{
    char plain[1024];
    printf("%s", tl_cli_plain(path, plain, sizeof plain));
    for (int i = 0; i < count; i++)
        printf("\t%s %.4f", tl_cli_plain(tl_predictor_class(p, guesses[i].class_index), plain, sizeof plain),
               guesses[i].probability);
    printf("\n");
}

static tl_status predict_all(const tl_cli_options *o, tl_predictor *p, tl_image *all, tl_error *err)
{
    const uint32_t layer = o->layer_given ? o->layer : UINT32_MAX,
                   head = o->head_given ? o->head : UINT32_MAX;
    for (int i = 1; i < o->argument_count; i++) {
        tl_guess guesses[TL_PREDICT_MOST];
        tl_image painted = {0};
        int count = 0;
        TL_TRY(tl_predictor_run(p, o->arguments[i], guesses, &count));
        tl_status status = TL_OK;
        if (o->attention[0] != '\0') {
            status = tl_predictor_paint(p, layer, head, &painted);
            if (status == TL_OK) status = stack(all, &painted, err);
        }
        tl_image_free(&painted);
        TL_TRY(status);
        print_guesses(p, o->arguments[i], guesses, count);
    }
    return o->attention[0] != '\0' ? tl_image_write_png(o->attention, all, err) : TL_OK;
}

static tl_status run(const tl_cli_options *o, tl_context *ctx)
{
    tl_predictor *p = NULL;
    tl_image all = {0};
    TL_TRY(tl_predictor_create(ctx, o->argument, &p));
    const tl_status status = predict_all(o, p, &all, tl_context_error(ctx));
    tl_image_free(&all);
    tl_predictor_destroy(p);
    return status;
}

tl_status tl_cmd_predict(tl_cli_options *o, tl_error *err)
{
    if (o->argument_count < 2)
        return tl_fail(err, TL_ERROR_USAGE,
                       "predict needs a checkpoint and at least one image; see `translution predict --help`");
    if (o->attention[0] == '\0' && (o->layer_given || o->head_given))
        return tl_fail(err, TL_ERROR_USAGE,
                       "--layer and --head say what --attention FILE.png paints: give it, too");
    tl_log log = tl_cli_log(o);
    tl_context *ctx = NULL;
    TL_TRY(tl_cli_open_device(o, &log, &ctx, err));
    const tl_status status = run(o, ctx);
    if (status != TL_OK) *err = *tl_context_error(ctx);
    tl_context_destroy(ctx);
    return status;
}
