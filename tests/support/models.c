#include "models.h"

#include "test.h"

#include <string.h>

#include "models/presets.h"

tl_model_config small_model(tl_arch arch, tl_op_kind op)
{
    return (tl_model_config){.arch = arch,
                             .op = op,
                             .pool = TL_POOL_CLS,
                             .image_height = 12,
                             .image_width = 12,
                             .channels = 1,
                             .patch_height = 4,
                             .patch_width = 4,
                             .classes = 3,
                             .seq_len = 7,
                             .vocab_size = 5,
                             .dim = 8,
                             .depth = 2,
                             .heads = 2,
                             .head_dim = 4,
                             .mlp_dim = 16,
                             .relenc_dim = 2};
}

void(apply_preset)(const char *name, tl_model_config *config)
{
    int size;
    if (!tli_choice_find(&tli_size_choices, name, strlen(name), &size)) fail_msg("no preset %s", name);
    tli_preset_apply(tli_preset_at(size), config);
}
