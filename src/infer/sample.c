#include "infer/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/arithmetic.h"

/* Never 0, so that any sort gives the same order. */
static int sample_descending(const void *a, const void *b)
{
    const tli_candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

void tli_candidates_sort(tli_candidate *candidates, uint32_t count)
{
    qsort(candidates, count, sizeof *candidates, sample_descending);
}

static void swap(tli_candidate *a, tli_candidate *b)
{
    const tli_candidate kept = *a;
    *a = *b;
    *b = kept;
}

/* Brings the `first` candidates that sorting would put in front to the front, in any order. */
static void partition_first(tli_candidate *list, uint32_t count, uint32_t first)
{
    uint32_t low = 0, high = count; /* the border is inside [low, high) */
    while (high - low > 1) {
        uint32_t front = low;
        swap(&list[low + (high - low) / 2], &list[high - 1]);
        for (uint32_t i = low; i + 1 < high; i++)
            if (sample_descending(&list[i], &list[high - 1]) < 0) swap(&list[i], &list[front++]);
        swap(&list[front], &list[high - 1]);
        if (front < first)
            low = front + 1;
        else
            high = front;
    }
}

/* The same, faster where `first` is a small part of `count`: most candidates are rejected by one comparison with the last of the
 * first ones found so far. */
static void select_first(tli_candidate *list, uint32_t count, uint32_t first)
{
    enum { LEAST = 256 };
    /* of the buffer at the front of the list: the first ones found so far, and those that are better than the last of them */
    const uint32_t room = (uint32_t)tli_larger(2 * (uint64_t)first, LEAST);
    if (count <= room) {
        partition_first(list, count, first);
        return;
    }
    tli_candidate last = {0};
    uint32_t kept = room;
    for (uint32_t i = room; i <= count; i++) {
        if (kept == room || i == count) {
            partition_first(list, kept, first);
            kept = first;
            last = list[0];
            for (uint32_t j = 1; j < first; j++)
                if (sample_descending(&list[j], &last) > 0) last = list[j];
        }
        if (i < count && sample_descending(&list[i], &last) < 0) swap(&list[i], &list[kept++]);
    }
}

/* The weight of a logit that is `below` (at most 0) the largest, in units of the temperature: e^below with a relative error of
 * at most 1.2e-7, and 0 from e^-85 (1.2e-37) on. By the polynomial of tl_exp_within in kernels/common.cl, and without a branch or
 * a call, so that loops over it become vector instructions: the C library's expf takes three times as long. */
static inline float weight_of(float below)
{
    const union bits {
        float number;
        uint32_t word;
    } shifted = {below * 1.44269504f + 12582912.0f};
    /* That is 1.5 * 2^23: the low bits of the sum are k = round(below log2 e). ln 2 is in two parts, the first with few bits. */
    const float n = shifted.number - 12582912.0f, r = below - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.381446734e-3f * r + 8.368780835e-3f;
    p = p * r + 4.166839272e-2f;
    p = p * r + 1.6666519645e-1f;
    p = p * r + 4.999999404e-1f;
    p = p * (r * r) + (r + 1.0f);
    const union bits power = {.word = (shifted.word + 127) << 23}; /* 2^k */
    union bits weight = {p * power.number};
    weight.word &= 0u - (uint32_t)(below > -85.0f);
    return weight.number;
}

/* What the weight of a logit depends on besides itself: the largest logit, and the temperature. */
typedef struct distribution {
    float largest, temperature;
} distribution;

static float below_largest(distribution d, float logit)
{
    return (logit - d.largest) / d.temperature;
}

/* Sum of their weights. */
static double weigh(const tli_candidate *list, uint32_t count, distribution d)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += (double)weight_of(below_largest(d, list[i].logit));
    return sum;
}

/* The same of logits in an array. */
static double weigh_logits(const float *logits, uint32_t count, distribution d)
{
    enum { CHUNK = 64, LANES = 8 }; /* in loops that the compiler makes vectors of */
    double sum = 0;
    for (uint32_t from = 0; from < count; from += CHUNK) {
        float weights[CHUNK] = {0}, lanes[LANES] = {0};
        const uint32_t n = tli_smaller(CHUNK, count - from);
        for (uint32_t i = 0; i < n; i++) weights[i] = weight_of(below_largest(d, logits[from + i]));
        for (uint32_t i = 0; i < CHUNK; i += LANES)
            for (uint32_t j = 0; j < LANES; j++) lanes[j] += weights[i + j];
        for (int j = 0; j < LANES; j++) sum += (double)lanes[j];
    }
    return sum;
}

/* Brings the candidates that reach the probability top_p to the front, sorted: returns their number. Of a vocabulary
 * these are few, and the others are not sorted. */
