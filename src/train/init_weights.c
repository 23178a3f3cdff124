#include "train/init_weights.h"

#include <stdlib.h>
#include <string.h>

#include "data/checksum.h"
#include "device/device.h"
#include "models/model.h"
#include "tasks/metadata.h"
#include "tasks/model_file.h"

enum { PIECE = 1 << 22 }; /* elements copied at a time: 16 MiB */

/* Parameters that --init-partial may leave at their initial values, and why they differ between runs. */
typedef enum part { PART_OTHER, PART_HEAD, PART_POSITIONS } part;
static const struct {
    const char *name;
    part part;
} parts[] = {{"mlp_head.weight", PART_HEAD},    {"mlp_head.bias", PART_HEAD},
             {"output_head.weight", PART_HEAD}, {"wte.weight", PART_HEAD},
             {"pos_embedding", PART_POSITIONS}, {"wpe.weight", PART_POSITIONS}};

/* The file, and its model's settings. */
typedef struct origin {
    tl_file *st;
    tl_settings settings;
    bool known; /* the file has settings in its metadata */
} origin;

/* What happens to a parameter. */
typedef struct fate {
    const tli_st_entry *entry; /* NULL: keeps its initial values */
    int32_t *source;           /* per-offset tables: the file's matrix or -1; NULL: copies all */
} fate;

struct tli_init_weights {
    const tl_settings *s;
    tli_registry registry; /* of settings->model, without tensors */
    const tl_log *log;
    tl_error *err;
    bool data_open;
    const char *labels; /* class names or vocabulary of the data; NULL: unknown */
    origin from;
    tl_file *own;            /* from.st, opened here; NULL: the caller's */
    fate *fates;             /* one per parameter */
    int tables;              /* number of per-offset tables copied partly ... */
    uint32_t offsets, found; /* ... and the offsets of the last of them: all, and those found */
};

static part part_of(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(name, parts[i].name) == 0) return parts[i].part;
    return PART_OTHER;
}

/* ---- the file ------------------------------------------------------------------------------------ */

static tl_status check_same_op(const tli_init_weights *t)
{
    const tl_model_config *a = &t->from.settings.model, *b = &t->s->model;
    if (a->arch != b->arch)
        return tli_fail(t->err, TL_ERROR_INPUT,
                        "`run.init` %s holds a model of the task %s: it is none for %s", t->from.st->path,
                        t->from.settings.task, t->s->task);
    if (a->op == b->op) return TL_OK;
    return tli_fail(t->err, TL_ERROR_INPUT,
                    "`run.init` %s holds a model of `model.op` %s, but this run has `model.op` %s",
                    t->from.st->path, tl_op_name(a->op), tl_op_name(b->op));
}

static tl_status origin_open(tli_init_weights *t)
{
    origin *from = &t->from;
    if (from->st == NULL) {
        TLI_TRY(tl_file_open(t->s->run.init, &t->own, t->err));
        from->st = t->own;
    }
    TLI_TRY(tli_checksum_verify(from->st, false, t->err));
    from->known = tli_st_metadata(from->st, "task") != NULL;
    if (!from->known) return TL_OK;
    TLI_TRY(tli_settings_from_metadata(from->st, &from->settings, t->err));
    return check_same_op(t);
}

/* ---- per-offset tables ------------------------------------------------------------------------------ */

/* Finds the table `name` among the operations' parameters: its geometry, and whether it is the query's. */
static bool find_table(const tl_model_config *c, const char *name, tli_geometry *geometry, bool *query)
{
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        const tli_block_shape shape = tli_model_block_shape(c, 1, false, layer);
        tli_op_parameter list[OP_MAX_PARAMETERS];
        const int count = tli_op_parameters(&shape.op, list);
        for (int i = 0; i < count; i++) {
            char full[96];
            if (list[i].rank != 3) continue;
            snprintf(full, sizeof full, "%s.layers.%u.0.%s", tli_model_block_prefix(c), layer, list[i].name);
            if (strcmp(full, name) != 0) continue;
            *geometry = shape.op.geometry;
            *query = list[i].query;
            return true;
        }
    }
    return false;
}

