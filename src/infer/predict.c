/* The public tl_model_predict, and tl_predictor, which applies an image checkpoint to pictures and shows the class
 * token's attention. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/config.h"
#include "infer/sample.h"
#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "tasks/offset_share.h"
#include "tasks/task.h"

enum { SHOWN = 224, GAP = 4 }; /* SHOWN: minimum side of a rendered image in pixels */

struct tl_predictor {
    tl_context *ctx;
    const tli_task *task;
    tl_settings s;
    tl_model *model;
    uint32_t batch;
    char path[1024]; /* of the checkpoint */
    cJSON *names;    /* an array, or NULL */
    char number[16];
    float *images, *logits, *weights; /* one image; [batch][classes]; [heads][tokens] */
    tli_candidate *candidates;        /* [classes] */
    tli_image seen;                   /* the last picture as given to the model; width 0: none */
    tli_bytes bytes;
    tli_image decoded;
    tli_resampler resampler;
};

static tl_status no_memory(tl_context *ctx)
{
    return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a prediction");
}

/* ---- a model's predictions ----------------------------------------------------------------------- */

/* The largest of `count` logits, the first of equals, in *best; false when one is not finite. */
static bool find_best(const float *logits, uint32_t count, uint32_t *best)
{
    *best = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!isfinite(logits[i])) return false;
        if (logits[i] > logits[*best]) *best = i;
    }
    return true;
}

/* Sum of exp(logit - top) */
static double sum_weights(const float *logits, uint32_t count, double top)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += exp((double)logits[i] - top);
    return sum;
}

static tl_status predict_rows(tl_context *ctx, const float *logits, uint64_t rows, uint32_t width,
                              float *probabilities, int32_t *classes)
{
    for (uint64_t row = 0; row < rows; row++, logits += width) {
        uint32_t best;
        if (!find_best(logits, width, &best))
            return tli_fail(tl_context_error(ctx), TL_ERROR_DEVICE,
                            "the model's predictions are not finite: its weights are of no use");
        if (classes != NULL) classes[row] = (int32_t)best;
        if (probabilities == NULL) continue;
        const double top = (double)logits[best], sum = sum_weights(logits, width, top);
        for (uint32_t i = 0; i < width; i++)
            probabilities[row * width + i] = (float)(exp((double)logits[i] - top) / sum);
    }
    return TL_OK;
}

