/* RandAugment on 8-bit RGB: torchvision's 14 operations with its 31 magnitudes, on pixels as PIL treats them: nearest
 * neighbour and black outside the picture for the geometric ones. */
#ifndef TL_DATA_RANDAUGMENT_H
#define TL_DATA_RANDAUGMENT_H

#include <stdbool.h>

#include "core/random.h"
#include "data/image_decode.h"

/* In torchvision's order. */
typedef enum tl_rand_op {
    TL_RAND_IDENTITY,
    TL_RAND_SHEAR_X,
    TL_RAND_SHEAR_Y,
    TL_RAND_TRANSLATE_X,
    TL_RAND_TRANSLATE_Y,
    TL_RAND_ROTATE,
    TL_RAND_BRIGHTNESS,
    TL_RAND_COLOR,
    TL_RAND_CONTRAST,
    TL_RAND_SHARPNESS,
    TL_RAND_POSTERIZE,
    TL_RAND_SOLARIZE,
    TL_RAND_AUTO_CONTRAST,
    TL_RAND_EQUALIZE,
    TL_RAND_OPS
} tl_rand_op;

enum { TL_RAND_BINS = 31, TL_RAND_DRAWN = 2, TL_RAND_BIN = 9 }; /* RandAugment(2, 9) */

/* The operation at bin 0..30 of its magnitudes, turned round where it has two directions and `negative` is set. The
 * result is in *image; `spare` is a second buffer, whose content is lost. */
tl_status tl_rand_apply(tl_rand_op op, uint32_t bin, bool negative, tl_image *image, tl_image *spare,
                        tl_error *err);

/* TL_RAND_DRAWN operations, drawn from r. */
tl_status tl_rand_augment(tl_random *r, tl_image *image, tl_image *spare, tl_error *err);

#endif
