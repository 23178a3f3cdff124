/* Every flag of every command is honoured or refused: a walk over the table of flags. What shapes a model changes the
 * plan of it for every task and operation, or is refused with a sentence; everything else changes what a run of the
 * program leaves behind. A flag that stands in no case here fails the test: give it one. */
#include "flag_runs.h"

#include "cli/commands.h"
#include "cli/flag_rules.h"
#include "tasks/task.h"
#include "train/plan.h"

/* ---- what shapes a model ------------------------------------------------------------------------- */

#define MODELS (TLI_CLI_TRAIN | TLI_CLI_BENCH_STEP)

/* Values that a flag takes, none of them a default of any task or operation. */
static const struct {
    const char *flag;
    unsigned commands;
    const char *values[6];
} shapes[] = {
    {"op", MODELS | TLI_CLI_BENCH_OP, {"translution", "alpha", "alpha-pure", "absolute", "conv --window 3"}},
    {"relative", MODELS | TLI_CLI_BENCH_OP, {"q", "kv"}},
    {"relenc-dim", MODELS | TLI_CLI_BENCH_OP, {"4"}},
    {"offset-sharing", MODELS | TLI_CLI_BENCH_OP, {"clip:1", "log:1"}},
    {"window", MODELS | TLI_CLI_BENCH_OP, {"1", "3"}},
    {"translution-layers", MODELS, {"1"}},
    {"pos", MODELS | TLI_CLI_BENCH_OP, {"rope", "swin", "shaw", "convit", "none", "learned"}},
    {"size", MODELS | TLI_CLI_BENCH_OP, {"small"}},
    {"dim", MODELS | TLI_CLI_BENCH_OP, {"32"}},
    {"depth", MODELS, {"3"}},
    {"heads", MODELS | TLI_CLI_BENCH_OP, {"4"}},
    {"head-dim", MODELS | TLI_CLI_BENCH_OP, {"8"}},
    {"mlp-dim", MODELS, {"40"}},
    {"image-size", MODELS, {"48"}},
    {"patch-size", MODELS, {"4"}},
    {"grid", MODELS, {"3x3"}},
    {"classes", MODELS, {"20"}},
    {"seq-len", MODELS, {"24"}},
    {"vocab-size", MODELS, {"99"}},
    {"pool", MODELS | TLI_CLI_BENCH_OP, {"mean"}},
    {"recompute", MODELS | TLI_CLI_BENCH_OP, {"always"}},
    {"batch-size", MODELS, {"3"}},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct parsed {
    tl_status status;
    tl_error err;
    char shape[1 << 14]; /* the model as text: parameters, what every block does, bytes */
} parsed;

static void describe(const tl_settings *settings, parsed *p)
{
    tl_settings s = *settings;
    tli_registry registry = {0};
    tl_memory_plan plan;
    const uint32_t batch = s.training.batch_size;
    if ((p->status = tli_model_check(&s.model, &p->err)) != TL_OK) return;
    const tl_plan_options o = tli_plan_of_run(&s, 0, 0);
    p->status = tli_plan(&s.model, &o, &plan, &p->err);
    s.model.recompute = plan.recompute;
    if (p->status != TL_OK) return;
    if ((p->status = tli_model_parameters(&s.model, &registry, &p->err)) != TL_OK) return;
    size_t used = 0, capacity = sizeof p->shape;
    used += (size_t)snprintf(p->shape, capacity, "%u %llu\n", batch, (unsigned long long)plan.total);
    for (int i = 0; i < registry.count && used < capacity; i++)
        used += (size_t)snprintf(p->shape + used, capacity - used, "%s %llu\n", registry.items[i].name,
                                 (unsigned long long)tli_parameter_count(&registry.items[i]));
    for (uint32_t layer = 0; layer < s.model.depth && used < capacity; layer++) {
        const tli_op_shape op = tli_model_block_shape(&s.model, batch, true, layer).op;
        used += (size_t)snprintf(p->shape + used, capacity - used, "%u: %d %d %u %d\n", layer,
                                 (int)op.positions, (int)op.geometry.sharing, op.geometry.window,
                                 tli_op_saved_pairs_count(&op) > 0);
    }
    assert_true(used < capacity);
    tli_registry_free(NULL, &registry);
}
#define describe(...) FROM_HERE(describe(__VA_ARGS__))

/* Parses "train mnist --op conv --window 3" as the program does; the first words are the command's name. */
static void parse(tli_cli_command command, const char *line, parsed *p)
{
    static char text[1000];
    static tli_cli_options o;
    char *argv[64];
    int argc = 0;
    memset(p, 0, sizeof *p);
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) argv[argc++] = word;
    argv[argc] = NULL;
    p->status = tli_cli_parse(command, argc, argv, &o, &p->err);
    if (p->status != TL_OK) return;
    if (command == TLI_CLI_BENCH_OP) { /* as bench op does: one pixel a token */
        tl_model_config *m = &o.settings.model;
        m->depth = m->patch_depth = m->patch_height = m->patch_width = 1;
        m->image_height = m->image_width = 5;
    }
    if (command == TLI_CLI_TRAIN) p->status = tli_task_find(o.settings.task)->check(&o.settings, &p->err);
    if (p->status == TL_OK) describe(&o.settings, p);
}

