/* The public tl_generate: text from a GPT checkpoint, token by token. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/progress.h"
#include "core/random.h"
#include "infer/sample.h"
#include "infer/text_checkpoint.h"
#include "models/gpt.h"
#include "tasks/model_file.h"
#include "tasks/offset_share.h"

typedef struct run {
    tl_context *ctx;
    const tl_generation *g;
    tli_sampling sampling;
    tl_settings settings;
    tl_tokenizer *tokenizer;
    tl_model *model;
    tli_ids ids; /* prompt and generated tokens */
    uint64_t start,
        kept;         /* start of the context of the last forward, and number of its ids in the KV cache */
    int32_t *context; /* [seq_len] */
    float *logits;    /* [vocab_size] */
    tli_candidate *candidates; /* [vocab_size] */
    uint32_t *unknown;         /* ids of the model that the vocabulary lacks: they decode to nothing */
    uint32_t unknown_count;
} run;

/* ---- setting up ---------------------------------------------------------------------------------- */

/* The prompt's ids; without a prompt, the id that starts a text. */
static tl_status encode_prompt(run *r)
{
    tl_error *err = tl_context_error(r->ctx);
    const char *prompt = r->g->prompt;
    const int32_t end_of_text = tl_tokenizer_end_of_text(r->tokenizer);
    if (prompt[0] != '\0') return tli_tokenizer_encode(r->tokenizer, prompt, strlen(prompt), &r->ids, err);
    if (end_of_text < 0) {
        if (tli_tokenizer_encode(r->tokenizer, "\n", 1, &r->ids, NULL) == TL_OK) return TL_OK;
        return tli_fail(err, TL_ERROR_USAGE,
                        "the model knows no end of text and no end of line: give a `prompt`");
    }
    TLI_TRY(tli_ids_reserve(&r->ids, 1, err));
    r->ids.items[r->ids.count++] = (uint16_t)end_of_text;
    return TL_OK;
}

static void find_unknown(run *r)
{
    uint8_t buffer[4];
    size_t bytes;
    for (uint32_t id = 0; id < r->settings.model.vocab_size; id++)
        if (tli_tokenizer_token(r->tokenizer, id, buffer, &bytes) == NULL)
            r->unknown[r->unknown_count++] = id;
}

static tl_status create_model(run *r, tli_safetensors *st)
{
    const tl_model_config *c = &r->settings.model;
    r->context = malloc(c->seq_len * sizeof *r->context);
    r->logits = malloc(c->vocab_size * sizeof *r->logits);
    r->candidates = malloc(c->vocab_size * sizeof *r->candidates);
    r->unknown = malloc(c->vocab_size * sizeof *r->unknown);
    if (r->context == NULL || r->logits == NULL || r->candidates == NULL || r->unknown == NULL)
        return tli_fail(tl_context_error(r->ctx), TL_ERROR_MEMORY, "out of host memory for the logits");
    find_unknown(r);
    const tl_model_options options = {.size = sizeof options, .batch = 1, .kv_cache = !r->g->no_cache};
    const tl_model_config own = tli_own_share(c, r->g->ranks);
    TLI_TRY(tli_model_create(r->ctx, &own, &options, NULL, &r->model));
    TLI_TRY(tli_model_share(r->ctx, r->model, r->g->ranks));
    return tli_model_load(r->ctx, tli_model_registry(r->model), st);
}

/* ---- token by token ------------------------------------------------------------------------------ */

/* The logits after the text so far. Tokens of the context that are in the KV cache are not recomputed. */
static tl_status next_logits(run *r)
{
    const uint32_t length = r->settings.model.seq_len;
    const uint64_t count = r->ids.count, start = count > length ? count - length : 0;
    if (r->g->no_cache || start != r->start) r->kept = 0;
    r->start = start;
    const uint32_t first = (uint32_t)r->kept, more = (uint32_t)(count - start - first);
    for (uint32_t i = 0; i < more; i++) r->context[i] = r->ids.items[start + first + i];
    const tl_batch inputs = {.count = 1, .tokens = r->context, .length = more, .first = first};
    TLI_TRY(tli_model_set_batch(r->ctx, r->model, &inputs));
    TLI_TRY(tli_model_forward(r->ctx, r->model));
    r->kept = count - start;
    return tli_gpt_read_logits(r->ctx, r->model, more - 1, r->logits);
}

static tl_status write_token(run *r, uint32_t id)
{
    uint8_t buffer[4];
    size_t bytes;
    const uint8_t *text = tli_tokenizer_token(r->tokenizer, id, buffer, &bytes);
    return r->g->write(r->g->user, (int32_t)id, (const char *)text, bytes, tl_context_error(r->ctx));
}

