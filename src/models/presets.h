/* Model sizes by name. */
#ifndef MODELS_PRESETS_H
#define MODELS_PRESETS_H

#include <stdint.h>

#include "core/choices.h"
#include "translution/translution.h"

typedef struct tli_preset {
    uint32_t dim, depth, heads, head_dim, mlp_dim;
} tli_preset;

/* tiny 192/6/3, mini 192/12/3, small 384/12/6, base 768/12/12, large 1024/24/16 (dim/depth/heads);
 * head_dim 64, mlp_dim 4 dim. */
extern const choices tli_size_choices;
/* By its value in that list, 0 is the default; NULL: there is none. */
const tli_preset *tli_preset_at(int size);
void tli_preset_apply(const tli_preset *preset, tl_model_config *config);

#endif
