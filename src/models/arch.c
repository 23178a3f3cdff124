#include "models/arch.h"

const tli_arch *tli_arch_of(const tl_model_config *config)
{
    return config->arch == TL_ARCH_VIT ? &tli_vit_arch : config->arch == TL_ARCH_GPT ? &tli_gpt_arch : NULL;
}
