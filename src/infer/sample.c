#include "infer/sample.h"

#include <math.h>
#include <stdlib.h>

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
static void select_first(tli_candidate *list, uint32_t count, uint32_t first)
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

static double sample_weight(const tli_candidate *c, float largest, float temperature)
{
    return exp(((double)c->logit - (double)largest) / (double)temperature);
}

/* Sum of their weights, of which the largest of all logits has 1. */
static double weigh(const tli_candidate *list, uint32_t count, float largest, float temperature)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += sample_weight(&list[i], largest, temperature);
    return sum;
}

/* Brings the candidates that reach the probability top_p to the front, sorted: returns their number. Of a vocabulary
 * these are few, and the others are not sorted. */
static uint32_t keep_nucleus(tli_candidate *list, uint32_t count, float largest, const tli_sampling *s)
{
    enum { FIRST_PART = 64, PART_GROWTH = 4 };
    const double enough = (double)s->top_p * weigh(list, count, largest, s->temperature);
    double sum = 0;
    for (uint32_t from = 0, part = FIRST_PART; from < count; from += part, part *= PART_GROWTH) {
        if (part > count - from) part = count - from;
        select_first(list + from, count - from, part);
        tli_candidates_sort(list + from, part);
        for (uint32_t i = from; i < from + part; i++) {
            sum += sample_weight(&list[i], largest, s->temperature);
            if (sum >= enough) return i + 1;
        }
    }
    return count;
}

tl_status tli_sample(const float *logits, uint32_t count, const tli_sampling *s, double u,
                     tli_candidate *list, uint32_t *id, tl_error *err)
{
    uint32_t n = 0, best = 0;
    bool numbers = true;
    for (uint32_t i = 0; i < count; i++) {
        numbers &= logits[i] < INFINITY; /* neither NaN nor +infinity */
        if (!(logits[i] > -INFINITY)) continue;
        list[n] = (tli_candidate){logits[i], i};
        if (logits[i] > list[best].logit) best = n;
        n++;
    }
    if (n == 0 || !numbers)
        return tli_fail(err, TL_ERROR_DEVICE, "the model's logits are not finite: its weights are of no use");
    *id = list[best].id;
    if (s->temperature <= 0.0f) return TL_OK;
    const float largest = list[best].logit;
    if (s->top_k > 0 && s->top_k < n) {
        select_first(list, n, s->top_k);
        n = s->top_k;
        tli_candidates_sort(list, n);
    }
    if (s->top_p < 1.0f) n = keep_nucleus(list, n, largest, s);
    const double all = weigh(list, n, largest, s->temperature);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        const double w = sample_weight(&list[i], largest, s->temperature);
        if (w > 0) *id = list[i].id; /* rounding may leave u past the last one */
        sum += w;
        if (u * all < sum) break;
    }
    return TL_OK;
}
