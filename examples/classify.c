/* Classifies images with a saved model: files, or without any a picture that this program draws in its memory.
 *
 *   cc classify.c $(pkg-config --cflags --libs translution) -o classify && ./classify RUN [IMAGE...]
 *
 * RUN is the folder of a run, or a .safetensors file, of the tasks mnist or vit: that of examples/train.c, say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <translution/translution.h>

enum { SIDE = 28, MOST = 5 };

/* A thick vertical stroke, white on black: something like a 1. */
static void draw(uint8_t pixels[SIDE * SIDE * 3])
{
    memset(pixels, 0, SIDE * SIDE * 3);
    for (int y = 4; y < 24; y++)
        for (int x = 13; x < 16; x++) memset(pixels + 3 * (y * SIDE + x), 255, 3);
}

static void print_guesses(tl_predictor *predictor, const char *what, const tl_guess *guesses, uint32_t count)
{
    printf("%s:", what);
    for (uint32_t i = 0; i < count; i++)
        printf(" %s %.1f %%%s", tl_predictor_class_name(predictor, guesses[i].class_index),
               100 * guesses[i].probability, i + 1 < count ? "," : "\n");
}

static tl_status classify(tl_context *ctx, tl_predictor *predictor, int count, char **paths)
{
    const uint32_t classes = tl_predictor_configuration(predictor)->classes,
                   top = classes < MOST ? classes : MOST;
    tl_guess guesses[MOST];
    tl_status status = TL_OK;
    for (int i = 0; i < count && status == TL_OK; i++) {
        status = tl_predictor_classify_file(ctx, predictor, paths[i], top, guesses);
        if (status == TL_OK) print_guesses(predictor, paths[i], guesses, top);
    }
    if (count > 0) return status;
    uint8_t pixels[SIDE * SIDE * 3];
    const tl_picture picture = {SIDE, SIDE, pixels};
    draw(pixels);
    status = tl_predictor_classify(ctx, predictor, &picture, top, guesses);
    if (status == TL_OK) print_guesses(predictor, "a stroke", guesses, top);
    return status;
}

int main(int argc, char **argv)
{
    tl_context *ctx = NULL;
    tl_predictor *predictor = NULL;
    tl_error error = {TL_OK, ""};
    if (argc < 2) {
        fprintf(stderr, "usage: classify RUN [IMAGE...]\n");
        return 2;
    }
    if (tl_context_create(NULL, &ctx, &error) != TL_OK) {
        fprintf(stderr, "%s\n", error.text);
        return tl_exit_code(error.status);
    }
    tl_status status = tl_predictor_create(ctx, argv[1], NULL, &predictor);
    if (status == TL_OK) status = classify(ctx, predictor, argc - 2, argv + 2);
    if (status != TL_OK) fprintf(stderr, "%s\n", tl_context_error(ctx)->text);
    tl_context_destroy(ctx); /* and the predictor with it */
    return status == TL_OK ? 0 : tl_exit_code(status);
}
