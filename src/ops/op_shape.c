#include "ops/op_shape.h"

#include <math.h>

#include "ops/op_rules.h"

tl_roles tli_op_per_offset_roles(const tli_op_shape *s)
{
    const op_rule *rule = tli_op_rule_of(s->kind);
    return rule->chooses && s->relative != 0 ? s->relative : rule->per_offset;
}

tl_roles tli_op_shared_roles(const tli_op_shape *s)
{
    switch (tli_op_rule_of(s->kind)->shared) {
    case OP_SHARED_ALL: return TL_ROLE_QKV;
    case OP_SHARED_REST: return TL_ROLE_QKV & ~tli_op_per_offset_roles(s);
    case OP_SHARED_NONE: break;
    }
    return 0;
}

bool tli_op_is_low_rank(const tli_op_shape *s)
{
    return tli_op_rule_of(s->kind)->low_rank;
}

tl_roles tli_op_low_rank_roles(const tli_op_shape *s)
{
    if (!tli_op_is_low_rank(s)) return 0;
    const tl_roles per_offset = tli_op_per_offset_roles(s), logits = TL_ROLE_Q | TL_ROLE_K;
    return ((per_offset & logits) != 0 ? logits : 0) | (per_offset & TL_ROLE_V);
}

bool tli_op_has_softmax(const tli_op_shape *s)
{
    return tli_op_rule_of(s->kind)->softmax;
}

bool tli_op_has_shared_logits(const tli_op_shape *s)
{
    const tl_roles logits = TL_ROLE_Q | TL_ROLE_K;
    return (tli_op_shared_roles(s) & logits) == logits;
}

bool tli_op_has_offset_logits(const tli_op_shape *s)
{
    return (tli_op_per_offset_roles(s) & (TL_ROLE_Q | TL_ROLE_K)) != 0;
}

bool tli_op_has_shared_values(const tli_op_shape *s)
{
    return (tli_op_shared_roles(s) & TL_ROLE_V) != 0;
}

bool tli_op_has_offset_values(const tli_op_shape *s)
{
    return (tli_op_per_offset_roles(s) & TL_ROLE_V) != 0;
}

uint32_t tli_op_role_count(tl_roles roles)
{
    return (roles & 1) + (roles >> 1 & 1) + (roles >> 2 & 1);
}

bool tli_op_saves_pairs(const tli_op_shape *s)
{
    return !tli_op_is_low_rank(s) && tli_op_has_offset_logits(s);
}

bool tli_op_shares_state(const tli_op_shape *buffer_owner, const tli_op_shape *sharer)
{
    return buffer_owner->queries == sharer->queries && buffer_owner->kind == sharer->kind &&
           buffer_owner->positions == sharer->positions;
}

float tli_op_logit_scale(const tli_op_shape *s)
{
    const bool both = tli_op_has_shared_logits(s) && tli_op_has_offset_logits(s);
    const uint32_t channels = tli_op_has_shared_logits(s) || !tli_op_is_low_rank(s) ? s->head_dim
                                                                                    : s->relenc_dim;
    return (both ? 0.5f : 1.0f) / sqrtf((float)channels);
}

float tli_op_output_scale(const tli_op_shape *s)
{
    return tli_op_has_shared_values(s) && tli_op_has_offset_values(s) ? 0.5f : 1.0f;
}
