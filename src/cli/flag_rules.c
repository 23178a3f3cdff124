#include "cli/flag_rules.h"

#include <string.h>

#include "ops/op_rules.h"
#include "tasks/task.h"

/* ---- operations ---------------------------------------------------------------------------------- */

static bool has_low_rank(tl_op_kind op, tl_roles relative)
{
    return tli_op_rule_of(op)->low_rank;
}

static bool chooses_roles(tl_op_kind op, tl_roles relative)
{
    return tli_op_rule_of(op)->chooses;
}

static bool saves_pairs(tl_op_kind op, tl_roles relative)
{
    return tli_op_saves_pairs(&(tli_op_shape){.kind = op, .relative = relative});
}

static bool makes_hybrids(tl_op_kind op, tl_roles relative)
{
    return tli_op_rule_of(op)->hybrid;
}

/* ---- tasks --------------------------------------------------------------------------------------- */

static bool takes_images(const tli_task *task)
{
    return task->arch == TL_ARCH_VIT;
}

/* ---- other flags --------------------------------------------------------------------------------- */

typedef bool holds(const tli_cli_options *o, const tl_settings *s);

static bool is_plain_product(const tli_cli_options *o, const tl_settings *s)
{
    return o->bench.grid[0] == '\0';
}

static bool has_class_token(const tli_cli_options *o, const tl_settings *s)
{
    return !o->bench.causal;
}

static bool is_in_operation(const tli_cli_options *o, const tl_settings *s)
{
    return s->model.positions != TL_POSITIONS_LEARNED;
}

static bool encodes_by_bpe(const tli_cli_options *o, const tl_settings *s)
{
    return !o->chars;
}

static bool flag_rules_paints(const tli_cli_options *o, const tl_settings *s)
{
    return o->attention[0] != '\0';
}

static bool flag_rules_resumes(const tli_cli_options *o, const tl_settings *s)
{
    return s->run.resume;
}

static bool flag_rules_watches(const tli_cli_options *o, const tl_settings *s)
{
    return o->watch;
}

static bool writes_a_page(const tli_cli_options *o, const tl_settings *s)
{
    return !o->watch;
}

static bool flag_rules_plans(const tli_cli_options *o, const tl_settings *s)
{
    return o->dry_run;
}

static bool flag_rules_plans_ranks(const tli_cli_options *o, const tl_settings *s)
{
    return o->dry_run && tli_cli_given(o, "ranks");
}

static bool is_not_quiet(const tli_cli_options *o, const tl_settings *s)
{
    return !(o->quiet && o->verbose);
}

static bool has_eps(const tli_cli_options *o, const tl_settings *s)
{
    return tli_optimizer_rule_of(s->training.optimizer)->eps > 0.0f;
}

static bool is_timed(const tli_cli_options *o, const tl_settings *s)
{
    return o->bench.model_device[0] == '\0';
}

static bool multiplies_by_own_kernels(const tli_cli_options *o, const tl_settings *s)
{
    return o->gemm != TL_GEMM_CLBLAST || s->training.precision == TL_PRECISION_FP32;
}

static bool checkpoints_by_time(const tli_cli_options *o, const tl_settings *s)
{
    return !tli_cli_given(o, "checkpoint-every");
}

/* ---- the table ----------------------------------------------------------------------------------- */

/* A rule; all its conditions must hold. A flag may have several rules. */
typedef struct rule {
    const char *flag;
    unsigned commands;                            /* where the rule applies; 0: all commands with the flag */
    bool (*tasks)(const tli_task *task);          /* tasks to which the flag applies; NULL: all */
    bool (*op)(tl_op_kind op, tl_roles relative); /* operations to which it applies; NULL: all */
    const char *which;                            /* restricts these operations to some of their models */
    holds *holds;                                 /* further condition; NULL: none */
    const char *reason;                           /* message: what is missing, and what to do */
} rule;

