/* The public tl_tokenize: text files to train.bin and val.bin with several threads and in constant memory. */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/folder.h"
#include "data/text_check.h"
#include "data/tokenizer.h"
#include "data/tokens_chars.h"
#include "data/tokens_input.h"
#include "data/tokens_output.h"

enum { CHUNK_BYTES = 1 << 18, MOST_THREADS = 1024 };

/* A chunk on its way from the reader through a worker to the writer. */
typedef struct slot {
    tli_chunk chunk;
    tli_ids ids;
    size_t *id_ends; /* documents end before ids[id_ends[i]]; as many as the chunk has */
    size_t id_end_room;
    uint64_t not_utf8, nuls; /* of the chunk */
    bool done;
    tl_status status;
    tl_error err;
} slot;

/* A ring of slots: chunk number n is in slot n % slot_count. The caller's thread owns those outside
 * [drained, filled), a worker the one that it took; the lock protects counters and `done`. */
typedef struct build {
    const tl_tokenize_options *options;
    const tli_bpe *bpe; /* NULL: characters */
    tli_input input;
    tli_output output;
    tli_chars chars;
    uint64_t not_utf8, nuls; /* of the chunks drained */
    slot *slots;
    size_t slot_count;
    pthread_t *threads;
    size_t thread_count;
    pthread_mutex_t lock;
    pthread_cond_t work, result;
    uint64_t filled, taken, drained;
    bool closing;
} build;

static tl_status out_of_memory(tl_error *err)
{
    return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while making tokens; try fewer `threads`");
}

/* ---- encoding ------------------------------------------------------------------------------------ */

/* A range of a document, `from` to `to` in the slot's chunk. */
static tl_status encode_stretch(build *b, tli_bpe_encoder *encoder, slot *s, size_t from, size_t to,
                                tl_error *err)
{
    const uint8_t *text = s->chunk.text + from;
    tli_text_count(text, to - from, &s->not_utf8, &s->nuls);
    return encoder != NULL ? tli_bpe_encode(encoder, text, to - from, &s->ids, err)
                           : tli_chars_learn(&b->chars, text, to - from, &s->ids, err);
}

/* encoder NULL: characters. */
static tl_status encode_slot(build *b, tli_bpe_encoder *encoder, slot *s, tl_error *err)
{
    const uint16_t end = encoder != NULL ? (uint16_t)tli_bpe_end_of_text(b->bpe) : TLI_CHARS_NONE;
    s->ids.count = 0;
    s->not_utf8 = s->nuls = 0;
    if (s->chunk.end_count > s->id_end_room) {
        free(s->id_ends);
        s->id_ends = malloc(s->chunk.end_count * sizeof *s->id_ends);
        s->id_end_room = s->id_ends != NULL ? s->chunk.end_count : 0;
        if (s->id_ends == NULL) return out_of_memory(err);
    }
    size_t from = 0;
    for (size_t i = 0; i < s->chunk.end_count; i++) {
        TLI_TRY(encode_stretch(b, encoder, s, from, s->chunk.ends[i], err));
        TLI_TRY(tli_ids_reserve(&s->ids, 1, err));
        s->ids.items[s->ids.count++] = end;
        s->id_ends[i] = s->ids.count;
        from = s->chunk.ends[i];
    }
    return encode_stretch(b, encoder, s, from, s->chunk.bytes, err);
}

static void *build_work(void *user)
{
    build *b = user;
    tli_bpe_encoder *encoder = NULL;
    tl_error err = {0};
    const tl_status created = tli_bpe_encoder_create(b->bpe, &encoder, &err);
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (b->taken == b->filled && !b->closing) pthread_cond_wait(&b->work, &b->lock);
        if (b->closing) break;
        slot *s = &b->slots[b->taken++ % b->slot_count];
        pthread_mutex_unlock(&b->lock);
        s->err = err;
        s->status = created == TL_OK ? encode_slot(b, encoder, s, &s->err) : created;
        pthread_mutex_lock(&b->lock);
        s->done = true;
        pthread_cond_signal(&b->result);
    }
    pthread_mutex_unlock(&b->lock);
    tli_bpe_encoder_free(encoder);
    return NULL;
}

/* ---- reading and writing ------------------------------------------------------------------------- */

static tl_status write_slot(build *b, slot *s, tl_error *err)
{
    size_t from = 0;
    for (size_t i = 0; i < s->chunk.end_count; i++) {
        TLI_TRY(tli_output_write(&b->output, s->ids.items + from, s->id_ends[i] - from, err));
        TLI_TRY(tli_output_end_document(&b->output, err));
        from = s->id_ends[i];
    }
    return from < s->ids.count ? tli_output_write(&b->output, s->ids.items + from, s->ids.count - from, err)
                               : TL_OK;
}

static void build_report(build *b)
{
    const tl_tokenize_options *o = b->options;
    if (o->progress == NULL) return;
    const tl_tokenize_progress p = {
        .bytes = b->input.bytes,
        .total_bytes = b->input.total,
        .documents = b->output.documents,
        .tokens = b->output.files[TLI_TRAIN].tokens + b->output.files[TLI_VAL].tokens,
    };
    o->progress(o->user, &p);
}

