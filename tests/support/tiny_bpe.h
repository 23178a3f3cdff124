/* A hand-made vocabulary for tests: the 256 bytes, some merges, and `<|endoftext|>`, written as the two
 * files. */
#ifndef TESTS_TINY_BPE_H
#define TESTS_TINY_BPE_H

/* Ids are places in these lists: bytes in the order of their value, merges behind them, the end of text last.
 * Ġ is how the files write a space. Merge 13 makes what merge 9 takes: a pass must finish before its results
 * count. */
enum {
    TINY_MERGES = 20,
    TINY_MERGE = 256, /* id of merge 0 */
    TINY_END = TINY_MERGE + TINY_MERGES,
    TINY_SIZE
};

extern const char *const tiny_merges[TINY_MERGES];

/* How the files write a byte, as UTF-8. */
const char *tiny_letter(int byte, char out[3]);

/* Writes the two files; -1: not. */
int tiny_write(const char *vocab_path, const char *encoder_path);

#endif
