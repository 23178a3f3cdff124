#include "tasks/score.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "comm/ranks.h"
#include "core/clock.h"
#include "core/files.h"
#include "core/progress.h"
#include "core/text.h"
#include "ops/loss.h"

/* Buffers of the evaluation of a set. */
typedef struct scoring {
    float *losses; /* one per prediction of a batch */
    int32_t *ranks;
    float *logits;            /* [batch][classes], with `confusion` */
    tli_confusion *confusion; /* the caller's, or NULL */
    uint32_t capacity;        /* allocated predictions */
    const tl_hooks *hooks;    /* the caller's, or NULL */
    tli_progress progress;
} scoring;

static tl_status no_memory(tl_context *ctx)
{
    return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the evaluation");
}

static void scoring_free(scoring *k)
{
    free(k->losses);
    free(k->ranks);
    free(k->logits);
}

/* Grows the buffers to the predictions of the current batch. */
static tl_status scoring_reserve(tl_context *ctx, tl_model *model, scoring *k)
{
    const uint32_t count = tli_model_predictions(model);
    if (count <= k->capacity) return TL_OK;
    scoring_free(k);
    k->losses = malloc(count * sizeof *k->losses);
    k->ranks = malloc(count * sizeof *k->ranks);
    k->logits = k->confusion != NULL ? malloc((size_t)count * k->confusion->classes * sizeof *k->logits)
                                     : NULL;
    const bool good = k->losses != NULL && k->ranks != NULL && (k->confusion == NULL || k->logits != NULL);
    k->capacity = good ? count : 0;
    return good ? TL_OK : no_memory(ctx);
}

/* The class with the largest logit, ties by the smaller index. */
static uint32_t largest_logit(const float *logits, uint32_t classes)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < classes; c++)
        if (logits[c] > logits[best]) best = c;
    return best;
}

static tl_status count_classes(tl_context *ctx, tl_model *model, const int32_t *targets, scoring *k)
{
    const uint32_t classes = k->confusion->classes, count = tli_model_predictions(model);
    TLI_TRY(tl_model_read_logits(ctx, model, k->logits));
    for (uint32_t i = 0; i < count; i++) {
        if (k->ranks[i] == TLI_NO_RANK) continue; /* the logits were not finite */
        const uint32_t found = largest_logit(k->logits + (size_t)i * classes, classes);
        k->confusion->counts[(size_t)targets[i] * classes + found]++;
    }
    return TL_OK;
}

/* Adds losses and hits of `samples` samples, from sample `first` on, to the sums. */
static tl_status score_slice(tl_context *ctx, tl_model *model, const tl_batch *inputs, uint32_t first,
                             uint32_t samples, scoring *k, tli_scores *sums)
{
    TLI_TRY(tli_model_set_slice(ctx, model, inputs, first, samples));
    TLI_TRY(scoring_reserve(ctx, model, k));
    TLI_TRY(tli_model_forward(ctx, model));
    TLI_TRY(tli_model_loss(ctx, model, 0));
    TLI_TRY(tli_model_read_row_losses(ctx, model, k->losses));
    TLI_TRY(tli_model_read_ranks(ctx, model, k->ranks));
    const uint32_t count = tli_model_predictions(model);
    for (uint32_t i = 0; i < count; i++) {
        sums->loss += (double)k->losses[i]; /* NOLINT: scoring_reserve has made it */
        sums->top1 += k->ranks[i] == 0;
        sums->top5 += k->ranks[i] < 5;
        sums->not_finite += k->ranks[i] == TLI_NO_RANK;
    }
    sums->predictions += count;
    return k->confusion != NULL ? count_classes(ctx, model, inputs->targets + first, k) : TL_OK;
}

/* As many samples at a time as the model was made for. */
static tl_status score_batch(tl_context *ctx, tl_model *model, const tl_batch *inputs, scoring *k,
                             tli_scores *sums)
{
    const uint32_t most = tli_model_capacity(model);
    for (uint32_t at = 0; at < inputs->count; at += most) {
        const uint32_t left = inputs->count - at;
        TLI_TRY(score_slice(ctx, model, inputs, at, left < most ? left : most, k, sums));
    }
    return TL_OK;
}

