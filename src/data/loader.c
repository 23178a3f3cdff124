#include "data/loader.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "data/file_report.h"
#include "data/loader_picture.h"
#include "data/motion.h"

enum {
    SLOTS = 3,          /* batches in flight: one in use, two being made */
    CHUNK = 4,          /* images that a worker takes at a time */
    WORKER_LIMIT = 256, /* more threads do not help */
    TRIES = 1000        /* consecutive unreadable files after which it gives up */
};

/* A file that was skipped at a position of a batch. */
typedef struct damage {
    uint32_t position, tries, sample;
    tl_error err;
} damage;

/* A batch in flight: number n is in slot n % SLOTS. Members after `ready` belong to the thread that makes
 * or holds it. */
typedef struct slot {
    uint64_t epoch;
    uint32_t first, count; /* in the epoch's order */
    tli_batch_range part;  /* of its images, those that are wanted */
    const uint32_t *order; /* NULL: the set's own */
    uint32_t taken, made;  /* images begun and finished by workers */
    bool ready;
    uint32_t kept; /* images in the batch */
    float *images, *soft;
    int32_t *labels;   /* -1: no image at this position */
    uint32_t *samples; /* for each position: index of the image in the set ... */
    uint8_t *remarks;  /* ... and its tli_image_remark */
    damage *damages;
    uint32_t damage_count, damage_room;
    tl_status failed; /* first error that no replacement can fix */
    tl_error failure;
} slot;

typedef struct worker {
    tli_loader *loader;
    pthread_t thread;
    tli_picture_maker maker;
    float *mixed; /* buffer of one image */
} worker;

/* The lock protects the slots' counters, `next`, `filled` and the flags. */
struct tli_loader {
    tli_loader_options o;
    uint32_t count; /* images in the set */
    uint64_t per_epoch;
    slot slots[SLOTS];
    uint32_t *orders[SLOTS + 1]; /* of epoch e at e % (SLOTS + 1) */
    uint64_t ordered[SLOTS + 1]; /* its epoch; UINT64_MAX: none */
    uint64_t next, filled;       /* batches [next, filled) are in flight */
    bool held;                   /* batch next - 1 is in use */
    worker *workers;
    uint32_t worker_count;
    pthread_mutex_t lock;
    pthread_cond_t work, result;
    bool closing, paused;
    tli_file_report report; /* used by this thread only */
};

static tl_status out_of_memory(tl_error *err)
{
    return tli_fail(err, TL_ERROR_MEMORY,
                    "out of host memory for batches of pictures: use a smaller `training.batch_size`");
}

static size_t picture_values(const tli_loader *l)
{
    return (size_t)3 * l->o.size * l->o.size;
}

/* ---- workers ------------------------------------------------------------------------------------- */

static tl_status note_damage(tli_loader *l, slot *s, const damage *found)
{
    tl_status status = TL_OK;
    pthread_mutex_lock(&l->lock);
    if (s->damage_count == s->damage_room) {
        const uint32_t capacity = 2 * s->damage_room + 8;
        damage *grown = realloc(s->damages, capacity * sizeof *grown);
        if (grown != NULL) {
            s->damages = grown;
            s->damage_room = capacity;
        } else {
            status = TL_ERROR_MEMORY;
        }
    }
    if (status == TL_OK) s->damages[s->damage_count++] = *found;
    pthread_mutex_unlock(&l->lock);
    return status;
}

