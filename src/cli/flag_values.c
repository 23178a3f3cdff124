#include "cli/flag_values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "data/augment.h"
#include "tasks/settings.h"

tl_status tli_flag_keep(flag_value *g, const char *value, int line, tl_error *err)
{
    char *copy = strdup(value);
    if (copy == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while reading the options");
    free(g->value);
    *g = (flag_value){copy, line};
    return TL_OK;
}

/* "--lr" or "run.conf:3: lr" */
void tli_flag_where(char *out, size_t capacity, const tli_flag *f, const flag_value *g, const char *config)
{
    if (g->line > 0)
        snprintf(out, capacity, "%s:%d: %s", config, g->line, f->name);
    else
        snprintf(out, capacity, "--%s", f->name);
}

/* The whole string must be a decimal number in the flag's range; BYTES may have the suffix K, M or G. */
static tl_status read_whole(const tli_flag *f, const char *text, const char *where, uint64_t *out,
                            tl_error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    bool good = end != NULL && errno == 0;
    if (good && f->kind == FLAG_BYTES && *end != '\0') {
        static const char units[] = "KMG";
        const char *unit = strchr(units, toupper((unsigned char)*end));
        good = unit != NULL && value < (1ull << 33);
        for (const char *u = units; good && u <= unit; u++) value *= 1024;
        end++;
    }
    double low, high;
    tli_flag_range(f, &low, &high);
    const bool in_range = good && *end == '\0' && (double)value >= low && (double)value <= high;
    if (!in_range && f->kind == FLAG_BYTES)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "%s takes a number of bytes from %.0f on, in K, M or G if one of them follows, such as 512M, "
            "not '%s'",
            where, low, text);
    if (!in_range) return tli_field_refuse(where, true, low, high, text, err);
    *out = value;
    return TL_OK;
}

static tl_status read_double(const tli_flag *f, const char *text, const char *where, double *out,
                             tl_error *err)
{
    char *end = NULL;
    bool number = strchr("0123456789.", text[0]) != NULL && text[0] != '\0' && strpbrk(text, "xX") == NULL;
    double value = number ? tli_parse_double(text, &end) : NAN;
    double low, high;
    tli_flag_range(f, &low, &high);
    if (end == NULL || *end != '\0' || end == text || !(value >= low && value <= high))
        return tli_field_refuse(where, false, low, high, text, err);
    *out = value;
    return TL_OK;
}

static tl_status read_choice(const tli_flag *f, const char *text, const char *where, void *target,
                             tl_error *err)
{
    int value;
    TLI_TRY(tli_choice_parse(f->choices, where, text, &value, err));
    tli_choice_store(target, value);
    return TL_OK;
}

static tl_status read_bool(const char *text, const char *where, bool *out, tl_error *err)
{
    *out = strcmp(text, "true") == 0;
    if (!*out && strcmp(text, "false") != 0)
        return tli_fail(err, TL_ERROR_USAGE, "%s takes true or false, not '%s'", where, text);
    return TL_OK;
}

tl_status tli_flag_apply(const tli_flag *f, const flag_value *g, tli_cli_options *o, tl_error *err)
{
    char where[1200];
    tli_flag_where(where, sizeof where, f, g, o->config);
    void *target = (char *)o + f->offset;
    uint64_t whole = 0;
    double number = 0;
    switch (f->kind) {
    case FLAG_BOOL: return read_bool(g->value, where, target, err);
    case FLAG_DOUBLE: return read_double(f, g->value, where, target, err);
    case FLAG_FLOAT:
        TLI_TRY(read_double(f, g->value, where, &number, err));
        *(float *)target = (float)number;
        return TL_OK;
    case FLAG_ENUM: return read_choice(f, g->value, where, target, err);
    case FLAG_U32:
        TLI_TRY(read_whole(f, g->value, where, &whole, err));
        *(uint32_t *)target = (uint32_t)whole;
        return TL_OK;
    case FLAG_U64:
    case FLAG_BYTES:
        TLI_TRY(read_whole(f, g->value, where, &whole, err));
        *(uint64_t *)target = whole;
        return TL_OK;
    case FLAG_AUGMENT: return tli_augment_parse(g->value, target, err);
    case FLAG_SHARING:
    case FLAG_TEXT: break;
    }
    if (g->value[0] == '\0')
        return tli_fail(err, TL_ERROR_USAGE, "%s takes a value that is not empty", where);
    if (strlen(g->value) >= f->capacity)
        return tli_fail(err, TL_ERROR_USAGE, "%s takes at most %zu characters", where, f->capacity - 1);
    snprintf(target, f->capacity, "%s", g->value);
    return TL_OK;
}
