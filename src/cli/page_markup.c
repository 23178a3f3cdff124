#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"
#include "core/text.h"

static void print_escaped(FILE *out, unsigned char c)
{
    switch (c) {
    case '<': fputs("&lt;", out); break;
    case '>': fputs("&gt;", out); break;
    case '&': fputs("&amp;", out); break;
    case '"': fputs("&quot;", out); break;
    case '\'': fputs("&#39;", out); break;
    default:
        if (c < ' ' || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
}

void tli_page_text(FILE *out, const char *text, size_t most)
{
    char *utf8 = tli_text_utf8(text);
    const char *shown = utf8 != NULL ? utf8 : "(out of memory)";
    size_t length = strlen(shown);
    const bool cut = length > most;
    if (cut) /* not inside a character */
        for (length = most; length > 0 && ((unsigned char)shown[length] & 0xc0) == 0x80;) length--;
    for (size_t i = 0; i < length; i++) print_escaped(out, (unsigned char)shown[i]);
    if (cut) fputs("…", out);
    free(utf8);
}

void tli_page_run_name(FILE *out, const page *p, int run, int test)
{
    const char *dashes = tli_page_dashes(run, test);
    fprintf(out,
            "<svg class=\"sample run%d\" viewBox=\"0 0 28 8\" aria-hidden=\"true\"><path d=\"M0 4H28\" "
            "stroke-width=\"3\"",
            run % PAGE_COLORS);
    if (dashes != NULL) fprintf(out, " stroke-dasharray=\"%s\"", dashes);
    fprintf(out, "/></svg> %d. ", run + 1);
    tli_page_text(out, p->runs[run].path, SIZE_MAX);
}

void tli_page_table_begin(FILE *out, const page_subject *about, const char *caption)
{
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
    if (about != NULL) {
        fprintf(out, "%d. ", about->run);
        tli_page_text(out, about->name, SIZE_MAX);
        if (about->head >= 0) fprintf(out, ", head %" PRId64, about->head);
        fputs(": ", out);
    }
    fprintf(out, "%s\">\n<table><caption>%s</caption>\n", caption, caption);
}

void tli_page_table_end(FILE *out)
{
    fputs("</table></div>\n", out);
}

int tli_page_shade(double share)
{
    enum { SHADES = 10 };
    return (int)(share * (SHADES - 1) + 0.5);
}