/* Makes the image at a position of a batch; if unreadable, the next readable one. */
static tl_status fill_position(tli_loader *l, worker *w, slot *s, uint32_t position, tl_error *err)
{
    const uint32_t *labels = l->o.folder != NULL ? l->o.folder->labels : NULL;
    const uint32_t most = !l->o.train || l->o.strict ? 1 : l->count < TRIES ? l->count : TRIES;
    s->labels[position] = -1;
    for (uint32_t tries = 0; tries < most; tries++) {
        const uint32_t at = (uint32_t)(((uint64_t)s->first + position + tries) % l->count);
        const uint32_t sample = s->order != NULL ? s->order[at] : at;
        damage found = {.position = position, .tries = tries, .sample = sample};
        const tl_status status = tli_picture_make(&l->o, &w->maker, s->epoch, sample,
                                                  s->images + position * picture_values(l), &found.err);
        if (status == TL_OK) {
            s->samples[position] = sample;
            s->remarks[position] = l->o.folder != NULL ? (uint8_t)w->maker.decoded.remarks : 0;
            s->labels[position] = (int32_t)(labels != NULL ? labels[sample] : l->o.digits->labels[sample]);
            return TL_OK;
        }
        if (status != TL_ERROR_INPUT) {
            *err = found.err;
            return status;
        }
        if (note_damage(l, s, &found) != TL_OK) return out_of_memory(err);
    }
    if (!l->o.train || l->o.strict) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT, "%s: %u files in a row are no images that can be read",
                    l->o.folder->root, most);
}

/* Whether the image is in the part, or mixed with the next one, which is. */
static bool is_wanted(const slot *s, uint32_t position)
{
    const uint32_t next = (position + 1) % s->count;
    return (position >= s->part.from && position < s->part.to) ||
           (s->soft != NULL && next >= s->part.from && next < s->part.to);
}

/* Makes the image at a position, or leaves a place for it. */
static tl_status take_position(tli_loader *l, worker *w, slot *s, uint32_t position, tl_error *err)
{
    if (is_wanted(s, position)) return fill_position(l, w, s, position, err);
    s->samples[position] = s->remarks[position] = 0;
    s->labels[position] = 0;
    return TL_OK;
}

/* Removes gaps of skipped files, which training has none of unless it ends, and mixes. */
static void loader_complete(tli_loader *l, worker *w, slot *s)
{
    const size_t values = picture_values(l);
    s->kept = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->labels[i] < 0) continue;
        if (s->kept != i)
            memcpy(s->images + s->kept * values, s->images + i * values, values * sizeof(float));
        s->samples[s->kept] = s->samples[i];
        s->remarks[s->kept] = s->remarks[i];
        s->labels[s->kept++] = s->labels[i];
    }
    if (s->soft == NULL) return;
    tli_random r = tli_picture_random(&l->o, "augment/mix", s->epoch, s->first / l->o.batch);
    const tli_mix mix = tli_mix_draw(l->o.augment, &r, l->o.size);
    if (s->kept < s->count) return;
    tli_mix_images(&mix, s->images, s->count, s->part, 3, l->o.size, w->mixed);
    tli_mix_labels(&mix, s->labels, s->count, s->part, l->o.classes, s->soft);
}

static slot *find_work(tli_loader *l)
{
    for (uint64_t n = l->next; n < l->filled && !l->paused; n++)
        if (l->slots[n % SLOTS].taken < l->slots[n % SLOTS].count) return &l->slots[n % SLOTS];
    return NULL;
}