static void check_shape(int which, tli_cli_command command, const char *task, const char *op,
                        const char *value)
{
    static parsed plain, with;
    char base[400], line[800];
    const bool chooses_op = strcmp(shapes[which].flag, "op") == 0;
    const bool chooses_window = strcmp(shapes[which].flag, "window") == 0;
    if (command == TLI_CLI_BENCH_OP && strcmp(shapes[which].flag, "size") != 0)
        snprintf(base, sizeof base, "op --dim 16 --heads 2 --head-dim 16");
    else if (command == TLI_CLI_BENCH_OP)
        snprintf(base, sizeof base, "op");
    else
        snprintf(base, sizeof base, "%s%s --batch-size 2%s%s",
                 command == TLI_CLI_TRAIN ? "train " : "step --task ", task,
                 strcmp(shapes[which].flag, "size") == 0 ? "" : " --dim 16 --depth 2 --heads 2 --head-dim 16",
                 strcmp(task, "gpt") == 0                  ? " --seq-len 12 --vocab-size 50"
                 : strcmp(shapes[which].flag, "grid") == 0 ? ""
                                                           : " --patch-size 12 --image-size 24");
    if (!chooses_op) {
        strcat(base, " --op ");
        strcat(base, op);
        if (strcmp(op, "conv") == 0) strcat(base, chooses_window ? " --window 5" : " --window 3");
    }
    parse(command, base, &plain);
    if (plain.status != TL_OK) fail_msg("%s: %s", base, plain.err.text);
    snprintf(line, sizeof line, "%s --%s %s", base, shapes[which].flag, value);
    parse(command, line, &with);
    if (with.status == TL_OK && strcmp(plain.shape, with.shape) == 0)
        fail_msg("`%s` neither changes the model nor is refused", line);
    if (with.status != TL_OK && (with.status != TL_ERROR_USAGE || strlen(with.err.text) < 20))
        fail_msg("`%s`: status %d, '%s'", line, (int)with.status, with.err.text);
}
#define check_shape(...) FROM_HERE(check_shape(__VA_ARGS__))

/* The value is what the operation has anyway. */
static bool is_default(const char *flag, const char *value, const char *op)
{
    return strcmp(flag, "pos") == 0 && strcmp(value, strcmp(op, "attention") == 0 ? "learned" : "none") == 0;
}

static void shapes_change_the_plan(void **unused)
{
    static const char *const tasks[] = {"mnist", "vit", "gpt"}, *const ops[] = {"attention", "translution",
                                                                                "alpha",     "alpha-pure",
                                                                                "absolute",  "conv"};
    for (int i = 0; i < SHAPES; i++)
        for (int c = 0; c < tli_command_count; c++)
            for (int t = 0; t < (tli_commands[c].command == TLI_CLI_BENCH_OP ? 1 : 3); t++)
                for (int op = 0; op < 6; op++)
                    for (int v = 0; v < 6 && shapes[i].values[v] != NULL; v++) {
                        if ((shapes[i].commands & tli_commands[c].command) == 0) continue;
                        if (is_default(shapes[i].flag, shapes[i].values[v], ops[op])) continue;
                        /* absolute has no sequence; a volume of one operation is enough */
                        if (strcmp(tasks[t], "gpt") == 0 && strcmp(ops[op], "absolute") == 0) continue;
                        check_shape(i, tli_commands[c].command, tasks[t], ops[op], shapes[i].values[v]);
                    }
}

