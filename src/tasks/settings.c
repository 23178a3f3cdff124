#include "tasks/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/augment.h"
#include "models/presets.h"

/* What all tasks have in common. */
static void set_common(tl_settings *s, const char *task)
{
    const tli_preset *tiny = tli_preset_at(0);
    memset(s, 0, sizeof *s);
    snprintf(s->task, sizeof s->task, "%s", task);
    snprintf(s->data, sizeof s->data, "synthetic");
    s->model = (tl_model_config){.op = TL_OP_ATTENTION,
                                 .dim = tiny->dim,
                                 .depth = tiny->depth,
                                 .heads = tiny->heads,
                                 .head_dim = tiny->head_dim,
                                 .mlp_dim = tiny->mlp_dim,
                                 .relenc_dim = 8};
    s->lr = 3e-4f;
    s->weight_decay = 0.05f;
    s->beta1 = s->beta2 = -1.0f; /* the optimizer's own, as eps 0 */
    s->schedule = TL_SCHEDULE_COSINE;
    s->schedule_version = TL_SCHEDULE_VERSION;
    s->checkpoint_minutes = 15.0f;
}

static void set_mnist(tl_settings *s)
{
    s->model.image_height = s->model.image_width = 84;
    s->model.image_depth = s->model.patch_depth = 1;
    s->model.channels = 1;
    s->model.patch_height = s->model.patch_width = 12;
    s->model.classes = 10;
    s->epochs = 20;
    s->batch_size = 256;
}

static void set_vit(tl_settings *s)
{
    s->model.image_depth = s->model.patch_depth = 1;
    s->model.image_height = s->model.image_width = 224;
    s->model.patch_height = s->model.patch_width = 16;
    s->model.channels = 3;
    s->model.classes = 1000;
    s->epochs = 300;
    s->batch_size = 256;
    s->augment = TL_AUGMENT_ALL;
}

static void set_gpt(tl_settings *s)
{
    s->model.family = TL_FAMILY_GPT;
    s->model.seq_len = 160;
    s->model.vocab_size = 50257;
    s->epochs = 300;
    s->samples_per_epoch = 32000;
    s->batch_size = 8;
    s->grad_clip = 1.0f;
}

bool tl_settings_default(tl_settings *s, const char *task)
{
    static const struct {
        const char *task;
        void (*set)(tl_settings *s);
    } tasks[] = {{"mnist", set_mnist}, {"vit", set_vit}, {"gpt", set_gpt}};
    if (s == NULL || task == NULL) return false;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        if (strcmp(task, tasks[i].task) != 0) continue;
        set_common(s, task);
        tasks[i].set(s);
        return true;
    }
    return false;
}

void tli_settings_complete_optimizer(tl_settings *s)
{
    const optimizer_rule *rule = tli_optimizer_rule_of(s->optimizer);
    if (rule == NULL) return;
    if (s->beta1 < 0.0f) s->beta1 = rule->beta1;
    if (s->beta2 < 0.0f) s->beta2 = rule->beta2;
    if (s->eps == 0.0f) s->eps = rule->eps;
}

tl_result tli_result_empty(void)
{
    const double none = (double)NAN;
    return (tl_result){.loss = none,
                       .test_loss = none,
                       .perplexity = none,
                       .top1 = none,
                       .top5 = none,
                       .top1_static = none,
                       .top1_dynamic = none,
                       .step_ms = none,
                       .data_wait = none};
}
