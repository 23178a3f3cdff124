#include "core/choices.h"
#include "models/vit.h"
#include "ops/layernorm.h"
#include "ops/linear.h"

/* Above these no model is meant; below them no product of two overflows 32 bits where one is used. */
enum { MAX_PATCHES = 32767, MAX_PATCH_VALUES = 1 << 24 };

static uint32_t one_at_least(uint32_t n)
{
    return n > 0 ? n : 1;
}

tl_extent tl_vit_image(const tl_model_config *c)
{
    return (tl_extent){one_at_least(c->image_depth), c->image_height, c->image_width};
}

tl_extent tl_vit_patch(const tl_model_config *c)
{
    return (tl_extent){one_at_least(c->patch_depth), c->patch_height, c->patch_width};
}

/* Patches along each axis. */
static tl_extent grid_of(const tl_model_config *c)
{
    const tl_extent i = tl_vit_image(c), p = tl_vit_patch(c);
    return (tl_extent){i.depth / p.depth, i.height / p.height, i.width / p.width};
}

static uint32_t patches_of(const tl_model_config *c)
{
    const tl_extent grid = grid_of(c);
    return grid.depth * grid.height * grid.width;
}

uint64_t tl_model_image_values(const tl_model_config *c)
{
    const tl_extent i = tl_vit_image(c);
    return (uint64_t)c->channels * i.depth * i.height * i.width;
}

uint32_t tl_vit_patch_count(const tl_model_config *c)
{
    return patches_of(c);
}

uint32_t tl_vit_patch_values(const tl_model_config *c)
{
    const tl_extent p = tl_vit_patch(c);
    return p.depth * p.height * p.width * c->channels;
}

bool tl_vit_class_only(const tl_model_config *c)
{
    return c->pool == TL_POOL_CLS;
}

tl_status tl_vit_check(const tl_model_config *c, tl_error *err)
{
    const tl_extent i = tl_vit_image(c), p = tl_vit_patch(c);
    const struct {
        const char *name;
        uint32_t value, most;
    } ranges[] = {
        {"the image depth", i.depth, MODEL_MOST_IMAGE}, {"the image height", i.height, MODEL_MOST_IMAGE},
        {"the image width", i.width, MODEL_MOST_IMAGE}, {"the number of image channels", c->channels, 64},
        {"the patch depth", p.depth, MODEL_MOST_IMAGE}, {"the patch height", p.height, MODEL_MOST_IMAGE},
        {"the patch width", p.width, MODEL_MOST_IMAGE}, {"the number of classes", c->classes, MODEL_MOST_CLASSES}};
    TL_TRY(choice_check(&pool_choices, (int)c->pool, err));
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        TL_TRY(check_range(err, ranges[r].name, ranges[r].value, ranges[r].most));
    if (i.depth % p.depth != 0)
        return tl_fail(
            err, TL_ERROR_USAGE,
            "%u slices or frames cannot be cut into patches of %u: choose a multiple of the patch's "
            "depth.",
            i.depth, p.depth);
    if (i.height % p.height != 0 || i.width % p.width != 0)
        return tl_fail(
            err, TL_ERROR_USAGE,
            "an image of %u x %u cannot be cut into patches of %u x %u: choose an image size that is a "
            "multiple of the patch size.",
            i.height, i.width, p.height, p.width);
    const uint64_t patches = (uint64_t)(i.depth / p.depth) * (i.height / p.height) * (i.width / p.width);
    if (patches > MAX_PATCHES)
        return tl_fail(err, TL_ERROR_USAGE,
                       "%llu patches are too many (at most %d): choose a larger patch size.",
                       (unsigned long long)patches, MAX_PATCHES);
    if ((uint64_t)p.height * p.width * c->channels > MAX_PATCH_VALUES / p.depth)
        return tl_fail(err, TL_ERROR_USAGE,
                       "patches of %u x %u x %u with %u channels are too large: choose smaller ones.",
                       p.depth, p.height, p.width, c->channels);
    return TL_OK;
}

tl_geometry tl_vit_geometry(const tl_model_config *c)
{
    const tl_extent grid = grid_of(c);
    return (tl_geometry){.kind = TL_GRID,
                         .depth = grid.depth,
                         .height = grid.height,
                         .width = grid.width,
                         .cls = c->pool == TL_POOL_CLS ? 1 : 0};
}

tl_status tl_vit_parameters(const tl_model_config *c, tl_registry *r, tl_error *err)
{
    const uint64_t values = tl_vit_patch_values(c), tokens = tl_model_tokens(c), dim = c->dim;
    char weight[64], bias[64];
    if (tl_model_positions(c) == TL_POSITIONS_LEARNED)
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
    case TL_VIT_IMAGES: return batch * tl_model_image_values(c);
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