/* ---- everything else ----------------------------------------------------------------------------- */

#define EVERY "" /* the run below of each command that takes the flag */

static const struct {
    tli_cli_command command;
    const char *line;
} every[] = {
    {TLI_CLI_TRAIN, TRAIN},
    {TLI_CLI_EVAL, "eval mnist"},
    {TLI_CLI_GENERATE, "generate gpt --tokens 2"},
    {TLI_CLI_TUNE, "tune --quick --budget 1"},
    {TLI_CLI_KERNELS, KERNELS},
    {TLI_CLI_BENCH_GEMM, "bench gemm --json --rounds 1 --m 32 --n 32 --k 32"},
    {TLI_CLI_BENCH_OP, "bench op --json --rounds 1 --dim 16 --heads 2 --head-dim 8"},
    {TLI_CLI_BENCH_STEP, "bench step --json --rounds 1 --batch-size 2 " TINY},
    {TLI_CLI_BENCH_MEMORY, PIXELS},
};
enum { EVERY_COUNT = sizeof every / sizeof *every };

/* A run of the base, and one with the flag: they must differ in something that stays. A command may stand there for
 * several: what their flags do, they do in common code. elsewhere: why no run here shows it, or the file and a word of
 * the test that does. */
static const struct {
    const char *flags; /* names, parted by blanks: they are all given in `with` */
    unsigned commands;
    const char *base, *with, *elsewhere;
} runs[] = {
    {"device", TLI_CLI_ALL, EVERY, "--device abacus", NULL},
    {"seed", TLI_CLI_TRAIN, TRAIN, "--seed 3", NULL},
    {"seed", TLI_CLI_EVAL, "eval mnist", "--seed 3", NULL},
    {"seed", TLI_CLI_GENERATE, "generate gpt --tokens 20 --prompt a", "--seed 3", NULL},
    {"seed", TLI_CLI_TOKENIZE, CHARS " --val-fraction 0.5", "--seed 3", NULL},
    {"seed", TLI_CLI_BENCH_LOADER, LOADER " --image-size 32 --batch-size 4 --show run.png", "--seed 3", NULL},
    {"seed", TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP, NULL, NULL, "what is drawn is timed, not shown"},
    {"verbose", TLI_CLI_ALL, NULL, NULL, "more messages where there are any"},
    {"quiet", TLI_CLI_ALL, "eval mnist", "--quiet", NULL},
    {"config", TLI_CLI_TRAIN, TRAIN, "--config seed.conf", NULL},
    {"model-device", TLI_CLI_BENCH_STEP, NULL, NULL, "cli/test_bench.c --model-device"},
    {"self-test", TLI_CLI_DEVICES, NULL, NULL, "cli/test_devices_cli.c --self-test"},
    {"dump", TLI_CLI_KERNELS, KERNELS, "--dump run2", NULL},
    {"for", TLI_CLI_KERNELS, KERNELS, "--for gpu", NULL},
    {"json", TLI_CLI_DEVICES, "devices", "--json", NULL},
    {"json", TLI_CLI_GENERATE, "generate gpt --tokens 2", "--json", NULL},
    {"json", TLI_CLI_PREDICT, NULL, NULL, "cli/test_images_cli.c --json"},
    {"json", TLI_CLI_TUNE, "tune --quick --budget 1", "--json", NULL},
    {"json", TLI_CLI_BENCH | TLI_CLI_BENCH_LOADER, "bench memory", "--json", NULL},
    {"diff", TLI_CLI_INFO, "info mnist mnist", "--diff", NULL},
    {"out", TLI_CLI_REPORT, NULL, NULL, "cli/test_report.c --out"},
    {"table", TLI_CLI_REPORT, NULL, NULL, "cli/test_report.c --table"},
    {"watch", TLI_CLI_REPORT, NULL, NULL, "cli/test_report_watch.sh --watch"},
    {"listen", TLI_CLI_REPORT, NULL, NULL, "cli/test_report_watch.sh --listen"},
    {"metrics", TLI_CLI_INFO, "info mnist", "--metrics", NULL},
    {"m", TLI_CLI_BENCH_GEMM, "bench gemm --json --rounds 1 --m 32 --n 32 --k 32", "--m 33", NULL},
    {"n", TLI_CLI_BENCH_GEMM, "bench gemm --json --rounds 1 --m 32 --n 32 --k 32", "--n 33", NULL},
    {"k", TLI_CLI_BENCH_GEMM, "bench gemm --json --rounds 1 --m 32 --n 32 --k 32", "--k 33", NULL},
    {"trans", TLI_CLI_BENCH_GEMM, "bench gemm --json --rounds 1 --m 32 --n 32 --k 32", "--trans nt", NULL},
    {"batch", TLI_CLI_BENCH_GEMM, "bench gemm --json --rounds 1 --m 32 --n 32 --k 32", "--batch 2", NULL},
    {"grouped", TLI_CLI_BENCH_GEMM, "bench gemm --json --rounds 1 --n 32 --k 32", "--grouped 2x2", NULL},
    {"batch", TLI_CLI_BENCH_GEMM, "bench gemm --json --rounds 1 --n 32 --k 32 --grouped 2x2", "--batch 3",
     NULL},
    {"task", TLI_CLI_BENCH_MEMORY | TLI_CLI_BENCH_STEP, PIXELS, "--task gpt", NULL},
    {"grid", TLI_CLI_BENCH_OP,
     "bench op --json --rounds 1 "
     "--dim 16 --heads 2 --head-dim 8",
     "--grid 3x2", NULL},
    {"causal", TLI_CLI_BENCH_OP, "bench op --json --rounds 1 --dim 16 --heads 2 --head-dim 8 --grid 1x6",
     "--causal", NULL},
    {"batch-size", TLI_CLI_BENCH_OP, "bench op --json --rounds 1 --dim 16 --heads 2 --head-dim 8",
     "--batch-size 3", NULL},
    {"rounds", TLI_CLI_BENCH, NULL, NULL, "times alone"},
    {"rounds batch-size", TLI_CLI_BENCH_LOADER, LOADER " --image-size 32", "--rounds 2 --batch-size 4", NULL},
    {"image-size", TLI_CLI_BENCH_LOADER, LOADER " --rounds 1 --batch-size 4", "--image-size 32", NULL},
    {"augment", TLI_CLI_BENCH_LOADER, LOADER " --rounds 1 --batch-size 4 --image-size 32", "--augment none",
     NULL},
    {"limit-train", TLI_CLI_BENCH_LOADER, LOADER " --image-size 32 --batch-size 4 --show run.png",
     "--limit-train 3", NULL},
    {"show", TLI_CLI_BENCH_LOADER, LOADER " --rounds 1 --batch-size 4 --image-size 32", "--show run.png",
     NULL},

    /* bench memory walks over the operations itself */
    {"relative", TLI_CLI_BENCH_MEMORY, PIXELS, "--relative q", NULL},
    {"relenc-dim", TLI_CLI_BENCH_MEMORY, PIXELS, "--relenc-dim 4", NULL},
    {"offset-sharing", TLI_CLI_BENCH_MEMORY, PIXELS, "--offset-sharing clip:1", NULL},
    {"pos", TLI_CLI_BENCH_MEMORY, PIXELS, "--pos shaw", NULL},
    {"window", TLI_CLI_BENCH_MEMORY, PIXELS, "--window 1", NULL},
    {"translution-layers", TLI_CLI_BENCH_MEMORY, PIXELS "--depth 2", "--translution-layers 1", NULL},
    {"size", TLI_CLI_BENCH_MEMORY, "bench memory --json", "--size small", NULL},
    {"dim", TLI_CLI_BENCH_MEMORY, PIXELS, "--dim 32", NULL},
    {"depth", TLI_CLI_BENCH_MEMORY, PIXELS, "--depth 3", NULL},
    {"heads", TLI_CLI_BENCH_MEMORY, PIXELS, "--heads 4", NULL},
    {"head-dim", TLI_CLI_BENCH_MEMORY, PIXELS, "--head-dim 16", NULL},
    {"mlp-dim", TLI_CLI_BENCH_MEMORY, PIXELS, "--mlp-dim 40", NULL},
    {"image-size", TLI_CLI_BENCH_MEMORY, PIXELS, "--image-size 48", NULL},
    {"patch-size", TLI_CLI_BENCH_MEMORY, PIXELS, "--patch-size 6", NULL},
    {"grid", TLI_CLI_BENCH_MEMORY, PIXELS, "--grid 3x3", NULL},
    {"classes", TLI_CLI_BENCH_MEMORY, PIXELS, "--classes 2000", NULL},
    {"seq-len", TLI_CLI_BENCH_MEMORY, PIXELS "--task gpt", "--seq-len 24", NULL},
    {"vocab-size", TLI_CLI_BENCH_MEMORY, PIXELS "--task gpt", "--vocab-size 99", NULL},
    {"pool", TLI_CLI_BENCH_MEMORY, PIXELS, "--pool mean", NULL},
    {"recompute", TLI_CLI_BENCH_MEMORY, PIXELS, "--recompute never", NULL},
    {"batch-size", TLI_CLI_BENCH_MEMORY, PIXELS, "--batch-size 3", NULL},

    {"data", TLI_CLI_TRAIN, TRAIN, "--data nowhere", NULL},
    {"data", TLI_CLI_EVAL, "eval mnist", "--data nowhere", NULL},
    {"data", TLI_CLI_BENCH_LOADER, LOADER " --rounds 1 --batch-size 4", "--data nowhere", NULL},
    {"augment", TLI_CLI_TRAIN, VIT, "--augment none", NULL},
    {"workers", TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_BENCH_LOADER, NULL, NULL,
     "data/test_loader.c workers"},
    {"strict", TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_BENCH_LOADER, NULL, NULL,
     "cli/test_images_cli.c --strict"},
    {"exact-decode", TLI_CLI_TRAIN | TLI_CLI_BENCH_LOADER, NULL, NULL,
     "cli/test_images_cli.c --exact-decode"},
    {"confusion", TLI_CLI_EVAL, "eval mnist", "--confusion run.tsv", NULL},
    {"attention-maps", TLI_CLI_EVAL, "eval mnist", "--attention-maps run.safetensors", NULL},
    {"attention layer head", TLI_CLI_PREDICT, NULL, NULL, "cli/test_images_cli.c --attention"},
    {"motion", TLI_CLI_TRAIN, TRAIN, "--motion dynamic", NULL},
    {"test-motion", TLI_CLI_TRAIN, TRAIN, "--test-motion dynamic", NULL},
    {"test-motion", TLI_CLI_EVAL, "eval mnist", "--test-motion dynamic", NULL},
    {"limit-train", TLI_CLI_TRAIN, TRAIN, "--limit-train 12", NULL},
    {"limit-test", TLI_CLI_TRAIN, TRAIN, "--limit-test 12", NULL},
    {"limit-test", TLI_CLI_EVAL, "eval mnist", "--limit-test 12", NULL},
    {"limit-test", TLI_CLI_EVAL, "eval mnist", "--limit-test 0", NULL},
    {"epochs", TLI_CLI_TRAIN, OTHER " --epochs 1", "--epochs 2", NULL},
    {"steps", TLI_CLI_TRAIN, TRAIN, "--steps 3", NULL},
    {"samples-per-epoch", TLI_CLI_TRAIN, GPT " --samples-per-epoch 8", "--samples-per-epoch 12", NULL},
    {"batch-size", TLI_CLI_EVAL, NULL, NULL, "tasks/test_task_vit.c batch_size"},
    {"lr", TLI_CLI_TRAIN, TRAIN, "--lr 1e-3", NULL},
    {"weight-decay", TLI_CLI_TRAIN, TRAIN, "--weight-decay 0.5", NULL},
    {"grad-clip", TLI_CLI_TRAIN, TRAIN, "--grad-clip 0.01", NULL},
    {"accumulate", TLI_CLI_TRAIN, TRAIN, "--accumulate 2", NULL},
    {"grad-slices", TLI_CLI_TRAIN, TRAIN, "--grad-slices 2", NULL},
    {"optimizer", TLI_CLI_TRAIN | TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_MEMORY, EVERY, "--optimizer abacus",
     NULL},
    {"beta1", TLI_CLI_TRAIN, TRAIN, "--beta1 0.5", NULL},
    {"beta2", TLI_CLI_TRAIN, TRAIN, "--beta2 0.5", NULL},
    {"eps", TLI_CLI_TRAIN, TRAIN, "--eps 0.1", NULL},
    {"schedule", TLI_CLI_TRAIN, TRAIN, "--schedule constant", NULL},
    {"warmup", TLI_CLI_TRAIN, TRAIN, "--warmup 1", NULL},
    {"out", TLI_CLI_TRAIN, TRAIN, "--out run2", NULL},
    {"out", TLI_CLI_TOKENIZE, CHARS, "--out run2", NULL},
    {"resume", TLI_CLI_TRAIN, TRAIN, "--resume", NULL},
    {"allow-other-data", TLI_CLI_TRAIN, NULL, NULL, "cli/test_other_data.sh allow-other-data"},
    {"checkpoint-every", TLI_CLI_TRAIN, TRAIN, "--checkpoint-every 1", NULL},
    {"checkpoint-minutes", TLI_CLI_TRAIN, TRAIN, "--checkpoint-minutes 1e-9", NULL},
    {"init", TLI_CLI_TRAIN, TRAIN, "--init mnist", NULL},
    {"init-partial", TLI_CLI_TRAIN, TRAIN, "--init-partial", NULL},
    {"keep", TLI_CLI_TRAIN, TRAIN " --checkpoint-every 1", "--keep 1", NULL},
    {"skip-nonfinite", TLI_CLI_TRAIN, NULL, NULL, "train/test_checkpoint.c skip_nonfinite"},
    {"eval-every", TLI_CLI_TRAIN, TRAIN, "--eval-every 1", NULL},
    {"stop-after", TLI_CLI_TRAIN, TRAIN, "--stop-after 1", NULL},
    {"metrics", TLI_CLI_TRAIN, TRAIN, "--metrics run.jsonl", NULL},
    {"tensorboard", TLI_CLI_TRAIN, TRAIN, "--tensorboard", NULL},
    {"dry-run", TLI_CLI_TRAIN, TRAIN, "--dry-run", NULL},
    {"memory-limit", TLI_CLI_ALL, EVERY, "--memory-limit 1K", NULL},
    {"profile", TLI_CLI_ALL, EVERY, "--profile", NULL},
    {"trace", TLI_CLI_TRAIN | TLI_CLI_BENCH_STEP, TRAIN, "--trace run.json", NULL},
    {"precision", TLI_CLI_TRAIN, TRAIN, "--precision tf32",
     NULL}, /* in checkpoints, whatever the device can */
    {"precision", TLI_CLI_BENCH_GEMM | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP, EVERY, "--precision abacus",
     NULL},
    {"gemm", TLI_CLI_ALL, TRAIN, "--gemm clblast", NULL},
    {"kernel-path", TLI_CLI_ALL, TRAIN, "--kernel-path gpu", NULL},
    {"ranks", TLI_CLI_TRAIN, TRAIN " --dry-run", "--ranks 2", NULL},
    {"link-gbps", TLI_CLI_TRAIN, TRAIN " --dry-run --ranks 2", "--link-gbps 10", NULL},
    {"link-latency-us", TLI_CLI_TRAIN, TRAIN " --dry-run --ranks 2 --link-gbps 10", "--link-latency-us 5",
     NULL},
    {"device-tflops", TLI_CLI_TRAIN, TRAIN " --dry-run --ranks 2", "--device-tflops 5", NULL},
    {"offset-ranks", TLI_CLI_TRAIN, TRAIN " --op translution --dry-run --ranks 2", "--offset-ranks 2", NULL},
    {"offset-ranks", TLI_CLI_EVAL | TLI_CLI_PREDICT | TLI_CLI_GENERATE, NULL, NULL,
     "cli/test_offset_ranks.sh --offset-ranks"},
    {"rank-timeout", TLI_CLI_TRAIN, NULL, NULL, "cli/test_rank_hangs.sh --rank-timeout"},
    {"rank-timeout", TLI_CLI_EVAL | TLI_CLI_PREDICT | TLI_CLI_GENERATE, NULL, NULL,
     "cli/test_offset_ranks.sh --rank-timeout"},
    {"quick", TLI_CLI_TUNE, NULL, NULL, "cli/test_flags.c tune --quick"},
    {"show", TLI_CLI_TUNE, NULL, NULL, "cli/test_tune.c --show"},
    {"budget", TLI_CLI_TUNE, NULL, NULL, "cli/test_tune.c --budget"},
    {"export", TLI_CLI_TUNE, NULL, NULL, "cli/test_tune.c --export"},
    {"import", TLI_CLI_TUNE, NULL, NULL, "cli/test_tune.c --import"},

    {"vocab encoder", TLI_CLI_TOKENIZE, CHARS, "--vocab vocab.bpe --encoder encoder.json", NULL},
    {"vocab encoder", TLI_CLI_GENERATE, "generate gpt --tokens 2 --prompt a",
     "--vocab vocab.bpe --encoder encoder.json", NULL},
    {"chars", TLI_CLI_TOKENIZE, BPE, "--chars", NULL},
    {"separator", TLI_CLI_TOKENIZE, CHARS, "--separator a", NULL},
    {"per-file", TLI_CLI_TOKENIZE, CHARS, "--per-file", NULL},
    {"val-fraction", TLI_CLI_TOKENIZE, CHARS, "--val-fraction 0.5", NULL},
    {"threads", TLI_CLI_TOKENIZE, CHARS, "--threads 2", NULL},
    {"prompt", TLI_CLI_GENERATE, "generate gpt --tokens 4", "--prompt abc", NULL},
    {"tokens", TLI_CLI_GENERATE, "generate gpt --tokens 4", "--tokens 5", NULL},
    {"temperature", TLI_CLI_GENERATE, "generate gpt --tokens 20", "--temperature 0", NULL},
    {"top-k", TLI_CLI_GENERATE, "generate gpt --tokens 20", "--top-k 1", NULL},
    {"top-p", TLI_CLI_GENERATE, "generate gpt --tokens 20", "--top-p 0.01", NULL},
    {"no-cache", TLI_CLI_GENERATE, NULL, NULL, "cli/test_gpt_cli.c --no-cache"},
    {"help version", TLI_CLI_ALL, TRAIN, "--help --version", NULL},
};
enum { RUNS = sizeof runs / sizeof *runs };

