/* Generates text from a GPT checkpoint, token by token. */
#ifndef INFER_GENERATE_H
#define INFER_GENERATE_H

#include <signal.h>
#include <stdio.h>

#include "device/device.h"
#include "infer/sample.h"

typedef struct tli_generation {
    const char *prompt;          /* empty: the end-of-text token, or a line end if there is none */
    const char *vocab, *encoder; /* BPE files; empty for character models */
    uint64_t tokens;             /* number to generate; fewer when the text ends */
    tli_sampling sampling;
    uint64_t seed;
    bool no_cache; /* disables the KV cache: the same text, slower */
    /* Receives the text as it is generated, the prompt first. */
    tl_status (*write)(void *user, const uint8_t *bytes, size_t count, tl_error *err);
    void *user;
    FILE *progress;                    /* where to show progress; NULL: nowhere */
    const volatile sig_atomic_t *stop; /* NULL, or checked after each token: nonzero interrupts */
} tli_generation;

/* `made`: tokens generated. When the text is longer than the model's context, only the last tokens are
 * used, with one notice in the context's log. */
tl_status tli_generate(tl_context *ctx, const char *checkpoint, const tli_generation *g, uint64_t *made);

#endif