#define FOR_TASKS(flag, tasks)                                                                               \
    {                                                                                                        \
        flag, 0, tasks, NULL, NULL, NULL, NULL                                                               \
    }
#define FOR_OPS(flag, commands, op, which)                                                                   \
    {                                                                                                        \
        flag, commands, NULL, op, which, NULL, NULL                                                          \
    }
#define NEEDS(flag, commands, holds, reason)                                                                 \
    {                                                                                                        \
        flag, commands, NULL, NULL, NULL, holds, reason                                                      \
    }

#define NEEDS_TIMING(flag)                                                                                   \
    NEEDS(flag, TLI_CLI_BENCH_STEP, is_timed,                                                                \
          "--model-device computes times of the kernels for GPUs, and runs none; leave one of the two out")

static const rule rules[] = {
    FOR_TASKS("grid", takes_images),
    FOR_TASKS("confusion", tli_task_classifies),
    FOR_TASKS("attention-maps", takes_images),

    FOR_OPS("relative", 0, chooses_roles, ""),
    FOR_OPS("relenc-dim", 0, has_low_rank, ""),
    FOR_OPS("recompute", TLI_CLI_BENCH_OP, saves_pairs, " where q or k is relative"),
    FOR_OPS("translution-layers", 0, makes_hybrids, ""),

    NEEDS("m", 0, is_plain_product, "--grouped's grid makes the rows; leave one of the two out"),
    NEEDS("trans", 0, is_plain_product, "--grouped's grid makes the rows; leave one of the two out"),
    NEEDS("pool", TLI_CLI_BENCH_OP, has_class_token,
          "a --causal sequence has no class token; leave one of the two out"),
    NEEDS("pos", TLI_CLI_BENCH_OP, is_in_operation,
          "learned positions are added before the blocks, and `bench op` times the operation alone"),
    NEEDS_TIMING("rounds"),
    NEEDS_TIMING("seed"),
    NEEDS_TIMING("profile"),
    NEEDS_TIMING("trace"),
    NEEDS_TIMING("gemm"),
    NEEDS_TIMING("precision"),
    NEEDS("precision", 0, multiplies_by_own_kernels,
          "--gemm clblast asks for CLBlast, which multiplies in fp32; leave one of the two out"),
    NEEDS_TIMING("kernel-path"),
    NEEDS("threads", 0, encodes_by_bpe, "--chars encodes on the reading thread; leave one of the two out"),
    NEEDS("layer", 0, flag_rules_paints, "it says what --attention FILE.png paints; give that, too"),
    NEEDS("head", 0, flag_rules_paints, "it says what --attention FILE.png paints; give that, too"),
    NEEDS("allow-other-data", 0, flag_rules_resumes, "it says what --resume may go on with; give that, too"),
    NEEDS("ranks", 0, flag_rules_plans,
          "mpirun -n N or srun -n N starts so many; it is for a plan of them, by --dry-run"),
    NEEDS("link-gbps", 0, flag_rules_plans_ranks, "it is for --dry-run --ranks N; give both, too"),
    NEEDS("link-latency-us", 0, flag_rules_plans_ranks, "it is for --dry-run --ranks N; give both, too"),
    NEEDS("device-tflops", 0, flag_rules_plans_ranks, "it is for --dry-run --ranks N; give both, too"),
    NEEDS("checkpoint-minutes", 0, checkpoints_by_time,
          "--checkpoint-every counts steps instead; leave one of the two out"),
    NEEDS("listen", 0, flag_rules_watches, "it says where --watch serves the page; give that, too"),
    NEEDS("out", TLI_CLI_REPORT, writes_a_page,
          "--watch serves the page instead of writing it; leave one of the two out"),
    NEEDS("eps", 0, has_eps, "this optimizer has none; leave it out"),
    NEEDS("verbose", 0, is_not_quiet, "--quiet asks for the opposite; leave one of the two out"),
};

enum { RULES = sizeof rules / sizeof *rules };

/* ---- checking ------------------------------------------------------------------------------------ */