tl_status tl_model_predict(tl_context *ctx, tl_model *model, const tl_batch *batch, float *probabilities,
                           int32_t *classes)
{
    if (probabilities == NULL && classes == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "tl_model_predict has no place for its result: probabilities and classes are NULL");
    TLI_TRY(tl_model_forward(ctx, model, batch));
    const tl_model_config *c = tl_model_configuration(model);
    const uint32_t width = c->arch == TL_ARCH_GPT ? c->vocab_size : c->classes;
    const uint64_t count = tl_model_logits_count(model);
    float *logits = malloc(count * sizeof *logits);
    if (logits == NULL) return no_memory(ctx);
    tl_status status = tl_model_read_logits(ctx, model, logits);
    if (status == TL_OK) status = predict_rows(ctx, logits, count / width, width, probabilities, classes);
    free(logits);
    return status;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static tl_status not_for_pictures(const tl_predictor *p)
{
    char names[TASK_NAMES_CAPACITY];
    return tli_fail(tl_context_error(p->ctx), TL_ERROR_USAGE,
                    "%s is no checkpoint for single images: those of %s are", p->path,
                    tli_task_names(tli_task_takes_pictures, " and ", names));
}

static tl_status allocate_host(tl_predictor *p)
{
    const tl_model_config *c = &p->s.model;
    p->images = malloc(tli_model_image_values(c) * sizeof *p->images);
    p->logits = malloc((size_t)p->batch * c->classes * sizeof *p->logits);
    p->weights = malloc((size_t)c->heads * tli_model_tokens(c) * sizeof *p->weights);
    p->candidates = malloc(c->classes * sizeof *p->candidates);
    const bool good = p->images != NULL && p->logits != NULL && p->weights != NULL && p->candidates != NULL;
    return good ? TL_OK : no_memory(p->ctx);
}

static tl_status open_model(tl_predictor *p, const tl_predictor_options *o, tli_safetensors *st)
{
    TLI_TRY(tli_settings_from_metadata(st, &p->s, tl_context_error(p->ctx)));
    p->task = tli_task_find(p->s.task);
    snprintf(p->path, sizeof p->path, "%s", st->path);
    if (p->s.model.arch != TL_ARCH_VIT) return not_for_pictures(p);
    TLI_TRY(tli_check_all_share(&p->s.model, o->offset_ranks, o->ranks, tl_context_error(p->ctx)));
    const char *labels = tli_labels_of(st, p->s.task);
    if (labels != NULL) p->names = cJSON_Parse(labels);
    const tl_model_config share = tli_own_share(&p->s.model, o->ranks);
    TLI_TRY(tli_model_create(p->ctx, &share, &(tl_model_options){.batch = p->batch}, NULL, &p->model));
    TLI_TRY(tli_model_share(p->ctx, p->model, o->ranks));
    TLI_TRY(tli_model_load(p->ctx, tli_model_registry(p->model), st));
    return allocate_host(p);
}

static void predictor_free(tl_context *ctx, void *object)
{
    tl_predictor *p = object;
    tli_context_disown(ctx, p);
    tli_model_destroy(ctx, p->model);
    cJSON_Delete(p->names);
    free(p->images);
    free(p->logits);
    free(p->weights);
    free(p->candidates);
    tli_image_free(&p->seen);
    tli_image_free(&p->decoded);
    tli_bytes_free(&p->bytes);
    tli_resampler_free(&p->resampler);
    free(p);
}

tl_status tl_predictor_create(tl_context *ctx, const char *checkpoint, const tl_predictor_options *options,
                              tl_predictor **out)
{
    tl_error *err = tl_context_error(ctx);
    if (out != NULL) *out = NULL;
    if (ctx == NULL || checkpoint == NULL || out == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a predictor to be made needs a context, a checkpoint and a place for its handle");
    tl_predictor_options own = {.size = sizeof own};
    if (options != NULL) TLI_TRY(TLI_CONFIG_TAKE(&own, options, tl_predictor_options, err));
    tli_safetensors st;
    TLI_TRY(tli_checkpoint_open(checkpoint, &st, err));
    tl_predictor *p = calloc(1, sizeof *p);
    tl_status status = p != NULL ? TL_OK : no_memory(ctx);
    if (status == TL_OK) {
        p->ctx = ctx;
        p->batch = own.batch > 0 ? own.batch : 1;
        status = open_model(p, &own, &st);
        if (status == TL_OK) status = tli_context_own(ctx, p, predictor_free);
        if (status != TL_OK) predictor_free(ctx, p);
    }
    tli_st_close(&st);
    if (status == TL_OK) *out = p;
    return status;
}

/* May be called with the handle of a destroyed predictor. */
static tl_status check_predictor(tl_context *ctx, const tl_predictor *p)
{
    return tli_context_check(ctx, p, "predictor");
}

void tl_predictor_destroy(tl_context *ctx, tl_predictor *p)
{
    if (p != NULL && check_predictor(ctx, p) == TL_OK) predictor_free(ctx, p);
}

const tl_model_config *tl_predictor_configuration(const tl_predictor *p)
{
    return p != NULL ? &p->s.model : NULL;
}

const char *tl_predictor_class_name(tl_predictor *p, uint32_t class_index)
{
    if (p == NULL || class_index >= p->s.model.classes) return NULL;
    const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(p->names, (int)class_index));
    if (name != NULL) return name;
    snprintf(p->number, sizeof p->number, "%u", class_index);
    return p->number;
}

/* ---- classifying --------------------------------------------------------------------------------- */

static tl_status check_call(tl_context *ctx, const tl_predictor *p, uint32_t top, const tl_guess *guesses)
{
    TLI_TRY(check_predictor(ctx, p));
    if (guesses == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "there is no place for the guesses: it is NULL");
    if (top >= 1 && top <= p->s.model.classes) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                    "top is %u: the model has %u classes to choose from", top, p->s.model.classes);
}

