/* Images to patch rows. */
#ifndef OPS_IMAGE_H
#define OPS_IMAGE_H

#include "device/device.h"

/* Size of an image or a patch; a 2-D image has depth 1. */
typedef struct tli_extent {
    uint32_t depth, height, width;
} tli_extent;

/* images [batch][channels][depth][height][width] -> patches [token][batch][patch values], overwritten.
 * Tokens are in the order of the patch grid (depth, height, width), values in the order (slice, row and
 * column in the patch, channel). The image's sizes are multiples of the patch's. */
tl_status tli_patches_forward(tl_context *ctx, tli_view images, tli_view patches, uint32_t batch,
                              uint32_t channels, tli_extent image, tli_extent patch);

#endif