/* Maps a table's offsets to the file's; f->source stays NULL if they are the same. */
static tl_status match_table(tli_init_weights *t, const tli_parameter *p, const tli_st_entry *e, fate *f)
{
    tli_geometry to, from;
    bool query = false, ignored;
    if (!t->from.known || !find_table(&t->s->model, p->name, &to, &query) ||
        !find_table(&t->from.settings.model, p->name, &from, &ignored) ||
        e->shape[0] != tli_geometry_offsets(&from))
        return TL_OK;
    const uint32_t count = tli_geometry_offsets(&to);
    int32_t *source = malloc(2 * count * sizeof *source);
    if (source == NULL)
        return tli_fail(t->err, TL_ERROR_MEMORY, "out of host memory for the offsets of %s", p->name);
    int32_t *self = source + count;
    const uint32_t found = tli_geometry_match(&to, &from, query, source);
    tli_geometry_match(&to, &to, query, self);
    if (count == e->shape[0] && memcmp(source, self, count * sizeof *source) == 0) {
        free(source);
        return TL_OK;
    }
    f->source = source;
    t->tables++;
    t->offsets = count;
    t->found = found;
    return TL_OK;
}

/* ---- compatibility ---------------------------------------------------------------------------------- */

static bool same_shape(const tli_st_entry *e, const tli_parameter *p, uint32_t first_axis)
{
    if (e->dtype != tli_model_stored_dtype(p->dtype) || e->rank != p->rank) return false;
    for (uint32_t d = first_axis; d < p->rank; d++)
        if (e->shape[d] != p->shape[d]) return false;
    return true;
}

/* Learned positions belong to one grid: another grid with as many tokens does not fit. */
static bool same_places(const tli_init_weights *t)
{
    if (!t->from.known) return true;
    const tli_geometry a = tli_model_block_shape(&t->from.settings.model, 1, false, 0).op.geometry,
                       b = tli_model_block_shape(&t->s->model, 1, false, 0).op.geometry;
    return a.depth == b.depth && a.height == b.height && a.width == b.width && a.cls == b.cls;
}

/* Class names or vocabulary, compared if both are known. */
static bool same_labels(const tli_init_weights *t)
{
    const char *theirs = t->from.known ? tli_labels_of(t->from.st, t->from.settings.task) : NULL;
    return !t->data_open || theirs == NULL || t->labels == NULL || strcmp(theirs, t->labels) == 0;
}

static char *shape_text(const uint64_t *shape, uint32_t rank, char text[96])
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t d = 0; d < rank && used < 90; d++)
        used += (size_t)snprintf(text + used, 96 - used, "%s%llu", d > 0 ? " x " : "",
                                 (unsigned long long)shape[d]);
    return text;
}

static tl_status refuse_shape(const tli_init_weights *t, const tli_parameter *p, const tli_st_entry *e,
                              const char *advice)
{
    char there[96], here[96];
    if (e->dtype != tli_model_stored_dtype(p->dtype))
        return tli_fail(t->err, TL_ERROR_INPUT, "`run.init` %s: tensor %s does not hold 32-bit floats",
                        t->from.st->path, p->name);
    return tli_fail(t->err, TL_ERROR_INPUT,
                    "`run.init` %s: tensor %s is %s there and %s in this run's model: %s", t->from.st->path,
                    p->name, shape_text(e->shape, e->rank, there), shape_text(p->shape, p->rank, here),
                    advice);
}

/* The head or learned positions: copied if they fit; else, with --init-partial, left at their initial
 * values. */
