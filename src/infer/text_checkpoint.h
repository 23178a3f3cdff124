/* Checkpoints of models of text. */
#ifndef INFER_TEXT_CHECKPOINT_H
#define INFER_TEXT_CHECKPOINT_H

#include "data/safetensors.h"
#include "data/tokenizer.h"

/* Reads the settings of a GPT's checkpoint and opens its tokenizer, see tl_tokenizer_open. TL_ERROR_INPUT for
 * other checkpoints, and for a vocabulary that is larger than the model's. */
tl_status tli_text_checkpoint_read(const tli_safetensors *st, const char *vocab, const char *encoder,
                                   tl_settings *settings, tl_tokenizer **tokenizer, tl_error *err);

#endif
