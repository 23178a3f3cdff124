/* Flags of a model and a run on digits as small as they can be, word by word for RUN: three steps of 16 images. */
#ifndef TESTS_SMALL_DIGITS_H
#define TESTS_SMALL_DIGITS_H

#define SMALL "--dim", "16", "--depth", "1", "--heads", "2", "--head-dim", "8"
#define SHORT SMALL, "--batch-size", "16", "--limit-train", "48", "--limit-test", "32"
#define THREE SHORT, "--steps", "3"

#endif
