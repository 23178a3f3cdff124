/* Trains a Vision Transformer on images that the program itself makes: no files, no folder format. The images are
 * of four classes, lines that run in four directions, at any place.
 *
 *   cc own_data.c $(pkg-config --cflags --libs translution) -lm -o own_data && ./own_data [STEPS [OUT]]
 *
 * A second call with the same OUT and more STEPS goes on where the first one ended. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <translution/translution.h>

enum { SIDE = 24, PATCH = 4, CLASSES = 4, BATCH = 32, TRAIN = 2048, TEST = 256 };

/* What `fill` reads, and the arrays that it lends to the library until its next call. */
typedef struct pictures {
    float images[BATCH][1][SIDE][SIDE];
    int32_t targets[BATCH];
} pictures;

/* A number in [0, 1), a function of its arguments only: so a resumed run sees the same images. */
static float draw(uint64_t sample, uint64_t epoch, uint32_t what)
{
    uint64_t v = (sample + 1) * 0x9e3779b97f4a7c15u ^ (epoch + 1) * 0xc2b2ae3d27d4eb4fu ^ what;
    v = (v ^ v >> 33) * 0xff51afd7ed558ccdu;
    v = (v ^ v >> 33) * 0xc4ceb9fe1a85ec53u;
    return (float)(v >> 40) * 0x1p-24f;
}

/* A line through a drawn point, at the angle of the class; other points in each epoch. */
static void paint(float image[SIDE][SIDE], uint64_t sample, uint64_t epoch, int32_t class_index)
{
    const float angle = 3.14159265f * (float)class_index / CLASSES;
    const float x0 = SIDE * draw(sample, epoch, 1), y0 = SIDE * draw(sample, epoch, 2);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const float distance = fabsf(((float)x - x0) * sinf(angle) - ((float)y - y0) * cosf(angle));
            image[y][x] = distance < 1.0f ? 1.0f : 0.0f;
        }
}

static tl_status fill(void *user, const tl_batch_request *request, tl_batch *batch, tl_error *err)
{
    pictures *p = user;
    (void)err;
    for (uint32_t i = 0; i < request->count; i++) {
        const uint64_t sample = request->samples[i] + (request->set == TL_SET_TEST ? TRAIN : 0);
        p->targets[i] = (int32_t)(sample % CLASSES);
        paint(p->images[i][0], sample, request->epoch, p->targets[i]);
    }
    batch->images = &p->images[0][0][0][0];
    batch->targets = p->targets;
    return TL_OK;
}

static bool on_step(void *user, const tl_step *step)
{
    (void)user;
    if (step->step % 20 == 0)
        printf("step %llu of %llu: loss %.4f\n", (unsigned long long)step->step,
               (unsigned long long)step->total, step->loss);
    return true; /* false would save and stop */
}

static tl_settings choose_settings(uint64_t steps, const char *out)
{
    tl_settings s;
    tl_settings_default(&s, "own-vit");
    s.model.op = TL_OP_TRANSLUTION;
    s.model.image_height = s.model.image_width = SIDE;
    s.model.patch_height = s.model.patch_width = PATCH;
    s.model.channels = 1, s.model.classes = CLASSES;
    s.model.dim = 32, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 16, s.model.mlp_dim = 64;
    s.training.batch_size = BATCH;
    s.training.steps = steps;
    s.training.lr = 2e-3f;
    s.run.resume = true; /* if there is something to go on with */
    snprintf(s.run.out, sizeof s.run.out, "%s", out);
    return s;
}

int main(int argc, char **argv)
{
    static pictures memory;
    const tl_settings settings = choose_settings(argc > 1 ? strtoull(argv[1], NULL, 10) : 100,
                                                 argc > 2 ? argv[2] : "runs/own_data");
    const tl_data data = {.size = sizeof data,
                          .user = &memory,
                          .samples = TRAIN,
                          .test_samples = TEST,
                          .shuffle = true,
                          .fill = fill,
                          .identity = "lines, 24 x 24",
                          .labels = "[\"0 degrees\", \"45 degrees\", \"90 degrees\", \"135 degrees\"]"};
    const tl_hooks hooks = {.size = sizeof hooks, .on_step = on_step};
    const tl_trainer_config config = {
        .size = sizeof config, .settings = &settings, .data = &data, .hooks = &hooks};
    tl_context *ctx = NULL;
    tl_trainer *trainer = NULL;
    tl_result result;
    tl_error error = {0};
    if (tl_context_create(NULL, &ctx, &error) != TL_OK) {
        fprintf(stderr, "%s\n", error.text);
        return tl_exit_code(error.status);
    }
    tl_status status = tl_trainer_create(ctx, &config, &trainer);
    if (status == TL_OK) status = tl_trainer_run(ctx, trainer, &result);
    if (status == TL_OK)
        printf("%llu steps, in %s: loss %.4f, %.1f %% of the test images are right\n",
               (unsigned long long)result.steps, result.out, result.loss, result.top1);
    else
        fprintf(stderr, "%s\n", tl_context_error(ctx)->text);
    tl_context_destroy(ctx); /* with the trainer in it */
    return tl_exit_code(status);
}
