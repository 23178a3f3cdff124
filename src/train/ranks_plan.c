/* tl_train_plan_ranks of the public header: memory, traffic and time of a step that ranks share, without a device. */
#include <math.h>
#include <string.h>

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

/* Bytes and messages of rank 0, whose shares are as large as any but for the size of a piece of the norm. */
static tl_status count_traffic(const tl_settings *s, const tl_cluster *c, tl_rank_plan *plan, tl_error *err)
{
    tli_registry registry = {0};
    tli_shares shares = {0};
    const uint64_t buffer = c->max_alloc_bytes > 0 ? c->max_alloc_bytes : UINT64_MAX;
    tl_status status = tli_model_parameters(&s->model, &registry, err);
    if (status == TL_OK) status = tli_shares_create(&registry, (int)c->ranks, buffer, &shares, err);
    if (status == TL_OK) {
        const tli_traffic traffic = tli_grad_exchange_traffic(&shares, 0, tli_plan_clips(s));
        plan->sent_bytes = traffic.bytes;
        plan->messages = traffic.messages;
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

tl_status tl_train_plan_ranks(tl_settings *s, const tl_cluster *cluster, tl_rank_plan *plan, tl_error *err)
{
    tl_cluster c;
    if (s == NULL || cluster == NULL || plan == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "a plan needs settings, a cluster and a place for its numbers");
    memset(plan, 0, sizeof *plan);
    TLI_TRY(TLI_CONFIG_TAKE(&c, cluster, tl_cluster, err));
    TLI_TRY(check_cluster(&c, err));
    TLI_TRY(tli_settings_check(s, true, err));
    TLI_TRY(tli_share_slices(s, (int)c.ranks, err));
    tl_plan_options o = tli_plan_of_run(s, c.memory_limit, c.max_alloc_bytes);
    o.ranks = c.ranks;
    TLI_TRY(tl_model_plan(&s->model, &o, &plan->memory, err));
    s->model.recompute = plan->memory.recompute;
    const tli_flops slice = tli_model_flops(&s->model, tl_settings_slice_samples(s));
    plan->slices = (tli_settings_slices(s) + (uint32_t)c.ranks - 1) / (uint32_t)c.ranks;
    plan->flops = (double)plan->slices * (slice.forward + slice.backward);
    TLI_TRY(count_traffic(s, &c, plan, err));
    count_time(&c, plan);
    return TL_OK;
}
