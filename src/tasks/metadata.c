#include "tasks/metadata.h"

#include <stdio.h>
#include <string.h>

#include "models/model.h"
#include "tasks/settings_check.h"
#include "tasks/task.h"

/* The stored fields of a task. */
static int stored_fields(const tli_task *task, const field *list[FIELDS_MAX])
{
    const int all = tli_settings_fields(task, list);
    int count = 0;
    for (int i = 0; i < all; i++)
        if ((list[i]->use & FIELD_STORED) != 0) list[count++] = list[i];
    return count;
}

/* As stored in a checkpoint: values left to the optimizer are replaced by its defaults, and slices are counted. */
static tl_settings stored_settings(const tl_settings *settings)
{
    tl_settings s = *settings;
    tli_settings_complete_optimizer(&s);
    s.training.grad_slices = tli_settings_slices(&s);
    return s;
}

static const char *shown_labels(const char *labels)
{
    return labels != NULL ? labels : "unknown";
}

const char *tli_labels_of(const tli_safetensors *st, const char *task)
{
    const field_table *own = &tli_task_find(task)->fields;
    for (int i = 0; i < own->count; i++)
        if (own->items[i].type == FIELD_LABELS) return tli_st_metadata(st, own->items[i].key);
    return NULL;
}

void tli_metadata_write(const tl_settings *settings, const char *labels, tli_metadata *m)
{
    const field *list[FIELDS_MAX];
    const tl_settings completed = stored_settings(settings), *s = &completed;
    m->count = stored_fields(tli_task_find(s->task), list);
    for (int i = 0; i < m->count; i++) {
        const bool are_labels = list[i]->type == FIELD_LABELS;
        tli_field_write(list[i], s, m->text[i]);
        m->pairs[i].key = (char *)(uintptr_t)list[i]->key;
        m->pairs[i].value = are_labels ? (char *)(uintptr_t)shown_labels(labels) : m->text[i];
    }
}

static tl_status read_from_metadata(const tli_safetensors *st, const field *f, tl_settings *settings,
                                    tl_error *err)
{
    const char *text = tli_st_metadata(st, f->key);
    const bool first = f->before != NULL && strcmp(f->before, FIELD_FIRST) == 0;
    if (text == NULL) text = first ? f->choices->items[0].name : f->before;
    if (text == NULL)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s does not say %s in its metadata: it is not a checkpoint of this program",
                        st->path, f->key);
    if (tli_field_read(f, text, settings)) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT, "%s has %s = '%s' in its metadata, which this version does not know",
                    st->path, f->key, text);
}

tl_status tli_settings_from_metadata(const tli_safetensors *st, tl_settings *settings, tl_error *err)
{
    const field *list[FIELDS_MAX];
    const char *name = tli_st_metadata(st, "task");
    const tli_task *task = name != NULL ? tli_task_find(name) : NULL;
    if (name != NULL && task == NULL)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s is a checkpoint of the task '%s', which this version does not know", st->path,
                        name);
    const int count = stored_fields(task != NULL ? task : tli_task_at(0),
                                    list); /* without a task the first field fails */
    if (task != NULL) settings->model.arch = task->arch;
    for (int i = 0; i < count; i++) TLI_TRY(read_from_metadata(st, list[i], settings, err));
    tl_error why = {0};
    if (tli_settings_check_numbers(settings, &why) != TL_OK)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s has a number in its metadata that this version does not know: %s", st->path,
                        why.text);
    return tli_model_check(&settings->model, err);
}

/* ---- differences --------------------------------------------------------------------------------- */

/* Whether the field has no effect in a run of either settings: --steps decide over --epochs. */
static bool is_overruled(const field *f, const tl_settings *a, const tl_settings *b)
{
    return f->at == offsetof(tl_settings, training.epochs) &&
           (a->training.steps > 0 || b->training.steps > 0);
}

/* "`model.image_width`", "the vocabulary of `run.data`". */
static void name_field(const field *f, char *out, size_t capacity)
{
    if (f->described != NULL)
        snprintf(out, capacity, "%s", f->described);
    else
        snprintf(out, capacity, "`%s`", f->path);
}

/* The value to give to f's flag; for flags that set several fields "84x84" (one slice or frame) or
 * "clip:2". */
static void show_flag_value(const field *const *list, int count, const field *f, const tl_settings *s,
                            char *out, size_t capacity)
{
    size_t used = 0;
    const char *between = "x";
    for (int i = 0; i < count && used < capacity; i++) {
        char text[FIELD_TEXT_CAPACITY], ours[FIELD_TEXT_CAPACITY], theirs[FIELD_TEXT_CAPACITY];
        if (list[i] != f &&
            (f->described != NULL || strcmp(tli_field_flag(f, ours), tli_field_flag(list[i], theirs)) != 0))
            continue;
        tli_field_write(list[i], s, text);
        if (f->zero_is_unset && strcmp(text, "0") == 0) snprintf(text, sizeof text, "not given");
        if (strcmp(text, "0") == 0 && list[i] != f && used > 0) break; /* sharing without a radius */
        used += (size_t)snprintf(out + used, capacity - used, "%s%s", used > 0 ? between : "", text);
        if (list[i]->type == FIELD_CHOICE) between = ":";
    }
    if (strncmp(out, "1x", 2) == 0 && strchr(out + 2, 'x') != NULL)
        memmove(out, out + 2, strlen(out + 2) + 1);
}

bool tli_settings_differ(const tl_settings *one, const char *labels_of_one, const tl_settings *other,
                         const char *labels_of_other, settings_difference *d)
{
    const tl_settings stored_one = stored_settings(one), stored_other = stored_settings(other);
    const tl_settings *a = &stored_one, *b = &stored_other;
    const field *list[FIELDS_MAX];
    const int count = stored_fields(tli_task_find(a->task), list);
    for (int i = 0; i < count; i++) {
        const field *f = list[i];
        if (is_overruled(f, a, b)) continue;
        const bool labels_differ = f->type == FIELD_LABELS &&
                                   strcmp(shown_labels(labels_of_one), shown_labels(labels_of_other)) != 0;
        if (!labels_differ && tli_field_same(f, a, b)) continue;
        name_field(f, d->what, sizeof d->what);
        if (labels_differ) {
            snprintf(d->a, FIELD_TEXT_CAPACITY, "%s", shown_labels(labels_of_one));
            snprintf(d->b, FIELD_TEXT_CAPACITY, "%s", shown_labels(labels_of_other));
            return true;
        }
        show_flag_value(list, count, f, a, d->a, sizeof d->a);
        show_flag_value(list, count, f, b, d->b, sizeof d->b);
        return true;
    }
    return false;
}

bool tli_settings_test_differently(const tl_settings *a, const tl_settings *b)
{
    const field *list[FIELDS_MAX];
    const int count = stored_fields(tli_task_find(a->task), list);
    for (int i = 0; i < count; i++)
        if ((list[i]->use & FIELD_TESTED) != 0 && !tli_field_same(list[i], a, b)) return true;
    return false;
}
