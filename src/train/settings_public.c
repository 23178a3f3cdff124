/* Settings of the public header before a run: refused or completed, without a device. */
#include "train/init_weights.h"
#include "train/training_run.h"

/* Whether the weights of run.init fit; a checkpoint in run.out is used instead of them. */
static tl_status check_init(const tl_settings *s, bool data_open, const tl_log *log, tl_error *err)
{
    tli_init_weights *weights = NULL;
    const tl_status status = s->run.resume ? TL_OK
                                           : tli_init_weights_open(s, data_open, NULL, log, err, &weights);
    tli_init_weights_close(weights);
    return status;
}

tl_status tl_settings_check(const tl_settings *s, const tl_log *log, tl_error *err)
{
    TLI_TRY(tli_run_check(s, err));
    return check_init(s, tli_task_find(s->task)->look == NULL || s->run.exact_labels, log, err);
}

tl_status tl_settings_complete(tl_settings *s, const tl_log *log, tl_error *err)
{
    TLI_TRY(tli_run_check(s, err));
    const tli_task *task = tli_task_find(s->task);
    s->model.positions = tli_model_positions(&s->model);
    if (task->look != NULL) TLI_TRY(task->look(s, err));
    return check_init(s, true, log, err);
}
