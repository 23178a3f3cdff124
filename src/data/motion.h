/* Positions of digits on an empty field: static (centre) or dynamic (anywhere) MNIST. */
#ifndef DATA_MOTION_H
#define DATA_MOTION_H

#include "data/dataset.h"

/* Top left corner of image `index` on a field x field canvas. STATIC: floor((field - size) / 2). DYNAMIC:
 * uniform over 0..field - size on each axis, a pure function of (seed, purpose, epoch, index). `purpose`
 * selects the random stream: "motion/train" or "motion/test" (epoch 0). */
void tli_motion_position(tl_motion motion, uint64_t seed, const char *purpose, uint64_t epoch, uint32_t index,
                         uint32_t field_height, uint32_t field_width, uint32_t height, uint32_t width,
                         uint32_t *y, uint32_t *x);

/* The same for frame `frame` of `frames`: STATIC digits stay at the centre; DYNAMIC ones move in a
 * straight line between two random positions, the first of which is tli_motion_position's. */
void tli_motion_frame(tl_motion motion, uint64_t seed, const char *purpose, uint64_t epoch, uint32_t index,
                      uint32_t frame, uint32_t frames, uint32_t field_height, uint32_t field_width,
                      uint32_t height, uint32_t width, uint32_t *y, uint32_t *x);

/* Draws image `index` of the set on a field of field_height x field_width floats (pixel / 255, 0
 * elsewhere). */
void tli_motion_place(const tli_dataset *set, uint32_t index, uint32_t y, uint32_t x, uint32_t field_height,
                      uint32_t field_width, float *field);

/* The order of the training images in an epoch: a permutation, a pure function of (seed, epoch). */
void tli_epoch_order(uint64_t seed, uint64_t epoch, uint32_t count, uint32_t *order);

#endif
