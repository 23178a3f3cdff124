#include "core/progress.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/log.h"
#include "core/number.h"
#include "core/terminal.h"

#define TERMINAL_SECONDS 0.1
#define PLAIN_SECONDS    10.0

enum { LINE_CAPACITY = 512, BAR_MIN = 6, BAR_MAX = 32, RANK_PERCENT = 100 };

void tli_progress_begin(tli_progress *progress, FILE *file, const char *title, const char *unit,
                        uint64_t total, double now)
{
    *progress = (tli_progress){.file = file,
                               .terminal = tli_is_terminal(file),
                               .title = title,
                               .unit = unit,
                               .total = total,
                               .last_time = now};
}

bool tli_progress_is_due(tli_progress *progress, uint64_t done, double now)
{
    if (progress->file == NULL) return false;
    if (!progress->begun) {
        progress->begun = true;
        progress->first_done = done;
        progress->first_time = now;
    }
    return now - progress->last_time >= (progress->terminal ? TERMINAL_SECONDS : PLAIN_SECONDS);
}

double tli_progress_rate(const tli_progress *progress, uint64_t done, double now)
{
    const double seconds = now - progress->first_time;
    return done > progress->first_done && seconds > 0 ? (double)(done - progress->first_done) / seconds
                                                      : (double)NAN;
}

/* "left h:mm:ss", or "left ?" before there is a rate. */
static void format_left(const tli_progress *progress, uint64_t done, double now, tli_progress_part *part)
{
    const uint64_t left = progress->total > done ? progress->total - done : 0;
    const double seconds = left == 0 ? 0.0 : (double)left / tli_progress_rate(progress, done, now);
    part->rank = TLI_RANK_LEFT;
    if (!(seconds >= 0.0 && seconds < 3.6e9)) {
        snprintf(part->text, sizeof part->text, "left ?");
        return;
    }
    const uint64_t whole = (uint64_t)(seconds + 0.5);
    snprintf(part->text, sizeof part->text, "left %" PRIu64 ":%02u:%02u", whole / 3600,
             (unsigned)(whole / 60 % 60), (unsigned)(whole % 60));
}

/* ---- the line on a terminal ------------------------------------------------------------------------------ */

/* Parts of the line: title, bar, percentage, the caller's, time left. */
enum { LINE_TITLE, LINE_BAR, LINE_PERCENT, LINE_OWN, LINE_PARTS = LINE_OWN + TLI_PROGRESS_PARTS + 1 };

/* Chooses parts by rank, as many as fit in `room` columns; returns the columns used. */
static int choose_parts(const tli_progress_part *parts, int count, int room, bool chosen[LINE_PARTS])
{
    bool tried[LINE_PARTS] = {false};
    int used = 0;
    for (int turn = 0; turn < count; turn++) {
        int best = -1;
        for (int i = 0; i < count; i++)
            if (!tried[i] && (best < 0 || parts[i].rank > parts[best].rank)) best = i;
        const int length = (int)strlen(parts[best].text), gap = used > 0 ? 2 : 0;
        tried[best] = true;
        chosen[best] = length > 0 && used + gap + length <= room;
        if (chosen[best]) used += gap + length;
    }
    return used;
}

/* "[====>     ]" of `width` columns. */
static void draw_bar(char *text, int width, double fraction)
{
    const int inner = width - 2, filled = (int)(fraction * inner);
    text[0] = '[';
    for (int i = 0; i < inner; i++) text[1 + i] = (char)(i < filled ? '=' : i == filled ? '>' : ' ');
    text[width - 1] = ']';
    text[width] = '\0';
}