/* Softmax of one image's logits, and the top classes. Logits that are not finite must not name a class. */
static tl_status rank_classes(tl_predictor *p, const float *logits, const char *what, uint32_t top,
                              tl_guess *guesses)
{
    const uint32_t classes = p->s.model.classes;
    uint32_t best;
    if (!find_best(logits, classes, &best))
        return tli_fail(tl_context_error(p->ctx), TL_ERROR_DEVICE,
                        "the prediction for %s is not finite: the model's weights are of no use", what);
    const double most = (double)logits[best], sum = sum_weights(logits, classes, most);
    for (uint32_t c = 0; c < classes; c++) p->candidates[c] = (tli_candidate){logits[c], c};
    tli_candidates_sort(p->candidates, classes);
    for (uint32_t i = 0; i < top; i++)
        guesses[i] = (tl_guess){p->candidates[i].id, exp((double)p->candidates[i].logit - most) / sum};
    return TL_OK;
}

static tl_status run_batch(tl_predictor *p, const tl_batch *batch, const char *what, uint32_t top,
                           tl_guess *guesses)
{
    TLI_TRY(tl_model_forward(p->ctx, p->model, batch));
    TLI_TRY(tl_model_read_logits(p->ctx, p->model, p->logits));
    for (uint32_t i = 0; i < batch->count; i++)
        TLI_TRY(rank_classes(p, p->logits + (size_t)i * p->s.model.classes, what, top,
                             guesses + (size_t)i * top));
    return TL_OK;
}

/* One decoded picture, `what` in messages. */
static tl_status classify_image(tl_predictor *p, const tli_image *image, const char *what, uint32_t top,
                                tl_guess *guesses)
{
    const tl_model_config *c = &p->s.model;
    if (p->task->picture == NULL || c->image_depth > 1 || c->image_height != c->image_width ||
        p->task->check(&p->s, NULL) != TL_OK)
        return not_for_pictures(p);
    TLI_TRY(p->task->picture(&p->s, image, image->width, image->height, &p->resampler, p->images, &p->seen,
                             tl_context_error(p->ctx)));
    const tl_batch batch = {.size = sizeof batch, .count = 1, .images = p->images};
    const tl_status status = run_batch(p, &batch, what, top, guesses);
    if (status != TL_OK) p->seen.width = 0;
    return status;
}

tl_status tl_predictor_classify(tl_context *ctx, tl_predictor *p, const tl_picture *picture, uint32_t top,
                                tl_guess *guesses)
{
    tl_error *err = tl_context_error(ctx);
    TLI_TRY(check_call(ctx, p, top, guesses));
    p->seen.width = 0;
    if (picture == NULL || picture->pixels == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "the picture to be classified, or its pixels, are NULL");
    TLI_TRY(tli_image_check_size("the picture", picture->width, picture->height, TL_ERROR_USAGE, err));
    const tli_image image = {.width = picture->width, .height = picture->height, .pixels = picture->pixels};
    return classify_image(p, &image, "the picture", top, guesses);
}

tl_status tl_predictor_classify_file(tl_context *ctx, tl_predictor *p, const char *path, uint32_t top,
                                     tl_guess *guesses)
{
    tl_error *err = tl_context_error(ctx);
    TLI_TRY(check_call(ctx, p, top, guesses));
    p->seen.width = 0;
    if (path == NULL) return tli_fail(err, TL_ERROR_USAGE, "the path of the image to be classified is NULL");
    TLI_TRY(tli_bytes_read(&p->bytes, path, err));
    TLI_TRY(tli_image_decode(&p->bytes, path, 1, &p->decoded, err));
    return classify_image(p, &p->decoded, path, top, guesses);
}

tl_status tl_predictor_classify_batch(tl_context *ctx, tl_predictor *p, const tl_batch *batch, uint32_t top,
                                      tl_guess *guesses)
{
    tl_error *err = tl_context_error(ctx);
    TLI_TRY(check_call(ctx, p, top, guesses));
    p->seen.width = 0;
    if (batch == NULL) return tli_fail(err, TL_ERROR_USAGE, "the batch to be classified is NULL");
    tl_batch own;
    TLI_TRY(TLI_CONFIG_TAKE(&own, batch, tl_batch, err));
    own.targets = NULL;
    own.soft_targets = NULL;
    return run_batch(p, &own, "the batch", top, guesses);
}

/* ---- attention ----------------------------------------------------------------------------------- */