/* The comparison itself: with a flag that asks for what is the default anyway, a run is the same. */
static void defaults_change_nothing(void **unused)
{
    static const char *const same[][2] = {
        {TRAIN, "--lr 3e-4"},
        {TRAIN, "--optimizer adamw --beta1 0.9 --beta2 0.999 --eps 1e-8"},
        {VIT, "--seed 0"},
        {TRAIN, "--accumulate 1 --grad-slices 1"},
        {TRAIN " --grad-slices 4", "--accumulate 2"},
        {GPT " --samples-per-epoch 8", "--seed 0"},
        {"eval mnist", "--limit-test 8"},
        {CHARS, "--val-fraction 0.0005"},
        {"generate gpt --tokens 20", "--temperature 1"},
        {PIXELS, "--batch-size 1"},
        {"bench gemm --json --rounds 1 --m 32 --n 32 --k 32", "--batch 1"},
        {"bench op --json --rounds 1 --dim 16 --heads 2 --head-dim 8", "--batch-size 64"},
        {"bench step --json --rounds 1 --batch-size 2 " TINY, "--seed 0"},
        {LOADER " --rounds 1 --batch-size 4 --image-size 32", "--seed 0"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (differs(same[i][0], same[i][1])) fail_msg("`%s` differs with %s", same[i][0], same[i][1]);
}

static void flags_change_their_runs(void **unused)
{
    for (int i = 0; i < RUNS; i++) {
        char flag[40];
        if (runs[i].base == NULL) continue;
        if (runs[i].base[0] != '\0') {
            check_run(runs[i].base, runs[i].with);
            continue;
        }
        snprintf(flag, sizeof flag, "%.*s", (int)strcspn(runs[i].flags, " "), runs[i].flags);
        for (int k = 0; k < EVERY_COUNT; k++)
            if (tli_flag_find(every[k].command, flag) != NULL) check_run(every[k].line, runs[i].with);
    }
}

/* The tests that cases point to are there. */
static void cases_elsewhere_are_there(void **unused)
{
    static char text[TEXT];
    for (int i = 0; i < RUNS; i++) {
        char path[600];
        const char *test = runs[i].elsewhere, *word = test != NULL ? strchr(test, ' ') : NULL;
        if (test == NULL || strstr(test, "test_") == NULL) continue;
        assert_non_null(word);
        snprintf(path, sizeof path, TL_TESTS_DIR "/%.*s", (int)(word - test), test);
        read_file(path, text, TEXT);
        if (strstr(text, word + 1) == NULL) fail_msg("%s does not speak of '%s'", path, word + 1);
    }
}

/* ---- the table ----------------------------------------------------------------------------------- */

static bool names(const char *list, const char *flag)
{
    const size_t length = strlen(flag);
    for (const char *at_name = list; (at_name = strstr(at_name, flag)) != NULL; at_name += length)
        if ((at_name == list || at_name[-1] == ' ') && (at_name[length] == ' ' || at_name[length] == '\0'))
            return true;
    return false;
}

/* Every flag has a case for each command that takes it, and is refused by name by every other. */
static void every_flag_has_a_case(void **unused)
{
    static parsed p;
    for (int i = 0; i < tli_flag_count(); i++)
        for (int c = 0; c < tli_command_count; c++) {
            const char *flag = tli_flag_at(i)->name;
            const unsigned command = tli_commands[c].command;
            char line[200], word[80];
            bool has_case = false;
            for (int k = 0; k < SHAPES; k++)
                has_case |= (shapes[k].commands & command) != 0 && strcmp(shapes[k].flag, flag) == 0;
            for (int k = 0; k < RUNS; k++)
                has_case |= (runs[k].commands & command) != 0 && names(runs[k].flags, flag);
            if ((tli_flag_at(i)->commands & command) != 0 && !has_case)
                fail_msg("no case here shows what --%s does in `%s`: add one", flag, tli_commands[c].name);
            if (tli_flag_find((tli_cli_command)command, flag) != NULL) continue;
            snprintf(word, sizeof word, "--%s", flag);
            snprintf(line, sizeof line, "x %s%s", word, tli_flag_at(i)->kind != FLAG_BOOL ? " 1" : "");
            parse((tli_cli_command)command, line, &p);
            if (p.status == TL_OK || strstr(p.err.text, word) == NULL ||
                strstr(p.err.text, tli_commands[c].name) == NULL)
                fail_msg("`%s %s`: status %d, '%s'", tli_commands[c].name, line, (int)p.status, p.err.text);
        }
}

/* Those of settings take it from their fields. */
static void every_number_has_a_range(void **state)
{
    for (int i = 0; i < tli_flag_count(); i++) {
        const tli_flag *f = tli_flag_at(i);
        double low, high;
        if (f->kind == FLAG_BOOL || f->kind == FLAG_TEXT || f->kind == FLAG_ENUM || f->kind == FLAG_SHARING ||
            f->kind == FLAG_AUGMENT)
            continue;
        tli_flag_range(f, &low, &high);
        if (!(low < high)) fail_msg("--%s takes numbers from %g to %g", f->name, low, high);
    }
}

/* What a resume refuses is named as it was typed: by a flag that `train` has, or in words. */
static void every_stored_setting_has_a_name(void **state)
{
    for (int t = 0; tli_task_at(t) != NULL; t++) {
        const field *list[FIELDS_MAX];
        const int count = tli_settings_fields(tli_task_at(t), list);
        char flag[FIELD_TEXT_CAPACITY];
        for (int i = 0; i < count; i++)
            if ((list[i]->use & FIELD_STORED) != 0 && list[i]->described == NULL &&
                tli_flag_find(TLI_CLI_TRAIN, tli_field_flag(list[i], flag)) == NULL)
                fail_msg("%s: `train` has no flag --%s, and the field does not say what to call it",
                         list[i]->key, flag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_a_range),  cmocka_unit_test(every_stored_setting_has_a_name),
        cmocka_unit_test(every_flag_has_a_case),     cmocka_unit_test(shapes_change_the_plan),
        cmocka_unit_test(cases_elsewhere_are_there), cmocka_unit_test(defaults_change_nothing),
        cmocka_unit_test(flags_change_their_runs),
    };
    return cmocka_run_group_tests(tests, prepare, remove_folder);
}
