#include "models/vit.h"
#include "ops/layernorm.h"
#include "ops/linear.h"

/* Above these no model is meant; below them no product of two overflows 32 bits where one is used. */
enum { MAX_IMAGE = 32768, MAX_CLASSES = 1 << 24, MAX_PATCHES = 32767, MAX_PATCH_VALUES = 1 << 24 };

static uint32_t patches_of(const tl_model_config *c)
{
    return (c->image_height / c->patch) * (c->image_width / c->patch);
}

uint32_t tl_vit_patch_count(const tl_model_config *c)
{
    return patches_of(c);
}

uint32_t tl_vit_patch_values(const tl_model_config *c)
{
    return c->patch * c->patch * c->channels;
}

bool tl_vit_class_only(const tl_model_config *c)
{
    return c->pool == TL_POOL_CLS;
}

tl_status tl_vit_check(const tl_model_config *c, tl_error *err)
{
    TL_TRY(tl_check_range(err, "the image height", c->image_height, MAX_IMAGE));
    TL_TRY(tl_check_range(err, "the image width", c->image_width, MAX_IMAGE));
    TL_TRY(tl_check_range(err, "the number of image channels", c->channels, 64));
    TL_TRY(tl_check_range(err, "the patch size", c->patch, MAX_IMAGE));
    TL_TRY(tl_check_range(err, "the number of classes", c->classes, MAX_CLASSES));
    if (c->image_height % c->patch != 0 || c->image_width % c->patch != 0)
        return tl_fail(
            err, TL_ERROR_USAGE,
            "an image of %u x %u cannot be cut into patches of %u x %u: choose an image size that is a "
            "multiple of the patch size.",
            c->image_height, c->image_width, c->patch, c->patch);
    const uint64_t patches = (uint64_t)(c->image_height / c->patch) * (c->image_width / c->patch);
    if (patches > MAX_PATCHES)
        return tl_fail(err, TL_ERROR_USAGE,
                       "%llu patches are too many (at most %d): choose a larger patch size.",
                       (unsigned long long)patches, MAX_PATCHES);
    if ((uint64_t)c->patch * c->patch * c->channels > MAX_PATCH_VALUES)
        return tl_fail(err, TL_ERROR_USAGE,
                       "patches of %u x %u with %u channels are too large: choose smaller ones.", c->patch,
                       c->patch, c->channels);
    return TL_OK;
}

tl_geometry tl_vit_geometry(const tl_model_config *c)
{
    return (tl_geometry){.kind = TL_GRID,
                         .height = c->image_height / c->patch,
                         .width = c->image_width / c->patch,
                         .cls = c->pool == TL_POOL_CLS ? 1 : 0};
}

tl_status tl_vit_parameters(const tl_model_config *c, tl_registry *r, tl_error *err)
{
    const uint64_t values = tl_vit_patch_values(c), tokens = tl_model_tokens(c), dim = c->dim;
    char weight[64], bias[64];
    if (c->positions == TL_POSITIONS_LEARNED)
        TL_TRY(tl_add_normal(r, err, "pos_embedding", 3, (const uint64_t[]){1, tokens, dim}));
    if (c->pool == TL_POOL_CLS) TL_TRY(tl_add_normal(r, err, "cls_token", 3, (const uint64_t[]){1, 1, dim}));
    TL_TRY(tl_add_norm(r, err, "to_patch_embedding.1.weight", "to_patch_embedding.1.bias", values));
    TL_TRY(tl_add_linear(r, err, "to_patch_embedding.2.weight", "to_patch_embedding.2.bias", values, dim));
    TL_TRY(tl_add_norm(r, err, "to_patch_embedding.3.weight", "to_patch_embedding.3.bias", dim));
    snprintf(weight, sizeof weight, "%s.norm.weight", tl_model_trunk(c));
    snprintf(bias, sizeof bias, "%s.norm.bias", tl_model_trunk(c));
    TL_TRY(tl_add_norm(r, err, weight, bias, dim));
    TL_TRY(tl_add_blocks(c, r, err));
    return tl_add_linear(r, err, "mlp_head.weight", "mlp_head.bias", dim, c->classes);
}

