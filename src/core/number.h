/* Numbers as text: always with a point, as the "C" locale writes them, whatever the process has chosen by setlocale. Every
 * floating-point number that goes into a file, a setting or a message, or comes from one, passes through here. (cJSON
 * looks after its own numbers; the library gives it whole numbers and texts alone.) */
#ifndef CORE_NUMBER_H
#define CORE_NUMBER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* strtod and strtof. `end` may be NULL. */
double tli_parse_double(const char *text, char **end);
float tli_parse_float(const char *text, char **end);

/* snprintf, vsnprintf and fprintf. */
int tli_format(char *text, size_t capacity, const char *format, ...) __attribute__((format(printf, 3, 4)));
int tli_vformat(char *text, size_t capacity, const char *format, va_list values)
    __attribute__((format(printf, 3, 0)));
int tli_print(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
