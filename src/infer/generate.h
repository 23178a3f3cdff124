/* Text from a GPT's checkpoint, token by token. */
#ifndef INFER_GENERATE_H
#define INFER_GENERATE_H

#include <signal.h>
#include <stdio.h>

#include "device/device.h"
#include "infer/sample.h"

typedef struct tli_generation {
    const char *prompt;          /* empty: the end of text, or a line's end where there is none */
    const char *vocab, *encoder; /* files of a BPE; empty for models of characters */
    uint64_t tokens;             /* how many to add; fewer when the text ends */
    tli_sampling sampling;
    uint64_t seed;
    bool no_cache; /* compute the whole context again for every token: the same text */
    /* Takes the text as it comes, the prompt first. */
    tl_status (*write)(void *user, const uint8_t *bytes, size_t count, tl_error *err);
    void *user;
    FILE *progress;                    /* where to show it; NULL: nowhere */
    const volatile sig_atomic_t *stop; /* NULL, or looked at after every token: not 0 is TL_INTERRUPTED */
} tli_generation;

/* `made`: tokens added. A text longer than the model's context slides: only the last tokens are seen, and the
 * context's log is told so once. */
tl_status tli_generate(tl_context *ctx, const char *checkpoint, const tli_generation *g, uint64_t *made);

#endif