static tl_status check_attention(tl_predictor *p, int layer, int head, const tl_picture *picture)
{
    const tl_model_config *c = &p->s.model;
    tl_error *err = tl_context_error(p->ctx);
    if (picture == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "there is no place for the picture of the attention: it is NULL");
    if (c->pool != TL_POOL_CLS)
        return tli_fail(err, TL_ERROR_USAGE,
                        "this model has no class token whose attention could be painted");
    if (p->seen.width == 0)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "there is no picture whose attention could be shown: classify a picture or a file first");
    if (layer < -1 || layer >= (int)c->depth)
        return tli_fail(err, TL_ERROR_USAGE, "there is no block %d: the model has blocks 0 to %u", layer,
                        c->depth - 1);
    if (head < -1 || head >= (int)c->heads)
        return tli_fail(err, TL_ERROR_USAGE, "there is no head %d: the model has heads 0 to %u", head,
                        c->heads - 1);
    return TL_OK;
}

/* Attention weights of the class token over the patches as grey pixels: the largest is white. */
static tl_status map_of(tl_predictor *p, int layer, int head, tli_image *map)
{
    const tl_model_config *c = &p->s.model;
    const uint32_t tokens = tli_model_tokens(c), patches = tokens - 1;
    TLI_TRY(tli_model_read_attention(p->ctx, p->model, layer < 0 ? c->depth - 1 : (uint32_t)layer, 0,
                                     p->weights));
    TLI_TRY(tli_image_reserve(map, c->image_width / c->patch_width, c->image_height / c->patch_height,
                              tl_context_error(p->ctx)));
    float most = 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < patches; i++) {
            float sum = 0;
            for (int h = 0; h < (int)c->heads; h++)
                if (head < 0 || h == head) sum += p->weights[(size_t)h * tokens + 1 + i];
            if (sum > most) most = sum;
            if (pass == 1) memset(map->pixels + 3 * i, (int)(255.0f * sum / most + 0.5f), 3);
        }
    return TL_OK;
}

/* Dims the image where the class token's attention is low, and shades it red where it is high. */
static void predict_blend(uint8_t *pixel, uint8_t weight)
{
    const float share = (float)weight / 255.0f;
    for (int c = 0; c < 3; c++) {
        const float level = (float)pixel[c] * (0.25f + 0.75f * share) + (c == 0 ? 90.0f * share : 0.0f);
        pixel[c] = (uint8_t)(level > 255.0f ? 255.0f : level);
    }
}

/* The image that was seen, `factor` times as large, and beside it with the map. */
static void paint_pair(const tli_image *seen, uint32_t factor, const tli_image *map, tli_image *out)
{
    const uint32_t shown = map->width;
    memset(out->pixels, 255, (size_t)out->width * shown * 3);
    for (size_t i = 0; i < (size_t)shown * shown; i++) {
        const size_t y = i / shown, x = i % shown;
        const uint8_t *pixel = seen->pixels + 3 * (y / factor * seen->width + x / factor);
        uint8_t *plain = out->pixels + 3 * (y * out->width + x), *painted = plain + 3 * (shown + GAP);
        memcpy(plain, pixel, 3);
        memcpy(painted, pixel, 3);
        predict_blend(painted, map->pixels[3 * i]);
    }
}

tl_status tl_predictor_attention(tl_context *ctx, tl_predictor *p, int layer, int head, tl_picture *picture)
{
    tl_error *err = tl_context_error(ctx);
    TLI_TRY(check_predictor(ctx, p));
    TLI_TRY(check_attention(p, layer, head, picture));
    const uint32_t side = p->seen.width, factor = side < SHOWN ? (SHOWN + side - 1) / side : 1,
                   shown = side * factor;
    tli_image map = {0}, smooth = {0}, pair = {0};
    tl_status status = map_of(p, layer, head, &map);
    const tli_resize plan = {{0, 0, map.width, map.height}, shown, shown, {0, 0, shown, shown}};
    if (status == TL_OK)
        status = tli_resample(&map, map.width, map.height, &plan, &p->resampler, &smooth, err);
    if (status == TL_OK) status = tli_image_reserve(&pair, 2 * shown + GAP, shown, err);
    if (status == TL_OK) {
        paint_pair(&p->seen, factor, &smooth, &pair);
        *picture = (tl_picture){pair.width, pair.height, pair.pixels}; /* now the caller's */
    }
    tli_image_free(&map);
    tli_image_free(&smooth);
    return status;
}
