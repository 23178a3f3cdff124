/* The task gpt: windows of token files, or of generated text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/synthetic_text.h"
#include "tasks/task.h"

struct tli_task_data {
    tl_settings *s;
    tli_tokens train, test;
    char *vocabulary;          /* of the data, owned */
    const char *labels;        /* of the model: `vocabulary` or, in a test, the checkpoint's; NULL: unknown */
    uint64_t filled;           /* step of the batch; UINT64_MAX: none */
    uint32_t *window;          /* one window: input ids and target ids, [2][seq_len] */
    int32_t *tokens, *targets; /* [batch][seq_len] */
    uint32_t capacity, count;  /* sequences allocated; sequences in the batch */
    tli_batch_part part;       /* of training batches */
};

static void set_defaults(tl_settings *s)
{
    s->model.seq_len = 160;
    s->model.vocab_size = 50257;
    s->training.epochs = 300;
    s->training.samples_per_epoch = 32000;
    s->training.batch_size = 8;
    s->training.grad_clip = 1.0f;
}

static const field own_fields[] = {
    {.key = "vocabulary",
     .type = FIELD_LABELS,
     .use = FIELD_STORED,
     .after = "vocab_size",
     .described = "the vocabulary of `run.data`"},
    FIELD(training, samples_per_epoch, FIELD_U64, FIELD_STORED | FIELD_TRAIN, .low = 1, .high = 4294967295.0,
          .zero_is_unset = true, /* `check` refuses 0 with its own message */
          .after = "warmup", .flag = "samples-per-epoch",
          .help = "random windows of the text that make an epoch (default: @)"),
};

static bool is_synthetic(const tl_settings *s)
{
    return strcmp(s->run.data, "synthetic") == 0;
}

static tl_status text_check(const tl_settings *s, tl_error *err)
{
    if (is_synthetic(s) && s->model.vocab_size < TLI_TEXT_SYMBOLS)
        return tli_fail(err, TL_ERROR_USAGE,
                        "`model.vocab_size` %u is too small: the synthetic text has %d characters",
                        s->model.vocab_size, TLI_TEXT_SYMBOLS);
    if (s->training.samples_per_epoch < 1)
        return tli_fail(err, TL_ERROR_USAGE,
                        "an epoch has 0 windows: give `training.samples_per_epoch` at least 1");
    return TL_OK;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static tl_status text_load(const tli_task_data *d, bool train, tli_tokens *tokens, tl_error *err)
{
    const tl_settings *s = d->s;
    char path[1100];
    const uint32_t length = s->model.seq_len,
                   limit = train ? s->training.limit_train : s->training.limit_test;
    const bool by_chars = d->labels != NULL && d->labels[0] == '{';
    snprintf(path, sizeof path, "%s/%s.bin", s->run.data, train ? "train" : "val");
    if (is_synthetic(s))
        TLI_TRY(tli_text_draw(s->training.seed, train, tokens, err));
    else
        TLI_TRY(tli_tokens_open(path, s->model.vocab_size, by_chars, tokens, err));
    const uint64_t limited = (uint64_t)limit * length + 1;
    if (limit > 0 && tokens->count > limited) tokens->count = limited;
    return tli_tokens_check_window(tokens, length, err);
}

/* Vocabulary of the data: chars.json beside them, or else that of a BPE. */
static tl_status read_vocabulary(const tl_settings *s, char **text, uint32_t *size, tl_error *err)
{
    char path[1100];
    tli_chars chars = {0};
    *size = 0;
    snprintf(path, sizeof path, "%s/chars.json", s->run.data);
    if (!is_synthetic(s) && access(path, F_OK) != 0) {
        *text = strdup("bpe");
        return *text != NULL ? TL_OK
                             : tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the vocabulary");
    }
    if (is_synthetic(s))
        TLI_TRY(tli_text_chars(&chars, err));
    else
        TLI_TRY(tli_chars_load(path, &chars, err));
    *size = chars.size;
    const tl_status status = tli_chars_text(&chars, text, err);
    tli_chars_free(&chars);
    return status;
}

/* The model gets the data's vocabulary. A trained model keeps its own, and the data must have the same. */
static tl_status settle_vocabulary(tli_task_data *d, bool train, tl_error *err)
{
    tl_settings *s = d->s;
    uint32_t size;
    TLI_TRY(read_vocabulary(s, &d->vocabulary, &size, err));
    if (!train) {
        if (d->labels == NULL || strcmp(d->labels, d->vocabulary) == 0) return TL_OK;
        return tli_fail(
            err, TL_ERROR_INPUT,
            "the ids of %s do not stand for the %s that the model was trained on: give token files of the "
            "same vocabulary",
            s->run.data, d->labels[0] == '{' ? "characters" : "tokens");
    }
    d->labels = d->vocabulary;
    if (size == 0 || is_synthetic(s)) return TL_OK;
    if (!s->run.exact_labels) s->model.vocab_size = size;
    if (s->model.vocab_size >= size) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT,
                    "`model.vocab_size` %u is too small: %s/chars.json has %u characters",
                    s->model.vocab_size, s->run.data, size);
}

