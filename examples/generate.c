/* Continues a text with a saved GPT, each token as it is drawn, and counts the tokens of what came out.
 *
 *   cc generate.c $(pkg-config --cflags --libs translution) -o generate && ./generate RUN PROMPT [VOCAB ENCODER]
 *
 * RUN is the folder of a run, or a .safetensors file, of the task gpt. A model of characters holds its vocabulary;
 * for one of BPE tokens VOCAB and ENCODER are the files vocab.bpe and encoder.json. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <translution/translution.h>

/* What was written so far. */
typedef struct page {
    char text[1 << 16];
    size_t used;
} page;

/* Called with the prompt, and then with every token. */
static tl_status write_text(void *user, int32_t id, const char *text, size_t bytes, tl_error *err)
{
    page *p = (page *)user;
    (void)id;
    if (bytes > sizeof p->text - p->used || fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0) {
        err->status = TL_ERROR_IO;
        snprintf(err->text, sizeof err->text, "the text cannot be written, or is too long for this program");
        return TL_ERROR_IO;
    }
    if (bytes > 0) memcpy(p->text + p->used, text, bytes);
    p->used += bytes;
    return TL_OK;
}

static tl_status count_tokens(const char *run, const char *vocab, const char *encoder, const page *p,
                              size_t *count, tl_error *err)
{
    tl_tokenizer *tokenizer = NULL;
    int32_t *ids = NULL;
    tl_status status = tl_tokenizer_open(run, vocab, encoder, &tokenizer, err);
    if (status == TL_OK) status = tl_tokenizer_encode(tokenizer, p->text, p->used, &ids, count, err);
    free(ids);
    tl_tokenizer_destroy(tokenizer);
    return status;
}

static tl_status generate(tl_context *ctx, int argc, char **argv)
{
    static page p;
    tl_generation generation = {.size = sizeof generation};
    uint64_t made = 0;
    size_t tokens = 0;
    generation.prompt = argv[2];
    generation.vocab = argc > 4 ? argv[3] : NULL;
    generation.encoder = argc > 4 ? argv[4] : NULL;
    generation.tokens = 100;
    generation.temperature = 0.8f; /* 0 would take the likeliest token each time */
    generation.write = write_text;
    generation.user = &p;
    tl_status status = tl_generate(ctx, argv[1], &generation, &made);
    printf("\n");
    if (status != TL_OK) return status;
    status = count_tokens(argv[1], generation.vocab, generation.encoder, &p, &tokens, tl_context_error(ctx));
    if (status == TL_OK)
        printf("(%llu tokens were drawn; prompt and text are %llu)\n", (unsigned long long)made,
               (unsigned long long)tokens);
    return status;
}

int main(int argc, char **argv)
{
    tl_context *ctx = NULL;
    tl_error error = {TL_OK, ""};
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: generate RUN PROMPT [VOCAB ENCODER]\n");
        return 2;
    }
    if (tl_context_create(NULL, &ctx, &error) != TL_OK) {
        fprintf(stderr, "%s\n", error.text);
        return tl_exit_code(error.status);
    }
    const tl_status status = generate(ctx, argc, argv);
    if (status != TL_OK) fprintf(stderr, "%s\n", tl_context_error(ctx)->text);
    tl_context_destroy(ctx);
    return status == TL_OK ? 0 : tl_exit_code(status);
}
