/* Trains a Vision Transformer with Translution on drawn digits, evaluates it on moved ones, and reads a
 * weight back.
 *
 *   cc train.c $(pkg-config --cflags --libs translution) -o train && ./train [STEPS [OUT]]
 *
 * It needs an OpenCL device, such as the CPU through PoCL, and no data. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <translution/translution.h>

static volatile sig_atomic_t stop = 0;

static void on_signal(int number)
{
    stop = number;
}

/* The library never prints: what it has to say comes here. */
static void print_line(void *user, tl_log_level level, const char *line)
{
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", line);
}

/* A model small enough for any machine: 7 x 7 patches of 12 x 12 pixels and a class token. */
static tl_settings choose_settings(uint64_t steps, const char *out)
{
    tl_settings settings;
    tl_settings_default(&settings, "mnist");
    settings.model.op = TL_OP_TRANSLUTION; /* no positions: every offset has its own matrices */
    settings.model.dim = 32;
    settings.model.depth = 1;
    settings.model.heads = 2;
    settings.model.head_dim = 16;
    settings.model.mlp_dim = 128;
    settings.training.motion = TL_MOTION_STATIC;       /* train on centred digits ... */
    settings.training.test_motion = TL_MOTION_DYNAMIC; /* ... and test on moved ones */
    settings.training.limit_train = 512;
    settings.training.limit_test = 128;
    settings.training.batch_size = 32;
    settings.run.exact_batch = true;
    settings.training.steps = steps;
    settings.training.lr = 1e-3f;
    snprintf(settings.run.out, sizeof settings.run.out, "%s", out);
    return settings;
}

static int train(tl_context *ctx, uint64_t steps, const char *out)
{
    const tl_hooks hooks = {.size = sizeof hooks, .progress = stderr, .stop = &stop};
    tl_settings settings = choose_settings(steps, out);
    tl_result trained, tested;

    /* Checkpoints, metrics.jsonl and model.safetensors go to the folder `out`. */
    tl_status status = tl_train(ctx, &settings, &hooks, &trained);
    if (status != TL_OK) return tl_exit_code(status);
    printf("trained %llu steps, %llu parameters: loss %.4f, static %.1f %%, dynamic %.1f %%\n",
           (unsigned long long)trained.steps, (unsigned long long)trained.params, trained.loss,
           trained.top1_static, trained.top1_dynamic);

    /* A checkpoint knows what it is; the caller chooses data and batch. */
    status = tl_evaluate(ctx, trained.out, &settings, &hooks, &tested);
    if (status != TL_OK) return tl_exit_code(status);
    printf("evaluated %s: %s, loss %.4f\n", trained.out, tl_op_name(settings.model.op), tested.loss);
    return tested.top1_dynamic == trained.top1_dynamic ? 0 : 1; /* the same weights give the same answers */
}

int main(int argc, char **argv)
{
    const tl_log log = {.level = TL_LOG_NOTICE, .write = print_line};
    const tl_context_options options = {.size = sizeof options,
                                        .log = &log}; /* any device; .device = "gpu" asks for one */
    const uint64_t steps = argc > 1 ? strtoull(argv[1], NULL, 10) : 64;
    tl_context *ctx = NULL;
    tl_error error = {TL_OK, ""};
    signal(SIGINT, on_signal); /* the first one saves and stops */

    if (tl_context_create(&options, &ctx, &error) != TL_OK) {
        fprintf(stderr, "%s\n", error.text);
        return tl_exit_code(error.status);
    }
    printf("device %s\n", tl_context_device(ctx)->name);
    int code = train(ctx, steps > 0 ? steps : 64, argc > 2 ? argv[2] : "");
    if (code != 0) fprintf(stderr, "%s\n", tl_context_error(ctx)->text);
    tl_context_destroy(ctx);
    return code;
}
