#include "ops/attention_terms.h"

#define ENTRY(name) &name##_term,
const attention_term *const attention_terms[TERMS] = {ATTENTION_TERMS(ENTRY)};

uint32_t attention_column(const attention_pass *p, int role)
{
    uint32_t column = 0;
    for (int i = 0; i < role; i++)
        if ((tl_op_plain(p->shape) & (1u << i)) != 0) column += p->sizes->width;
    return column;
}

uint64_t attention_first_row(const attention_pass *p)
{
    return (uint64_t)p->shape->geometry.first * p->shape->batch;
}

uint32_t attention_causal_keys(const tl_op_shape *s)
{
    return s->geometry.kind == TL_CAUSAL ? s->geometry.first + 1 : 0;
}
