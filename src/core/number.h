/* Numbers as text, always with a decimal point as in the "C" locale, whatever setlocale says. Every
 * floating-point number that is written to or read from a file, setting or message goes through here.
 * (cJSON handles locales itself; the library gives it only integers and strings.) */
#ifndef CORE_NUMBER_H
#define CORE_NUMBER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* strtod and strtof. `end` may be NULL. */
double tli_parse_double(const char *text, char **end);
float tli_parse_float(const char *text, char **end);

/* The shortest decimal that reads back as this float: "0.0003", not "0.000300000014". */
enum { FLOAT_TEXT_CAPACITY = 16 };
char *tli_float_text(float value, char text[FLOAT_TEXT_CAPACITY]);

/* "512 B", "1.50 GiB"; returns `text`. TLI_SIZE: in memory that lasts as long as the enclosing block, for an argument of printf. */
enum { SIZE_TEXT_CAPACITY = 32 };
char *tli_size_text(uint64_t bytes, char text[SIZE_TEXT_CAPACITY]);
#define TLI_SIZE(bytes) tli_size_text(bytes, (char[SIZE_TEXT_CAPACITY]){0})
/* Sizes that a sentence compares have one unit: "%.2f MiB". */
#define TLI_MIB(bytes) ((double)(bytes) / 0x1p20)

/* snprintf, vsnprintf and fprintf. */
int tli_format(char *text, size_t capacity, const char *format, ...) __attribute__((format(printf, 3, 4)));
int tli_vformat(char *text, size_t capacity, const char *format, va_list values)
    __attribute__((format(printf, 3, 0)));
int tli_print(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
