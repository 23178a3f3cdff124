/* Names from outside (files, folders, devices) are any bytes; JSON and tables of tab-separated values take UTF-8 alone. These
 * make text of bytes, differing names becoming differing texts. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdbool.h>

bool tli_text_is_utf8(const char *bytes);

/* Bytes that are no UTF-8 become \xNN, and a \x that is there already \x5cx; all other text stays as it is. The result is the
 * caller's to free; NULL: out of memory. */
char *tli_text_utf8(const char *bytes);

/* Text as a cell of a table: tab, line feed and carriage return become \t, \n and \r, a backslash \\, other control characters
 * \xNN; undone from left to right the cell is the text again. Text that is no UTF-8 is made so first. The caller's to free; NULL:
 * out of memory. */
char *tli_text_cell(const char *text);

#endif