static void *loader_work(void *user)
{
    worker *w = user;
    tli_loader *l = w->loader;
    pthread_mutex_lock(&l->lock);
    while (!l->closing) {
        slot *s = find_work(l);
        if (s == NULL) {
            pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        const uint32_t first = s->taken, left = s->count - first, n = left < CHUNK ? left : CHUNK;
        s->taken += n;
        pthread_mutex_unlock(&l->lock);
        tl_error err = {0};
        tl_status status = TL_OK;
        for (uint32_t i = 0; i < n && status == TL_OK; i++) status = take_position(l, w, s, first + i, &err);
        pthread_mutex_lock(&l->lock);
        if (status != TL_OK && s->failed == TL_OK) {
            s->failed = status;
            s->failure = err;
        }
        if (s->made + n == s->count && s->failed == TL_OK) { /* the last one: no other thread is in it */
            pthread_mutex_unlock(&l->lock);
            loader_complete(l, w, s);
            pthread_mutex_lock(&l->lock);
        }
        s->made += n;
        s->ready = s->made == s->count;
        if (s->ready || l->paused) pthread_cond_signal(&l->result);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- the caller's thread ---------------------------------------------------------------------------- */

static tl_status order_of(tli_loader *l, uint64_t epoch, const uint32_t **order, tl_error *err)
{
    const size_t at = (size_t)(epoch % (SLOTS + 1));
    if (l->orders[at] == NULL) l->orders[at] = malloc(l->count * sizeof *l->orders[at]);
    if (l->orders[at] == NULL) return out_of_memory(err);
    if (l->ordered[at] != epoch) tli_epoch_order(l->o.seed, epoch, l->count, l->orders[at]);
    l->ordered[at] = epoch;
    *order = l->orders[at];
    return TL_OK;
}

/* Gives workers as many batches as there are free slots. Call with the lock, except for what only this
 * thread changes. */
static tl_status fill_slots(tli_loader *l, tl_error *err)
{
    const uint64_t oldest = l->held ? l->next - 1 : l->next;
    while (l->filled < oldest + SLOTS && (l->o.train || l->filled < l->per_epoch)) {
        slot *s = &l->slots[l->filled % SLOTS];
        const uint64_t epoch = l->filled / l->per_epoch;
        s->epoch = epoch;
        s->first = (uint32_t)(l->filled % l->per_epoch) * l->o.batch;
        s->count = l->count - s->first < l->o.batch ? l->count - s->first : l->o.batch;
        s->part = tli_batch_part_range(&l->o.part, s->count);
        s->order = NULL;
        if (l->o.train) TLI_TRY(order_of(l, epoch, &s->order, err));
        s->taken = s->made = s->damage_count = 0;
        s->ready = false;
        s->failed = TL_OK;
        l->filled++;
    }
    pthread_cond_broadcast(&l->work);
    return TL_OK;
}

/* Call with the lock; when it returns no worker uses any slot. */
static void pause_workers(tli_loader *l)
{
    l->paused = true;
    for (uint64_t n = l->next; n < l->filled; n++)
        while (l->slots[n % SLOTS].made < l->slots[n % SLOTS].taken) pthread_cond_wait(&l->result, &l->lock);
    l->paused = false;
}

static int by_position(const void *a, const void *b)
{
    const damage *x = a, *y = b;
    if (x->position != y->position) return x->position < y->position ? -1 : 1;
    return x->tries < y->tries ? -1 : x->tries > y->tries;
}

/* Reports the files of a batch, in the batch's order. */
static tl_status loader_report(tli_loader *l, slot *s, tl_error *err)
{
    if (s->damage_count > 0) qsort(s->damages, s->damage_count, sizeof *s->damages, by_position);
    for (uint32_t i = 0; i < s->damage_count; i++) {
        const damage *d = &s->damages[i];
        if (l->o.strict) return tli_fail(err, TL_ERROR_INPUT, "%s", d->err.text);
        TLI_TRY(tli_file_report_damage(&l->report, d->sample, d->err.text, err));
    }
    if (s->failed != TL_OK) return tli_fail(err, s->failed, "%s", s->failure.text);
    for (uint32_t i = 0; i < s->kept; i++) tli_file_report_remarks(&l->report, s->samples[i], s->remarks[i]);
    return TL_OK;
}

void tli_loader_summarise(const tli_loader *l)
{
    tli_file_report_summary(&l->report);
}

tl_status tli_loader_get(tli_loader *l, uint64_t number, tli_loader_batch *batch, tl_error *err)
{
    *batch = (tli_loader_batch){0};
    pthread_mutex_lock(&l->lock);
    l->held = false;
    if (number != l->next) {
        pause_workers(l);
        l->next = l->filled = number;
    }
    const tl_status status = fill_slots(l, err);
    slot *s = &l->slots[number % SLOTS];
    const bool there = status == TL_OK && number < l->filled;
    if (there) {
        while (!s->ready) pthread_cond_wait(&l->result, &l->lock);
        l->next = number + 1;
        l->held = true;
    }
    pthread_mutex_unlock(&l->lock);
    if (!there) return status;
    TLI_TRY(loader_report(l, s, err));
    *batch = (tli_loader_batch){.count = s->kept,
                                .images = s->images,
                                .labels = s->labels,
                                .soft = s->soft,
                                .passed_over = s->count - s->kept};
    return TL_OK;
}

void tli_loader_release(tli_loader *l)
{
    tl_error ignored; /* a failure occurs again in the next get, which reports it */
    pthread_mutex_lock(&l->lock);
    l->held = false;
    (void)fill_slots(l, &ignored);
    pthread_mutex_unlock(&l->lock);
}

/* ---- create and destroy --------------------------------------------------------------------------- */

static tl_status create_slots(tli_loader *l, tl_error *err)
{
    const uint32_t batch = l->o.batch;
    const bool mixes = l->o.train && (l->o.augment & (TL_AUGMENT_MIXUP | TL_AUGMENT_CUTMIX)) != 0;
    for (int i = 0; i < SLOTS; i++) {
        slot *s = &l->slots[i];
        s->images = malloc(batch * picture_values(l) * sizeof *s->images);
        s->labels = malloc(batch * sizeof *s->labels);
        s->samples = malloc(batch * sizeof *s->samples);
        s->remarks = malloc(batch * sizeof *s->remarks);
        if (mixes) s->soft = malloc((size_t)batch * l->o.classes * sizeof *s->soft);
        if (s->images == NULL || s->labels == NULL || s->samples == NULL || s->remarks == NULL ||
            (mixes && s->soft == NULL))
            return out_of_memory(err);
    }
    return TL_OK;
}

static tl_status start_workers(tli_loader *l, tl_error *err)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t wanted = l->o.workers > 0 ? l->o.workers : cores > 0 ? (uint32_t)cores : 1;
    if (wanted > WORKER_LIMIT) wanted = WORKER_LIMIT;
    l->workers = calloc(wanted, sizeof *l->workers);
    if (l->workers == NULL) return out_of_memory(err);
    int reason = 0;
    while (l->worker_count < wanted) {
        worker *w = &l->workers[l->worker_count];
        w->loader = l;
        w->mixed = malloc(picture_values(l) * sizeof *w->mixed);
        if (w->mixed == NULL || (reason = pthread_create(&w->thread, NULL, loader_work, w)) != 0) {
            free(w->mixed);
            break;
        }
        l->worker_count++;
    }
    if (l->worker_count == 0) /* fewer workers than requested are enough */
        return tli_fail(err, TL_ERROR_MEMORY, "cannot start a thread to load images: %s", strerror(reason));
    return TL_OK;
}

tl_status tli_loader_create(const tli_loader_options *options, tli_loader **out, tl_error *err)
{
    tli_loader *l = calloc(1, sizeof *l);
    if (l == NULL) return out_of_memory(err);
    l->o = *options;
    l->count = options->folder != NULL ? options->folder->count : options->digits->count;
    l->per_epoch = (l->count + (uint64_t)options->batch - 1) / options->batch;
    for (int i = 0; i <= SLOTS; i++) l->ordered[i] = UINT64_MAX;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->result, NULL);
    tl_status status = tli_file_report_begin(&l->report, options->folder, options->train, options->named,
                                             options->log, err);
    if (status == TL_OK) status = create_slots(l, err);
    if (status == TL_OK) status = start_workers(l, err);
    if (status == TL_OK)
        *out = l;
    else
        tli_loader_destroy(l);
    return status;
}

void tli_loader_destroy(tli_loader *l)
{
    if (l == NULL) return;
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (uint32_t i = 0; i < l->worker_count; i++) {
        worker *w = &l->workers[i];
        pthread_join(w->thread, NULL);
        tli_picture_maker_free(&w->maker);
        free(w->mixed);
    }
    free(l->workers);
    for (int i = 0; i < SLOTS; i++) {
        free(l->slots[i].images);
        free(l->slots[i].labels);
        free(l->slots[i].samples);
        free(l->slots[i].remarks);
        free(l->slots[i].soft);
        free(l->slots[i].damages);
    }
    for (int i = 0; i <= SLOTS; i++) free(l->orders[i]);
    tli_file_report_end(&l->report);
    pthread_cond_destroy(&l->result);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

uint64_t tli_loader_batches(const tli_loader *l)
{
    return l->per_epoch;
}

uint32_t tli_loader_workers(const tli_loader *l)
{
    return l->worker_count;
}

uint32_t tli_loader_damaged(const tli_loader *l)
{
    return l->report.damaged;
}