static tl_status decide_part(const tli_init_weights *t, part which, const tli_parameter *p,
                             const tli_st_entry *e, fate *f)
{
    const bool shape = e != NULL && same_shape(e, p, 0), places = which != PART_POSITIONS || same_places(t),
               labels = which != PART_HEAD || same_labels(t);
    if (which == PART_HEAD && !t->data_open) return TL_OK;
    if (shape && places && labels) {
        f->entry = e;
        return TL_OK;
    }
    if (t->s->run.init_partial) {
        tli_log_write(t->log, TL_LOG_NOTICE, "`run.init_partial`: %s is drawn anew: %s", p->name,
                      e == NULL ? "the file has none"
                      : !shape  ? "it has another shape in the file"
                      : !places ? "the file's is of another grid"
                                : "the file's is of other classes or another vocabulary");
        return TL_OK;
    }
    if (e == NULL)
        return tli_fail(
            t->err, TL_ERROR_INPUT,
            "`run.init` %s has no tensor %s, which this run's model has: `run.init_partial` draws it anew",
            t->from.st->path, p->name);
    if (!shape) return refuse_shape(t, p, e, "`run.init_partial` draws it anew");
    if (!places)
        return tli_fail(
            t->err, TL_ERROR_INPUT,
            "`run.init` %s: tensor %s is of another grid than this run's: `run.init_partial` draws it anew",
            t->from.st->path, p->name);
    tli_log_write(t->log, TL_LOG_NOTICE,
                  "`run.init`: %s is of other classes or another vocabulary and copied all the same; "
                  "`run.init_partial` draws "
                  "it anew",
                  p->name);
    f->entry = e;
    return TL_OK;
}

static tl_status decide_other(tli_init_weights *t, const tli_parameter *p, const tli_st_entry *e, fate *f)
{
    if (e == NULL)
        return tli_fail(t->err, TL_ERROR_INPUT, "`run.init` %s has no tensor %s, which this run's model has",
                        t->from.st->path, p->name);
    f->entry = e;
    if (p->rank == 3 && same_shape(e, p, 1)) TLI_TRY(match_table(t, p, e, f));
    if (f->source == NULL)
        return same_shape(e, p, 0) ? TL_OK : refuse_shape(t, p, e, "give the sizes of the file's model");
    if (t->s->run.init_partial) return TL_OK;
    return same_shape(e, p, 0)
               ? tli_fail(t->err, TL_ERROR_INPUT,
                          "`run.init` %s: tensor %s is of another grid than this run's: "
                          "`run.init_partial` copies the offsets "
                          "that both have",
                          t->from.st->path, p->name)
               : refuse_shape(t, p, e, "`run.init_partial` copies the offsets that both have");
}

/* Tensors of the file that the model does not have. */
static tl_status check_unknown(const tli_init_weights *t)
{
    for (int i = 0; i < t->from.st->count; i++) {
        const char *name = t->from.st->entries[i].name;
        bool found = false;
        for (int k = 0; k < t->registry.count && !found; k++)
            found = strcmp(t->registry.items[k].name, name) == 0;
        if (found) continue;
        if (!t->s->run.init_partial || part_of(name) == PART_OTHER)
            return tli_fail(t->err, TL_ERROR_INPUT,
                            "`run.init` %s has a tensor %s, which this run's model has not", t->from.st->path,
                            name);
        tli_log_write(t->log, TL_LOG_NOTICE,
                      "`run.init_partial`: %s of the file is left out: this run's model has none", name);
    }
    return TL_OK;
}

static tl_status init_weights_decide(tli_init_weights *t)
{
    for (int i = 0; i < t->registry.count; i++) {
        const tli_parameter *p = &t->registry.items[i];
        const tli_st_entry *e = tli_st_find(t->from.st, p->name);
        const part which = part_of(p->name);
        TLI_TRY(which == PART_OTHER ? decide_other(t, p, e, &t->fates[i])
                                    : decide_part(t, which, p, e, &t->fates[i]));
    }
    TLI_TRY(check_unknown(t));
    if (t->tables > 0)
        tli_log_write(
            t->log, TL_LOG_NOTICE,
            "`run.init_partial`: of the %u offsets of each of %d tables, %u are copied and %u drawn anew",
            t->offsets, t->tables, t->found, t->offsets - t->found);
    return TL_OK;
}