/* ---- buffers ------------------------------------------------------------------------------------- */

const tl_buffer_info tl_vit_buffer_info[TL_VIT_BUFFERS] = {
#define AT(which) [(which)-TL_MODEL_BUFFERS]
    AT(TL_VIT_IMAGES) = {"images", TL_MEMORY_DATA},
    AT(TL_VIT_PATCHES) = {"patches", TL_MEMORY_ACTIVATION},
    AT(TL_VIT_PATCH_STATS) = {"patch statistics", TL_MEMORY_ACTIVATION},
    AT(TL_VIT_EMBEDDED) = {"embedded patches", TL_MEMORY_ACTIVATION},
    AT(TL_VIT_EMBEDDED_STATS) = {"embedding statistics", TL_MEMORY_ACTIVATION},
    AT(TL_VIT_FINAL_STATS) = {"final norm statistics", TL_MEMORY_ACTIVATION},
    AT(TL_VIT_POOLED) = {"pooled rows", TL_MEMORY_ACTIVATION},
    AT(TL_VIT_LOGITS) = {"logits", TL_MEMORY_ACTIVATION},
    AT(TL_VIT_DLOGITS) = {"gradient of logits", TL_MEMORY_ACTIVATION},
    AT(TL_VIT_SOFT_TARGETS) = {"soft targets", TL_MEMORY_DATA},
#undef AT
};

static uint64_t final_rows(const tl_model_config *c, uint32_t batch)
{
    return (uint64_t)(tl_vit_class_only(c) ? 1 : tl_model_tokens(c)) * batch;
}

uint64_t tl_vit_buffer_count(const tl_model_config *c, uint32_t batch, bool training, int which)
{
    const uint64_t patches = (uint64_t)patches_of(c) * batch;
    switch ((tl_vit_buffer)which) {
    case TL_VIT_IMAGES: return (uint64_t)batch * c->channels * c->image_height * c->image_width;
    case TL_VIT_PATCHES: return patches * tl_vit_patch_values(c);
    case TL_VIT_PATCH_STATS:
    case TL_VIT_EMBEDDED_STATS: return 2 * patches;
    case TL_VIT_EMBEDDED: return patches * c->dim;
    case TL_VIT_FINAL_STATS: return 2 * final_rows(c, batch);
    case TL_VIT_POOLED: return (uint64_t)batch * c->dim;
    case TL_VIT_LOGITS: return (uint64_t)batch * c->classes;
    case TL_VIT_DLOGITS:
    case TL_VIT_SOFT_TARGETS: return training ? (uint64_t)batch * c->classes : 0;
    case TL_VIT_END: break;
    }
    return 0;
}

uint64_t tl_vit_predictions(const tl_model_config *c, uint32_t batch)
{
    return batch;
}

uint64_t tl_vit_wide(const tl_model_config *c, uint32_t batch)
{
    return (uint64_t)patches_of(c) * batch * tl_vit_patch_values(c);
}

uint64_t tl_vit_workspace(const tl_model_config *c, uint32_t batch, bool training)
{
    if (!training) return 0;
    const uint64_t patches = (uint64_t)patches_of(c) * batch;
    const uint64_t counts[] = {tl_layernorm_workspace(patches, tl_vit_patch_values(c)),
                               tl_layernorm_workspace(patches, c->dim),
                               tl_layernorm_workspace(final_rows(c, batch), c->dim),
                               tl_linear_workspace(patches, c->dim), tl_linear_workspace(batch, c->classes)};
    uint64_t most = 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i] > most) most = counts[i];
    return most;
}

void tl_vit_flops(const tl_model_config *c, uint32_t batch, tl_flops *f)
{
    tl_linear_flops(f, (double)patches_of(c) * batch, tl_vit_patch_values(c), c->dim);
    tl_linear_flops(f, batch, c->dim, c->classes);
}
