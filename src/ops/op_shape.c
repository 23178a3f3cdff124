#include "ops/op_shape.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "ops/gated.h"
#include "ops/op_rules.h"
#include "ops/pairs.h"
#include "ops/relative.h"

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

static uint32_t role_count(tl_roles roles)
{
    return (roles & 1) + (roles >> 1 & 1) + (roles >> 2 & 1);
}

/* ---- parameters ---------------------------------------------------------------------------------- */

static void add(tl_op_parameter *list, int *count, const char *name, const char *field, size_t at,
                uint32_t rank, uint64_t s0, uint64_t s1, uint64_t s2)
{
    assert(*count < OP_MAX_PARAMETERS);
    list[(*count)++] = (tl_op_parameter){.name = name,
                                         .field = field,
                                         .at = at,
                                         .rank = rank,
                                         .shape = {s0, s1, s2},
                                         .fan_in = rank == 3 ? s1 * s2 : s1};
}

#define FIELD(name) #name, offsetof(tl_op_weights, name)

int tl_op_parameters(const tl_op_shape *s, tl_op_parameter list[OP_MAX_PARAMETERS])
{
    /* names by the set of roles */
    static const char *const plain[8] = {NULL,          "to_q.weight",  "to_k.weight",  "to_qk.weight",
                                         "to_v.weight", "to_qv.weight", "to_kv.weight", "to_qkv.weight"};
    static const struct {
        tl_roles role;
        const char *table, *narrow, *narrow_table;
        const char *field, *narrow_field;
        size_t at, narrow_at;
    } roles[3] = {
        {TL_ROLE_Q, "to_q.unique_params", "to_q1.weight", "to_q2.unique_params", "q", "a_q",
         offsetof(tl_op_weights, q), offsetof(tl_op_weights, a_q)},
        {TL_ROLE_K, "to_k.unique_params", "to_k1.weight", "to_k2.unique_params", "k", "a_k",
         offsetof(tl_op_weights, k), offsetof(tl_op_weights, a_k)},
        {TL_ROLE_V, "to_v.unique_params", "to_v1.weight", "to_v2.unique_params", "v", "a_v",
         offsetof(tl_op_weights, v), offsetof(tl_op_weights, a_v)},
    };
    const uint64_t dim = s->dim, width = (uint64_t)s->heads * s->head_dim,
                   narrow = (uint64_t)s->heads * s->relenc_dim, offsets = tl_geometry_offsets(&s->geometry);
    const bool alpha = tl_op_is_narrow(s);
    const uint64_t in = alpha ? narrow : dim, out = alpha ? narrow : width;
    int count = 0;
    if (tl_op_plain(s) != 0)
        add(list, &count, plain[tl_op_plain(s)], FIELD(qkv), 2, role_count(tl_op_plain(s)) * width, dim, 0);
    for (int i = 0; i < 3; i++) {
        if ((tl_op_narrow(s) & roles[i].role) != 0)
            add(list, &count, roles[i].narrow, roles[i].narrow_field, roles[i].narrow_at, 2, narrow, dim, 0);
        if ((tl_op_relative(s) & roles[i].role) != 0)
            add(list, &count, alpha ? roles[i].narrow_table : roles[i].table, roles[i].field, roles[i].at, 3,
                offsets, in, out);
    }
    if (alpha && tl_op_relative_values(s)) add(list, &count, "to_v3.weight", FIELD(v3), 2, width, narrow, 0);
    if (s->bias == TL_BIAS_SWIN) {
        add(list, &count, "relative_position_bias_table", FIELD(bias), 3, offsets, 1, s->heads);
        list[count - 1].fan_in = 1024; /* small numbers, of a deviation of about 0.02 */
    }
    if (s->bias == TL_BIAS_SHAW) {
        add(list, &count, "relative_k", FIELD(r_k), 3, offsets, 1, width);
        add(list, &count, "relative_v", FIELD(r_v), 3, offsets, 1, width);
        list[count - 2].fan_in = list[count - 1].fan_in = s->head_dim;
    }
    if (s->gated) {
        add(list, &count, "pos_proj.weight", FIELD(w), 2, s->heads, tl_gated_features(&s->geometry), 0);
        list[count - 1].init = TL_INIT_LOCAL;
        list[count - 1].axes = tl_gated_axes(&s->geometry);
        add(list, &count, "gating_param", FIELD(gate), 1, s->heads, 1, 0);
        list[count - 1].init = TL_INIT_ONE;
    }
    return count;
}

