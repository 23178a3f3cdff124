/* Model sizes by name. */
#ifndef TL_MODELS_PRESETS_H
#define TL_MODELS_PRESETS_H

#include <stdint.h>

#include "core/choices.h"

typedef struct tl_preset {
    const char *name;
    uint32_t dim, depth, heads, head_dim, mlp_dim;
} tl_preset;

/* tiny 192/6/3, mini 192/12/3, small 384/12/6, base 768/12/12, large 1024/24/16; head_dim 64, mlp 4 dim.
 * NULL when there is no such name. */
const tl_preset *tl_preset_find(const char *name);
extern const choices size_choices;
/* By its value there, of which 0 is the default; NULL when there is no such size. */
const tl_preset *tl_preset_at(int size);

#endif
