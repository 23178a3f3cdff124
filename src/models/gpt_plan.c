#include "models/gpt.h"
#include "ops/embedding.h"
#include "ops/layernorm.h"
#include "ops/linear_loss.h"


static uint64_t rows_of(const tl_model_config *c, uint32_t batch)
{
    return (uint64_t)c->seq_len * batch;
}

tl_status tl_gpt_check(const tl_model_config *c, tl_error *err)
{
    TL_TRY(check_range(err, "the sequence length", c->seq_len, OP_MOST_TOKENS));
    return check_range(err, "the vocabulary size", c->vocab_size, MODEL_MOST_VOCABULARY);
}

tl_geometry tl_gpt_geometry(const tl_model_config *c)
{
    return (tl_geometry){
        .kind = TL_CAUSAL, .depth = 1, .height = 1, .width = c->seq_len, .max_length = c->seq_len};
}

bool tl_gpt_class_only(const tl_model_config *c)
{
    (void)c;
    return false;
}

tl_status tl_gpt_parameters(const tl_model_config *c, tl_registry *r, tl_error *err)
{
    const uint64_t dim = c->dim;
    char weight[64], bias[64];
    if (tl_model_positions(c) == TL_POSITIONS_LEARNED)
        TL_TRY(tl_add_normal(r, err, "wpe.weight", 2, (const uint64_t[]){c->seq_len, dim}));
    TL_TRY(tl_add_normal(r, err, "wte.weight", 2, (const uint64_t[]){c->vocab_size, dim}));
    snprintf(weight, sizeof weight, "%s.norm.weight", tl_model_trunk(c));
    snprintf(bias, sizeof bias, "%s.norm.bias", tl_model_trunk(c));
    TL_TRY(tl_add_norm(r, err, weight, bias, dim));
    TL_TRY(tl_add_blocks(c, r, err));
    TL_TRY(tl_add_norm(r, err, "norm.weight", "norm.bias", dim));
    return tl_add_linear(r, err, "output_head.weight", NULL, dim, c->vocab_size);
}

/* ---- buffers ------------------------------------------------------------------------------------- */

const tl_buffer_info tl_gpt_buffer_info[TL_GPT_BUFFERS] = {
#define AT(which) [(which)-TL_MODEL_BUFFERS]
    AT(TL_GPT_TOKENS) = {"tokens", TL_MEMORY_DATA},
    AT(TL_GPT_INDEX) = {"index of the tokens", TL_MEMORY_DATA},
    AT(TL_GPT_TRUNK_STATS) = {"trunk norm statistics", TL_MEMORY_ACTIVATION},
    AT(TL_GPT_FINAL_STATS) = {"final norm statistics", TL_MEMORY_ACTIVATION},
    AT(TL_GPT_NORMED) = {"normed rows", TL_MEMORY_ACTIVATION},
    AT(TL_GPT_LOGITS) = {"logits of a chunk", TL_MEMORY_WORKSPACE},
#undef AT
};

uint64_t tl_gpt_buffer_count(const tl_model_config *c, uint32_t batch, bool training, int which)
{
    const uint64_t rows = rows_of(c, batch);
    switch ((tl_gpt_buffer)which) {
    case TL_GPT_TOKENS: return rows;
    case TL_GPT_INDEX: return training ? tl_embedding_index_count(rows) : 0;
    case TL_GPT_TRUNK_STATS:
    case TL_GPT_FINAL_STATS: return 2 * rows;
    case TL_GPT_NORMED: return rows * c->dim;
    case TL_GPT_LOGITS: return tl_linear_loss_workspace(rows, c->vocab_size);
    case TL_GPT_END: break;
    }
    return 0;
}

uint64_t tl_gpt_predictions(const tl_model_config *c, uint32_t batch)
{
    return rows_of(c, batch);
}

uint64_t tl_gpt_wide(const tl_model_config *c, uint32_t batch)
{
    (void)c, (void)batch;
    return 0;
}

uint64_t tl_gpt_workspace(const tl_model_config *c, uint32_t batch, bool training)
{
    return training ? tl_layernorm_workspace(rows_of(c, batch), c->dim) : 0;
}

void tl_gpt_flops(const tl_model_config *c, uint32_t batch, tl_flops *f)
{
    tl_linear_flops(f, (double)rows_of(c, batch), c->dim, c->vocab_size);
}
