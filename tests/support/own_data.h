/* Data of a program that uses the library, made of numbers: images of any grid, and sequences. */
#ifndef TESTS_OWN_DATA_H
#define TESTS_OWN_DATA_H

#include <translution/translution.h>

#include "files.h"

enum { OWN_CLASSES = 4, OWN_LENGTH = 8, OWN_VOCABULARY = 16, OWN_VALUES = 2 * 2 * 8 * 6, OWN_BATCH = 16 };

typedef struct own_data {
    uint64_t values; /* floats of an image */
    float images[OWN_BATCH * OWN_VALUES];
    int32_t tokens[OWN_BATCH * OWN_LENGTH], targets[OWN_BATCH * OWN_LENGTH];
    int asked[2]; /* batches of each set */
    tl_batch_request last;
    void (*spoil)(tl_batch *batch); /* makes the batch wrong; NULL: it is right */
    const char *fails;              /* the sentence with which `fill` fails; NULL: it does not */
} own_data;

/* A small fixed sequence in [0, 1). */
static inline float own_number(uint64_t sample, uint64_t i)
{
    uint32_t v = (uint32_t)(sample * 7919 + i + 1) * 2654435761u;
    v = (v ^ v >> 15) * 2246822519u;
    return (float)(v >> 8) * 0x1p-24f;
}

static inline tl_status own_begin(own_data *d, const tl_batch_request *request, tl_error *err)
{
    d->asked[request->set]++;
    d->last = *request;
    if (d->fails == NULL) return TL_OK;
    snprintf(err->text, sizeof err->text, "%s", d->fails);
    return TL_ERROR_INPUT;
}

/* Images whose class is the brightest quarter; noise that differs from epoch to epoch. */
static inline tl_status own_images(void *user, const tl_batch_request *request, tl_batch *batch,
                                   tl_error *err)
{
    own_data *d = user;
    const tl_status status = own_begin(d, request, err);
    for (uint32_t i = 0; i < request->count; i++) {
        const uint64_t sample = request->samples[i] + (request->set == TL_SET_TEST ? 1000 : 0);
        float *image = d->images + i * d->values;
        d->targets[i] = (int32_t)(sample % OWN_CLASSES);
        for (uint64_t v = 0; v < d->values; v++)
            image[v] = 0.2f * own_number(sample, v + 100 * request->epoch) +
                       (float)(v * OWN_CLASSES / d->values == (uint64_t)d->targets[i]);
    }
    batch->images = d->images;
    batch->targets = d->targets;
    if (d->spoil != NULL) d->spoil(batch);
    return status;
}

/* Sequences that count up from the sample's number. */
static inline tl_status own_sequences(void *user, const tl_batch_request *request, tl_batch *batch,
                                      tl_error *err)
{
    own_data *d = user;
    const tl_status status = own_begin(d, request, err);
    for (uint32_t i = 0; i < request->count; i++)
        for (uint64_t t = 0; t < OWN_LENGTH; t++) {
            d->tokens[i * OWN_LENGTH + t] = (int32_t)((request->samples[i] + t) % OWN_VOCABULARY);
            d->targets[i * OWN_LENGTH + t] = (int32_t)((request->samples[i] + t + 1) % OWN_VOCABULARY);
        }
    batch->tokens = d->tokens;
    batch->targets = d->targets;
    batch->length = OWN_LENGTH;
    if (d->spoil != NULL) d->spoil(batch);
    return status;
}

/* A run of 20 steps, two and a half epochs of 8 of which the last is smaller, into the folder `out`. */
static inline tl_settings own_settings(const char *task, const char *out)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, task));
    s.model.dim = 8, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 4, s.model.mlp_dim = 16;
    s.model.op = TL_OP_TRANSLUTION;
    if (s.model.arch == TL_ARCH_VIT) {
        s.model.image_height = 8, s.model.image_width = 6, s.model.patch_height = 4, s.model.patch_width = 3;
        s.model.channels = 2, s.model.classes = OWN_CLASSES;
    } else {
        s.model.seq_len = OWN_LENGTH, s.model.vocab_size = OWN_VOCABULARY;
    }
    s.training.batch_size = OWN_BATCH, s.training.steps = 20, s.training.lr = 3e-3f;
    snprintf(s.run.out, sizeof s.run.out, "%s", at(out));
    return s;
}
#define own_settings(...) VALUE_FROM_HERE(own_settings(__VA_ARGS__))

/* Of these settings; `d` is emptied. */
static inline tl_data own_of(own_data *d, const tl_settings *s)
{
    const tl_model_config *m = &s->model;
    memset(d, 0, sizeof *d);
    d->values = (uint64_t)m->channels * m->image_depth * m->image_height * m->image_width;
    return (tl_data){.size = sizeof(tl_data),
                     .user = d,
                     .samples = 120,
                     .test_samples = 40,
                     .shuffle = true,
                     .fill = m->arch == TL_ARCH_VIT ? own_images : own_sequences,
                     .identity = "numbers"};
}

#endif
