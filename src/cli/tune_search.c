#include "cli/tune_search.h"

#include <math.h>
#include <string.h>

enum { FIRST_TURNS = 5, ROUNDS = 4, SWEEPS = 3, CANDIDATES = 64 };
/* A tile that once took this many times what the fastest took is no longer timed. */
static const double HOPELESS = 1.3;
/* A tile that is found serves where it is faster than the default in this share of the turns, and this many times as fast in half
 * of them. Of two that are equally fast one is ahead in 12 of 15 turns once in 57 times. */
static const double TURNS_WON = 0.8, WORTH = 1.02;

/* Parameters that are chosen together, as runs of tli_tile_parameters: those that share registers or local memory. First the one
 * for which no kernel has to be compiled. */
static const struct {
    int first, count;
} groups[] = {{3, 1}, {0, 2}, {2, 1}, {4, 1}, {5, 3}};
enum { GROUPS = sizeof groups / sizeof *groups };

typedef struct candidate {
    tli_tile tile;
    double least; /* seconds */
    bool right;   /* known to be, by comparison */
} candidate;

typedef struct field {
    const tli_tile_search *s;
    candidate list[CANDIDATES];
    int count, tried;
    double fastest;
} field;

/* Whether a tile with this time may stand in the field: what would be the fastest is compared with plain loops first. The others
 * need not be, which would take as long as to compile another tile. */
static bool may_lead(field *f, candidate *one, double seconds)
{
    if (seconds >= f->fastest) return true;
    one->right = one->right || f->s->is_right(f->s->user, &one->tile);
    if (one->right) f->fastest = seconds;
    return one->right;
}

/* Times and lists a tile, once. */
static void enter(field *f, const tli_tile *tile)
{
    candidate one = {.tile = *tile, .least = INFINITY};
    double seconds;
    for (int c = 0; c < f->count; c++)
        if (memcmp(&f->list[c].tile, tile, sizeof *tile) == 0) return;
    if (f->count == CANDIDATES || f->s->is_late(f->s->user) || !f->s->suits(f->s->user, tile)) return;
    /* which take less time than the kernel took to compile */
    for (int turn = 0; turn < FIRST_TURNS; turn++) {
        if (!f->s->time(f->s->user, tile, &seconds)) return;
        if (seconds < one.least) one.least = seconds;
    }
    f->tried++;
    if (may_lead(f, &one, one.least)) f->list[f->count++] = one;
}

/* All values of the group's parameters from number i on. */
static void enter_all(field *f, int group, int i, tli_tile *tile)
{
    if (i == groups[group].first + groups[group].count) {
        enter(f, tile);
        return;
    }
    if (!tli_tile_has(i, f->s->kind, f->s->cpu)) {
        enter_all(f, group, i + 1, tile);
        return;
    }
    const uint32_t before = tli_tile_get(tile, i);
    for (int v = tli_tile_parameters[i].count - 1; v >= 0; v--) { /* large tiles first */
        tli_tile_set(tile, i, tli_tile_parameters[i].legal[v]);
        enter_all(f, group, i + 1, tile);
    }
    tli_tile_set(tile, i, before);
}

/* More turns of those that are left. */
static void compare(field *f)
{
    for (int round = 1; round < ROUNDS; round++)
        for (int c = 0; c < f->count && f->count > 1; c++) {
            candidate *one = &f->list[c];
            double seconds;
            if (f->s->is_late(f->s->user)) return;
            if (one->least > HOPELESS * f->fastest || !f->s->time(f->s->user, &one->tile, &seconds) ||
                !may_lead(f, one, seconds)) {
                f->list[c--] = f->list[--f->count];
                continue;
            }
            if (seconds < one->least) one->least = seconds;
        }
}

/* The fastest of the field after more turns; false: none runs and is right. */
static bool take_fastest(field *f, tli_tile *best, int *tried)
{
    compare(f);
    *tried += f->tried;
    while (f->count > 0) {
        int least = 0;
        for (int c = 1; c < f->count; c++)
            if (f->list[c].least < f->list[least].least) least = c;
        *best = f->list[least].tile;
        if (f->list[least].right || f->s->is_right(f->s->user, best)) return true;
        f->list[least] = f->list[--f->count];
    }
    return false;
}

/* The fastest with other values of the group's parameters. */
static bool choose(const tli_tile_search *s, int group, tli_tile *best, int *tried)
{
    field f = {.s = s, .fastest = INFINITY};
    tli_tile tile = *best;
    enter(&f, best); /* first: there may be no time for others */
    enter_all(&f, group, groups[group].first, &tile);
    return take_fastest(&f, best, tried);
}

static bool choose_start(const tli_tile_search *s, tli_tile *best, int *tried)
{
    field f = {.s = s, .fastest = INFINITY};
    *best = s->starts[0];
    if (s->start_count == 1) return false; /* it is the first to be timed anyway */
    for (int i = 0; i < s->start_count; i++) enter(&f, &s->starts[i]);
    return take_fastest(&f, best, tried);
}

tli_tile tli_tile_search_start(tli_product_kind kind, bool cpu, const tli_tile *found, tli_product_kind of)
{
    tli_tile start = {0};
    for (int i = 0; i < TLI_TILE_PARAMETERS; i++) {
        const tli_tile_parameter *p = &tli_tile_parameters[i];
        if (!tli_tile_has(i, kind, cpu)) continue;
        tli_tile_set(&start, i,
                     found != NULL && tli_tile_has(i, of, cpu) ? tli_tile_get(found, i)
                                                               : p->legal[p->count / 2]);
    }
    return start;
}

bool tli_tile_beats(const double *tile, const double *default_tile, int turns)
{
    int won = 0, well = 0;
    for (int i = 0; i < turns; i++) {
        won += tile[i] < default_tile[i];
        well += WORTH * tile[i] < default_tile[i];
    }
    return won >= TURNS_WON * turns && 2 * well > turns;
}

bool tli_tile_search_run(const tli_tile_search *s, tli_tile *best, int *tried)
{
    bool changed = true;
    *tried = 0;
    bool found = choose_start(s, best, tried);
    for (int sweep = 0; sweep < SWEEPS && changed; sweep++) {
        changed = false;
        for (int g = 0; g < GROUPS && !s->is_late(s->user); g++) {
            const tli_tile before = *best;
            if (!tli_tile_has(groups[g].first, s->kind, s->cpu)) continue;
            found |= choose(s, g, best, tried);
            changed |= memcmp(&before, best, sizeof before) != 0;
        }
    }
    return found;
}