tl_status tli_score_heed_others(tl_context *ctx, const tli_task *task, const tl_model *model, int set,
                                const tl_hooks *hooks)
{
    if (hooks == NULL) return TL_OK;
    TLI_TRY(tli_ranks_at_work(hooks->ranks, tl_context_error(ctx)));
    int number = hooks->stop != NULL ? (int)*hooks->stop : 0;
    TLI_TRY(tli_ranks_largest(tli_model_group(model), &number, tl_context_error(ctx)));
    if (number == 0) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_INTERRUPTED,
                    "stopped by signal %d in the evaluation on the test set %s", number,
                    tli_task_set_name(task, set));
}

static tl_status score_batches(tl_context *ctx, const tli_task *task, tl_model *model, tli_task_data *data,
                               int set, scoring *k, tli_scores *scores)
{
    tl_error *err = tl_context_error(ctx);
    uint64_t batches = 0;
    TLI_TRY(task->test_begin(data, set, &batches, err));
    uint64_t first = 0; /* predictions of the first batch, for which kernels are built */
    double begun = 0;
    tli_progress_begin(&k->progress, k->hooks != NULL ? k->hooks->progress : NULL, "evaluating", "batches",
                       batches, tli_clock_seconds());
    for (uint64_t number = 0; number < batches; number++) {
        tli_test_batch b = {0};
        TLI_TRY(tli_score_heed_others(ctx, task, model, set, k->hooks));
        TLI_TRY(task->test_batch(data, set, number, &b, err));
        scores->passed_over += b.passed_over;
        TLI_TRY(score_batch(ctx, model, &b.inputs, k, scores));
        const double now = tli_clock_seconds();
        if (number == 0) {
            first = scores->predictions;
            begun = now;
        }
        scores->rate = number == 0 ? (double)NAN : (double)(scores->predictions - first) / (now - begun);
        tli_progress_update(&k->progress, number + 1, now);
    }
    if (scores->predictions == 0)
        return tli_fail(err, TL_ERROR_INPUT,
                        "no sample of the test set %s can be read: there is nothing to evaluate",
                        tli_task_set_name(task, set));
    scores->loss /= (double)scores->predictions;
    scores->top1 *= 100.0 / (double)scores->predictions;
    scores->top5 *= 100.0 / (double)scores->predictions;
    return TL_OK;
}

tl_status tli_score_set(tl_context *ctx, const tli_task *task, tl_model *model, tli_task_data *data, int set,
                        const tl_hooks *hooks, tli_confusion *confusion, tli_scores *scores)
{
    scoring k = {.confusion = confusion, .hooks = hooks};
    *scores = (tli_scores){0};
    const tl_status status = score_batches(ctx, task, model, data, set, &k, scores);
    if (task->test_end != NULL) task->test_end(data);
    tli_progress_clear(&k.progress);
    scoring_free(&k);
    return status;
}

/* ---- the confusion matrix --------------------------------------------------------------------------- */

/* False: out of memory. */
static bool write_class(FILE *file, const tli_task *task, const tli_task_data *data, uint32_t c)
{
    if (task->class_name == NULL) return fprintf(file, "%u", c) > 0;
    char *text = tli_text_utf8(task->class_name(data, c)), *cell = text != NULL ? tli_text_cell(text) : NULL;
    if (cell != NULL) fputs(cell, file);
    free(text);
    free(cell);
    return cell != NULL;
}

static bool write_table(FILE *file, const tli_task *task, const tli_task_data *data,
                        const tli_confusion *confusion)
{
    const uint32_t classes = confusion->classes;
    bool good = fprintf(file, "true\\found") > 0;
    for (uint32_t c = 0; c < classes && good; c++) {
        fputc('\t', file);
        good = write_class(file, task, data, c);
    }
    for (uint32_t r = 0; r < classes && good; r++) {
        fputc('\n', file);
        good = write_class(file, task, data, r);
        for (uint32_t c = 0; c < classes; c++)
            fprintf(file, "\t%llu", (unsigned long long)confusion->counts[(size_t)r * classes + c]);
    }
    fputc('\n', file);
    return good;
}

