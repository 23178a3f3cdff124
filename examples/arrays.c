/* Trains a model on arrays in memory by the program's own loop and its own loss, the focal loss: a model gives
 * logits, the program their gradient, an optimizer the step. Then saves the model and opens it again.
 *
 *   cc arrays.c $(pkg-config --cflags --libs translution) -lm -o arrays && ./arrays [STEPS [FILE]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <translution/translution.h>

enum { SIDE = 16, CLASSES = 4, SAMPLES = 256, BATCH = 32, PARAMETERS = 64 };

static float images[SAMPLES][1][SIDE][SIDE];
static int32_t targets[SAMPLES];

static void must(tl_status status, tl_context *ctx)
{
    if (status == TL_OK) return;
    fprintf(stderr, "%s\n", tl_context_error(ctx)->text);
    exit(tl_exit_code(status));
}

/* A bar at one place after the other, lying or standing, thick or thin: four classes. */
static void draw_samples(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        const int width = i % 2 == 0 ? 1 : 3, at = i / CLASSES % (SIDE - width);
        targets[i] = i % CLASSES;
        for (int k = 0; k < width; k++)
            for (int along = 0; along < SIDE; along++)
                *(i % CLASSES < 2 ? &images[i][0][at + k][along] : &images[i][0][along][at + k]) = 1.0f;
    }
}

/* Mean over the rows of -(1 - p)^2 log p, where p is the target's probability; its gradient by the logits. */
static double focal_loss(const float *logits, const int32_t *target, int rows, float *d_logits)
{
    double loss = 0;
    for (int r = 0; r < rows; r++, logits += CLASSES, d_logits += CLASSES) {
        double sum = 0;
        for (int c = 0; c < CLASSES; c++) sum += exp((double)logits[c] - (double)logits[target[r]]);
        const double p = 1 / sum, q = 1 - p, slope = 2 * q * log(p) - q * q / p;
        loss -= q * q * log(p);
        for (int c = 0; c < CLASSES; c++) {
            const double other = exp((double)logits[c] - (double)logits[target[r]]) / sum;
            d_logits[c] = (float)(slope * p * ((c == target[r]) - other) / rows);
        }
    }
    return loss / rows;
}

static int count_right(const float *logits, const int32_t *target, int rows)
{
    int right = 0;
    for (int r = 0; r < rows; r++) {
        int best = 0;
        for (int c = 1; c < CLASSES; c++)
            if (logits[r * CLASSES + c] > logits[r * CLASSES + best]) best = c;
        right += best == target[r];
    }
    return right;
}

static void train(tl_context *ctx, tl_model *model, int steps)
{
    tl_parameter list[PARAMETERS];
    tl_optimizer *optimizer = NULL;
    tl_optimizer_step_report report;
    float logits[BATCH * CLASSES], d_logits[BATCH * CLASSES];
    int count = 0;
    while (count < PARAMETERS && tl_model_parameter_at(model, count, &list[count])) count++;
    const tl_optimizer_config config = {.size = sizeof config, .weight_decay = 0.01f, .grad_clip = 1.0f};
    must(tl_optimizer_create(ctx, &config, list, count, &optimizer), ctx);
    for (int step = 0; step < steps; step++) {
        const int first = step * BATCH % SAMPLES;
        const tl_batch batch = {.size = sizeof batch, .count = BATCH, .images = &images[first][0][0][0]};
        must(tl_model_forward(ctx, model, &batch), ctx);
        must(tl_model_read_logits(ctx, model, logits), ctx);
        const double loss = focal_loss(logits, targets + first, BATCH, d_logits);
        must(tl_model_backward_from(ctx, model, d_logits), ctx);
        must(tl_optimizer_step(ctx, optimizer, 1e-3f), ctx);
        if ((step + 1) % 10 != 0) continue;
        must(tl_optimizer_report(ctx, optimizer, &report), ctx);
        printf("step %d: focal loss %.4f, gradient norm %.3f\n", step + 1, loss, report.norm);
    }
    tl_optimizer_destroy(ctx, optimizer);
}

int main(int argc, char **argv)
{
    tl_model_config config = {.size = sizeof config, .arch = TL_ARCH_VIT, .op = TL_OP_TRANSLUTION};
    config.image_height = config.image_width = SIDE, config.channels = 1, config.classes = CLASSES;
    config.patch_height = config.patch_width = 4;
    config.dim = 24, config.depth = 2, config.heads = 2, config.head_dim = 12, config.mlp_dim = 48;
    tl_model_options options = {.size = sizeof options, .batch = BATCH, .training = true, .seed = 1};
    const int steps = argc > 1 ? atoi(argv[1]) : 120;
    const char *file = argc > 2 ? argv[2] : "arrays.safetensors";
    tl_context *ctx = NULL;
    tl_model *model = NULL, *opened = NULL;
    tl_error error = {0};
    if (tl_context_create(NULL, &ctx, &error) != TL_OK) {
        fprintf(stderr, "%s\n", error.text);
        return tl_exit_code(error.status);
    }
    draw_samples();
    must(tl_model_create(ctx, &config, &options, &model), ctx);
    train(ctx, model, steps);
    must(tl_model_save(ctx, model, file), ctx);
    static float logits[SAMPLES * CLASSES]; /* all samples at once, with a model for inference */
    const tl_batch all = {.size = sizeof all, .count = SAMPLES, .images = &images[0][0][0][0]};
    options.batch = SAMPLES, options.training = false;
    must(tl_model_open(ctx, file, &options, &opened), ctx);
    must(tl_model_forward(ctx, opened, &all), ctx);
    must(tl_model_read_logits(ctx, opened, logits), ctx);
    printf("%d of %d right\n", count_right(logits, targets, SAMPLES), (int)SAMPLES);
    tl_context_destroy(ctx); /* and the models in it */
    return 0;
}
