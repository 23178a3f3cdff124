/* Tables of tuned tiles as text, a fact or a product a line. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/choices.h"
#include "core/number.h"
#include "core/text.h"
#include "ops/tuning_table.h"

enum { FORMAT = 1, LINE_MOST = 512, SIZE_MOST = 1 << 30 };
static const float GFLOPS_MOST = 1e9f;

static const char intro[] = "# Tiles of matrix products, as `translution tune` measured them: see "
                            "docs/tuning.md. A line is a product, its sizes, its tile\n"
                            "# where the default was slower, and GFLOP/s: of the kernel with the default "
                            "tile and with this one, and of whole calls of\n"
                            "# the own kernels and of CLBlast.\n";

/* ---- what a line can have --------------------------------------------------------------------------- */

static const struct {
    const char *key;
    size_t at, capacity;
} texts[] = {
    {"program", offsetof(tli_tuning_table, program), sizeof((tli_tuning_table *)0)->program},
    {"device", offsetof(tli_tuning_table, device), sizeof((tli_tuning_table *)0)->device},
    {"platform", offsetof(tli_tuning_table, platform), sizeof((tli_tuning_table *)0)->platform},
    {"driver", offsetof(tli_tuning_table, driver), sizeof((tli_tuning_table *)0)->driver},
};
enum { TEXTS = sizeof texts / sizeof *texts };

static const struct {
    const char *key;
    size_t at;
} sizes[] = {
    {"m", offsetof(tli_product_shape, m)},
    {"n", offsetof(tli_product_shape, n)},
    {"k", offsetof(tli_product_shape, k)},
    {"count", offsetof(tli_product_shape, count)},
};
enum { SIZES = sizeof sizes / sizeof *sizes };

static const struct {
    const char *key;
    size_t at;
} rates[] = {
    {"default", offsetof(tli_tuned, default_gflops)},
    {"tuned", offsetof(tli_tuned, tuned_gflops)},
    {"calls", offsetof(tli_tuned, own_gflops)},
    {"clblast_calls", offsetof(tli_tuned, clblast_gflops)},
};
enum { RATES = sizeof rates / sizeof *rates };

static char *text_of(const tli_tuning_table *table, int i)
{
    return (char *)table + texts[i].at;
}

static uint32_t *size_of(tli_product_shape *shape, int i)
{
    return (uint32_t *)(void *)((char *)shape + sizes[i].at);
}

static float *rate_of(tli_tuned *e, int i)
{
    return (float *)(void *)((char *)e + rates[i].at);
}

static const char *form_name(bool cpu)
{
    return tli_choice_name(&tli_path_choices, cpu ? TL_PATH_CPU : TL_PATH_GPU);
}

/* ---- writing ---------------------------------------------------------------------------------------- */

/* Appends to text[0..TLI_TUNING_TEXT_MOST). */
static void add_entry(char *text, size_t *used, tli_tuned e)
{
    char tile[TLI_TILE_TEXT], rate[FLOAT_TEXT_CAPACITY];
    const size_t most = TLI_TUNING_TEXT_MOST;
    *used += (size_t)snprintf(text + *used, most - *used, "%s", tli_product_name(e.shape.kind));
    for (int i = 0; i < SIZES; i++)
        *used += (size_t)snprintf(text + *used, most - *used, " %s=%u", sizes[i].key,
                                  (unsigned)*size_of(&e.shape, i));
    if (e.tiled) *used += (size_t)snprintf(text + *used, most - *used, " %s", tli_tile_text(&e.tile, tile));
    for (int i = 0; i < RATES; i++) {
        if (*rate_of(&e, i) <= 0) continue;
        *used += (size_t)snprintf(text + *used, most - *used, " %s=%s", rates[i].key,
                                  tli_float_text(*rate_of(&e, i), rate));
    }
    *used += (size_t)snprintf(text + *used, most - *used, "\n");
}

