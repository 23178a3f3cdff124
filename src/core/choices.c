#include "core/choices.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TABLE_WITH_ALIASES(name, what_it_is, aliases, ...)                                                   \
    static const choice name##_items[] = {__VA_ARGS__};                                                      \
    const choices name = {what_it_is, name##_items, (int)(sizeof name##_items / sizeof *name##_items),       \
                          aliases}
#define TABLE(name, what_it_is, ...) TABLE_WITH_ALIASES(name, what_it_is, NULL, __VA_ARGS__)

/* ---- models -------------------------------------------------------------------------------------- */

/* later versions of the paper call alpha-Translution LoR-Translution */
static const choice op_aliases[] = {{TL_OP_ALPHA, "lor", NULL}, {0, NULL, NULL}};

TABLE_WITH_ALIASES(tli_op_choices, "operation", op_aliases,
                   {TL_OP_ATTENTION, "attention", "self-attention: q, k and v by one matrix each"},
                   {TL_OP_TRANSLUTION, "translution", "a matrix for every offset between two tokens"},
                   {TL_OP_ALPHA, "alpha", "attention plus a low-rank Translution"},
                   {TL_OP_ALPHA_PURE, "alpha-pure", "the low-rank Translution alone"},
                   {TL_OP_ABSOLUTE, "absolute", "a matrix for every pair of tokens"},
                   {TL_OP_CONV, "conv", "a convolution over --window"});

TABLE(tli_positions_choices, "kind of positions", {TL_POSITIONS_NONE, "none", NULL},
      {TL_POSITIONS_LEARNED, "learned", "a learned vector added to every token"},
      {TL_POSITIONS_ROPE, "rope", "rotary: q and k turned by their token's position"},
      {TL_POSITIONS_SWIN, "swin", "a learned number for every offset and head, added to the logits"},
      {TL_POSITIONS_SHAW, "shaw", "learned vectors for every offset, added to keys and values"},
      {TL_POSITIONS_CONVIT, "convit", "a second softmax over positions, and a gate for every head"},
      {TL_POSITIONS_ALIBI, "alibi", "logits fall with the distance, by a fixed slope for every head"});

/* 0 means all; reading "qkv" gives 0 */
TABLE(tli_role_choices, "set of relative roles", {TL_ROLE_Q, "q", NULL}, {TL_ROLE_K, "k", NULL},
      {TL_ROLE_V, "v", NULL}, {TL_ROLE_Q | TL_ROLE_K, "qk", NULL}, {TL_ROLE_Q | TL_ROLE_V, "qv", NULL},
      {TL_ROLE_K | TL_ROLE_V, "kv", NULL}, {0, "qkv", NULL}, {TL_ROLE_QKV, "qkv", NULL});

TABLE(tli_sharing_choices, "sharing of offsets", {TL_SHARING_NONE, "none", NULL},
      {TL_SHARING_CLIP, "clip", "offsets past R use the matrix at R"},
      {TL_SHARING_LOG, "log", "offsets past R share by octaves"});

TABLE(tli_pool_choices, "pooling", {TL_POOL_CLS, "cls", NULL}, {TL_POOL_MEAN, "mean", NULL});

TABLE(tli_arch_choices, "model architecture", {TL_ARCH_VIT, "vit", NULL}, {TL_ARCH_GPT, "gpt", NULL});

/* ---- training ------------------------------------------------------------------------------------ */

TABLE(tli_motion_choices, "placement of digits", {TL_MOTION_STATIC, "static", NULL},
      {TL_MOTION_DYNAMIC, "dynamic", NULL});

TABLE(tli_optimizer_choices, "optimizer",
      {TL_OPTIMIZER_ADAMW, "adamw", "Adam with decoupled weight decay: betas 0.9, 0.999, eps 1e-8"},
      {TL_OPTIMIZER_LION, "lion",
       "steps by the sign of a momentum; wants a third to a tenth of adamw's --lr: betas 0.9, 0.99"});

TABLE(tli_schedule_choices, "schedule", {TL_SCHEDULE_COSINE, "cosine", "to 0, by step"},
      {TL_SCHEDULE_COSINE_EPOCH, "cosine-epoch", "to 0, by epoch"}, {TL_SCHEDULE_CONSTANT, "constant", NULL});

TABLE(tli_recompute_choices, "choice of recomputation", {TL_RECOMPUTE_AUTO, "auto", NULL},
      {TL_RECOMPUTE_ALWAYS, "always", NULL}, {TL_RECOMPUTE_NEVER, "never", NULL});

TABLE(tli_augment_choices, "augmentation", {0, "none", NULL}, {TL_AUGMENT_ALL, "default", NULL},
      {TL_AUGMENT_CROP, "crop", NULL}, {TL_AUGMENT_FLIP, "flip", NULL},
      {TL_AUGMENT_RANDAUGMENT, "randaugment", NULL}, {TL_AUGMENT_MIXUP, "mixup", NULL},
      {TL_AUGMENT_CUTMIX, "cutmix", NULL});

/* ---- devices ------------------------------------------------------------------------------------- */

TABLE(tli_gemm_choices, "way to multiply matrices", {TL_GEMM_AUTO, "auto", "whichever is faster, see `tune`"},
      {TL_GEMM_OWN, "own", "the program's kernels"},
      {TL_GEMM_CLBLAST, "clblast", "CLBlast where it can serve the product"});

TABLE(tli_precision_choices, "precision of matrix products",
      {TL_PRECISION_FP32, "fp32", "operands as they are, on every device"},
      {TL_PRECISION_TF32X3, "tf32x3", "two tf32 numbers for each operand: about fp32's error"},
      {TL_PRECISION_TF32, "tf32", "10 bits of mantissa"}, {TL_PRECISION_BF16, "bf16", "7 bits of mantissa"});

