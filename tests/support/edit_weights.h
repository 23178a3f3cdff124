/* Checkpoints with other numbers in one tensor or without one of their settings, made without the trainer. */
#ifndef TESTS_EDIT_WEIGHTS_H
#define TESTS_EDIT_WEIGHTS_H

#include "test.h"

/* Copies the file `from` to `to` with element `index` of the tensor `name` set to `value`; index -1: all of them. */
void edit_weights(const char *from, const char *to, const char *name, long index, float value);

/* Copies the file as a version of the program that did not know the setting `key` would have written it. */
void drop_setting(const char *from, const char *to, const char *key);

#endif
