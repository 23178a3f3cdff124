#include "models/presets.h"

#include <stddef.h>

/* name, dim, depth, heads (of 64 channels); mlp_dim is 4 dim */
#define SIZES(SIZE)                                                                                          \
    SIZE(tiny, 192, 6, 3)                                                                                    \
    SIZE(mini, 192, 12, 3)                                                                                   \
    SIZE(small, 384, 12, 6)                                                                                  \
    SIZE(base, 768, 12, 12)                                                                                  \
    SIZE(large, 1024, 24, 16)

#define NUMBER(name, dim, depth, heads) SIZE_##name,
#define CHOICE(name, dim, depth, heads)                                                                      \
    {SIZE_##name, #name, #dim " channels, " #depth " blocks, " #heads " heads"},
#define PRESET(name, dim, depth, heads) [SIZE_##name] = {dim, depth, heads, 64, 4 * (dim)},

enum { SIZES(NUMBER) COUNT };
static const choice items[] = {SIZES(CHOICE)};
static const tli_preset presets[] = {SIZES(PRESET)};
const choices tli_size_choices = {"model size", items, COUNT, NULL};

const tli_preset *tli_preset_at(int size)
{
    return size >= 0 && size < COUNT ? &presets[size] : NULL;
}

void tli_preset_apply(const tli_preset *preset, tl_model_config *config)
{
    config->dim = preset->dim;
    config->depth = preset->depth;
    config->heads = preset->heads;
    config->head_dim = preset->head_dim;
    config->mlp_dim = preset->mlp_dim;
}
