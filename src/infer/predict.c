#include "infer/predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "data/image_encode.h"
#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "tasks/task.h"

enum { SHOWN = 224, GAP = 4 }; /* SHOWN: minimum side of a rendered image in pixels */

struct tli_predictor {
    tl_context *ctx;
    const tli_task *task;
    tl_settings s;
    tl_model *model;
    cJSON *names; /* an array, or NULL */
    char number[16];
    float *images, *logits, *weights;
    tli_image seen; /* the image as given to the model */
    tli_bytes bytes;
    tli_image decoded;
    tli_resampler resampler;
};

static tl_status no_memory(tl_context *ctx)
{
    return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a prediction");
}

static tl_status open_model(tli_predictor *p, tli_safetensors *st)
{
    const tl_model_config *c = &p->s.model;
    tl_error *err = tl_context_error(p->ctx);
    TLI_TRY(tli_settings_from_metadata(st, &p->s, err));
    char names[TASK_NAMES_CAPACITY];
    p->task = tli_task_find(p->s.task);
    TLI_TRY(tli_task_check_offered(p->task, st->path, err));
    if (p->task->picture == NULL || c->image_depth > 1 || c->image_height != c->image_width ||
        p->task->check(&p->s, NULL) != TL_OK)
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s is no checkpoint for single images: predict takes those of %s", st->path,
                        tli_task_names(tli_task_takes_pictures, " and ", names));
    const char *labels = tli_labels_of(st, p->s.task);
    if (labels != NULL) p->names = cJSON_Parse(labels);
    TLI_TRY(tli_model_create(p->ctx, c, &(tl_model_options){.batch = 1}, NULL, &p->model));
    TLI_TRY(tli_model_load(p->ctx, tli_model_registry(p->model), st));
    p->images = malloc((size_t)c->channels * c->image_height * c->image_width * sizeof *p->images);
    p->logits = malloc(c->classes * sizeof *p->logits);
    p->weights = malloc((size_t)c->heads * tli_model_tokens(c) * sizeof *p->weights);
    return p->images != NULL && p->logits != NULL && p->weights != NULL ? TL_OK : no_memory(p->ctx);
}

tl_status tli_predictor_create(tl_context *ctx, const char *checkpoint, tli_predictor **out)
{
    tli_safetensors st;
    TLI_TRY(tli_checkpoint_open(checkpoint, &st, tl_context_error(ctx)));
    tli_predictor *p = calloc(1, sizeof *p);
    tl_status status = p != NULL ? TL_OK : no_memory(ctx);
    if (status == TL_OK) {
        p->ctx = ctx;
        status = open_model(p, &st);
    }
    tli_st_close(&st);
    if (status == TL_OK)
        *out = p;
    else
        tli_predictor_destroy(p);
    return status;
}

void tli_predictor_destroy(tli_predictor *p)
{
    if (p == NULL) return;
    tli_model_destroy(p->ctx, p->model);
    cJSON_Delete(p->names);
    free(p->images);
    free(p->logits);
    free(p->weights);
    tli_image_free(&p->seen);
    tli_image_free(&p->decoded);
    tli_bytes_free(&p->bytes);
    tli_resampler_free(&p->resampler);
    free(p);
}

/* ---- one image ----------------------------------------------------------------------------------- */

static tl_status read_image(tli_predictor *p, const char *path)
{
    tl_error *err = tl_context_error(p->ctx);
    uint32_t width, height;
    TLI_TRY(tli_bytes_read(&p->bytes, path, err));
    TLI_TRY(tli_image_size(&p->bytes, path, &width, &height, err));
    TLI_TRY(tli_image_decode(&p->bytes, path, 1, &p->decoded, err));
    return p->task->picture(&p->s, &p->decoded, width, height, &p->resampler, p->images, &p->seen, err);
}

/* logits that are not finite must not name a class */
static tl_status check_logits(const tli_predictor *p, const char *path)
{
    for (uint32_t c = 0; c < p->s.model.classes; c++)
        if (!isfinite(p->logits[c]))
            return tli_fail(tl_context_error(p->ctx), TL_ERROR_DEVICE,
                            "the prediction for %s is not finite: the model's weights are of no use", path);
    return TL_OK;
}

