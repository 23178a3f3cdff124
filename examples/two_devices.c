/* Two devices in two threads: a context is one device, and belongs to one thread at a time. Each thread runs the same
 * model on its own half of the images; the halves together are the whole.
 *
 *   cc two_devices.c $(pkg-config --cflags --libs translution) -lpthread -o two_devices && ./two_devices [SPEC SPEC]
 *
 * SPEC names a device, as --device does; the default is the same device twice. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <translution/translution.h>

enum { SIDE = 32, CLASSES = 10, HALF = 8, IMAGE = 3 * SIDE * SIDE };

static float images[2 * HALF * IMAGE];

/* What a thread is given, and what it gives back. */
typedef struct half {
    const char *device;
    const float *images;
    float logits[HALF * CLASSES];
    char name[128];
    tl_error error; /* its own: nothing of a context is shared */
} half;

static tl_status run_model(tl_context *ctx, half *h)
{
    tl_model_config config = {.size = sizeof config, .arch = TL_ARCH_VIT, .op = TL_OP_ALPHA};
    config.image_height = config.image_width = SIDE, config.channels = 3, config.classes = CLASSES;
    config.patch_height = config.patch_width = 8;
    config.dim = 32, config.depth = 2, config.heads = 2, config.head_dim = 16, config.mlp_dim = 64;
    config.relenc_dim = 4;
    const tl_model_options options = {.size = sizeof options, .batch = HALF, .seed = 7};
    const tl_batch batch = {.size = sizeof batch, .count = HALF, .images = h->images};
    tl_model *model = NULL;
    tl_status status = tl_model_create(ctx, &config, &options, &model); /* one seed: the same weights */
    if (status == TL_OK) status = tl_model_forward(ctx, model, &batch);
    if (status == TL_OK) status = tl_model_read_logits(ctx, model, h->logits);
    return status;
}

static void *work(void *argument)
{
    half *h = argument;
    const tl_context_options options = {.size = sizeof options, .device = h->device};
    tl_context *ctx = NULL;
    if (tl_context_create(&options, &ctx, &h->error) != TL_OK) return NULL;
    snprintf(h->name, sizeof h->name, "%s", tl_context_device(ctx)->name);
    if (run_model(ctx, h) != TL_OK) h->error = *tl_context_error(ctx); /* it goes with the context */
    tl_context_destroy(ctx);
    return NULL;
}

int main(int argc, char **argv)
{
    static half halves[2];
    pthread_t threads[2];
    for (int i = 0; i < 2 * HALF * IMAGE; i++) images[i] = (float)(i * 2654435761u >> 8) * 0x1p-24f;
    for (int t = 0; t < 2; t++) {
        halves[t].device = argc > 2 ? argv[1 + t] : getenv("TRANSLUTION_DEVICE");
        halves[t].images = images + t * HALF * IMAGE;
        if (pthread_create(&threads[t], NULL, work, &halves[t]) != 0) return 1;
    }
    for (int t = 0; t < 2; t++) pthread_join(threads[t], NULL);
    for (int t = 0; t < 2; t++) {
        if (halves[t].error.status != TL_OK) {
            fprintf(stderr, "%s\n", halves[t].error.text);
            return tl_exit_code(halves[t].error.status);
        }
        for (int i = 0; i < HALF; i++) {
            const float *logits = halves[t].logits + i * CLASSES;
            int best = 0;
            for (int c = 1; c < CLASSES; c++)
                if (logits[c] > logits[best]) best = c;
            printf("image %2d on %s: class %d, logit %.4f\n", t * HALF + i, halves[t].name, best,
                   logits[best]);
        }
    }
    return 0;
}