/* Writes the line, at most `room` columns. */
static void compose_line(const tli_progress *progress, uint64_t done, const tli_progress_part *own, int count,
                         int room, char line[LINE_CAPACITY])
{
    tli_progress_part parts[LINE_PARTS] = {{TLI_RANK_TITLE, ""}, {TLI_RANK_BAR, ""}, {RANK_PERCENT, ""}};
    bool chosen[LINE_PARTS] = {false};
    const double fraction = progress->total == 0     ? 0
                            : done < progress->total ? (double)done / (double)progress->total
                                                     : 1;
    if (progress->title != NULL) snprintf(parts[LINE_TITLE].text, sizeof parts->text, "%s", progress->title);
    if (progress->total > 0) {
        snprintf(parts[LINE_PERCENT].text, sizeof parts->text, "%3d %%", (int)(100 * fraction));
        draw_bar(parts[LINE_BAR].text, BAR_MIN, fraction);
    }
    for (int i = 0; i < count; i++) parts[LINE_OWN + i] = own[i];
    const int used = choose_parts(parts, LINE_OWN + count, room, chosen);
    if (chosen[LINE_BAR]) { /* fills the remaining columns */
        const int width = BAR_MIN + (room - used);
        draw_bar(parts[LINE_BAR].text, width < BAR_MAX ? width : BAR_MAX, fraction);
    }
    line[0] = '\0';
    for (int i = 0; i < LINE_OWN + count; i++)
        if (chosen[i])
            snprintf(line + strlen(line), LINE_CAPACITY - strlen(line), "%s%s", line[0] != '\0' ? "  " : "",
                     parts[i].text);
}

/* A line that ends in the last column would move the cursor to the next one. */
static int terminal_room(const tli_progress *progress)
{
    const int columns = tli_terminal_columns(progress->file);
    return columns > LINE_CAPACITY - 1 ? LINE_CAPACITY - 2 : columns - 1;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static void rewrite_line(tli_progress *progress, uint64_t done, const tli_progress_part *parts, int count)
{
    char line[LINE_CAPACITY], text[2 * LINE_CAPACITY];
    const int room = terminal_room(progress);
    compose_line(progress, done, parts, count, room, line);
    const int width = (int)strlen(line), before = smaller(progress->width, room);
    /* Overwrites the rest of a longer previous line with blanks instead of an escape sequence. */
    snprintf(text, sizeof text, "\r%s%*s", line, before > width ? before - width : 0, "");
    tli_log_print(progress->file, 0, text);
    progress->width = width;
}

static void write_plain(const tli_progress *progress, const tli_progress_part *parts, int count)
{
    char text[LINE_CAPACITY];
    snprintf(text, sizeof text, "%s", progress->title != NULL ? progress->title : "");
    for (int i = 0; i < count; i++)
        if (parts[i].text[0] != '\0')
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", text[0] != '\0' ? "  " : "",
                     parts[i].text);
    snprintf(text + strlen(text), sizeof text - strlen(text), "\n");
    tli_log_print(progress->file, 0, text);
}

/* ---- what the user calls --------------------------------------------------------------------------------- */

void tli_progress_show(tli_progress *progress, uint64_t done, const tli_progress_part *parts, int count,
                       double now)
{
    tli_progress_part all[TLI_PROGRESS_PARTS + 1];
    if (progress->file == NULL) return;
    count = smaller(count, TLI_PROGRESS_PARTS);
    for (int i = 0; i < count; i++) all[i] = parts[i];
    if (progress->total > 0) format_left(progress, done, now, &all[count++]);
    if (progress->terminal)
        rewrite_line(progress, done, all, count);
    else
        write_plain(progress, all, count);
    progress->last_time = now;
}

void tli_progress_update(tli_progress *progress, uint64_t done, double now)
{
    if (!tli_progress_is_due(progress, done, now)) return;
    tli_progress_part parts[2] = {{TLI_RANK_COUNT, ""}, {TLI_RANK_RATE, ""}};
    const double rate = tli_progress_rate(progress, done, now);
    char of[32] = "";
    if (progress->total > 0) snprintf(of, sizeof of, "/%" PRIu64, progress->total);
    snprintf(parts[0].text, sizeof parts[0].text, "%" PRIu64 "%s %.20s", done, of, progress->unit);
    if (!isnan(rate))
        tli_format(parts[1].text, sizeof parts[1].text, "%.*f %.20s/s", rate < 100 ? 1 : 0, rate,
                   progress->unit);
    tli_progress_show(progress, done, parts, 2, now);
}

static void end_line(tli_progress *progress, bool wipe)
{
    char text[2 * LINE_CAPACITY] = "\n";
    if (progress->file == NULL || progress->width == 0) return;
    if (wipe) snprintf(text, sizeof text, "\r%*s\r", smaller(progress->width, terminal_room(progress)), "");
    tli_log_print(progress->file, 0, text);
    progress->width = 0;
}

void tli_progress_clear(tli_progress *progress)
{
    if (progress->width > 0) progress->last_time = -INFINITY;
    end_line(progress, true);
}

void tli_progress_leave(tli_progress *progress)
{
    end_line(progress, false);
}
