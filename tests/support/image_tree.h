/* A folder of small noisy images: train/CLASS and val/CLASS. */
#ifndef TESTS_IMAGE_TREE_H
#define TESTS_IMAGE_TREE_H

#include "image_files.h"

/* Writes root/split/class/name with all folders above it. Every class has its own colours, so that a model can learn
 * them; sizes vary from 40 to 72 pixels. */
void put_image(const char *root, const char *split, const char *class_name, int index, uint32_t colour);

/* `classes` classes of `train` and `val` images each. */
void put_tree(const char *root, int classes, int train, int val);

/* make_folder, with a sound set of 3 classes called "good" in it, and flags of a model for it. */
int make_image_folder(void **state);
#define MODEL "--image-size 24 --patch-size 8 --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8"

#endif
