/* Reading the page of a report, and checking what every page must be. */
#ifndef TESTS_REPORT_PAGE_H
#define TESTS_REPORT_PAGE_H

#include "program.h"

static inline void need_gnuplot(void)
{
    if (system("gnuplot --version >/dev/null 2>&1") != 0)
        skip_because("no gnuplot, which draws the curves", "install gnuplot-nox");
}

static char *page; /* of the last report */

static inline void read_page(const char *name)
{
    free(page);
    page = read_all(name, NULL);
}
#define read_page(...) FROM_HERE(read_page(__VA_ARGS__))

static inline int free_page(void **state)
{
    free(page);
    return remove_folder(state);
}

static inline int times(const char *words)
{
    int count = 0;
    for (const char *found = page; (found = strstr(found, words)) != NULL; found++) count++;
    return count;
}

/* ---- markup ----------------------------------------------------------------------------------------- */

static inline bool is_one_of(const char *name, size_t length, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strlen(*names) == length && strncmp(name, *names, length) == 0) return true;
    return false;
}

/* The attributes of a tag up to its '>': names and quoted values, none of which runs or loads anything. */
static const char *check_attributes(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n");
        if (*at == '>' || strncmp(at, "/>", 2) == 0) return at;
        const size_t name = strcspn(at, "= \t\r\n<>\"'");
        assert_true(name > 0);
        if (strncmp(at, "on", 2) == 0 || strncmp(at, "src", 3) == 0) fail_msg("an attribute %.40s", at);
        const bool link = name >= 4 && strncmp(at + name - 4, "href", 4) == 0;
        at += name + strspn(at + name, " ");
        if (*at != '=') continue;
        at += 1 + strspn(at + 1, " ");
        const char quote = *at;
        assert_true(quote == '"' || quote == '\'');
        if (link) assert_true(at[1] == '#');
        at = strchr(at + 1, quote);
        assert_non_null(at);
        at++;
    }
}
#define check_attributes(...) VALUE_FROM_HERE(check_attributes(__VA_ARGS__))

/* Regions have names of their own, by which a screen reader tells them apart. */
static inline void check_regions(void)
{
    static const char begins[] = "role=\"region\" tabindex=\"0\" aria-label=\"";
    for (const char *at = page; (at = strstr(at, begins)) != NULL;) {
        at += strlen(begins);
        const size_t length = strcspn(at, "\"") + 1;
        assert_true(length > 1);
        for (const char *other = at; (other = strstr(other, begins)) != NULL;) {
            other += strlen(begins);
            if (strncmp(other, at, length) == 0) fail_msg("two regions are called %.*s", (int)length, at);
        }
    }
}
#define check_regions(...) FROM_HERE(check_regions(__VA_ARGS__))

/* Elements nest, are of few kinds, and none runs or loads anything. */
static inline void check_page(void)
{
    static const char *const known[] = {
        "html",    "head",        "title",   "style",   "body",    "main",    "footer",     "h1",    "h2",
        "h3",      "p",           "section", "div",     "table",   "caption", "thead",      "tbody", "tr",
        "th",      "td",          "span",    "details", "summary", "figure",  "figcaption", "ul",    "li",
        "svg",     "desc",        "g",       "path",    "rect",    "circle",  "use",        "defs",  "filter",
        "feFlood", "feComposite", "text",    "tspan",   "polygon", NULL};
    static const char *const alone[] = {"meta", NULL};
    static struct {
        const char *name;
        size_t length;
    } open[64];
    int depth = 0;
    const char *at = strstr(page, "<!DOCTYPE html>\n");
    assert_true(at == page);
    for (at += 15; (at = strchr(at, '<')) != NULL; at++) {
        const bool closes = at[1] == '/';
        const char *name = at + 1 + closes;
        const size_t length = strcspn(name, " \t\r\n/>");
        const bool is_alone = is_one_of(name, length, alone);
        if (!is_alone && !is_one_of(name, length, known)) fail_msg("an element %.60s", at);
        if (closes) {
            assert_true(depth > 0);
            depth--;
            if (open[depth].length != length || strncmp(open[depth].name, name, length) != 0)
                fail_msg("%.60s closes %.60s", at, open[depth].name);
            continue;
        }
        at = check_attributes(name + length);
        if (is_alone || *at == '/') continue;
        assert_true(depth < 64);
        open[depth].name = name;
        open[depth++].length = length;
    }
    assert_int_equal(depth, 0);
    check_regions();
    assert_int_equal(times("://"), times("http://www.w3.org/")); /* names of SVG */
}
#define check_page(...) FROM_HERE(check_page(__VA_ARGS__))

/* ---- what pages are made from -------------------------------------------------------------------------- */

/* A safetensors file with these metadata and tensors. */
static inline void write_weights(const char *name, const char *metadata, const char *tensors,
                                 const float *values, size_t count)
{
    char bytes[2048] = {0};
    const int length = snprintf(bytes + 8, sizeof bytes - 8, "{\"__metadata__\":{%s},%s}", metadata, tensors);
    assert_true(length > 0 && (size_t)length + 8 + count * sizeof *values <= sizeof bytes);
    bytes[0] = (char)(length & 255);
    bytes[1] = (char)(length >> 8);
    memcpy(bytes + 8 + length, values, count * sizeof *values);
    write_file(name, bytes, (size_t)length + 8 + count * sizeof *values);
}
#define write_weights(...) FROM_HERE(write_weights(__VA_ARGS__))

#endif
