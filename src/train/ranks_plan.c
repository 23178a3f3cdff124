/* tl_train_plan_ranks of the public header: memory, traffic and time of a step that ranks share, without a device. */
#include <math.h>
#include <string.h>

#include "core/arithmetic.h"
#include "core/config.h"
#include "models/cost.h"
#include "tasks/settings_check.h"
#include "train/grad_exchange.h"
#include "train/plan.h"
#include "train/run_ranks.h"

static tl_status check_cluster(const tl_cluster *c, tl_error *err)
{
    if (c->ranks < 1 || c->ranks > SETTINGS_MOST_SLICES)
        return tli_fail(err, TL_ERROR_USAGE, "ranks is %llu: 1 to %d share a batch's slices",
                        (unsigned long long)c->ranks, SETTINGS_MOST_SLICES);
    if (c->link_gbps >= 0 && c->link_latency_us >= 0 && c->device_tflops >= 0) return TL_OK;
    return tli_fail(
        err, TL_ERROR_USAGE,
        "`link_gbps`, `link_latency_us` or `device_tflops` is below 0: give 0 where it is unknown");
}

static void add_traffic(tl_rank_plan *plan, tli_traffic more)
{
    plan->sent_bytes += more.bytes;
    plan->messages += more.messages;
}

/* What ranks that share the matrices out complete for each other in every slice. */
static void count_sums(const tl_settings *s, const tl_model_config *model, tl_rank_plan *plan)
{
    for (uint32_t layer = 0; layer < model->depth; layer++) {
        const tli_block_shape shape = tli_model_block_shape(model, tl_settings_slice_samples(s), true, layer);
        tli_traffic once = {0};
        if (shape.op.geometry.shares > 1)
            once.bytes = tli_op_sent_bytes(&shape.op, (int)model->offset_ranks, &once.messages);
        add_traffic(plan, (tli_traffic){plan->slices * once.bytes, plan->slices * once.messages});
    }
}

/* Bytes and messages of rank 0, whose shares are as large as any but for the size of a piece of the norm. */
static tl_status count_traffic(const tl_settings *s, const tl_model_config *model, const tl_cluster *c,
                               tl_rank_plan *plan, tl_error *err)
{
    tli_registry registry = {0};
    tli_shares shares = {0};
    const uint64_t buffer = c->max_alloc_bytes > 0 ? c->max_alloc_bytes : UINT64_MAX;
    const int sharing = tli_offset_ranks(s), parts = (int)c->ranks / sharing;
    const bool clips = tli_plan_clips(s);
    tl_status status = tli_model_parameters(model, &registry, err);
    if (status == TL_OK) status = tli_shares_create(&registry, parts, buffer, &shares, err);
    if (status == TL_OK) {
        add_traffic(plan, tli_grad_exchange_traffic(&shares, 0, clips));
        add_traffic(plan, tli_grad_exchange_alike_traffic(&registry, sharing, parts, buffer, clips));
        count_sums(s, model, plan);
    }
    tli_shares_free(&shares);
    tli_registry_free(NULL, &registry);
    return status;
}

/* Seconds; NaN where what they follow from is not given. */
static void count_time(const tl_cluster *c, tl_rank_plan *plan)
{
    plan->compute_seconds = c->device_tflops > 0 ? plan->flops / (c->device_tflops * 1e12) : (double)NAN;
    plan->link_seconds = (double)plan->messages * c->link_latency_us * 1e-6 +
                         (plan->sent_bytes > 0 ? (double)plan->sent_bytes * 8e-9 / c->link_gbps : 0);
    if (plan->sent_bytes > 0 && c->link_gbps == 0) plan->link_seconds = (double)NAN;
}

static tl_status plan_memory(const tl_settings *s, const tl_cluster *c, tl_memory_plan *memory, tl_error *err)
{
    tl_plan_options o = tli_plan_of_run(s, c->memory_limit, c->max_alloc_bytes);
    o.ranks = c->ranks;
    return tl_model_plan(&s->model, &o, memory, err);
}

/* The fewest ranks that share the matrices out of which each fits; 0: none. */
static uint64_t find_fitting(const tl_settings *settings, const tl_cluster *c)
{
    for (uint64_t sharing = 1; sharing <= c->ranks; sharing *= 2) {
        tl_settings s = *settings;
        tl_memory_plan memory;
        s.run.offset_ranks = sharing;
        if (tli_share_slices(&s, (int)c->ranks, NULL) == TL_OK &&
            plan_memory(&s, c, &memory, NULL) == TL_OK && memory.fits)
            return sharing;
    }
    return 0;
}

tl_status tl_train_plan_ranks(tl_settings *s, const tl_cluster *cluster, tl_rank_plan *plan, tl_error *err)
{
    tl_cluster c;
    if (s == NULL || cluster == NULL || plan == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "a plan needs settings, a cluster and a place for its numbers");
    memset(plan, 0, sizeof *plan);
    TLI_TRY(TLI_CONFIG_TAKE(&c, cluster, tl_cluster, err));
    TLI_TRY(check_cluster(&c, err));
    TLI_TRY(tli_settings_check(s, true, err));
    const tl_settings before = *s;
    TLI_TRY(tli_share_slices(s, (int)c.ranks, err));
    TLI_TRY(plan_memory(s, &c, &plan->memory, err));
    s->model.recompute = plan->memory.recompute;
    s->model.chunk_bytes = plan->memory.chunk_bytes;
    if (!plan->memory.fits) plan->fitting_offset_ranks = find_fitting(&before, &c);
    const uint32_t sharing = (uint32_t)tli_offset_ranks(s), parts = (uint32_t)c.ranks / sharing;
    tl_model_config model = s->model;
    model.offset_ranks = model.offset_rank = sharing;
    const tli_flops slice = tli_model_flops(&model, tl_settings_slice_samples(s));
    plan->slices = (uint32_t)tli_ceil_div(tli_settings_slices(s), parts);
    plan->flops = (double)plan->slices * (slice.forward + slice.backward);
    TLI_TRY(count_traffic(s, &model, &c, plan, err));
    count_time(&c, plan);
    return TL_OK;
}
