#include "ops/op_rules.h"

#define POSITIONS(name) (1u << TL_POSITIONS_##name)
enum { ADDED = POSITIONS(NONE) | POSITIONS(LEARNED) }; /* by the model, in front of attention */
#define EVERY (~0u)

static const op_rule rules[] = {
    [TL_OP_ATTENTION] = {.shared = OP_SHARED_ALL,
                         .softmax = true,
                         .positions = EVERY,
                         .default_positions = TL_POSITIONS_LEARNED},
    [TL_OP_TRANSLUTION] = {.per_offset = TL_ROLE_QKV,
                           .chooses = true,
                           .shared = OP_SHARED_REST,
                           .softmax = true,
                           .hybrid = true,
                           .positions = ADDED,
                           .default_positions = TL_POSITIONS_NONE},
    [TL_OP_ALPHA] = {.per_offset = TL_ROLE_QKV,
                     .chooses = true,
                     .shared = OP_SHARED_ALL,
                     .low_rank = true,
                     .softmax = true,
                     .hybrid = true,
                     .positions = ADDED | POSITIONS(ROPE),
                     .default_positions = TL_POSITIONS_NONE},
    [TL_OP_ALPHA_PURE] = {.per_offset = TL_ROLE_QKV,
                          .low_rank = true,
                          .softmax = true,
                          .hybrid = true,
                          .positions = ADDED,
                          .default_positions = TL_POSITIONS_NONE},
    [TL_OP_ABSOLUTE] = {.per_offset = TL_ROLE_QKV,
                        .chooses = true,
                        .shared = OP_SHARED_REST,
                        .per_pair = true,
                        .softmax = true,
                        .hybrid = true,
                        .window = OP_WINDOW_NEVER,
                        .positions = ADDED,
                        .default_positions = TL_POSITIONS_NONE},
    [TL_OP_CONV] = {.per_offset = TL_ROLE_V,
                    .window = OP_WINDOW_KERNEL,
                    .positions = ADDED,
                    .default_positions = TL_POSITIONS_NONE},
};
enum { RULES = sizeof rules / sizeof *rules };

const op_rule *tli_op_rule_of(tl_op_kind kind)
{
    return (unsigned)kind < RULES ? &rules[kind] : NULL;
}

bool tli_op_takes_positions(tl_op_kind kind, tl_positions positions)
{
    const op_rule *rule = tli_op_rule_of(kind);
    return rule != NULL && (unsigned)positions < 32 && (rule->positions >> positions & 1) != 0;
}
