#include "ops/op_shape.h"

#include <math.h>

#include "ops/op_rules.h"

tl_roles tli_op_relative(const tli_op_shape *s)
{
    const op_rule *rule = tli_op_rule_of(s->kind);
    return rule->chooses && s->relative != 0 ? s->relative : rule->per_offset;
}

tl_roles tli_op_plain(const tli_op_shape *s)
{
    switch (tli_op_rule_of(s->kind)->shared) {
    case OP_SHARED_ALL: return TL_ROLE_QKV;
    case OP_SHARED_REST: return TL_ROLE_QKV & ~tli_op_relative(s);
    case OP_SHARED_NONE: break;
    }
    return 0;
}

bool tli_op_is_narrow(const tli_op_shape *s)
{
    return tli_op_rule_of(s->kind)->low_rank;
}

tl_roles tli_op_narrow(const tli_op_shape *s)
{
    if (!tli_op_is_narrow(s)) return 0;
    const tl_roles relative = tli_op_relative(s), scores = TL_ROLE_Q | TL_ROLE_K;
    return ((relative & scores) != 0 ? scores : 0) | (relative & TL_ROLE_V);
}

bool tli_op_has_softmax(const tli_op_shape *s)
{
    return tli_op_rule_of(s->kind)->softmax;
}

bool tli_op_standard_scores(const tli_op_shape *s)
{
    const tl_roles scores = TL_ROLE_Q | TL_ROLE_K;
    return (tli_op_plain(s) & scores) == scores;
}

bool tli_op_relative_scores(const tli_op_shape *s)
{
    return (tli_op_relative(s) & (TL_ROLE_Q | TL_ROLE_K)) != 0;
}

bool tli_op_standard_values(const tli_op_shape *s)
{
    return (tli_op_plain(s) & TL_ROLE_V) != 0;
}

bool tli_op_relative_values(const tli_op_shape *s)
{
    return (tli_op_relative(s) & TL_ROLE_V) != 0;
}

uint32_t tli_op_role_count(tl_roles roles)
{
    return (roles & 1) + (roles >> 1 & 1) + (roles >> 2 & 1);
}

bool tli_op_saves_pairs(const tli_op_shape *s)
{
    return !tli_op_is_narrow(s) && tli_op_relative_scores(s);
}

bool tli_op_lends_state(const tli_op_shape *lender, const tli_op_shape *borrower)
{
    return lender->queries == borrower->queries && lender->kind == borrower->kind &&
           lender->positions == borrower->positions;
}

float tli_op_logit_scale(const tli_op_shape *s)
{
    const bool both = tli_op_standard_scores(s) && tli_op_relative_scores(s);
    const uint32_t channels = tli_op_standard_scores(s) || !tli_op_is_narrow(s) ? s->head_dim : s->relenc_dim;
    return (both ? 0.5f : 1.0f) / sqrtf((float)channels);
}

float tli_op_output_scale(const tli_op_shape *s)
{
    return tli_op_standard_values(s) && tli_op_relative_values(s) ? 0.5f : 1.0f;
}
