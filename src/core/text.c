#include "core/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

enum { ESCAPE = 4 }; /* length of "\\xNN", the longest replacement of a byte */

bool tli_text_is_utf8(const char *bytes)
{
    const uint8_t *p = (const uint8_t *)bytes;
    for (size_t left = strlen(bytes), n; left > 0; p += n, left -= n) {
        n = tli_utf8_sequence(p, left);
        if (n == 0) return false;
    }
    return true;
}

char *tli_text_utf8(const char *bytes)
{
    const uint8_t *p = (const uint8_t *)bytes;
    const size_t length = strlen(bytes);
    char *text = malloc(ESCAPE * length + 1), *out = text;
    if (text == NULL) return NULL;
    for (size_t i = 0, n; i < length; i += n) {
        n = tli_utf8_sequence(p + i, length - i);
        if (n == 0 || (p[i] == '\\' && p[i + 1] == 'x')) {
            out += snprintf(out, ESCAPE + 1, "\\x%02x", p[i]);
            n = 1;
        } else {
            memcpy(out, p + i, n);
            out += n;
        }
    }
    *out = '\0';
    return text;
}

char *tli_text_cell(const char *text)
{
    static const char special[] = "\t\n\r\\", letters[] = "tnr\\";
    char *made = tli_text_is_utf8(text) ? NULL : tli_text_utf8(text);
    const char *p = made != NULL ? made : text;
    char *cell = malloc(2 * ESCAPE * strlen(text) + 1), *out = cell; /* each byte may be escaped twice */
    for (; cell != NULL && *p != '\0'; p++) {
        const char *found = strchr(special, *p);
        if (found != NULL) {
            *out++ = '\\';
            *out++ = letters[found - special];
        } else if ((unsigned char)*p < ' ' || *p == 0x7f) {
            out += snprintf(out, ESCAPE + 1, "\\x%02x", (unsigned char)*p);
        } else {
            *out++ = *p;
        }
    }
    if (cell != NULL) *out = '\0';
    free(made);
    return cell;
}

void tli_text_last_item(char *list, size_t capacity, const char *word)
{
    char *last = NULL;
    for (char *at = list; (at = strstr(at, ", ")) != NULL; at += 2) last = at;
    if (last == NULL) return;
    const size_t item = strlen(last + 2) + 1, more = strlen(word);
    if ((size_t)(last - list) + more + 2 + item > capacity) return;
    memmove(last + more + 2, last + 2, item);
    last[0] = ' ';
    memcpy(last + 1, word, more);
    last[more + 1] = ' ';
}

char *tli_text_trim(char *text)
{
    static const char blanks[] = " \t\r";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL) length--;
    text[length] = '\0';
    return text;
}