static uint32_t keep_nucleus(tli_candidate *list, uint32_t count, distribution d, float top_p)
{
    enum { FIRST_PART = 64, PART_GROWTH = 4 };
    const double enough = (double)top_p * weigh(list, count, d);
    double sum = 0;
    for (uint32_t from = 0, part = FIRST_PART; from < count; from += part, part *= PART_GROWTH) {
        if (part > count - from) part = count - from;
        select_first(list + from, count - from, part);
        tli_candidates_sort(list + from, part);
        for (uint32_t i = from; i < from + part; i++) {
            sum += (double)weight_of(below_largest(d, list[i].logit));
            if (sum >= enough) return i + 1;
        }
    }
    return count;
}

/* The largest logit, the first of equal ones; false: one is NaN or INFINITY, or all are -INFINITY. */
static bool find_largest(const float *logits, uint32_t count, uint32_t *id)
{
    enum { LANES = 16 }; /* which the compiler makes vectors of */
    float largest[LANES], all = -INFINITY;
    uint32_t numbers[LANES] = {0}, i = 0;
    for (int j = 0; j < LANES; j++) largest[j] = -INFINITY;
    for (; i + LANES <= count; i += LANES)
        for (uint32_t j = 0; j < LANES; j++) {
            const float x = logits[i + j];
            largest[j] = x > largest[j] ? x : largest[j];
            numbers[j] += x < INFINITY;
        }
    for (; i < count; i++) {
        largest[0] = logits[i] > largest[0] ? logits[i] : largest[0];
        numbers[0] += logits[i] < INFINITY;
    }
    for (int j = 0; j < LANES; j++) all = largest[j] > all ? largest[j] : all;
    for (int j = 1; j < LANES; j++) numbers[0] += numbers[j];
    for (*id = 0; *id < count && logits[*id] != all;) ++*id;
    return numbers[0] == count && all > -INFINITY;
}

/* Those of logits [first, end) that can be chosen; returns their number. */
static uint32_t list_candidates(const float *logits, uint32_t first, uint32_t end, tli_candidate *list)
{
    uint32_t n = 0;
    for (uint32_t i = first; i < end; i++)
        if (logits[i] > -INFINITY) list[n++] = (tli_candidate){logits[i], i};
    return n;
}

/* Lists the part of all logits, in their order, in which the running sum of the weights passes the fraction u of their sum;
 * *left: how much of this is left for the part. */
static uint32_t list_part(const float *logits, uint32_t count, distribution d, double u, tli_candidate *list,
                          double *left)
{
    enum { PARTS = 256 };
    const uint32_t part_size = count / PARTS + 1;
    double part_weights[PARTS] = {0}, all = 0;
    uint32_t part = 0;
    for (uint32_t p = 0; p * part_size < count; p++) {
        part_weights[p] = weigh_logits(logits + p * part_size, tli_smaller(part_size, count - p * part_size),
                                       d);
        all += part_weights[p];
    }
    double rest = *left = u * all;
    for (uint32_t p = 0; p * part_size < count; p++) {
        if (part_weights[p] == 0) continue;
        part = p, *left = rest;
        if (rest < part_weights[p]) break;
        rest -= part_weights[p]; /* rounding may leave something behind the last part */
    }
    return list_candidates(logits, part * part_size, tli_smaller((part + 1) * part_size, count), list);
}

/* The one at which the running sum of the weights passes `sum`. */
static uint32_t draw(const tli_candidate *list, uint32_t count, distribution d, double sum)
{
    uint32_t id = list[0].id;
    for (uint32_t i = 0; i < count && sum >= 0; i++) {
        const float weight = weight_of(below_largest(d, list[i].logit));
        if (weight > 0) id = list[i].id; /* rounding may leave the sum past the last one */
        sum -= (double)weight;
    }
    return id;
}

tl_status tli_sample(const float *logits, uint32_t count, const tli_sampling *sampling, double u,
                     tli_candidate *list, uint32_t *id, tl_error *err)
{
    if (!find_largest(logits, count, id))
        return tli_fail(err, TL_ERROR_DEVICE, "the model's logits are not finite: its weights are of no use");
    if (sampling->temperature <= 0.0f) return TL_OK;
    const distribution d = {logits[*id], sampling->temperature};
    double sum;
    uint32_t n;
    if ((sampling->top_k == 0 || sampling->top_k >= count) && sampling->top_p >= 1.0f) {
        n = list_part(logits, count, d, u, list, &sum);
    } else {
        n = list_candidates(logits, 0, count, list);
        if (sampling->top_k > 0 && sampling->top_k < n) {
            select_first(list, n, sampling->top_k);
            n = sampling->top_k;
            tli_candidates_sort(list, n);
        }
        if (sampling->top_p < 1.0f) n = keep_nucleus(list, n, d, sampling->top_p);
        sum = u * weigh(list, n, d);
    }
    *id = draw(list, n, d, sum);
    return TL_OK;
}
