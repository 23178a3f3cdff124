/* Selects a device from a list by a user's text (number, type, part of a name). Works on plain data;
 * OpenCL is called only to explain an empty list. */
#include "device/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same_word(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++)
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) return false;
    return *a == *b;
}

static bool select_contains(const char *text, const char *part)
{
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (part[i] != '\0' && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) i++;
        if (part[i] == '\0') return true;
    }
    return false;
}

/* A list of devices as text; what does not fit ends in "...". */
typedef struct listing {
    char text[1400];
    size_t length;
    int count;
} listing;

static void listing_add(listing *out, const tl_device_info *info)
{
    char line[420];
    int length = snprintf(line, sizeof line, "%s%d:%d %s / %s (%s%s%s)", out->count++ > 0 ? ", " : "",
                          info->platform, info->device, info->platform_name, info->name,
                          tl_device_type_name(info->type),
                          info->usable ? "" : ", not usable: ", info->usable ? "" : info->reason);
    if (length < 0) return;
    if ((size_t)length >= sizeof line) length = (int)sizeof line - 1;
    if (out->length + (size_t)length + 8 > sizeof out->text) {
        if (out->length + 8 <= sizeof out->text && (out->length < 3 || out->text[out->length - 1] != '.'))
            out->length += (size_t)snprintf(out->text + out->length, 8, ", ...");
        return;
    }
    memcpy(out->text + out->length, line, (size_t)length + 1);
    out->length += (size_t)length;
}

static void listing_all(listing *out, const tl_device_info *list, int count)
{
    for (int i = 0; i < count; i++) listing_add(out, &list[i]);
}

/* "12" is a number, "12:3" a pair. */
static bool parse_numbers(const char *spec, long *first, long *second, bool *pair)
{
    char *end = NULL;
    *pair = false;
    if (!isdigit((unsigned char)spec[0])) return false;
    *first = strtol(spec, &end, 10);
    if (*end == '\0') return true;
    if (*end != ':' || !isdigit((unsigned char)end[1])) return false;
    *second = strtol(end + 1, &end, 10);
    *pair = true;
    return *end == '\0';
}

/* Prefers discrete GPU, then integrated GPU, then CPU, then anything else. */
static int select_rank(const tl_device_info *info)
{
    switch (info->type) {
    case TL_DEVICE_GPU: return info->unified_memory ? 1 : 0;
    case TL_DEVICE_CPU: return 2;
    case TL_DEVICE_ACCELERATOR: return 3;
    case TL_DEVICE_OTHER: break;
    }
    return 4;
}

static int select_best(const tl_device_info *list, int count)
{
    int found = -1;
    for (int i = 0; i < count; i++) {
        if (!list[i].usable) continue;
        if (found < 0 || select_rank(&list[i]) < select_rank(&list[found]) ||
            (select_rank(&list[i]) == select_rank(&list[found]) &&
             list[i].global_bytes > list[found].global_bytes))
            found = i;
    }
    return found;
}

static bool stands_in(const tl_device_info *d, const tl_device_info *first)
{
    return d->usable && d->platform == first->platform && select_rank(d) == select_rank(first);
}

/* Counts `number` devices on from `first`, in a circle of those that could stand in for it. */
static int select_alike(const tl_device_info *list, int count, int first, long number)
{
    int alike = 1, at = first;
    for (int i = 0; i < count; i++) alike += i != first && stands_in(&list[i], &list[first]);
    for (number %= alike; number > 0;) {
        at = (at + 1) % count;
        number -= stands_in(&list[at], &list[first]);
    }
    return at;
}

/* "auto" is number 0 of the devices that it may take, "auto:3" number 3. */
static bool parse_auto(const char *spec, long *number)
{
    static const char word[] = "auto:";
    *number = 0;
    if (spec == NULL || spec[0] == '\0' || same_word(spec, "auto")) return true;
    for (size_t i = 0; word[i] != '\0'; i++)
        if (tolower((unsigned char)spec[i]) != word[i]) return false;
    long none = 0;
    bool pair = true;
    return parse_numbers(spec + sizeof word - 1, number, &none, &pair) && !pair;
}

