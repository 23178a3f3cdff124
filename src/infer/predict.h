/* A checkpoint of images at work: which classes it sees in a file, and where its class token looks. */
#ifndef TL_INFER_PREDICT_H
#define TL_INFER_PREDICT_H

#include "data/image_decode.h"
#include "models/model.h"

typedef struct tl_predictor tl_predictor;

/* `checkpoint`: a .safetensors file or the folder of a run, of the tasks mnist and vit. */
tl_status tl_predictor_create(tl_context *ctx, const char *checkpoint, tl_predictor **out);
void tl_predictor_destroy(tl_predictor *predictor);

typedef struct tl_guess {
    uint32_t class_index;
    double probability;
} tl_guess;

/* The `most` likeliest classes of an image file, likeliest first, into guesses; *count: how many there are. An image
 * for mnist is taken as a bright digit on black, and resized to 28 x 28. */
enum { TL_PREDICT_MOST = 5 };
tl_status tl_predictor_run(tl_predictor *predictor, const char *path, tl_guess guesses[TL_PREDICT_MOST],
                           int *count);
/* The name of a class; "7" where the checkpoint has no names. Stands until the next call. */
const char *tl_predictor_class(tl_predictor *predictor, uint32_t class_index);

/* Paints the last image, as the model saw it, and beside it the same with what the class token looks at left bright:
 * block `layer` and head `head`, counted from 0; UINT32_MAX: the last block, the mean of all heads. */
tl_status tl_predictor_paint(tl_predictor *predictor, uint32_t layer, uint32_t head, tl_image *picture);

#endif
