#include "models/family.h"

const tl_family *tl_family_of(const tl_model_config *config)
{
    return config->family == TL_FAMILY_VIT   ? &tl_vit_family
           : config->family == TL_FAMILY_GPT ? &tl_gpt_family
                                             : NULL;
}
