#include "core/variable.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define WORDS(name, ...)                                                                                     \
    static const choice name##_items[] = {__VA_ARGS__};                                                      \
    static const choices name = {"value", name##_items, (int)(sizeof name##_items / sizeof *name##_items),   \
                                 NULL}

WORDS(widths, {4, "4", NULL}, {8, "8", NULL}, {16, "16", NULL});
WORDS(tiles, {16, "16", NULL}, {32, "32", NULL}, {64, "64", NULL}, {128, "128", NULL});
WORDS(switches, {1, "on", NULL}, {0, "off", NULL});

static const struct {
    const char *name;
    const choices *words;
    const char *unset; /* what holds then */
} variables[TLI_VARIABLES] = {
    [TLI_VARIABLE_VECTOR_WIDTH] = {"TRANSLUTION_VECTOR_WIDTH", &widths, "the device's own width"},
    [TLI_VARIABLE_TILE] = {"TRANSLUTION_TILE", &tiles, "what suits each product"},
    [TLI_VARIABLE_FORM] = {"TRANSLUTION_FORM", &tli_path_choices, "the form for the device's type"},
    [TLI_VARIABLE_SELF_TEST] = {"TRANSLUTION_SELF_TEST", &switches, "kernels that are checked"},
    [TLI_VARIABLE_TUNING] = {"TRANSLUTION_TUNING", &switches, "tuned tiles"},
    [TLI_VARIABLE_OVERLAP] = {"TRANSLUTION_OVERLAP", &switches, "what suits the ranks' machines"},
};

static bool find_word(tli_variable v, const char *text, int *value)
{
    return tli_choice_find(variables[v].words, text, strlen(text), value);
}

tl_status tli_variables_check(tl_error *err)
{
    for (tli_variable v = 0; v < TLI_VARIABLES; v++) {
        const char *text = getenv(variables[v].name);
        char list[CHOICE_LIST_CAPACITY];
        int value;
        if (text == NULL || find_word(v, text, &value)) continue;
        tli_choice_list(variables[v].words, ", ", list);
        tli_text_last_item(list, sizeof list, "or");
        return tli_fail(err, TL_ERROR_USAGE, "%s is \"%.40s\": set it to %s, or unset it for %s",
                        variables[v].name, text, list, variables[v].unset);
    }
    return TL_OK;
}

int tli_variable_value(tli_variable v, int unset)
{
    const char *text = getenv(variables[v].name);
    int value;
    return text != NULL && find_word(v, text, &value) ? value : unset;
}