static tl_status refuse_table(const char *path, int code, tl_error *err)
{
    return tli_fail(err, TL_ERROR_IO, "cannot write the table of classes %s: %s", path, strerror(code));
}

/* Such as a terminal or a pipe: is written to, where a file is replaced. */
static bool is_no_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

static int write_to(const char *path, const char *text, size_t bytes)
{
    bool created;
    if (!is_no_file(path)) return tli_replace_file(path, text, bytes, &created);
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fwrite(text, 1, bytes, file) == bytes;
    if (file != NULL) good &= fclose(file) == 0;
    return good ? 0 : errno;
}

static tl_status table_write(const char *path, const tli_task *task, const tli_task_data *data,
                             const tli_confusion *confusion, tl_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    bool good = memory != NULL && write_table(memory, task, data, confusion);
    if (memory != NULL) good &= fclose(memory) == 0;
    const int code = good ? write_to(path, text, bytes) : ENOMEM;
    free(text);
    return code == 0 ? TL_OK : refuse_table(path, code, err);
}

/* ---- all test sets ---------------------------------------------------------------------------------- */

/* Scores the main test set, with the confusion matrix if requested. */
static tl_status score_main(tl_context *ctx, const tli_task *task, tl_model *model, tli_task_data *data,
                            const tl_settings *s, const char *path, const tl_hooks *hooks, tli_scores *scores)
{
    const int set = task->main_set(s);
    if (path[0] == '\0') return tli_score_set(ctx, task, model, data, set, hooks, NULL, scores);
    const size_t classes = s->model.classes;
    const int code = is_no_file(path) ? 0 : tli_check_writable(path); /* said before the evaluation */
    if (code != 0) return refuse_table(path, code, tl_context_error(ctx));
    tli_confusion confusion = {s->model.classes, calloc(classes * classes, sizeof *confusion.counts)};
    tl_status status = confusion.counts != NULL ? TL_OK : no_memory(ctx);
    if (status == TL_OK) status = tli_score_set(ctx, task, model, data, set, hooks, &confusion, scores);
    if (status == TL_OK) status = table_write(path, task, data, &confusion, tl_context_error(ctx));
    free(confusion.counts);
    return status;
}

tl_status tli_score_all(tl_context *ctx, const tli_task *task, tl_model *model, tli_task_data *data,
                        const tl_settings *s, const char *confusion, const tl_hooks *hooks,
                        tli_score_each each, void *user, tl_result *result)
{
    tli_scores scores[TLI_TASK_MAX_SETS] = {{0}};
    const int main_set = task->main_set(s);
    if (task->tests != NULL && !task->tests(data)) return TL_OK;
    for (int set = 0; set < task->sets; set++) {
        if (set == main_set)
            TLI_TRY(score_main(ctx, task, model, data, s, confusion, hooks, &scores[set]));
        else
            TLI_TRY(tli_score_set(ctx, task, model, data, set, hooks, NULL, &scores[set]));
        result->not_finite += scores[set].not_finite;
        if (each != NULL) TLI_TRY(each(user, task, set, &scores[set]));
    }
    const tli_scores *chosen = &scores[main_set];
    result->test_loss = chosen->loss;
    if (task->classifies) {
        result->top1 = chosen->top1;
        result->top5 = chosen->top5;
    } else {
        result->perplexity = exp(chosen->loss);
    }
    if (task->files != NULL) {
        result->test_files = task->files(data, false);
        result->test_files.images = chosen->predictions;
        result->test_files.passed_over = chosen->passed_over;
    }
    if (task->report != NULL) task->report(scores, result);
    return TL_OK;
}

tl_evaluation tli_score_evaluation(const tli_task *task, int set, const tli_scores *scores, uint64_t step)
{
    return (tl_evaluation){.step = step,
                           .set = tli_task_set_name(task, set),
                           .loss = scores->loss,
                           .top1 = task->classifies ? scores->top1 : (double)NAN,
                           .top5 = task->classifies ? scores->top5 : (double)NAN,
                           .predictions = scores->predictions,
                           .not_finite = scores->not_finite};
}
