#include "models.h"

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
