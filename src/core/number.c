#include "core/number.h"

#include <float.h>
#include <locale.h>
#include <stdlib.h>

/* The calling thread's locale while it is "C"; other threads keep theirs. */
typedef struct plain_locale {
    locale_t plain, before;
} plain_locale;

static plain_locale plain_locale_enter(void)
{
    plain_locale l = {.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    if (l.plain != (locale_t)0) l.before = uselocale(l.plain);
    return l;
}

static void plain_locale_leave(plain_locale l)
{
    if (l.plain == (locale_t)0) return;
    uselocale(l.before);
    freelocale(l.plain);
}

double tli_parse_double(const char *text, char **end)
{
    const plain_locale l = plain_locale_enter();
    const double value = strtod(text, end);
    plain_locale_leave(l);
    return value;
}

float tli_parse_float(const char *text, char **end)
{
    const plain_locale l = plain_locale_enter();
    const float value = strtof(text, end);
    plain_locale_leave(l);
    return value;
}

int tli_vformat(char *text, size_t capacity, const char *format, va_list values)
{
    const plain_locale l = plain_locale_enter();
    const int length = vsnprintf(text, capacity, format, values);
    plain_locale_leave(l);
    return length;
}

int tli_format(char *text, size_t capacity, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    const int length = tli_vformat(text, capacity, format, values);
    va_end(values);
    return length;
}

char *tli_float_text(float value, char text[FLOAT_TEXT_CAPACITY])
{
    enum { ENOUGH = 9 };                                     /* digits that distinguish any two floats */
    for (int digits = FLT_DIG; digits <= ENOUGH; digits++) { /* %g leaves zeros at the end out */
        tli_format(text, FLOAT_TEXT_CAPACITY, "%.*g", digits, (double)value);
        if (tli_parse_float(text, NULL) == value) break;
    }
    return text;
}

int tli_print(FILE *file, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    const plain_locale l = plain_locale_enter();
    const int length = vfprintf(file, format, values);
    plain_locale_leave(l);
    va_end(values);
    return length;
}

char *tli_size_text(uint64_t bytes, char text[SIZE_TEXT_CAPACITY])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1024 && unit < 4; unit++) value /= 1024;
    tli_format(text, SIZE_TEXT_CAPACITY, unit == 0 ? "%.0f %s" : "%.2f %s", value, units[unit]);
    return text;
}
