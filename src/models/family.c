#include "models/family.h"

const tli_family *tli_family_of(const tl_model_config *config)
{
    return config->family == TL_FAMILY_VIT   ? &tli_vit_family
           : config->family == TL_FAMILY_GPT ? &tli_gpt_family
                                             : NULL;
}