/* Waits for the oldest chunk and writes it. */
static tl_status build_drain(build *b, tl_error *err)
{
    slot *s = &b->slots[b->drained % b->slot_count];
    if (b->thread_count > 0) {
        pthread_mutex_lock(&b->lock);
        while (!s->done) pthread_cond_wait(&b->result, &b->lock);
        pthread_mutex_unlock(&b->lock);
    } else {
        s->status = encode_slot(b, NULL, s, &s->err);
    }
    b->drained++;
    if (s->status != TL_OK) return tli_fail(err, s->status, "%s", s->err.text);
    b->not_utf8 += s->not_utf8;
    b->nuls += s->nuls;
    TLI_TRY(write_slot(b, s, err));
    build_report(b);
    return TL_OK;
}

static tl_status build_run(build *b, tl_error *err)
{
    const size_t target = b->options->chunk > 0 ? b->options->chunk : CHUNK_BYTES;
    bool more = true;
    while (more || b->drained < b->filled) {
        if (b->options->stop != NULL && *b->options->stop != 0)
            return tli_fail(err, TL_INTERRUPTED, "stopped; nothing was written to %s", b->options->out);
        if (!more || b->filled - b->drained == b->slot_count) {
            TLI_TRY(build_drain(b, err));
            continue;
        }
        slot *s = &b->slots[b->filled % b->slot_count];
        TLI_TRY(tli_input_next(&b->input, target, &s->chunk, &more, err));
        if (!more) continue;
        pthread_mutex_lock(&b->lock);
        s->done = false;
        b->filled++;
        pthread_cond_signal(&b->work);
        pthread_mutex_unlock(&b->lock);
    }
    return TL_OK;
}

/* ---- finishing -------------------------------------------------------------------------------------- */

/* Writes chars.json under a temporary name beside the token files. */
static tl_status save_chars(const build *b, const char *temporary, tl_error *err)
{
    FILE *file = fopen(temporary, "wb");
    if (file == NULL) return tli_fail(err, TL_ERROR_IO, "cannot write %s: %s", temporary, strerror(errno));
    tl_status status = tli_chars_save(&b->chars, file, temporary, err);
    if (status == TL_OK) fsync(fileno(file));
    if (fclose(file) != 0 && status == TL_OK)
        status = tli_fail(err, TL_ERROR_IO, "cannot write %s: %s", temporary, strerror(errno));
    if (status != TL_OK) unlink(temporary);
    return status;
}

static tl_status finish_chars(build *b, tl_error *err)
{
    const bool several = b->output.documents > 1;
    uint16_t *map = malloc(65536 * sizeof *map);
    if (map == NULL) return out_of_memory(err);
    tl_status status = several ? TL_OK : tli_output_take_back(&b->output, 1, err);
    if (status == TL_OK) status = tli_chars_sort(&b->chars, several, map, err);
    if (status == TL_OK) status = tli_output_map(&b->output, map, err);
    free(map);
    return status;
}

static tl_status build_finish(build *b, tl_error *err)
{
    char chars[TLI_OUTPUT_PATH], temporary[TLI_OUTPUT_PATH + 32];
    const bool by_chars = b->bpe == NULL;
    if (b->output.documents == 0)
        return tli_fail(err, TL_ERROR_INPUT, "the input holds no text: %s%s", b->options->files[0],
                        b->options->file_count > 1 ? " and the files behind it are empty" : " is empty");
    if (by_chars) TLI_TRY(finish_chars(b, err));
    TLI_TRY(tli_output_balance(&b->output, b->options->cut_single, err));
    snprintf(chars, sizeof chars, "%s/chars.json", b->options->out);
    snprintf(temporary, sizeof temporary, "%s.tmp-%ld", chars, (long)getpid());
    if (by_chars) TLI_TRY(save_chars(b, temporary, err));
    tl_status status = tli_output_commit(&b->output, err);
    if (by_chars && status == TL_OK && rename(temporary, chars) != 0)
        status = tli_fail(err, TL_ERROR_IO, "cannot write %s: %s", chars, strerror(errno));
    if (by_chars && status != TL_OK) unlink(temporary);
    /* an older chars.json would not match the ids */
    if (!by_chars && status == TL_OK) unlink(chars);
    return status;
}

/* ---- all together -------------------------------------------------------------------------------- */

static uint32_t count_cores(void)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (uint32_t)cores : 1;
}

