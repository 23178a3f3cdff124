#include "train/progress.h"

#include <inttypes.h>
#include <math.h>

#include "core/number.h"

/* On a narrow terminal the loss is kept longest, then the other numbers as space allows; see
 * core/progress.h for the rest. */
enum { RANK_DATA_WAIT = 30, RANK_EPOCH = 20, RANK_LR = 15, RANK_PERPLEXITY = 45, RANK_LOSS = 80 };

void tli_train_progress_begin(tli_train_progress *progress, FILE *file, const char *unit, uint64_t total,
                              uint64_t epochs)
{
    *progress = (tli_train_progress){.epochs = epochs};
    tli_progress_begin(&progress->line, file, NULL, unit, total, 0);
}

static void show_point(tli_train_progress *progress, double now)
{
    const tli_progress_point *point = &progress->latest;
    tli_progress_part parts[] = {
        {TLI_RANK_COUNT, ""}, {RANK_EPOCH, ""},    {RANK_LOSS, ""},      {RANK_PERPLEXITY, ""},
        {RANK_LR, ""},        {TLI_RANK_RATE, ""}, {RANK_DATA_WAIT, ""},
    };
    const size_t capacity = sizeof parts->text;
    tli_format(parts[0].text, capacity, "step %" PRIu64 "/%" PRIu64, point->step, progress->line.total);
    tli_format(parts[1].text, capacity, "epoch %" PRIu64 "/%" PRIu64, point->epoch, progress->epochs);
    tli_format(parts[2].text, capacity, "loss %.4f", point->loss);
    if (!isnan(point->perplexity)) tli_format(parts[3].text, capacity, "perplexity %.4g", point->perplexity);
    tli_format(parts[4].text, capacity, "lr %.2e", point->lr);
    tli_format(parts[5].text, capacity, "%.*f %.20s/s", point->rate < 100 ? 1 : 0, point->rate,
               progress->line.unit);
    if (point->data_wait >= 0.01) /* shown only when it matters */
        tli_format(parts[6].text, capacity, "waiting for data %.0f %%", 100 * point->data_wait);
    tli_progress_show(&progress->line, point->step, parts, sizeof parts / sizeof *parts, now);
    progress->shown = true;
}

void tli_train_progress_step(tli_train_progress *progress, const tli_progress_point *point, double now)
{
    const bool first = !progress->line.begun, due = tli_progress_is_due(&progress->line, point->step, now);
    progress->latest = *point;
    progress->shown = false;
    if (first || due || point->step >= progress->line.total) show_point(progress, now);
}

void tli_train_progress_clear(tli_train_progress *progress)
{
    if (progress->line.width > 0) progress->shown = false;
    tli_progress_clear(&progress->line);
}

void tli_train_progress_end(tli_train_progress *progress, double now)
{
    if (progress->line.begun && !progress->shown) show_point(progress, now);
    tli_progress_leave(&progress->line);
}