/* Said before the text, which a notice must not interrupt. The last token drawn is never in the context. */
static void announce_sliding(const run *r)
{
    const uint32_t length = r->settings.model.seq_len;
    if (r->g->tokens == 0 || r->ids.count + r->g->tokens - 1 <= length) return;
    tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE,
                  "prompt and new tokens are more than the context of %u tokens, which slides: only the last "
                  "%u are seen",
                  length, length);
}

/* The signal of any rank ends all after the same token. */
static tl_status heed_stop(const run *r)
{
    tl_error *err = tl_context_error(r->ctx);
    int number = r->g->stop != NULL ? (int)*r->g->stop : 0;
    TLI_TRY(tli_ranks_largest(r->g->ranks, &number, err));
    return number == 0 ? TL_OK : tli_fail(err, TL_INTERRUPTED, "stopped by signal %d", number);
}

static tl_status run_tokens(run *r, tli_progress *progress, uint64_t *made)
{
    tl_error *err = tl_context_error(r->ctx);
    tli_random random = tli_random_make(r->g->seed, tli_random_stream("generate"));
    announce_sliding(r);
    if (r->g->prompt[0] != '\0')
        TLI_TRY(r->g->write(r->g->user, -1, r->g->prompt, strlen(r->g->prompt), err));
    while (*made < r->g->tokens) {
        uint32_t id;
        TLI_TRY(next_logits(r));
        for (uint32_t i = 0; i < r->unknown_count; i++) r->logits[r->unknown[i]] = -INFINITY;
        const double u = (double)tli_random_uniform(&random);
        TLI_TRY(
            tli_sample(r->logits, r->settings.model.vocab_size, &r->sampling, u, r->candidates, &id, err));
        TLI_TRY(
            tli_ranks_broadcast(r->g->ranks, &id, sizeof id, err)); /* other devices may round differently */
        if ((int32_t)id == tl_tokenizer_end_of_text(r->tokenizer)) return TL_OK;
        TLI_TRY(write_token(r, id));
        ++*made;
        TLI_TRY(tli_ids_reserve(&r->ids, 1, err));
        r->ids.items[r->ids.count++] = (uint16_t)id;
        tli_progress_update(progress, *made, tli_clock_seconds());
        TLI_TRY(heed_stop(r));
    }
    return TL_OK;
}

static tl_status generate_tokens(run *r, tli_safetensors *st, uint64_t *made)
{
    TLI_TRY(tli_text_checkpoint_read(st, r->g->vocab, r->g->encoder, &r->settings, &r->tokenizer,
                                     tl_context_error(r->ctx)));
    TLI_TRY(
        tli_check_all_share(&r->settings.model, r->g->offset_ranks, r->g->ranks, tl_context_error(r->ctx)));
    TLI_TRY(encode_prompt(r));
    TLI_TRY(create_model(r, st));
    tli_progress progress;
    tli_progress_begin(&progress, r->g->progress, "generating", "tokens", r->g->tokens, tli_clock_seconds());
    const tl_status status = run_tokens(r, &progress, made);
    tli_progress_clear(&progress);
    return status;
}

static tl_status check_generation(const tl_generation *g, tl_error *err)
{
    if (g->write == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "there is nobody to take the text: write of tl_generation is NULL");
    if (!(g->temperature >= 0 && g->temperature < INFINITY))
        return tli_fail(err, TL_ERROR_USAGE,
                        "`temperature` takes a number from 0, and this one is below or none");
    if (!(g->top_p >= 0 && g->top_p <= 1))
        return tli_fail(err, TL_ERROR_USAGE, "`top_p` takes a number from 0 to 1, and this one is outside");
    return TL_OK;
}

tl_status tl_generate(tl_context *ctx, const char *checkpoint, const tl_generation *generation,
                      uint64_t *made)
{
    tl_error *err = tl_context_error(ctx);
    uint64_t count = 0;
    if (made != NULL) *made = 0;
    if (ctx == NULL || checkpoint == NULL || generation == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "tl_generate takes a context, a checkpoint and a tl_generation");
    tl_generation own;
    TLI_TRY(TLI_CONFIG_TAKE(&own, generation, tl_generation, err));
    TLI_TRY(check_generation(&own, err));
    if (own.prompt == NULL) own.prompt = "";
    run r = {.ctx = ctx, .g = &own, .sampling = {own.temperature, own.top_k, own.top_p > 0 ? own.top_p : 1}};
    tli_safetensors st;
    TLI_TRY(tli_checkpoint_open(checkpoint, &st, err));
    const tl_status status = generate_tokens(&r, &st, &count);
    if (made != NULL) *made = count;
    tli_model_destroy(ctx, r.model);
    tl_tokenizer_destroy(r.tokenizer);
    tli_ids_free(&r.ids);
    free(r.context);
    free(r.logits);
    free(r.candidates);
    free(r.unknown);
    tli_st_close(&st);
    return status;
}
