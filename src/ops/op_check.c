#include "ops/op_check.h"

#include <stdio.h>

#include "core/choices.h"
#include "core/text.h"
#include "ops/attention_terms.h"
#include "ops/op_rules.h"
#include "ops/op_sizes.h"

tl_status tli_check_range(tl_error *err, const char *name, uint32_t value, uint32_t most)
{
    if (value >= 1 && value <= most) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "%s is %u: give a value from 1 to %u.", name, value, most);
}

static tl_status check_sizes(const tli_op_shape *s, tl_error *err)
{
    TLI_TRY(tli_check_range(err, "dim", s->dim, OP_MAX_DIM));
    TLI_TRY(tli_check_range(err, "heads", s->heads, OP_MAX_HEADS));
    TLI_TRY(tli_check_range(err, "head_dim", s->head_dim, OP_MAX_DIM));
    if (tli_op_is_low_rank(s)) TLI_TRY(tli_check_range(err, "relenc_dim", s->relenc_dim, OP_MAX_LOW_RANK));
    if ((uint64_t)s->heads * s->head_dim <= OP_MAX_WIDTH) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "heads x head_dim is %llu: at most %d are supported.",
                    (unsigned long long)s->heads * s->head_dim, OP_MAX_WIDTH);
}

static tl_status check_geometry(const tli_geometry *g, tl_error *err)
{
    const uint64_t depth = g->depth > 0 ? g->depth : 1, plane = (uint64_t)g->height * g->width;
    if (g->height == 0 || g->width == 0)
        return tli_fail(err, TL_ERROR_USAGE,
                        "the tokens lie on %u x %u places: give a height and a width above 0.", g->height,
                        g->width);
    if (g->kind == TLI_CAUSAL && (plane * depth != g->width || g->cls != 0 || g->max_length < g->width))
        return tli_fail(
            err, TL_ERROR_USAGE,
            "a causal sequence has height and depth 1, no class token, and a max_length of at least its "
            "width, %u.",
            g->width);
    const uint64_t tokens = plane > OP_MAX_TOKENS ? plane : depth * plane + g->cls;
    const uint64_t most = g->kind == TLI_CAUSAL ? g->max_length : tokens;
    if (most <= OP_MAX_TOKENS) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "%llu tokens are too many: at most %d are supported.",
                    (unsigned long long)most, OP_MAX_TOKENS);
}

static tl_status check_roles(const tli_op_shape *s, const op_rule *rule, tl_error *err)
{
    const char *name = tl_op_name(s->kind);
    if (s->relative > TL_ROLE_QKV)
        return tli_fail(err, TL_ERROR_USAGE,
                        "the relative roles are %u: give an OR of q (1), k (2) and v (4).", s->relative);
    if (rule->per_offset == 0 && s->relative != 0)
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s has no relative roles: leave `relative` out, or choose translution or alpha.",
                        name);
    if (!rule->chooses && s->relative != 0 && s->relative != TL_ROLE_QKV)
        return tli_fail(err, TL_ERROR_USAGE, "%s has no choice of relative roles: leave `relative` out.",
                        name);
    return TL_OK;
}

/* "none, learned or rope": names of the positions that an operation takes, or of the operations that take
 * positions. */
static const char *list_takers(char out[CHOICE_LIST_CAPACITY], bool of_operation, tl_op_kind kind,
                               tl_positions positions)
{
    const choices *c = of_operation ? &tli_positions_choices : &tli_op_choices;
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < c->count; i++) {
        const int value = c->items[i].value;
        if (!tli_op_takes_positions(of_operation ? kind : (tl_op_kind)value,
                                    of_operation ? (tl_positions)value : positions))
            continue;
        used += (size_t)snprintf(out + used, CHOICE_LIST_CAPACITY - used, "%s%s", used > 0 ? ", " : "",
                                 c->items[i].name);
    }
    tli_text_last_item(out, CHOICE_LIST_CAPACITY, "or");
    return out;
}

static tl_status check_positions(const tli_op_shape *s, tl_error *err)
{
    const tl_positions positions = s->positions == TL_POSITIONS_DEFAULT ? TL_POSITIONS_NONE : s->positions;
    char takes[CHOICE_LIST_CAPACITY], takers[CHOICE_LIST_CAPACITY];
    if (!tli_op_takes_positions(s->kind, positions))
        return tli_fail(err, TL_ERROR_USAGE, "%s takes the positions %s, not %s: choose %s for those.",
                        tl_op_name(s->kind), list_takers(takes, true, s->kind, 0),
                        tli_choice_shown(&tli_positions_choices, (int)positions),
                        list_takers(takers, false, 0, positions));
    for (int t = 0; t < TERMS; t++)
        if (tli_attention_terms[t]->check != NULL && tli_attention_terms[t]->present(s))
            TLI_TRY(tli_attention_terms[t]->check(s, err));
    return TL_OK;
}

static tl_status check_sharing(const tli_op_shape *s, const op_rule *rule, tl_error *err)
{
    const tli_geometry *g = &s->geometry;
    TLI_TRY(tli_choice_check(&tli_sharing_choices, (int)g->sharing, err));
    if (rule->per_pair && (g->sharing != TL_SHARING_NONE || g->window > 0))
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s has a matrix for every pair: it takes no sharing of offsets and no window.",
                        tl_op_name(s->kind));
    if (g->sharing == TL_SHARING_NONE) return TL_OK;
    if (!tli_op_has_pairs(s))
        return tli_fail(
            err, TL_ERROR_USAGE,
            "%s has nothing to share between offsets: choose another operation, or positions swin or "
            "shaw.",
            tl_op_name(s->kind));
    return tli_check_range(err, "the radius of shared offsets", g->sharing_radius, OP_MAX_RADIUS);
}

tl_status tli_op_check(const tli_op_shape *s, tl_error *err)
{
    const op_rule *rule = tli_op_rule_of(s->kind);
    TLI_TRY(tli_choice_check(&tli_op_choices, (int)s->kind, err));
    TLI_TRY(check_sizes(s, err));
    TLI_TRY(check_geometry(&s->geometry, err));
    TLI_TRY(check_roles(s, rule, err));
    TLI_TRY(check_positions(s, err));
    TLI_TRY(check_sharing(s, rule, err));
    if (rule->window == OP_WINDOW_KERNEL && s->geometry.window == 0)
        return tli_fail(err, TL_ERROR_USAGE, "%s needs a window: give its width, an odd number from 3 on.",
                        tl_op_name(s->kind));
    return TL_OK;
}

tl_status tli_op_check_batch(const tli_op_shape *s, tl_error *err)
{
    const uint64_t tokens = tli_geometry_tokens(&s->geometry), rows = tokens * s->batch;
    if (s->batch < 1) return tli_fail(err, TL_ERROR_USAGE, "the batch size is 0: give at least 1.");
    if (rows <= INT32_MAX && rows * s->heads <= UINT32_MAX) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    "a batch of %u with %llu tokens each is too large: choose a smaller one.", s->batch,
                    (unsigned long long)tokens);
}
