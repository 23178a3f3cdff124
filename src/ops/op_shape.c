#include "ops/op_shape.h"

#include <math.h>

#include "ops/op_rules.h"

tl_roles tl_op_relative(const tl_op_shape *s)
{
    const op_rule *rule = op_rule_of(s->kind);
    return rule->chooses && s->relative != 0 ? s->relative : rule->per_offset;
}

tl_roles tl_op_plain(const tl_op_shape *s)
{
    switch (op_rule_of(s->kind)->shared) {
    case OP_SHARED_ALL: return TL_ROLE_QKV;
    case OP_SHARED_REST: return TL_ROLE_QKV & ~tl_op_relative(s);
    case OP_SHARED_NONE: break;
    }
    return 0;
}

bool tl_op_is_narrow(const tl_op_shape *s)
{
    return op_rule_of(s->kind)->low_rank;
}

tl_roles tl_op_narrow(const tl_op_shape *s)
{
    if (!tl_op_is_narrow(s)) return 0;
    const tl_roles relative = tl_op_relative(s), scores = TL_ROLE_Q | TL_ROLE_K;
    return ((relative & scores) != 0 ? scores : 0) | (relative & TL_ROLE_V);
}

bool tl_op_has_softmax(const tl_op_shape *s)
{
    return op_rule_of(s->kind)->softmax;
}

bool tl_op_standard_scores(const tl_op_shape *s)
{
    const tl_roles scores = TL_ROLE_Q | TL_ROLE_K;
    return (tl_op_plain(s) & scores) == scores;
}

bool tl_op_relative_scores(const tl_op_shape *s)
{
    return (tl_op_relative(s) & (TL_ROLE_Q | TL_ROLE_K)) != 0;
}

bool tl_op_standard_values(const tl_op_shape *s)
{
    return (tl_op_plain(s) & TL_ROLE_V) != 0;
}

bool tl_op_relative_values(const tl_op_shape *s)
{
    return (tl_op_relative(s) & TL_ROLE_V) != 0;
}

uint32_t tl_op_role_count(tl_roles roles)
{
    return (roles & 1) + (roles >> 1 & 1) + (roles >> 2 & 1);
}

bool tl_op_saves_pairs(const tl_op_shape *s)
{
    return !tl_op_is_narrow(s) && tl_op_relative_scores(s);
}

bool tl_op_lends_state(const tl_op_shape *lender, const tl_op_shape *borrower)
{
    return lender->queries == borrower->queries && lender->kind == borrower->kind &&
           lender->positions == borrower->positions;
}

float tl_op_logit_scale(const tl_op_shape *s)
{
    const bool both = tl_op_standard_scores(s) && tl_op_relative_scores(s);
    const uint32_t channels = tl_op_standard_scores(s) || !tl_op_is_narrow(s) ? s->head_dim : s->relenc_dim;
    return (both ? 0.5f : 1.0f) / sqrtf((float)channels);
}

float tl_op_output_scale(const tl_op_shape *s)
{
    return tl_op_standard_values(s) && tl_op_relative_values(s) ? 0.5f : 1.0f;
}
