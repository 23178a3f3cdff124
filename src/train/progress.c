#include "train/progress.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/number.h"

#define TERMINAL_SECONDS 0.1
#define PLAIN_SECONDS    10.0

void tli_progress_begin(tli_progress *progress, FILE *file, const char *unit, uint64_t total, uint64_t epochs)
{
    memset(progress, 0, sizeof *progress);
    progress->file = file;
    progress->terminal = file && isatty(fileno(file));
    progress->unit = unit;
    progress->total = total;
    progress->epochs = epochs;
}

/* "h:mm:ss", or "?" before there is a rate to reckon with. */
static void format_left(const tli_progress *progress, double now, char *out, size_t size)
{
    const tli_progress_point *point = &progress->latest;
    uint64_t left = progress->total > point->step ? progress->total - point->step : 0;
    uint64_t done = point->step - progress->first_step;
    double seconds = left == 0   ? 0.0
                     : done == 0 ? NAN
                                 : (now - progress->first_time) / (double)done * (double)left;
    if (!(seconds >= 0.0 && seconds < 3.6e9)) {
        snprintf(out, size, "?");
        return;
    }
    uint64_t whole = (uint64_t)(seconds + 0.5);
    snprintf(out, size, "%" PRIu64 ":%02u:%02u", whole / 3600, (unsigned)(whole / 60 % 60),
             (unsigned)(whole % 60));
}

static void progress_show(tli_progress *progress, double now)
{
    const tli_progress_point *point = &progress->latest;
    char left[32], perplexity[40] = "", wait[40] = "", line[300], text[640];
    format_left(progress, now, left, sizeof left);
    if (!isnan(point->perplexity))
        tli_format(perplexity, sizeof perplexity, "  perplexity %.4g", point->perplexity);
    if (point->data_wait >= 0.01) /* worth a word only where it costs something */
        tli_format(wait, sizeof wait, "  waiting for data %.0f %%", 100 * point->data_wait);
    int width = tli_format(line, sizeof line,
                           "step %" PRIu64 "/%" PRIu64 "  epoch %" PRIu64 "/%" PRIu64
                           "  loss %.4f%s  lr %.2e  %.*f %s/s%s  left %s",
                           point->step, progress->total, point->epoch, progress->epochs, point->loss,
                           perplexity, point->lr, point->rate < 100 ? 1 : 0, point->rate, progress->unit,
                           wait, left);
    if (width < 0) return;
    if (progress->terminal) {
        /* Blanks, not an escape sequence, wipe what a longer line before left behind. */
        snprintf(text, sizeof text, "\r%s%*s", line, progress->width > width ? progress->width - width : 0,
                 "");
        progress->width = width;
    } else {
        snprintf(text, sizeof text, "%s\n", line);
    }
    tli_log_print(progress->file, 0, text);
    progress->last_time = now;
    progress->shown = true;
}

void tli_progress_step(tli_progress *progress, const tli_progress_point *point, double now)
{
    if (!progress->file) return;
    bool first = !progress->begun;
    if (first) {
        progress->begun = true;
        progress->first_step = point->step;
        progress->first_time = now;
    }
    progress->latest = *point;
    progress->shown = false;
    double interval = progress->terminal ? TERMINAL_SECONDS : PLAIN_SECONDS;
    if (first || point->step >= progress->total || now - progress->last_time >= interval)
        progress_show(progress, now);
}

void tli_progress_clear(tli_progress *progress)
{
    if (!progress->file || progress->width == 0) return;
    char text[640];
    snprintf(text, sizeof text, "\r%*s\r", progress->width, "");
    tli_log_print(progress->file, 0, text);
    progress->width = 0;
    progress->shown = false;
    progress->last_time = -INFINITY;
}

void tli_progress_end(tli_progress *progress, double now)
{
    if (!progress->file) return;
    if (progress->begun && !progress->shown) progress_show(progress, now);
    if (progress->width > 0) tli_log_print(progress->file, 0, "\n");
    progress->width = 0;
}
