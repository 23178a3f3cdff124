#include <math.h>
#include <string.h>

#include "cli/page.h"

#define LARGEST 1e30 /* beyond it an axis shows nothing else */

bool tli_page_drawable(double value)
{
    return isfinite(value) && fabs(value) <= LARGEST;
}

int tli_page_column(const page_run *run, const char *name)
{
    const char *have;
    for (int c = 0; (have = tl_metrics_column(run->metrics, c)) != NULL; c++)
        if (strcmp(have, name) == 0) return c;
    return -1;
}

const char *tli_page_dashes(int run, int test)
{
    enum { TESTS = 4, ROUNDS = PAGE_MAX_RUNS / PAGE_COLORS };
    static const char *const dashes[ROUNDS][TESTS] = {
        {NULL, "10,3", "6,3", "3,3"},
        {"16,3,1,3", "10,3,1,3", "6,3,1,3", "3,3,1,3"},
        {"16,3,1,3,1,3", "10,3,1,3,1,3", "6,3,1,3,1,3", "3,3,1,3,1,3"}};
    return dashes[run / PAGE_COLORS % ROUNDS][test > 0 ? test % TESTS : 0];
}

static void bucket_add(page_bucket *b, uint64_t step, double value)
{
    if (b->count == 0 || step < b->first) b->first = step;
    if (b->count == 0 || step > b->last) b->last = step;
    if (b->count == 0 || value < b->least) b->least = value;
    if (b->count == 0 || value > b->most) b->most = value;
    b->sum += value;
    b->count++;
}

void tli_page_thin(const page_series *s, uint64_t from, uint64_t to, page_bucket *buckets, int count)
{
    const page_run *run = &s->owner->runs[s->run];
    const char *test = s->test >= 0 ? run->tests[s->test] : NULL;
    const double per_step = (double)count / ((double)(to - from) + 1);
    tl_metrics_line line;
    memset(buckets, 0, (size_t)count * sizeof *buckets);
    for (uint64_t i = 0; tl_metrics_line_at(run->metrics, i, &line); i++) {
        if ((line.test == NULL) != (test == NULL) || (test != NULL && strcmp(test, line.test) != 0)) continue;
        const int at = (int)((double)(line.step - from) * per_step);
        page_bucket *b = &buckets[at < count ? at : count - 1];
        const double value = tl_metrics_value(run->metrics, i, s->column);
        if (tli_page_drawable(value))
            bucket_add(b, line.step, value);
        else
            b->broken = true;
    }
}
