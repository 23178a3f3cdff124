/* Applies an image checkpoint: predicts classes of image files, and renders the class token's attention. */
#ifndef INFER_PREDICT_H
#define INFER_PREDICT_H

#include "data/image_decode.h"
#include "models/model.h"

typedef struct tli_predictor tli_predictor;

/* `checkpoint`: a .safetensors file or a run folder, of a task that classifies images. */
tl_status tli_predictor_create(tl_context *ctx, const char *checkpoint, tli_predictor **out);
void tli_predictor_destroy(tli_predictor *predictor);

typedef struct tli_guess {
    uint32_t class_index;
    double probability;
} tli_guess;

/* The `most` likeliest classes of an image file, likeliest first, in guesses; *count: how many. The task
 * defines the preprocessing, see task->picture. */
enum { TLI_PREDICT_MAX = 5 };
tl_status tli_predictor_run(tli_predictor *predictor, const char *path, tli_guess guesses[TLI_PREDICT_MAX],
                            int *count);
/* Name of a class; "7" if the checkpoint has no names. Valid until the next call. */
const char *tli_predictor_class(tli_predictor *predictor, uint32_t class_index);

/* Renders the last image as the model saw it, and beside it with the attention of the class token as
 * brightness: block `layer` and head `head`, counted from 0; UINT32_MAX: the last block, the mean over
 * heads. */
tl_status tli_predictor_paint(tli_predictor *predictor, uint32_t layer, uint32_t head, tli_image *picture);

#endif
