/* Text drawn from a seed, for runs without data: invented words, frequent and rare ones, that like to follow each
 * other, in sentences. Training and test text have the same words. */
#ifndef DATA_SYNTHETIC_TEXT_H
#define DATA_SYNTHETIC_TEXT_H

#include "data/tokens_chars.h"

/* Ids of the line feed, the space, the comma, the full stop and the small letters. */
enum { TLI_TEXT_SYMBOLS = 30 };

/* 2^20 ids of training text or 2^16 of test text, in memory. */
tl_status tli_text_draw(uint64_t seed, bool train, tli_tokens *tokens, tl_error *err);
/* What the ids stand for. */
tl_status tli_text_chars(tli_chars *chars, tl_error *err);

#endif
