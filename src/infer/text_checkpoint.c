#include "infer/text_checkpoint.h"

#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "tasks/task.h"

static bool makes_text(const tli_task *task)
{
    return task->arch == TL_ARCH_GPT;
}

tl_status tli_text_checkpoint_read(const tli_safetensors *st, const char *vocab, const char *encoder,
                                   tl_settings *settings, tl_tokenizer **tokenizer, tl_error *err)
{
    char names[TASK_NAMES_CAPACITY];
    TLI_TRY(tli_settings_from_metadata(st, settings, err));
    TLI_TRY(tli_task_check_offered(tli_task_find(settings->task), st->path, err));
    if (settings->model.arch != TL_ARCH_GPT)
        return tli_fail(err, TL_ERROR_INPUT, "%s is a checkpoint of the task %s: text comes from those of %s",
                        st->path, settings->task, tli_task_names(makes_text, " and ", names));
    TLI_TRY(tli_tokenizer_create(tli_labels_of(st, settings->task), vocab, encoder, tokenizer, err));
    const uint32_t size = tl_tokenizer_size(*tokenizer);
    if (size <= settings->model.vocab_size) return TL_OK;
    tl_tokenizer_destroy(*tokenizer);
    *tokenizer = NULL;
    return tli_fail(
        err, TL_ERROR_INPUT,
        "the vocabulary has %u ids and the model %u: give the files that its text was tokenized with", size,
        settings->model.vocab_size);
}

tl_status tl_tokenizer_open(const char *checkpoint, const char *vocab, const char *encoder,
                            tl_tokenizer **out, tl_error *err)
{
    if (out != NULL) *out = NULL;
    if (out == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "there is no place for the tokenizer's handle: out is NULL");
    if (checkpoint == NULL && (vocab == NULL || encoder == NULL))
        return tli_fail(
            err, TL_ERROR_USAGE,
            "a tokenizer needs `vocab` and `encoder`, or the checkpoint of a model of characters");
    if (checkpoint == NULL) return tli_tokenizer_create(NULL, vocab, encoder, out, err);
    tl_settings settings = {0};
    tli_safetensors st;
    TLI_TRY(tli_checkpoint_open(checkpoint, &st, err));
    const tl_status status = tli_text_checkpoint_read(&st, vocab, encoder, &settings, out, err);
    tli_st_close(&st);
    return status;
}
