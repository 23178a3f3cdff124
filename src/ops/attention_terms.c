#include "ops/attention_terms.h"

#define ENTRY(name) &tli_##name##_term,
const attention_term *const tli_attention_terms[TERMS] = {ATTENTION_TERMS(ENTRY)};

uint32_t tli_attention_column(const attention_pass *p, int role)
{
    uint32_t column = 0;
    for (int i = 0; i < role; i++)
        if ((tli_op_shared_roles(p->shape) & (1u << i)) != 0) column += p->sizes->width;
    return column;
}

uint64_t tli_attention_first_row(const attention_pass *p)
{
    return (uint64_t)p->shape->geometry.first * p->shape->batch;
}

uint32_t tli_attention_causal_keys(const tli_op_shape *s)
{
    return s->geometry.kind == TLI_CAUSAL ? s->geometry.first + 1 : 0;
}
