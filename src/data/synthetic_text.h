/* Generated text for runs without data: sentences of invented words with unequal frequencies and
 * word-to-word correlations. A function of the seed; training and test text use the same words. */
#ifndef DATA_SYNTHETIC_TEXT_H
#define DATA_SYNTHETIC_TEXT_H

#include "data/tokens_chars.h"

/* Ids of the line feed, the space, the comma, the full stop and the small letters. */
enum { TLI_TEXT_SYMBOLS = 30 };

/* 2^20 ids of training text or 2^16 of test text, in memory. */
tl_status tli_text_draw(uint64_t seed, bool train, tli_tokens *tokens, tl_error *err);
/* The characters of the ids. */
tl_status tli_text_chars(tli_chars *chars, tl_error *err);

#endif