/* Commands with one task; `eval` has one after its checkpoint is read. */
#define OF_A_TASK (TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_MEMORY)
#define OF_AN_OP  (TLI_CLI_TRAIN | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP)

static tl_status refuse_task(const char *where, const tl_settings *s, const char *names, tl_error *err)
{
    return tli_fail(err, TL_ERROR_USAGE, "%s means nothing to the task %s: it is for %s", where, s->task,
                    names);
}

/* A field of some tasks does not apply to others, and one about files not to generated data. */
static tl_status check_field(const tli_flag *flag, const char *where, const tli_cli_options *o,
                             const tl_settings *s, tl_error *err)
{
    char names[TASK_NAMES_CAPACITY] = "";
    size_t used = 0;
    for (int t = 0; tli_task_at(t) != NULL && used < sizeof names; t++)
        if (tli_settings_has_flag(tli_task_at(t), flag->name))
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                                     tli_task_at(t)->name);
    if (used > 0 && (o->command & OF_A_TASK) != 0 &&
        !tli_settings_has_flag(tli_task_find(s->task), flag->name))
        return refuse_task(where, s, names, err);
    const size_t first = offsetof(tli_cli_options, settings);
    const field *f = flag->offset >= first ? tli_settings_field_at(flag->offset - first) : NULL;
    if (f != NULL && (f->use & FIELD_OF_FILES) != 0 && strcmp(s->run.data, "synthetic") == 0)
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s means nothing here: the data are drawn, not read from files; give --data DIR",
                        where);
    return TL_OK;
}

static tl_status refuse_op(const rule *r, const char *where, const tl_model_config *m, tl_error *err)
{
    char list[160];
    size_t used = 0;
    for (int op = 0; tli_op_rule_of((tl_op_kind)op) != NULL; op++)
        if (r->op((tl_op_kind)op, 0))
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "",
                                     tl_op_name((tl_op_kind)op));
    return tli_fail(err, TL_ERROR_USAGE, "%s means nothing to this model of the operation %s: it is for %s%s",
                    where, tl_op_name(m->op), list, r->which);
}

static tl_status check_rule(const rule *r, const char *where, const tli_cli_options *o, const tl_settings *s,
                            tl_error *err)
{
    if (r->commands != 0 && (r->commands & (unsigned)o->command) == 0) return TL_OK;
    char names[TASK_NAMES_CAPACITY];
    if (r->tasks != NULL && (o->command & OF_A_TASK) != 0 && !r->tasks(tli_task_find(s->task)))
        return refuse_task(where, s, tli_task_names(r->tasks, ", ", names), err);
    if (r->op != NULL && (o->command & OF_AN_OP) != 0 && !r->op(s->model.op, s->model.relative))
        return refuse_op(r, where, &s->model, err);
    if (r->holds != NULL && !r->holds(o, s))
        return tli_fail(err, TL_ERROR_USAGE, "%s means nothing here: %s", where, r->reason);
    return TL_OK;
}

tl_status tli_flag_check(const tli_flag *flag, const char *where, const tli_cli_options *o,
                         const tl_settings *s, tl_error *err)
{
    TLI_TRY(check_field(flag, where, o, s, err));
    for (int i = 0; i < RULES; i++)
        if (strcmp(rules[i].flag, flag->name) == 0) TLI_TRY(check_rule(&rules[i], where, o, s, err));
    return TL_OK;
}

tl_status tli_flags_check(const tli_cli_options *o, const tl_settings *s, tl_error *err)
{
    TLI_TRY(tli_task_check_offered(tli_task_find(s->task), o->argument, err));
    for (int i = 0; i < tli_flag_count(); i++) {
        char where[64];
        snprintf(where, sizeof where, "--%s", tli_flag_at(i)->name);
        if (o->given[i]) TLI_TRY(tli_flag_check(tli_flag_at(i), where, o, s, err));
    }
    return TL_OK;
}
