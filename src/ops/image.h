/* Images to patch rows. */
#ifndef OPS_IMAGE_H
#define OPS_IMAGE_H

#include "device/device.h"

/* Sizes of an image or of a patch; a picture has depth 1. */
typedef struct tli_extent {
    uint32_t depth, height, width;
} tli_extent;

/* images [batch][channels][depth][height][width] floats -> patches [token][batch][values of a patch], tokens in
 * the order of the patch grid (depth, height, width), elements in the order (slice, row and column in the patch,
 * channel). The image's sizes are multiples of the patch's. Overwritten. */
tl_status tli_patches_forward(tl_context *ctx, tli_view images, tli_view patches, uint32_t batch,
                              uint32_t channels, tli_extent image, tli_extent patch);

#endif