tl_status tli_init_weights_flags(const tl_settings *s, tl_error *err)
{
    if (!s->run.init_partial || s->run.init[0] != '\0') return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    "`run.init_partial` says how to take the weights of `run.init`: give that, too");
}

static tl_status init_weights_fill(tli_init_weights *t)
{
    TLI_TRY(tli_model_parameters(&t->s->model, &t->registry, t->err));
    t->fates = calloc((size_t)t->registry.count, sizeof *t->fates);
    if (t->fates == NULL)
        return tli_fail(t->err, TL_ERROR_MEMORY, "out of host memory while reading %s", t->s->run.init);
    TLI_TRY(origin_open(t));
    return init_weights_decide(t);
}

tl_status tli_init_weights_open(const tl_settings *settings, tl_file *file, bool data_open,
                                const char *labels, const tl_log *log, tl_error *err, tli_init_weights **out)
{
    *out = NULL;
    if (settings->run.init[0] == '\0') return TL_OK;
    tli_init_weights *t = calloc(1, sizeof *t);
    if (t == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for `run.init`");
    t->s = settings;
    t->log = log;
    t->err = err;
    t->from.st = file;
    t->data_open = data_open;
    t->labels = labels;
    const tl_status status = init_weights_fill(t);
    if (status == TL_OK)
        *out = t;
    else
        tli_init_weights_close(t);
    return status;
}

void tli_init_weights_close(tli_init_weights *t)
{
    if (t == NULL) return;
    for (int i = 0; i < t->registry.count && t->fates != NULL; i++) free(t->fates[i].source);
    free(t->fates);
    tl_file_close(t->own);
    tli_registry_free(NULL, &t->registry);
    free(t);
}

/* ---- copying ------------------------------------------------------------------------------------- */

static tl_status copy_elements(tl_context *ctx, tli_init_weights *t, const tli_st_entry *e, uint64_t from,
                               tl_tensor *to, uint64_t at, uint64_t count, float *piece)
{
    for (uint64_t done = 0; done < count; done += PIECE) {
        const uint64_t n = count - done < PIECE ? count - done : PIECE;
        TLI_TRY(tli_st_read(t->from.st, e, from + done, n, piece, t->err));
        TLI_TRY(tl_tensor_write(ctx, to, at + done, n, piece));
    }
    return TL_OK;
}

/* Matrix of the file for one of the model's; -1: none. */
static int64_t fate_source(const fate *f, int64_t matrix)
{
    return f->source == NULL || matrix < 0 ? matrix : f->source[matrix];
}

/* Consecutive matrices are copied together. */
static tl_status copy_matrices(tl_context *ctx, tli_init_weights *t, const tli_parameter *p, const fate *f,
                               float *piece)
{
    const uint64_t rows = tli_parameter_lead(p), row = tli_parameter_count(p) / rows;
    for (uint64_t k = 0, run = 1; k < rows; k += run, run = 1) {
        const int64_t source = fate_source(f, tli_parameter_matrix(p, k));
        if (source < 0) continue;
        while (k + run < rows && fate_source(f, tli_parameter_matrix(p, k + run)) == source + (int64_t)run)
            run++;
        TLI_TRY(copy_elements(ctx, t, f->entry, (uint64_t)source * row, p->value, k * row, run * row, piece));
    }
    return TL_OK;
}

tl_status tli_init_weights_copy(tl_context *ctx, tli_init_weights *t, tli_registry *registry)
{
    float *piece = malloc(PIECE * sizeof *piece);
    if (piece == NULL)
        return tli_fail(t->err, TL_ERROR_MEMORY, "out of host memory while reading %s", t->s->run.init);
    tl_status status = TL_OK;
    for (int i = 0; i < registry->count && status == TL_OK; i++) {
        const tli_parameter *p = &registry->items[i];
        const fate *f = &t->fates[i];
        if (f->entry != NULL) status = copy_matrices(ctx, t, p, f, piece);
    }
    free(piece);
    if (status == TL_OK)
        tli_log_write(t->log, TL_LOG_NOTICE, "beginning from the weights of %s", t->from.st->path);
    return status;
}
