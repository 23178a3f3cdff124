/* The settings of all runs side by side: first those that differ, then, folded away, those that are equal. */
#include <string.h>

#include "cli/page.h"

enum { MAX_SETTINGS = 300, MAX_VALUE = 300 }; /* shown; bytes of a value */

typedef struct setting_list {
    const char *keys[MAX_SETTINGS];
    bool differs[MAX_SETTINGS];
    int count, different;
    bool more; /* than are shown */
} setting_list;

static const char *setting_of(const page_run *run, const char *key)
{
    return run->weights != NULL ? tl_file_metadata(run->weights, key) : NULL;
}

static bool setting_differs(const page *p, const char *key)
{
    const char *first = NULL;
    int with = 0;
    for (int r = 0; r < p->count; r++) {
        const char *value = setting_of(&p->runs[r], key);
        if (p->runs[r].weights == NULL) continue;
        if (with++ > 0 &&
            ((value == NULL) != (first == NULL) || (value != NULL && strcmp(value, first) != 0)))
            return true;
        first = value;
    }
    return false;
}

static void list_add(setting_list *list, const page *p, const char *key)
{
    if (strcmp(key, "checksum") == 0) return; /* of the weights: no setting */
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->keys[i], key) == 0) return;
    if (list->count == MAX_SETTINGS) {
        list->more = true;
        return;
    }
    list->differs[list->count] = setting_differs(p, key);
    list->different += list->differs[list->count];
    list->keys[list->count++] = key;
}

static void collect_settings(const page *p, setting_list *list)
{
    const char *key, *value;
    for (int r = 0; r < p->count; r++)
        for (int i = 0; p->runs[r].weights != NULL && !list->more &&
                        tl_file_metadata_at(p->runs[r].weights, i, &key, &value);
             i++)
            list_add(list, p, key);
}

static void write_settings_table(const page *p, const setting_list *list, bool differing, FILE *out)
{
    tli_page_table_begin(out, NULL, differing ? "Settings that differ" : "Settings without differences");
    fputs("<thead><tr><th scope=\"col\">setting</th>", out);
    for (int r = 0; r < p->count; r++) {
        fputs("<th scope=\"col\">", out);
        tli_page_run_name(out, p, r, -1);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int i = 0; i < list->count; i++) {
        if (list->differs[i] != differing) continue;
        fprintf(out, "<tr%s><th scope=\"row\">%s", differing ? " class=\"differs\"" : "",
                differing ? "<span class=\"mark\" role=\"img\" aria-label=\"differs\">≠</span> " : "");
        tli_page_text(out, list->keys[i], MAX_VALUE);
        fputs("</th>", out);
        for (int r = 0; r < p->count; r++) {
            const char *value = setting_of(&p->runs[r], list->keys[i]);
            fputs("<td>", out);
            tli_page_text(out, value != NULL ? value : "–", MAX_VALUE);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody>", out);
    tli_page_table_end(out);
}

void tli_page_settings(const page *p, FILE *out)
{
    setting_list list = {.count = 0};
    collect_settings(p, &list);
    fputs("<section aria-labelledby=\"settings\"><h2 id=\"settings\">Settings</h2>\n", out);
    if (list.count == 0) fputs("<p>No run here has saved weights, which hold the settings.</p>\n", out);
    if (list.different > 0) write_settings_table(p, &list, true, out);
    if (list.count > list.different) {
        fprintf(out, "<details%s><summary>%s: %d</summary>\n", list.different == 0 ? " open" : "",
                p->count > 1 ? "The same in all runs" : "All settings", list.count - list.different);
        write_settings_table(p, &list, false, out);
        fputs("</details>\n", out);
    }
    if (list.more) fprintf(out, "<p>Further settings are left out after %d.</p>\n", MAX_SETTINGS);
    fputs("</section>\n", out);
}