static tl_status select_take(const tl_device_info *list, int index, const char *spec, int *chosen,
                             tl_error *err)
{
    const tl_device_info *info = &list[index];
    if (!info->usable)
        return tli_fail(err, TL_ERROR_USAGE, "device \"%s\" is %d:%d %s / %s, which cannot be used: %s", spec,
                        info->platform, info->device, info->platform_name, info->name, info->reason);
    *chosen = index;
    return TL_OK;
}

static tl_status none_matches(const tl_device_info *list, int count, const char *spec, tl_error *err)
{
    listing all = {.count = 0};
    listing_all(&all, list, count);
    return tli_fail(err, TL_ERROR_USAGE,
                    "no device matches \"%.200s\"; use P:D, an index, " TLI_DEVICE_WORDS
                    " or a part of a name of: %s",
                    spec, all.text);
}

static tl_status select_type(const tl_device_info *list, int count, tl_device_type type, const char *spec,
                             int *chosen, tl_error *err)
{
    int unusable = -1;
    for (int i = 0; i < count; i++) {
        if (list[i].type != type) continue;
        if (list[i].usable) {
            *chosen = i;
            return TL_OK;
        }
        if (unusable < 0) unusable = i;
    }
    return unusable >= 0 ? select_take(list, unusable, spec, chosen, err)
                         : none_matches(list, count, spec, err);
}

static tl_status select_name(const tl_device_info *list, int count, const char *spec, int *chosen,
                             tl_error *err)
{
    listing matches = {.count = 0};
    int found = -1;
    for (int i = 0; i < count; i++) {
        char full[sizeof list[i].platform_name + sizeof list[i].name + 4];
        snprintf(full, sizeof full, "%s / %s", list[i].platform_name, list[i].name);
        if (!select_contains(full, spec)) continue;
        found = i;
        listing_add(&matches, &list[i]);
    }
    if (found < 0) return none_matches(list, count, spec, err);
    if (matches.count > 1)
        return tli_fail(err, TL_ERROR_USAGE, "device \"%.200s\" is ambiguous, name one by its P:D: %s", spec,
                        matches.text);
    return select_take(list, found, spec, chosen, err);
}

tl_status tl_device_select(const tl_device_info *list, int count, const char *spec, int *chosen,
                           tl_error *err)
{
    if (chosen == NULL || count < 0 || (list == NULL && count > 0))
        return tli_fail(err, TL_ERROR_USAGE,
                        "to select a device give a list, its length and a place for the chosen index");
    *chosen = -1;
    if (count == 0) return tli_device_missing(err);
    int automatic = select_best(list, count);
    if (automatic < 0) {
        listing all = {.count = 0};
        listing_all(&all, list, count);
        return tli_fail(err, TL_ERROR_NO_DEVICE,
                        "no usable OpenCL device: install a driver with a compiler for OpenCL 1.2, e.g. the "
                        "package pocl-opencl-icd for CPUs; found only %s",
                        all.text);
    }
    long first = 0, second = 0;
    bool pair = false;
    if (parse_auto(spec, &first)) {
        *chosen = select_alike(list, count, automatic, first);
        return TL_OK;
    }
    for (tl_device_type type = TL_DEVICE_CPU; type < TL_DEVICE_OTHER; type++)
        if (same_word(spec, tl_device_type_name(type)))
            return select_type(list, count, type, spec, chosen, err);
    if (parse_numbers(spec, &first, &second, &pair)) {
        for (int i = 0; i < count; i++)
            if (pair ? list[i].platform == first && list[i].device == second : i == first)
                return select_take(list, i, spec, chosen, err);
        return none_matches(list, count, spec, err);
    }
    return select_name(list, count, spec, chosen, err);
}
