#include "models/presets.h"

#include <stddef.h>
#include <string.h>

static const tl_preset presets[] = {
    {"tiny", 192, 6, 3, 64, 768},    {"mini", 192, 12, 3, 64, 768},     {"small", 384, 12, 6, 64, 1536},
    {"base", 768, 12, 12, 64, 3072}, {"large", 1024, 24, 16, 64, 4096},
};

const tl_preset *tl_preset_find(const char *name)
{
    if (name == NULL) return NULL;
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (strcmp(presets[i].name, name) == 0) return &presets[i];
    }
    return NULL;
}

const char *tl_preset_names(void)
{
    return "tiny, mini, small, base, large";
}