static void close_data(tli_task_data *d)
{
    if (d == NULL) return;
    tli_tokens_close(&d->train);
    tli_tokens_close(&d->test);
    free(d->vocabulary);
    free(d->window);
    free(d->tokens);
    free(d->targets);
    free(d);
}

static tl_status open_data(tl_settings *s, const task_opening *how, tli_task_data **data, tl_error *err)
{
    const bool train = how->train;
    tli_task_data *d = calloc(1, sizeof *d);
    if (d == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the text of %s", s->run.data);
    d->s = s;
    d->labels = how->labels;
    d->part = how->part;
    d->filled = UINT64_MAX;
    d->window = malloc(2 * (size_t)s->model.seq_len * sizeof *d->window);
    tl_status status = d->window != NULL ? settle_vocabulary(d, train, err)
                                         : tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a window");
    if (status == TL_OK && train) status = text_load(d, true, &d->train, err);
    if (status == TL_OK) status = text_load(d, false, &d->test, err);
    if (status == TL_OK)
        *data = d;
    else
        close_data(d);
    return status;
}

static tl_status text_look(tl_settings *s, tl_error *err)
{
    char path[1100];
    tli_task_data d = {.s = s};
    snprintf(path, sizeof path, "%s/train.bin", s->run.data);
    if (!is_synthetic(s) && access(path, R_OK) != 0)
        return tli_fail(err, TL_ERROR_INPUT, "cannot read the token file %s: %s", path, strerror(errno));
    const tl_status status = settle_vocabulary(&d, true, err);
    free(d.vocabulary);
    return status;
}

static const char *labels(const tli_task_data *d)
{
    return d->labels;
}

static uint64_t text_samples(const tli_task_data *d)
{
    return d->s->training.samples_per_epoch;
}

static tli_set_identity text_identify(const tli_task_data *d, bool train)
{
    const tli_tokens *tokens = train ? &d->train : &d->test;
    tli_set_identity identity = {.samples = tokens->count};
    if (is_synthetic(d->s))
        tli_identity_add(&identity, d->s->run.data, strlen(d->s->run.data));
    else
        tli_identity_add_ends(&identity, tokens->bytes, tokens->mapped);
    return identity;
}

/* ---- batches ------------------------------------------------------------------------------------- */

static tl_status ensure_batch(tli_task_data *d, tl_error *err)
{
    const uint32_t wanted = d->s->training.batch_size;
    const size_t ids = (size_t)wanted * d->s->model.seq_len;
    if (d->capacity >= wanted) return TL_OK;
    free(d->tokens);
    free(d->targets);
    d->tokens = malloc(ids * sizeof *d->tokens);
    d->targets = malloc(ids * sizeof *d->targets);
    d->capacity = d->tokens != NULL && d->targets != NULL ? wanted : 0;
    if (d->capacity == wanted) return TL_OK;
    return tli_fail(err, TL_ERROR_MEMORY,
                    "out of host memory for a batch of %u windows: use a smaller `training.batch_size`",
                    wanted);
}

static void text_fill(tli_task_data *d, const tli_tokens *text, uint32_t sample, uint64_t start)
{
    const uint32_t length = d->s->model.seq_len;
    tli_tokens_read_window(text, start, length, d->window, d->window + length);
    for (uint32_t i = 0; i < length; i++) {
        d->tokens[(size_t)sample * length + i] = (int32_t)d->window[i];
        d->targets[(size_t)sample * length + i] = (int32_t)d->window[length + i];
    }
}

static tl_batch inputs_of(const tli_task_data *d)
{
    return (tl_batch){
        .count = d->count, .tokens = d->tokens, .length = d->s->model.seq_len, .targets = d->targets};
}

static tl_status text_prepare(tli_task_data *d, uint64_t done, tl_error *err)
{
    const tl_settings *s = d->s;
    if (d->filled == done) return TL_OK;
    TLI_TRY(ensure_batch(d, err));
    const uint64_t steps = (s->training.samples_per_epoch + s->training.batch_size - 1) /
                           s->training.batch_size,
                   epoch = done / steps;
    const uint64_t first = done % steps * s->training.batch_size,
                   left = s->training.samples_per_epoch - first;
    d->count = left < s->training.batch_size ? (uint32_t)left : s->training.batch_size;
    const tli_batch_range range = tli_batch_part_range(&d->part, d->count);
    for (uint32_t i = range.from; i < range.to; i++)
        text_fill(d, &d->train, i,
                  tli_tokens_random_window(&d->train, s->training.seed, epoch, first + i, s->model.seq_len));
    d->filled = done;
    return TL_OK;
}

static tl_status text_batch(tli_task_data *d, uint64_t done, tl_batch *inputs, tl_error *err)
{
    TLI_TRY(text_prepare(d, done, err));
    *inputs = inputs_of(d);
    return TL_OK;
}

/* ---- testing ------------------------------------------------------------------------------------- */

static int main_set(const tl_settings *s)
{
    (void)s;
    return 0;
}

/* Consecutive windows: every token but the first is predicted once, from the tokens before it in its
 * window. */
static tl_status test_begin(tli_task_data *d, int set, uint64_t *batches, tl_error *err)
{
    const uint64_t windows = tli_tokens_window_count(&d->test, d->s->model.seq_len);
    *batches = (windows + d->s->training.batch_size - 1) / d->s->training.batch_size;
    d->filled = UINT64_MAX; /* the test windows overwrite the batch */
    return ensure_batch(d, err);
}

static tl_status test_batch(tli_task_data *d, int set, uint64_t number, tli_test_batch *batch, tl_error *err)
{
    const uint32_t length = d->s->model.seq_len, size = d->s->training.batch_size;
    const uint64_t first = number * size, left = tli_tokens_window_count(&d->test, length) - first;
    d->count = left < size ? (uint32_t)left : size;
    for (uint32_t i = 0; i < d->count; i++) text_fill(d, &d->test, i, (first + i) * length);
    batch->inputs = inputs_of(d);
    return TL_OK;
}

const tli_task tli_task_text = {
    .name = "gpt",
    .unit = "tokens",
    .classifies = false,
    .sets = 1,
    .arch = TL_ARCH_GPT,
    .example = "--data data/tales --op alpha --out runs/tales",
    .data_help = "folder of train.bin and val.bin (see `tokenize`)",
    .fields = FIELDS(own_fields),
    .set_defaults = set_defaults,
    .check = text_check,
    .look = text_look,
    .open = open_data,
    .close = close_data,
    .labels = labels,
    .samples = text_samples,
    .identify = text_identify,
    .batch = text_batch,
    .prepare = text_prepare,
    .main_set = main_set,
    .test_begin = test_begin,
    .test_batch = test_batch,
};