tl_tensor **tl_op_weight(tl_op_weights *weights, const tl_op_parameter *p)
{
    return (tl_tensor **)((char *)weights + p->at);
}

/* ---- sizes --------------------------------------------------------------------------------------- */

tl_op_sizes tl_op_measure(const tl_op_shape *s)
{
    uint32_t groups = 0, pairs = 0, largest = 0;
    if (tl_op_has_pairs(s)) tl_pairs_measure(&s->geometry, s->queries, &groups, &pairs, &largest);
    return tl_op_measure_pairs(s, pairs, largest);
}

bool tl_op_has_pairs(const tl_op_shape *s)
{
    return tl_op_relative(s) != 0 || s->bias != TL_BIAS_NONE;
}

tl_op_sizes tl_op_measure_pairs(const tl_op_shape *s, uint32_t pairs, uint32_t largest)
{
    tl_op_sizes z = {0};
    const uint32_t tokens = tl_geometry_tokens(&s->geometry);
    const bool alpha = tl_op_is_narrow(s);
    z.rows = (uint64_t)tokens * s->batch;
    z.query_rows = (uint64_t)s->queries * s->batch;
    z.width = s->heads * s->head_dim;
    z.relative = alpha ? s->heads * s->relenc_dim : 0;
    z.plain = role_count(tl_op_plain(s)) * z.width;
    z.weights = z.query_rows * s->heads * tokens;
    z.rotary = s->rotary ? (uint64_t)tokens * s->head_dim : 0;
    z.mask = tl_geometry_is_masked(&s->geometry) && tl_op_has_softmax(s) ? (uint64_t)s->queries * tokens : 0;
    if (!tl_op_has_softmax(s)) z.weights = 0;
    if (s->gated) {
        z.positions = (uint64_t)s->heads * s->queries * tokens;
        z.features = (uint64_t)s->queries * tokens * (tl_gated_features(&s->geometry) + 1);
    }
    if (!tl_op_has_pairs(s)) return z;
    const bool keep = s->keep && op_saves_pairs(s);
    z.pair_weights = (uint64_t)s->heads * pairs * s->batch;
    z.kept = keep ? (uint64_t)pairs * s->batch * z.width : 0;
    z.chunk = tl_relative_workspace(pairs, largest, s->batch, alpha ? z.relative : s->dim, s->heads,
                                    alpha ? s->relenc_dim : s->head_dim,
                                    s->bias == TL_BIAS_NONE && (keep || !tl_op_relative_scores(s)));
    if (s->bias != TL_BIAS_NONE) z.ones = z.rows * (s->heads + 1);
    return z;
}

bool tl_op_lends_state(const tl_op_shape *lender, const tl_op_shape *borrower)
{
    return lender->queries == borrower->queries && lender->kind == borrower->kind &&
           lender->rotary == borrower->rotary && lender->bias == borrower->bias &&
           lender->gated == borrower->gated;
}

/* alpha's narrow rows of q, k and v, then o2. */
static uint64_t narrow_count(const tl_op_sizes *z)
{
    return (3 * z->rows + z->query_rows) * z->relative;
}

uint64_t tl_op_activation_count(const tl_op_shape *shape)
{
    const tl_op_sizes z = tl_op_measure(shape);
    return z.rows * z.plain + narrow_count(&z) + z.weights + z.positions + 2 * z.kept;
}

uint64_t tl_op_kept_count(const tl_op_shape *shape)
{
    return 2 * tl_op_measure(shape).kept;
}

uint64_t tl_op_workspace_count(const tl_op_shape *shape)
{
    const tl_op_sizes z = tl_op_measure(shape);
    return z.weights + 2 * z.pair_weights + z.rows * z.plain + narrow_count(&z) + z.chunk + z.ones +
           (shape->gated ? z.weights + 2 * z.positions : 0);
}
