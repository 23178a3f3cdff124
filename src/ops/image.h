/* Images to patch rows. */
#ifndef TL_OPS_IMAGE_H
#define TL_OPS_IMAGE_H

#include "device/device.h"

/* images [batch][channels][height][width] floats -> patches [token][batch][patch*patch*channels], tokens
 * row-major over the patch grid, elements in the order (row in patch, column in patch, channel). height and
 * width are multiples of patch. Overwritten. */
tl_status tl_patches_forward(tl_context *ctx, tl_view images, tl_view patches, uint32_t batch,
                             uint32_t channels, uint32_t height, uint32_t width, uint32_t patch);

#endif
