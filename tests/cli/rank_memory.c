/* One of several ranks, for test_ranks.sh and test_offset_ranks.sh: what its device holds is what the plan of a rank says, and
 * of the optimizer's state it holds one share in as many as there are ranks, of the model's matrices one in as many as share
 * them out. Exits with 1 after a sentence otherwise.
 *   rank_memory FOLDER [LARGEST_BUFFER [OFFSET_RANKS]] */
#include <stdio.h>
#include <stdlib.h>

#include "translution/translution.h"

static double part(uint64_t bytes, uint64_t of)
{
    return (double)bytes / (double)of;
}

/* `what` of this rank is one part in `parts` of the whole, but for `within`. */
static bool is_share(const char *what, uint64_t bytes, uint64_t whole, int parts, double within)
{
    const double share = part(bytes, whole);
    if (share > 1.0 / parts - within && share < 1.0 / parts + within) return true;
    fprintf(stderr, "%s of a rank are %.3f of all, not 1/%d\n", what, share, parts);
    return false;
}

/* By kind; the share of the optimizer's state, and of the pairs, may be smaller than the largest, which the plan counts. */
static bool as_planned(tl_context *ctx, const tl_memory_plan *plan, int ranks, int sharing)
{
    bool good = true;
    uint64_t all = 0;
    for (int k = 0; k < TL_MEMORY_KINDS; k++) {
        const uint64_t used = tl_memory_used(ctx, (tl_memory_kind)k);
        const bool exact = sharing == 1 ? k != TL_MEMORY_MOMENT : k < TL_MEMORY_MOMENT;
        all += used;
        if (exact ? used == plan->bytes[k] : used <= plan->bytes[k]) continue;
        fprintf(stderr, "%s: %llu bytes, not %llu\n", tl_memory_kind_name((tl_memory_kind)k),
                (unsigned long long)used, (unsigned long long)plan->bytes[k]);
        good = false;
    }
    const uint64_t here = tl_memory_used(ctx, TL_MEMORY_PARAMETER),
                   state = tl_memory_used(ctx, TL_MEMORY_MOMENT);
    good &= is_share("memory", all, plan->total, 1, 0.03);
    good &= is_share("the optimizer's state", state, 2 * here, ranks / sharing, 0.03 * sharing / ranks);
    return is_share("parameters", here, plan->params * sizeof(float), sharing, 0.03) && good;
}

/* A model of which this rank has a share is saved by its run alone. */
static bool refuses_files(tl_context *ctx, tl_trainer *trainer, int sharing)
{
    tl_model *model = tl_trainer_model(trainer);
    if (sharing == 1) return true;
    if (tl_model_save(ctx, model, "share.safetensors") == TL_ERROR_USAGE &&
        tl_model_load(ctx, model, "share.safetensors") == TL_ERROR_USAGE)
        return true;
    fprintf(stderr, "a share of a model was saved or loaded\n");
    return false;
}

static tl_status compare(tl_context *ctx, tl_ranks *ranks, const char *out, int sharing, bool *good)
{
    tl_settings s;
    tl_memory_plan plan;
    tl_trainer *trainer = NULL;
    const int size = tl_ranks_size(ranks);
    if (!tl_settings_default(&s, "mnist")) return TL_ERROR_USAGE;
    s.model.op = TL_OP_TRANSLUTION;
    s.model.dim = 48, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 24, s.model.mlp_dim = 96;
    s.training.batch_size = (uint32_t)size, s.run.exact_batch = true;
    s.training.limit_train = 44, s.training.limit_test = 20, s.training.grad_clip = 1;
    s.training.grad_slices = (uint64_t)(size / sharing);
    s.run.offset_ranks = (uint64_t)sharing;
    snprintf(s.run.out, sizeof s.run.out, "%s", out);
    const tl_plan_options o = {.size = sizeof o,
                               .batch = s.training.batch_size,
                               .training = true,
                               .optimizer = s.training.optimizer,
                               .grad_slices = s.training.grad_slices,
                               .ranks = (uint64_t)size,
                               .offset_ranks = (uint64_t)sharing};
    const tl_hooks hooks = {.size = sizeof hooks, .ranks = ranks};
    const tl_trainer_config config = {.size = sizeof config, .settings = &s, .hooks = &hooks};
    tl_status status = tl_trainer_create(ctx, &config, &trainer);
    if (status == TL_OK) status = tl_model_plan(&s.model, &o, &plan, tl_context_error(ctx));
    if (status == TL_OK)
        *good = as_planned(ctx, &plan, size, sharing) && refuses_files(ctx, trainer, sharing);
    tl_trainer_destroy(ctx, trainer);
    return status;
}

int main(int argc, char **argv)
{
    tl_context *ctx = NULL;
    tl_ranks *ranks = NULL;
    tl_error err = {0};
    bool good = false;
    if (argc < 2) return 2;
    const tl_context_options options = {.size = sizeof options,
                                        .max_alloc_bytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 0};
    tl_status status = tl_ranks_open(&ranks, &err);
    if (status == TL_OK) status = tl_context_create(&options, &ctx, &err);
    if (status == TL_OK && compare(ctx, ranks, argv[1], argc > 3 ? atoi(argv[3]) : 1, &good) != TL_OK)
        status = TL_ERROR_USAGE;
    if (status != TL_OK) fprintf(stderr, "%s\n", ctx != NULL ? tl_context_error(ctx)->text : err.text);
    tl_context_destroy(ctx);
    if (status != TL_OK || !good) tl_ranks_end_all(ranks, 1);
    tl_ranks_close(ranks);
    return status == TL_OK && good ? 0 : 1;
}
