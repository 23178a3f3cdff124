#include "tasks/offset_share.h"

#include "ops/op_rules.h"

int tli_offset_ranks(const tl_settings *s)
{
    return s->run.offset_ranks > 1 ? (int)s->run.offset_ranks : 1;
}

tl_status tli_check_offset_ranks(const tl_model_config *model, uint64_t sharing, uint64_t ranks,
                                 tl_error *err)
{
    if (sharing <= 1) return TL_OK;
    if (tli_op_rule_of(model->op)->per_offset == 0)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "`run.offset_ranks` is %llu, but %s has no matrices by offset that ranks could share out: "
            "leave it out, or choose translution, alpha or absolute",
            (unsigned long long)sharing, tl_op_name(model->op));
    if ((sharing & (sharing - 1)) == 0 && ranks % sharing == 0) return TL_OK;
    return tli_fail(
        err, TL_ERROR_USAGE,
        "`run.offset_ranks` is %llu, which must be 1, 2, 4, 8, ... and divide the number of ranks, %llu",
        (unsigned long long)sharing, (unsigned long long)ranks);
}

tl_status tli_check_all_share(const tl_model_config *model, uint64_t sharing, const tl_ranks *ranks,
                              tl_error *err)
{
    const uint64_t size = (uint64_t)tl_ranks_size(ranks), all = sharing > 1 ? sharing : 1;
    if (all == size) return tli_check_offset_ranks(model, all, size, err);
    return tli_fail(
        err, TL_ERROR_USAGE,
        "`run.offset_ranks` is %llu and the number of ranks %llu: both must be the same, as all ranks "
        "run the model together",
        (unsigned long long)all, (unsigned long long)size);
}

tl_model_config tli_own_share(const tl_model_config *model, const tl_ranks *ranks)
{
    tl_model_config own = *model;
    own.offset_ranks = (uint32_t)tl_ranks_size(ranks);
    own.offset_rank = (uint32_t)tl_ranks_rank(ranks);
    return own;
}
