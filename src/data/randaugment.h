/* RandAugment on 8-bit RGB: torchvision's 14 operations with its 31 magnitudes and PIL's pixel arithmetic;
 * geometric operations use nearest neighbour and fill with black. */
#ifndef DATA_RANDAUGMENT_H
#define DATA_RANDAUGMENT_H

#include <stdbool.h>

#include "core/random.h"
#include "data/image_decode.h"

/* In torchvision's order. */
typedef enum tli_rand_op {
    TLI_RAND_IDENTITY,
    TLI_RAND_SHEAR_X,
    TLI_RAND_SHEAR_Y,
    TLI_RAND_TRANSLATE_X,
    TLI_RAND_TRANSLATE_Y,
    TLI_RAND_ROTATE,
    TLI_RAND_BRIGHTNESS,
    TLI_RAND_COLOR,
    TLI_RAND_CONTRAST,
    TLI_RAND_SHARPNESS,
    TLI_RAND_POSTERIZE,
    TLI_RAND_SOLARIZE,
    TLI_RAND_AUTO_CONTRAST,
    TLI_RAND_EQUALIZE,
    TLI_RAND_OPS
} tli_rand_op;

enum { TLI_RAND_BINS = 31, TLI_RAND_DRAWN = 2, TLI_RAND_BIN = 9 }; /* RandAugment(2, 9) */

/* Applies an operation at bin 0..30 of its magnitudes, in the opposite direction if it has two and
 * `negative` is set. Result in *image; `spare` is a second buffer, overwritten. */
tl_status tli_rand_apply(tli_rand_op op, uint32_t bin, bool negative, tli_image *image, tli_image *spare,
                         tl_error *err);

/* Applies TLI_RAND_DRAWN operations drawn from r. */
tl_status tli_rand_augment(tli_random *r, tli_image *image, tli_image *spare, tl_error *err);

#endif
