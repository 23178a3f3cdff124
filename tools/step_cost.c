/* Trains a Vision Transformer on arrays in memory, by tl_trainer or by a loop of the calls that a program would write itself, for
 * tools/step_cost to count the instructions of `train`.
 *
 *   step_cost run|loop STEPS OUT DIM DEPTH */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <translution/translution.h>

enum { SIDE = 84, PIXELS = SIDE * SIDE, SAMPLES = 16, CLASSES = 10, PARAMETERS = 256 };

static float images[SAMPLES][PIXELS];
static int32_t targets[SAMPLES];

static void must(tl_status status, tl_context *ctx)
{
    if (status == TL_OK) return;
    fprintf(stderr, "%s\n", tl_context_error(ctx)->text);
    exit(tl_exit_code(status));
}

static tl_status fill(void *user, const tl_batch_request *request, tl_batch *batch, tl_error *err)
{
    (void)user;
    (void)err;
    batch->images = images[request->samples[0]];
    batch->targets = &targets[request->samples[0]];
    return TL_OK;
}

static void loop(tl_context *ctx, const tl_settings *s, tl_model *model, tl_optimizer *optimizer)
{
    for (uint64_t step = 0; step < s->training.steps; step++) {
        const tl_batch batch = {.size = sizeof batch,
                                .count = s->training.batch_size,
                                .images = images[step % SAMPLES],
                                .targets = &targets[step % SAMPLES]};
        must(tl_model_forward(ctx, model, &batch), ctx);
        must(tl_model_loss(ctx, model, NULL), ctx);
        must(tl_model_backward(ctx, model), ctx);
        must(tl_optimizer_step(ctx, optimizer, s->training.lr), ctx);
    }
    must(tl_finish(ctx), ctx);
}

/* What is counted: a run, or with `trainer` NULL the loop. */
__attribute__((noinline)) void train(tl_context *ctx, const tl_settings *s, tl_trainer *trainer,
                                     tl_model *model, tl_optimizer *optimizer)
{
    tl_result result;
    if (trainer != NULL)
        must(tl_trainer_run(ctx, trainer, &result), ctx);
    else
        loop(ctx, s, model, optimizer);
}

static void train_by_run(tl_context *ctx, const tl_settings *s)
{
    const tl_data data = {.size = sizeof data, .samples = SAMPLES, .fill = fill};
    const tl_trainer_config config = {.size = sizeof config, .settings = s, .data = &data};
    tl_trainer *trainer = NULL;
    must(tl_trainer_create(ctx, &config, &trainer), ctx);
    train(ctx, s, trainer, NULL, NULL);
}

static void train_by_loop(tl_context *ctx, const tl_settings *s)
{
    const tl_model_options options = {
        .size = sizeof options, .batch = s->training.batch_size, .training = true};
    const tl_optimizer_config config = {.size = sizeof config, .weight_decay = s->training.weight_decay};
    tl_parameter list[PARAMETERS];
    tl_model *model = NULL;
    tl_optimizer *optimizer = NULL;
    int count = 0;
    must(tl_model_create(ctx, &s->model, &options, &model), ctx);
    while (count < PARAMETERS && tl_model_parameter_at(model, count, &list[count])) count++;
    must(tl_optimizer_create(ctx, &config, list, count, &optimizer), ctx);
    train(ctx, s, NULL, model, optimizer);
}

static tl_settings choose_settings(char **argv)
{
    tl_settings s;
    tl_settings_default(&s, "own-vit");
    s.model.image_height = s.model.image_width = SIDE, s.model.channels = 1, s.model.classes = CLASSES;
    s.model.patch_height = s.model.patch_width = 12;
    s.model.dim = (uint32_t)strtoul(argv[4], NULL, 10), s.model.depth = (uint32_t)strtoul(argv[5], NULL, 10);
    s.model.heads = 3, s.model.head_dim = s.model.dim / 3, s.model.mlp_dim = 4 * s.model.dim;
    s.training.batch_size = 1, s.training.steps = strtoull(argv[2], NULL, 10);
    snprintf(s.run.out, sizeof s.run.out, "%s", argv[3]);
    return s;
}

int main(int argc, char **argv)
{
    tl_context *ctx = NULL;
    tl_error error;
    if (argc != 6) return 2;
    const tl_settings s = choose_settings(argv);
    for (int i = 0; i < SAMPLES * PIXELS; i++) images[i / PIXELS][i % PIXELS] = (float)(i % 251) / 251.0f;
    for (int i = 0; i < SAMPLES; i++) targets[i] = i % CLASSES;
    if (tl_context_create(NULL, &ctx, &error) != TL_OK) {
        fprintf(stderr, "%s\n", error.text);
        return tl_exit_code(error.status);
    }
    if (strcmp(argv[1], "run") == 0)
        train_by_run(ctx, &s);
    else
        train_by_loop(ctx, &s);
    tl_context_destroy(ctx);
    return 0;
}