TABLE(tli_path_choices, "kernel path", {TL_PATH_AUTO, "auto", NULL}, {TL_PATH_CPU, "cpu", NULL},
      {TL_PATH_GPU, "gpu", NULL});

TABLE(tli_form_choices, "form of the kernels", {TL_PATH_AUTO, "this", "as the device of --device takes them"},
      {TL_PATH_CPU, "cpu", NULL}, {TL_PATH_GPU, "gpu", NULL});

TABLE(tli_device_type_choices, "type of device", {TL_DEVICE_CPU, "cpu", NULL}, {TL_DEVICE_GPU, "gpu", NULL},
      {TL_DEVICE_ACCELERATOR, "acc", NULL}, {TL_DEVICE_OTHER, "other", NULL});

TABLE(tli_memory_kind_choices, "kind of memory", {TL_MEMORY_PARAMETER, "parameters", NULL},
      {TL_MEMORY_GRADIENT, "gradients", NULL}, {TL_MEMORY_MOMENT, "moments", NULL},
      {TL_MEMORY_ACTIVATION, "activations", NULL}, {TL_MEMORY_WORKSPACE, "workspace", NULL},
      {TL_MEMORY_DATA, "data", NULL});

/* ---- reading the tables -------------------------------------------------------------------------- */

const char *tli_choice_name(const choices *c, int value)
{
    for (int i = 0; i < c->count; i++)
        if (c->items[i].value == value) return c->items[i].name;
    return NULL;
}

const char *tli_choice_shown(const choices *c, int value)
{
    const char *name = tli_choice_name(c, value);
    return name != NULL ? name : "?";
}

static bool is_named(const choice *item, const char *name, size_t length)
{
    return strlen(item->name) == length && strncmp(item->name, name, length) == 0;
}

bool tli_choice_find(const choices *c, const char *name, size_t length, int *value)
{
    for (int i = 0; i < c->count; i++) {
        if (!is_named(&c->items[i], name, length)) continue;
        *value = c->items[i].value;
        return true;
    }
    for (const choice *a = c->aliases; a != NULL && a->name != NULL; a++) {
        if (!is_named(a, name, length)) continue;
        *value = a->value;
        return true;
    }
    return false;
}

const char *tli_choice_alias(const choices *c, int value)
{
    for (const choice *a = c->aliases; a != NULL && a->name != NULL; a++)
        if (a->value == value) return a->name;
    return NULL;
}

/* Whether an earlier entry has the same name. */
static bool is_repeated(const choices *c, int index)
{
    int first = 0;
    while (strcmp(c->items[first].name, c->items[index].name) != 0) first++;
    return first < index;
}

char *tli_choice_list(const choices *c, const char *between, char out[CHOICE_LIST_CAPACITY])
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < c->count; i++)
        if (!is_repeated(c, i) && used < CHOICE_LIST_CAPACITY)
            used += (size_t)snprintf(out + used, CHOICE_LIST_CAPACITY - used, "%s%s", i > 0 ? between : "",
                                     c->items[i].name);
    return out;
}

tl_status tli_choice_parse(const choices *c, const char *where, const char *text, int *value, tl_error *err)
{
    char list[CHOICE_LIST_CAPACITY];
    if (tli_choice_find(c, text, strlen(text), value)) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "%s takes %s, not '%s'", where, tli_choice_list(c, "|", list), text);
}

tl_status tli_choice_check(const choices *c, int value, tl_error *err)
{
    char list[CHOICE_LIST_CAPACITY];
    if (tli_choice_name(c, value) != NULL) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "there is no %s %d: choose one of %s.", c->what, value,
                    tli_choice_list(c, ", ", list));
}

#define STORED_AS_INT(type) static_assert(sizeof(type) == sizeof(int), #type " is stored as an int")
STORED_AS_INT(tl_op_kind);
STORED_AS_INT(tl_positions);
STORED_AS_INT(tl_roles);
STORED_AS_INT(tl_sharing);
STORED_AS_INT(tl_pool);
STORED_AS_INT(tl_motion);
STORED_AS_INT(tl_optimizer_kind);
STORED_AS_INT(tl_schedule);
STORED_AS_INT(tl_recompute);
STORED_AS_INT(tl_gemm_mode);
STORED_AS_INT(tl_kernel_path);

void tli_choice_store(void *target, int value)
{
    memcpy(target, &value, sizeof value);
}

int tli_choice_load(const void *source)
{
    int value;
    memcpy(&value, source, sizeof value);
    return value;
}

/* ---- names for users of the library -------------------------------------------------------------- */

const char *tl_op_name(tl_op_kind op)
{
    return tli_choice_shown(&tli_op_choices, (int)op);
}

const char *tl_motion_name(tl_motion motion)
{
    return tli_choice_shown(&tli_motion_choices, (int)motion);
}

const char *tl_schedule_name(tl_schedule schedule)
{
    return tli_choice_shown(&tli_schedule_choices, (int)schedule);
}

const char *tl_positions_name(tl_positions positions)
{
    return tli_choice_shown(&tli_positions_choices, (int)positions);
}

const char *tl_optimizer_name(tl_optimizer_kind optimizer)
{
    return tli_choice_shown(&tli_optimizer_choices, (int)optimizer);
}

const char *tl_device_type_name(tl_device_type type)
{
    return tli_choice_shown(&tli_device_type_choices, (int)type);
}

const char *tl_memory_kind_name(tl_memory_kind kind)
{
    return tli_choice_shown(&tli_memory_kind_choices, (int)kind);
}
