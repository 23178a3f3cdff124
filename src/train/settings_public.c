/* Settings of the public header before a run: refused or completed, without a device. */
#include "train/init_weights.h"
#include "train/training_run.h"

/* Whether the weights of run.init fit; a checkpoint in run.out is used instead of them. *file: run.init, open; NULL: it
 * is not used. */
static tl_status check_init(const tl_settings *s, bool data_open, const tl_log *log, tl_file **file,
                            tl_error *err)
{
    tli_init_weights *weights = NULL;
    *file = NULL;
    if (s->run.resume || s->run.init[0] == '\0') return TL_OK;
    TLI_TRY(tl_file_open(s->run.init, file, err));
    const tl_status status = tli_init_weights_open(s, *file, data_open, NULL, log, err, &weights);
    tli_init_weights_close(weights);
    if (status == TL_OK) return TL_OK;
    tl_file_close(*file);
    *file = NULL;
    return status;
}

tl_status tl_settings_open_init(const tl_settings *s, const tl_log *log, tl_file **init, tl_error *err)
{
    if (init == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "tl_settings_open_init needs a place for the file's handle");
    *init = NULL;
    TLI_TRY(tli_run_check(s, err));
    return check_init(s, tli_task_find(s->task)->look == NULL || s->run.exact_labels, log, init, err);
}

tl_status tl_settings_check(const tl_settings *s, const tl_log *log, tl_error *err)
{
    tl_file *init = NULL;
    const tl_status status = tl_settings_open_init(s, log, &init, err);
    tl_file_close(init);
    return status;
}

tl_status tl_settings_complete(tl_settings *s, const tl_log *log, tl_error *err)
{
    tl_file *init = NULL;
    TLI_TRY(tli_run_check(s, err));
    const tli_task *task = tli_task_find(s->task);
    s->model.positions = tli_model_positions(&s->model);
    if (task->look != NULL) TLI_TRY(task->look(s, err));
    const tl_status status = check_init(s, true, log, &init, err);
    tl_file_close(init);
    return status;
}