static tl_status build_begin(build *b, tl_error *err)
{
    const tl_tokenize_options *o = b->options;
    if (b->bpe != NULL && tli_bpe_end_of_text(b->bpe) < 0)
        return tli_fail(err, TL_ERROR_INPUT,
                        "the encoder has no token <|endoftext|>, which must stand between documents");
    TLI_TRY(tli_input_open(&b->input, o->files, o->file_count, o->separator, o->stop, err));
    TLI_TRY(tli_output_open(&b->output, o->out, o->val_fraction, o->seed, err));
    const size_t wanted = b->bpe == NULL ? 0 : o->threads > 0 ? o->threads : count_cores();
    b->slot_count = wanted > 0 ? 2 * wanted + 2 : 1;
    b->slots = calloc(b->slot_count, sizeof *b->slots);
    b->threads = calloc(wanted + 1, sizeof *b->threads);
    if (b->slots == NULL || b->threads == NULL) return out_of_memory(err);
    if (wanted == 0) return tli_chars_create(&b->chars, err);
    int reason = 0;
    while (b->thread_count < wanted &&
           (reason = pthread_create(&b->threads[b->thread_count], NULL, build_work, b)) == 0)
        b->thread_count++;
    if (b->thread_count == 0)
        return tli_fail(err, TL_ERROR_MEMORY, "cannot start a thread: %s", strerror(reason));
    return TL_OK;
}

static void build_end(build *b)
{
    pthread_mutex_lock(&b->lock);
    b->closing = true;
    pthread_cond_broadcast(&b->work);
    pthread_mutex_unlock(&b->lock);
    for (size_t i = 0; i < b->thread_count; i++) pthread_join(b->threads[i], NULL);
    for (size_t i = 0; b->slots != NULL && i < b->slot_count; i++) {
        tli_chunk_free(&b->slots[i].chunk);
        tli_ids_free(&b->slots[i].ids);
        free(b->slots[i].id_ends);
    }
    free(b->slots);
    free(b->threads);
    tli_chars_free(&b->chars);
    tli_output_close(&b->output);
    tli_input_close(&b->input);
}

static tl_status build_all(const tl_tokenize_options *options, tl_tokenize_result *result, tl_error *err)
{
    build *b = calloc(1, sizeof *b);
    if (b == NULL) return out_of_memory(err);
    b->options = options;
    b->bpe = options->tokenizer != NULL ? options->tokenizer->bpe : NULL;
    b->input.fd = b->output.files[0].fd = b->output.files[1].fd = -1;
    if (pthread_mutex_init(&b->lock, NULL) != 0 || pthread_cond_init(&b->work, NULL) != 0 ||
        pthread_cond_init(&b->result, NULL) != 0) {
        free(b);
        return out_of_memory(err);
    }
    tl_status status = build_begin(b, err);
    if (status == TL_OK) status = build_run(b, err);
    if (status == TL_OK) status = build_finish(b, err);
    if (status == TL_OK)
        *result = (tl_tokenize_result){
            .bytes = b->input.bytes,
            .documents = b->output.documents,
            .val_documents = b->output.files[TLI_VAL].documents,
            .train_tokens = b->output.files[TLI_TRAIN].tokens,
            .val_tokens = b->output.files[TLI_VAL].tokens,
            .not_utf8 = b->not_utf8,
            .nuls = b->nuls,
            .marks = b->input.marks,
            .vocab_size = b->bpe != NULL ? tli_bpe_size(b->bpe) : b->chars.size,
        };
    build_end(b);
    pthread_cond_destroy(&b->result);
    pthread_cond_destroy(&b->work);
    pthread_mutex_destroy(&b->lock);
    free(b);
    return status;
}

static tl_status check_options(const tl_tokenize_options *o, tl_error *err)
{
    if (o->files == NULL || o->file_count == 0 || o->out == NULL || o->out[0] == '\0')
        return tli_fail(err, TL_ERROR_USAGE, "tl_tokenize takes files, at least one, and `out`, a folder");
    for (size_t i = 0; i < o->file_count; i++)
        if (o->files[i] == NULL)
            return tli_fail(err, TL_ERROR_USAGE, "files[%zu] of %zu is NULL", i, o->file_count);
    if (o->separator != NULL && strchr(o->separator, '\n') != NULL)
        return tli_fail(err, TL_ERROR_USAGE, "`separator` takes one line, without a line end");
    if (!(o->val_fraction >= 0 && o->val_fraction <= 1))
        return tli_fail(err, TL_ERROR_USAGE,
                        "`val_fraction` takes a number from 0 to 1, and this one is outside");
    if (o->threads > MOST_THREADS)
        return tli_fail(err, TL_ERROR_USAGE, "`threads` takes a whole number from 0 to %d, not %u",
                        MOST_THREADS, o->threads);
    if (o->tokenizer != NULL && o->tokenizer->bpe == NULL)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "the tokenizer is one of characters, whose vocabulary is made of the text: give none");
    return TL_OK;
}

tl_status tl_tokenize(const tl_tokenize_options *options, tl_tokenize_result *result, tl_error *err)
{
    if (options == NULL || result == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_tokenize takes options and a place for the result: one is NULL");
    memset(result, 0, sizeof *result);
    tl_tokenize_options own;
    tli_folder folder;
    TLI_TRY(TLI_CONFIG_TAKE(&own, options, tl_tokenize_options, err));
    TLI_TRY(check_options(&own, err));
    TLI_TRY(tli_folder_make(&folder, own.out, err));
    const tl_status status = build_all(&own, result, err);
    if (status != TL_OK) tli_folder_unmake(&folder);
    return status;
}
