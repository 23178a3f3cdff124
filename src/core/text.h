/* Names from outside (files, folders, devices) are arbitrary bytes, but JSON and tab-separated tables need
 * UTF-8. These functions convert bytes to text; different names stay different. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

bool tli_text_is_utf8(const char *bytes);

/* Bytes that are not UTF-8 become \xNN, and an existing \x becomes \x5cx; other text is unchanged. The
 * result is freed by the caller; NULL: out of memory. */
char *tli_text_utf8(const char *bytes);

/* Escapes text for a cell of a table: tab, line feed and carriage return become \t, \n and \r, a backslash
 * \\, other control characters \xNN. Unescaping from left to right restores the text. Text that is not
 * UTF-8 is converted as above first. Freed by the caller; NULL: out of memory. */
char *tli_text_cell(const char *text);

/* Cuts blanks (space, tab, carriage return) off the end of `text`, in place; returns its first character that is none. */
char *tli_text_trim(char *text);

/* Puts `word` before the last item of a list in `capacity` bytes: "a, b, c" becomes "a, b or c". */
void tli_text_last_item(char *list, size_t capacity, const char *word);

#endif