/* Softmax of the logits, and the top classes by repeated search; ties by the smaller index. */
static int predict_rank(const float *logits, uint32_t classes, tli_guess *guesses)
{
    const int count = classes < TLI_PREDICT_MAX ? (int)classes : TLI_PREDICT_MAX;
    double top = -INFINITY, sum = 0;
    for (uint32_t c = 0; c < classes; c++) top = fmax(top, (double)logits[c]);
    for (uint32_t c = 0; c < classes; c++) sum += exp((double)logits[c] - top);
    for (int place = 0; place < count; place++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t c = 0; c < classes; c++) {
            bool taken = false;
            for (int i = 0; i < place; i++) taken |= guesses[i].class_index == c;
            if (!taken && (best == UINT32_MAX || logits[c] > logits[best])) best = c;
        }
        guesses[place] = (tli_guess){best, exp((double)logits[best] - top) / sum};
    }
    return count;
}

tl_status tli_predictor_run(tli_predictor *p, const char *path, tli_guess guesses[TLI_PREDICT_MAX],
                            int *count)
{
    const int32_t target = 0; /* a placeholder: no loss is computed */
    const tl_batch inputs = {.count = 1, .images = p->images, .targets = &target};
    TLI_TRY(read_image(p, path));
    TLI_TRY(tli_model_set_batch(p->ctx, p->model, &inputs));
    TLI_TRY(tli_model_forward(p->ctx, p->model));
    TLI_TRY(tl_model_read_logits(p->ctx, p->model, p->logits));
    TLI_TRY(check_logits(p, path));
    *count = predict_rank(p->logits, p->s.model.classes, guesses);
    return TL_OK;
}

const char *tli_predictor_class(tli_predictor *p, uint32_t class_index)
{
    const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(p->names, (int)class_index));
    if (name != NULL) return name;
    snprintf(p->number, sizeof p->number, "%u", class_index);
    return p->number;
}

/* ---- attention ----------------------------------------------------------------------------------- */

/* Attention weights of the class token over the patches as grey pixels: the largest is white. */
static tl_status map_of(tli_predictor *p, uint32_t layer, uint32_t head, tli_image *map)
{
    const tl_model_config *c = &p->s.model;
    tl_error *err = tl_context_error(p->ctx);
    const uint32_t tokens = tli_model_tokens(c), patches = tokens - 1;
    if (c->pool != TL_POOL_CLS)
        return tli_fail(err, TL_ERROR_USAGE,
                        "this model has no class token whose attention could be painted");
    if (layer == UINT32_MAX) layer = c->depth - 1;
    if (head != UINT32_MAX && head >= c->heads)
        return tli_fail(err, TL_ERROR_USAGE, "there is no head %u: the model has heads 0 to %u", head,
                        c->heads - 1);
    TLI_TRY(tli_model_read_attention(p->ctx, p->model, layer, 0, p->weights));
    TLI_TRY(tli_image_reserve(map, c->image_width / c->patch_width, c->image_height / c->patch_height, err));
    float most = 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < patches; i++) {
            float sum = 0;
            for (uint32_t h = 0; h < c->heads; h++)
                if (head == UINT32_MAX || h == head) sum += p->weights[(size_t)h * tokens + 1 + i];
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

tl_status tli_predictor_paint(tli_predictor *p, uint32_t layer, uint32_t head, tli_image *picture)
{
    tl_error *err = tl_context_error(p->ctx);
    const uint32_t side = p->seen.width, factor = side < SHOWN ? (SHOWN + side - 1) / side : 1,
                   shown = side * factor;
    tli_image map = {0}, smooth = {0};
    tl_status status = map_of(p, layer, head, &map);
    const tli_resize plan = {{0, 0, map.width, map.height}, shown, shown, {0, 0, shown, shown}};
    if (status == TL_OK)
        status = tli_resample(&map, map.width, map.height, &plan, &p->resampler, &smooth, err);
    if (status == TL_OK) status = tli_image_reserve(picture, 2 * shown + GAP, shown, err);
    if (status == TL_OK) memset(picture->pixels, 255, (size_t)picture->width * shown * 3);
    for (size_t i = 0; i < (size_t)shown * shown && status == TL_OK; i++) {
        const size_t y = i / shown, x = i % shown;
        const uint8_t *pixel = p->seen.pixels + 3 * (y / factor * side + x / factor);
        uint8_t *plain = picture->pixels + 3 * (y * picture->width + x), *painted = plain + 3 * (shown + GAP);
        memcpy(plain, pixel, 3);
        memcpy(painted, pixel, 3);
        predict_blend(painted, smooth.pixels[3 * i]);
    }
    tli_image_free(&map);
    tli_image_free(&smooth);
    return status;
}
