/* Settings of the public header before a run: refused or completed, without a device. */
#include "core/status.h"
#include "tasks/settings_check.h"
#include "tasks/task.h"
#include "train/init_weights.h"
#include "train/schedule.h"

/* Whether the weights of run.init fit; a checkpoint in run.out is used instead of them. */
static tl_status check_init(const tl_settings *s, bool data_open, const tl_log *log, tl_error *err)
{
    return s->run.resume ? TL_OK : tli_init_weights_check(s, data_open, NULL, log, err);
}

static tl_status check_values(const tl_settings *s, tl_error *err)
{
    if (s == NULL) return tli_fail(err, TL_ERROR_USAGE, "the settings are missing");
    TLI_TRY(tli_settings_check(s, true, err));
    TLI_TRY(tli_init_weights_flags(s, err));
    if (s->training.steps == 0 || s->run.resume) return TL_OK; /* the data or the checkpoint say how many */
    return tli_schedule_check(s, s->training.steps, err);
}

tl_status tl_settings_check(const tl_settings *s, const tl_log *log, tl_error *err)
{
    TLI_TRY(check_values(s, err));
    return check_init(s, tli_task_find(s->task)->look == NULL || s->run.exact_labels, log, err);
}

tl_status tl_settings_complete(tl_settings *s, const tl_log *log, tl_error *err)
{
    TLI_TRY(check_values(s, err));
    const tli_task *task = tli_task_find(s->task);
    s->model.positions = tli_model_positions(&s->model);
    if (task->look != NULL) TLI_TRY(task->look(s, err));
    return check_init(s, true, log, err);
}
