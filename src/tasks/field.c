#include "tasks/field.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "data/augment.h"
#include "models/model.h"

const char *tli_field_flag(const field *f, char buffer[FIELD_TEXT_CAPACITY])
{
    if (f->flag != NULL) return f->flag;
    snprintf(buffer, FIELD_TEXT_CAPACITY, "%s", f->key);
    for (char *c = buffer; *c != '\0'; c++)
        if (*c == '_') *c = '-';
    return buffer;
}

static size_t field_bytes(const field *f)
{
    switch (f->type) {
    case FIELD_TEXT: return f->capacity;
    case FIELD_LABELS: return 0;
    case FIELD_U64: return sizeof(uint64_t);
    case FIELD_FLOAT: return sizeof(float);
    case FIELD_BOOL: return sizeof(bool);
    case FIELD_U32:
    case FIELD_CHOICE:
    case FIELD_AUGMENT: break;
    }
    return sizeof(uint32_t);
}

/* ---- as text ------------------------------------------------------------------------------------- */

/* A checkpoint stores the actual positions, not "the operation's default". */
static int stored_choice(const field *f, const tl_settings *s)
{
    if (f->at == offsetof(tl_settings, model.positions)) return (int)tli_model_positions(&s->model);
    return tli_choice_load((const char *)s + f->at);
}

void tli_field_write(const field *f, const tl_settings *s, char text[FIELD_TEXT_CAPACITY])
{
    const char *at = (const char *)s + f->at;
    const size_t capacity = FIELD_TEXT_CAPACITY;
    char number[FLOAT_TEXT_CAPACITY];
    switch (f->type) {
    case FIELD_TEXT: snprintf(text, capacity, "%s", at); break;
    case FIELD_LABELS: text[0] = '\0'; break;
    case FIELD_U32: snprintf(text, capacity, "%u", *(const uint32_t *)at); break;
    case FIELD_U64: snprintf(text, capacity, "%llu", (unsigned long long)*(const uint64_t *)at); break;
    case FIELD_FLOAT: snprintf(text, capacity, "%s", tli_float_text(*(const float *)at, number)); break;
    case FIELD_CHOICE:
        snprintf(text, capacity, "%s", tli_choice_shown(f->choices, stored_choice(f, s)));
        break;
    case FIELD_BOOL: snprintf(text, capacity, "%s", *(const bool *)at ? "true" : "false"); break;
    case FIELD_AUGMENT: tli_augment_name(*(const uint32_t *)at, text); break;
    }
}

static bool read_whole(const char *text, uint64_t most, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *text != '-' && *value <= most;
}

bool tli_field_read(const field *f, const char *text, tl_settings *s)
{
    char *at = (char *)s + f->at, *end = NULL;
    uint64_t whole;
    int value;
    switch (f->type) {
    case FIELD_TEXT: snprintf(at, f->capacity, "%s", text); return strlen(text) < f->capacity;
    case FIELD_LABELS: return true;
    case FIELD_U32:
        if (!read_whole(text, UINT32_MAX, &whole)) return false;
        *(uint32_t *)at = (uint32_t)whole;
        return true;
    case FIELD_U64: return read_whole(text, UINT64_MAX, (uint64_t *)at);
    case FIELD_FLOAT:
        errno = 0;
        *(float *)at = tli_parse_float(text, &end);
        return errno == 0 && end != text && *end == '\0';
    case FIELD_CHOICE:
        if (!tli_choice_find(f->choices, text, strlen(text), &value)) return false;
        tli_choice_store(at, value);
        return true;
    case FIELD_BOOL:
        *(bool *)at = strcmp(text, "true") == 0;
        return *(bool *)at || strcmp(text, "false") == 0;
    case FIELD_AUGMENT: return tli_augment_parse(text, (uint32_t *)at, NULL) == TL_OK;
    }
    return false;
}

/* ---- values -------------------------------------------------------------------------------------- */

bool tli_field_same(const field *f, const tl_settings *a, const tl_settings *b)
{
    char of_a[FIELD_TEXT_CAPACITY], of_b[FIELD_TEXT_CAPACITY];
    tli_field_write(f, a, of_a);
    tli_field_write(f, b, of_b);
    return strcmp(of_a, of_b) == 0;
}

void tli_field_copy(const field *f, const tl_settings *from, tl_settings *to)
{
    memcpy((char *)to + f->at, (const char *)from + f->at, field_bytes(f));
}

tl_status tli_field_refuse(const char *where, bool whole, double low, double high, const char *text,
                           tl_error *err)
{
    return tli_fail(err, TL_ERROR_USAGE,
                    whole ? "%s takes a whole number from %.0f to %.0f, not '%s'"
                          : "%s takes a number from %g to %g, not '%s'",
                    where, low, high, text);
}

tl_status tli_field_check(const field *f, const tl_settings *s, bool unset, tl_error *err)
{
    const void *at = (const char *)s + f->at;
    if (f->type == FIELD_CHOICE)
        return unset && tli_choice_load(at) == -1 ? TL_OK
                                                  : tli_choice_check(f->choices, tli_choice_load(at), err);
    if (f->low == f->high) return TL_OK;
    const uint64_t whole = f->type == FIELD_U32   ? *(const uint32_t *)at
                           : f->type == FIELD_U64 ? *(const uint64_t *)at
                                                  : 0;
    const bool is_float = f->type == FIELD_FLOAT; /* a bound, too, is what a float can hold of it */
    const double value = is_float ? (double)*(const float *)at : (double)whole,
                 low = is_float ? (double)(float)f->low : f->low,
                 high = is_float ? (double)(float)f->high : f->high;
    char text[64];
    if ((value >= low && value <= high) || ((f->zero_is_unset || unset) && value == 0) ||
        (f->minus_one_is_unset && value == -1))
        return TL_OK;
    if (is_float)
        tli_format(text, sizeof text, "%g", value);
    else
        snprintf(text, sizeof text, "%llu", (unsigned long long)whole);
    return tli_field_refuse(f->key, !is_float, f->low, f->high, text, err);
}