char *tli_tuning_table_write(const tli_tuning_table *table)
{
    char *text = malloc(TLI_TUNING_TEXT_MOST);
    if (text == NULL) return NULL;
    size_t used = (size_t)snprintf(text, TLI_TUNING_TEXT_MOST, "%sformat = %d\n", intro, FORMAT);
    for (int i = 0; i < TEXTS; i++)
        used += (size_t)snprintf(text + used, TLI_TUNING_TEXT_MOST - used, "%s = %s\n", texts[i].key,
                                 text_of(table, i));
    used += (size_t)snprintf(text + used, TLI_TUNING_TEXT_MOST - used,
                             "form = %s\nvector_width = %u\ncompute_units = %u\n", form_name(table->cpu),
                             (unsigned)table->vector_width, (unsigned)table->compute_units);
    for (int i = 0; i < table->count; i++) add_entry(text, &used, table->entries[i]);
    (void)snprintf(text + used, TLI_TUNING_TEXT_MOST - used, "products = %d\n", table->count);
    return text;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

typedef struct reader {
    const char *where;
    int line;
    tli_tuning_table *table;
    unsigned seen; /* facts, as bits in the order of the list below */
    bool ended;    /* the number of products was there */
    tl_error *err;
} reader;

enum { SEEN_FORMAT, SEEN_FORM, SEEN_WIDTH, SEEN_UNITS, SEEN_TEXTS, SEEN_ALL = SEEN_TEXTS + TEXTS };

/* The name of fact number i. */
static const char *fact_name(int i)
{
    static const char *const names[] = {"format", "form", "vector_width", "compute_units"};
    return i < SEEN_TEXTS ? names[i] : texts[i - SEEN_TEXTS].key;
}

__attribute__((format(printf, 2, 3))) static tl_status bad_line(const reader *r, const char *format, ...)
{
    char what[320];
    va_list values;
    va_start(values, format);
    (void)tli_vformat(what, sizeof what, format, values);
    va_end(values);
    return tli_fail(r->err, TL_ERROR_INPUT, "%s:%d: %s", r->where, r->line, what);
}

static bool parse_whole(const char *text, uint32_t least, uint32_t most, uint32_t *value)
{
    char *end;
    if (*text < '0' || *text > '9') return false;
    const unsigned long x = strtoul(text, &end, 10);
    *value = (uint32_t)x;
    return *end == '\0' && end - text <= 10 && x >= least && x <= most;
}

static tl_status take_text(const reader *r, int i, const char *value)
{
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return bad_line(r, "%s has a control character: take the table from `translution tune --export`",
                            texts[i].key);
    if (strlen(value) >= texts[i].capacity) return bad_line(r, "%s is too long", texts[i].key);
    (void)snprintf(text_of(r->table, i), texts[i].capacity, "%s", value);
    return TL_OK;
}

static tl_status take_fact_value(reader *r, int fact, const char *value)
{
    tli_tuning_table *t = r->table;
    uint32_t format;
    if (fact >= SEEN_TEXTS) return take_text(r, fact - SEEN_TEXTS, value);
    if (fact == SEEN_FORMAT) {
        if (parse_whole(value, FORMAT, FORMAT, &format)) return TL_OK;
        return bad_line(
            r,
            "the table has format %.20s, and this version reads format %d: export it again by this version",
            value, FORMAT);
    }
    if (fact == SEEN_FORM) {
        t->cpu = strcmp(value, form_name(true)) == 0;
        if (t->cpu || strcmp(value, form_name(false)) == 0) return TL_OK;
        return bad_line(r, "form must be cpu or gpu, not '%.40s'", value);
    }
    if (fact == SEEN_WIDTH) {
        if (parse_whole(value, 4, 16, &t->vector_width) && (t->vector_width & (t->vector_width - 1)) == 0)
            return TL_OK;
        return bad_line(r, "vector_width must be 4, 8 or 16, not '%.40s'", value);
    }
    if (parse_whole(value, 1, SIZE_MOST, &t->compute_units)) return TL_OK;
    return bad_line(r, "compute_units must be a whole number from 1 on, not '%.40s'", value);
}

/* key = value */
static tl_status take_fact(reader *r, char *line, char *equals)
{
    char count[16];
    *equals = '\0';
    const char *key = tli_text_trim(line), *value = tli_text_trim(equals + 1);
    if (strcmp(key, "products") == 0) {
        r->ended = true;
        (void)snprintf(count, sizeof count, "%d", r->table->count);
        if (strcmp(count, value) == 0) return TL_OK;
        return bad_line(r, "the table says that it has %.20s products, and has %s: it is damaged", value,
                        count);
    }
    for (int i = 0; i < SEEN_ALL; i++) {
        if (strcmp(key, fact_name(i)) != 0) continue;
        if ((r->seen >> i & 1) != 0) return bad_line(r, "%.40s is there twice", key);
        r->seen |= 1u << i;
        return take_fact_value(r, i, value);
    }
    return bad_line(r, "'%.40s' is no fact of a table", key);
}

static tl_status take_size_or_rate(const reader *r, const char *key, const char *value, tli_tuned *e,
                                   bool *taken)
{
    *taken = true;
    for (int i = 0; i < SIZES; i++) {
        if (strcmp(key, sizes[i].key) != 0) continue;
        if (*size_of(&e->shape, i) == 0 && parse_whole(value, 1, SIZE_MOST, size_of(&e->shape, i)))
            return TL_OK;
        return bad_line(r, "%s must be there once, a whole number from 1 to 2^30, not '%.40s'", key, value);
    }
    for (int i = 0; i < RATES; i++) {
        if (strcmp(key, rates[i].key) != 0) continue;
        char *end;
        const float x = tli_parse_float(value, &end);
        if (*rate_of(e, i) == 0 && end != value && *end == '\0' && x > 0 && x <= GFLOPS_MOST) {
            *rate_of(e, i) = x;
            return TL_OK;
        }
        return bad_line(r, "%s must be there once, GFLOP/s above 0 and up to 1e9, not '%.40s'", key, value);
    }
    *taken = false;
    return TL_OK;
}

/* key=value of a product; *tile: which parameters were there, as bits. */
static tl_status take_pair(const reader *r, char *pair, tli_tuned *e, unsigned *tile)
{
    char *value = strchr(pair, '='), legal[160];
    bool taken;
    if (value == NULL) return bad_line(r, "'%.40s' must read key=value", pair);
    *value++ = '\0';
    TLI_TRY(take_size_or_rate(r, pair, value, e, &taken));
    for (int i = 0; i < TLI_TILE_PARAMETERS && !taken; i++) {
        const tli_tile_parameter *p = &tli_tile_parameters[i];
        uint32_t x;
        if (strcmp(pair, p->name) != 0 || !tli_tile_has(i, e->shape.kind, r->table->cpu)) continue;
        if (parse_whole(value, 0, SIZE_MOST, &x) && tli_tile_value_is_legal(i, x) && (*tile >> i & 1) == 0) {
            tli_tile_set(&e->tile, i, x);
            *tile |= 1u << i;
            return TL_OK;
        }
        size_t used = 0;
        for (int v = 0; v < p->count && used < sizeof legal; v++)
            used += (size_t)snprintf(legal + used, sizeof legal - used, "%s%u", v > 0 ? ", " : "",
                                     (unsigned)p->legal[v]);
        return bad_line(r, "%s must be there once, and one of %s", pair, legal);
    }
    if (taken) return TL_OK;
    return bad_line(r, "'%.40s' is nothing that a tile of %s has", pair, tli_product_name(e->shape.kind));
}

static tl_status check_entry(const reader *r, tli_tuned *e, unsigned tile)
{
    for (int i = 0; i < SIZES; i++)
        if (*size_of(&e->shape, i) == 0)
            return bad_line(r, "%s lacks %s", tli_product_name(e->shape.kind), sizes[i].key);
    for (int i = 0; i < TLI_TILE_PARAMETERS; i++)
        if (tile != 0 && tli_tile_has(i, e->shape.kind, r->table->cpu) && (tile >> i & 1) == 0)
            return bad_line(r, "the tile of %s lacks %s", tli_product_name(e->shape.kind),
                            tli_tile_parameters[i].name);
    e->tiled = tile != 0;
    const char *why = e->tiled ? tli_tile_refuses(&e->tile, &e->shape, r->table->cpu, r->table->vector_width,
                                                  e->shape.k)
                               : NULL;
    if (why != NULL) return bad_line(r, "%s cannot have this tile: %s", tli_product_name(e->shape.kind), why);
    const int before = r->table->count;
    if (before == TLI_TUNED_MOST) return bad_line(r, "the table has more products than a program keeps");
    tli_tuning_table_put(r->table, e);
    if (r->table->count == before)
        return bad_line(r, "this product of %s is there twice", tli_product_name(e->shape.kind));
    return TL_OK;
}

static tl_status take_product(const reader *r, char *line)
{
    tli_tuned e = {.tiled = false};
    unsigned tile = 0;
    char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
    if (r->seen != (1u << SEEN_ALL) - 1)
        for (int i = 0; i < SEEN_ALL; i++)
            if ((r->seen >> i & 1) == 0)
                return bad_line(r, "the table lacks %s before its products", fact_name(i));
    if (!tli_product_find(word, &e.shape.kind)) return bad_line(r, "'%.40s' is no product", word);
    while ((word = strtok_r(NULL, " \t\r", &rest)) != NULL) TLI_TRY(take_pair(r, word, &e, &tile));
    return check_entry(r, &e, tile);
}

static tl_status take_line(reader *r, char *line)
{
    line[strcspn(line, "#")] = '\0';
    line = tli_text_trim(line);
    char *equals = strchr(line, '=');
    if (*line == '\0') return TL_OK;
    if (r->ended) return bad_line(r, "behind the number of products is more: '%.40s'", line);
    /* a fact has blanks around its first '=', a pair of a product has none */
    if (equals != NULL && equals > line && equals[-1] == ' ') return take_fact(r, line, equals);
    return take_product(r, line);
}

tl_status tli_tuning_table_read(const char *where, char *text, tli_tuning_table *table, tl_error *err)
{
    reader r = {.where = where, .table = table, .err = err};
    memset(table, 0, sizeof *table);
    tl_status status = TL_OK;
    while (text != NULL && status == TL_OK) {
        char *end = strchr(text, '\n');
        if (end != NULL) *end = '\0';
        r.line++;
        status = strlen(text) <= LINE_MOST ? take_line(&r, text) : bad_line(&r, "the line is too long");
        text = end != NULL ? end + 1 : NULL;
    }
    if (status == TL_OK && !r.ended)
        status = tli_fail(
            err, TL_ERROR_INPUT,
            "%s ends before its last line, `products = N`: it is cut off, or no table of `translution tune`",
            where);
    if (status != TL_OK) table->count = 0;
    return status;
}
