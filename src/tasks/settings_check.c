#include "tasks/settings_check.h"

#include <string.h>

#include "core/choices.h"
#include "core/number.h"
#include "tasks/task.h"

/* Counts of steps: every integer up to here is exact in the metadata's and JSON's doubles. */
#define BIG 1e15

#define RANGE(member, kind, low, high)                                                                       \
    {                                                                                                        \
#member, offsetof(tl_settings, member), kind, low, high, low                                         \
    }
#define RANGE_OR_ZERO(member, kind, low, high)                                                               \
    {                                                                                                        \
#member, offsetof(tl_settings, member), kind, low, high, 0                                           \
    }

#define RANGE_OR_OWN(member, low, high)                                                                      \
    {                                                                                                        \
#member, offsetof(tl_settings, member), SETTING_FLOAT, low, high, -1                                 \
    }

#define TEXT(member)                                                                                         \
    {                                                                                                        \
#member, offsetof(tl_settings, member), sizeof((tl_settings *)0)->member                             \
    }

static const setting_range ranges[] = {
    RANGE(seed, SETTING_U64, 0, 9007199254740991.0),
    RANGE(epochs, SETTING_U64, 1, BIG),
    RANGE_OR_ZERO(steps, SETTING_U64, 1, BIG),
    RANGE(batch_size, SETTING_U32, 1, 1048576),
    RANGE(lr, SETTING_FLOAT, 0, 1000),
    RANGE(weight_decay, SETTING_FLOAT, 0, 1000),
    RANGE(grad_clip, SETTING_FLOAT, 0, 1e30),
    RANGE_OR_OWN(beta1, 0, 0.999999),
    RANGE_OR_OWN(beta2, 0, 0.999999),
    RANGE_OR_ZERO(eps, SETTING_FLOAT, 1e-12, 1),
    RANGE(schedule_version, SETTING_U32, 1, TL_SCHEDULE_VERSION),
    RANGE(warmup, SETTING_U64, 0, BIG),
    RANGE(limit_train, SETTING_U32, 0, 4294967295.0),
    RANGE(limit_test, SETTING_U32, 0, 4294967295.0),
    RANGE_OR_ZERO(samples_per_epoch, SETTING_U64, 1,
                  4294967295.0), /* of gpt alone: its task asks for more than 0 */
    RANGE_OR_ZERO(stop_after, SETTING_U64, 1, BIG),
    RANGE(checkpoint_every, SETTING_U64, 0, BIG),
    RANGE(checkpoint_minutes, SETTING_FLOAT, 0, 1e6),
    RANGE(eval_every, SETTING_U64, 0, BIG),
    RANGE(keep, SETTING_U64, 0, BIG),
    RANGE(workers, SETTING_U32, 0, 1024),
};
enum { RANGES = sizeof ranges / sizeof *ranges };

static const struct {
    const char *name;
    size_t at, room;
} texts[] = {TEXT(data), TEXT(out), TEXT(metrics), TEXT(init), TEXT(confusion)};
enum { TEXTS = sizeof texts / sizeof *texts };

const setting_range *tli_setting_range_at(size_t at)
{
    for (int i = 0; i < RANGES; i++)
        if (ranges[i].at == at) return &ranges[i];
    return NULL;
}

tl_status tli_setting_fail(const char *where, bool whole, double low, double high, const char *text,
                           tl_error *err)
{
    return tli_fail(err, TL_ERROR_USAGE,
                    whole ? "%s takes a whole number from %.0f to %.0f, not '%s'"
                          : "%s takes a number from %g to %g, not '%s'",
                    where, low, high, text);
}

static tl_status check_number(const setting_range *r, const tl_settings *s, tl_error *err)
{
    const void *at = (const char *)s + r->at;
    const uint64_t whole = r->kind == SETTING_U32   ? *(const uint32_t *)at
                           : r->kind == SETTING_U64 ? *(const uint64_t *)at
                                                    : 0;
    const double value = r->kind == SETTING_FLOAT ? (double)*(const float *)at : (double)whole;
    char text[64];
    if ((value >= r->low && value <= r->high) || value == r->unset) return TL_OK;
    if (r->kind == SETTING_FLOAT)
        tli_format(text, sizeof text, "%g", value);
    else
        snprintf(text, sizeof text, "%llu", (unsigned long long)whole);
    return tli_setting_fail(r->name, r->kind != SETTING_FLOAT, r->low, r->high, text, err);
}

tl_status tli_settings_check_numbers(const tl_settings *s, tl_error *err)
{
    for (int i = 0; i < RANGES; i++) TLI_TRY(check_number(&ranges[i], s, err));
    return TL_OK;
}

static tl_status check_texts(const tl_settings *s, tl_error *err)
{
    for (int i = 0; i < TEXTS; i++)
        if (memchr((const char *)s + texts[i].at, '\0', texts[i].room) == NULL)
            return tli_fail(err, TL_ERROR_USAGE, "%s takes at most %zu characters and a terminating zero",
                            texts[i].name, texts[i].room - 1);
    return TL_OK;
}

static tl_status check_training(const tl_settings *s, tl_error *err)
{
    if (memchr(s->task, '\0', sizeof s->task) == NULL || tli_task_find(s->task) == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "unknown task '%.*s': this version trains %s",
                        (int)sizeof s->task, s->task, tli_task_names());
    TLI_TRY(tli_settings_check_numbers(s, err));
    TLI_TRY(tli_choice_check(&tli_motion_choices, (int)s->motion, err));
    TLI_TRY(tli_choice_check(&tli_motion_choices, (int)s->test_motion, err));
    TLI_TRY(tli_choice_check(&tli_optimizer_choices, (int)s->optimizer, err));
    if (tli_optimizer_rule_of(s->optimizer)->eps == 0.0f && s->eps != 0.0f)
        return tli_fail(err, TL_ERROR_USAGE, "the optimizer %s has no eps: leave it 0",
                        tli_choice_shown(&tli_optimizer_choices, (int)s->optimizer));
    TLI_TRY(tli_choice_check(&tli_schedule_choices, (int)s->schedule, err));
    TLI_TRY(tli_choice_check(&tli_recompute_choices, (int)s->recompute, err));
    tl_settings defaults;
    tl_settings_default(&defaults, s->task);
    TLI_TRY(tli_model_check(&s->model, err));
    if (s->model.family != defaults.model.family)
        return tli_fail(err, TL_ERROR_USAGE, "%s trains models of the family %s, not %s", s->task,
                        tli_choice_shown(&tli_family_choices, (int)defaults.model.family),
                        tli_choice_shown(&tli_family_choices, (int)s->model.family));
    return tli_task_find(s->task)->check(s, err);
}

tl_status tli_settings_check(const tl_settings *s, bool training, tl_error *err)
{
    TLI_TRY(check_texts(s, err));
    if (training) return check_training(s, err);
    if ((int)s->test_motion != -1) TLI_TRY(tli_choice_check(&tli_motion_choices, (int)s->test_motion, err));
    if (s->batch_size != 0)
        TLI_TRY(check_number(tli_setting_range_at(offsetof(tl_settings, batch_size)), s, err));
    return check_number(tli_setting_range_at(offsetof(tl_settings, workers)), s, err);
}
