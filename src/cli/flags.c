#include "cli/flags.h"

#include <stddef.h>
#include <string.h>

#include "models/presets.h"
#include "tasks/task.h"

#define AT(field) offsetof(tli_cli_options, field)
#define BOOL(name, field, commands, help)                                                                    \
    {                                                                                                        \
        name, NULL, help, commands, FLAG_BOOL, AT(field), 0, 0, 0, NULL                                      \
    }
#define TEXT(name, metavar, field, commands, help)                                                           \
    {                                                                                                        \
        name, metavar, help, commands, FLAG_TEXT, AT(field), sizeof((tli_cli_options *)0)->field, 0, 0, NULL \
    }
#define NUMBER(kind, name, field, low, high, commands, help)                                                 \
    {                                                                                                        \
        name, "N", help, commands, kind, AT(field), 0, low, high, NULL                                       \
    }
/* A number of tl_settings, whose range stands with its field in tasks/settings.c. */
#define SETTING(kind, name, field, commands, help)                                                           \
    {                                                                                                        \
        name, "N", help, commands, kind, AT(field), 0, 0, 0, NULL                                            \
    }
/* Where the flags that tasks bring stand in --help. */
#define TASK_FLAGS                                                                                           \
    {                                                                                                        \
        NULL, NULL, NULL, 0, FLAG_BOOL, 0, 0, 0, 0, NULL                                                     \
    }
#define TASK_METAVAR "TASK" /* shown as the names of the tasks */
#define ENUM(name, field, list, commands, help)                                                              \
    {                                                                                                        \
        name, NULL, help, commands, FLAG_ENUM, AT(field), 0, 0, 0, &(list)                                   \
    }

/* Counts of steps: every integer up to here is exact in the metadata's and JSON's doubles. */
#define BIG 1e15

/* Commands that take the shape of an operation, of a model, and a batch of it. */
#define SHAPE (TLI_CLI_TRAIN | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_MEMORY)
#define MODEL (TLI_CLI_TRAIN | TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_MEMORY)
#define TIMED (TLI_CLI_BENCH_GEMM | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP)

static const choice transposes[] = {{0, "nn", NULL}, {1, "nt", NULL}, {2, "tn", NULL}, {3, "tt", NULL}};
const choices transpose_choices = {"transposition", transposes, 4, NULL};

static const tli_flag own_flags[] = {
    TEXT("device", "SPEC", device,
         TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_PREDICT | TLI_CLI_GENERATE | TLI_CLI_BENCH | TLI_CLI_TUNE,
         "P:D, gpu, cpu, acc, a flat index, part of a name, or auto (default; see `devices`)"),
    SETTING(FLAG_U64, "seed", settings.training.seed,
            TLI_CLI_TRAIN | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_LOADER | TLI_CLI_TOKENIZE |
                TLI_CLI_GENERATE,
            "seed of everything drawn (0)"),
    SETTING(FLAG_U64, "seed", settings.training.seed, TLI_CLI_EVAL,
            "the checkpoint's own seed, which draws its test set: another one is refused"),
    BOOL("verbose", verbose, TLI_CLI_ALL, "more on stderr"),
    BOOL("quiet", quiet, TLI_CLI_ALL, "no progress on stderr"),
    TEXT("config", "FILE", config, TLI_CLI_TRAIN, "lines of `key = value`, keys as the flags; flags win"),
    BOOL("json", json, TLI_CLI_DEVICES | TLI_CLI_TUNE, "one JSON array on one line"),
    BOOL("self-test", self_test, TLI_CLI_DEVICES,
         "check every kernel of the device against plain loops, and print a table of the errors instead"),
    BOOL("json", json, TLI_CLI_BENCH | TLI_CLI_BENCH_LOADER,
         "one JSON object on one line instead of a table"),

    BOOL("diff", diff, TLI_CLI_INFO, "compare two checkpoints: settings, tensors, largest differences"),

    NUMBER(FLAG_U32, "m", bench.m, 1, 1048576, TLI_CLI_BENCH_GEMM, "rows of the product (1024)"),
    NUMBER(FLAG_U32, "n", bench.n, 1, 1048576, TLI_CLI_BENCH_GEMM, "its columns (1024; grouped: 192)"),
    NUMBER(FLAG_U32, "k", bench.k, 1, 1048576, TLI_CLI_BENCH_GEMM,
           "its inner dimension (1024; grouped: 192)"),
    ENUM("trans", bench.transpose, transpose_choices, TLI_CLI_BENCH_GEMM,
         "which of A, B are transposed (nn)"),
    NUMBER(FLAG_U32, "batch", bench.batch, 1, 1048576, TLI_CLI_BENCH_GEMM,
           "products in one call (1); grouped: rows a token (64)"),
    TEXT("grouped", "[Dx]HxW", bench.grid, TLI_CLI_BENCH_GEMM,
         "instead: rows of all pairs of tokens of a grid, each with its offset's k x n matrix"),
    TEXT("task", TASK_METAVAR, bench.task, TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_MEMORY,
         "whose model (the first of these)"),
    TEXT("grid", "[Dx]HxW", bench.grid, TLI_CLI_BENCH_OP,
         "tokens: rows and columns, of slices or frames where three are given (7x7)"),
    BOOL("causal", bench.causal, TLI_CLI_BENCH_OP,
         "a sequence (--grid 1xL) in which no token sees later ones"),
    NUMBER(FLAG_U32, "rounds", bench.rounds, 1, 100000, TIMED, "timed rounds, after warming up (10)"),

    ENUM("op", settings.model.op, tli_op_choices, TLI_CLI_TRAIN | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP,
         "the operation (attention)"),
    ENUM("relative", settings.model.relative, tli_role_choices, SHAPE,
         "what is relative in translution and alpha (qkv)"),
    NUMBER(FLAG_U32, "relenc-dim", settings.model.relenc_dim, 1, OP_MAX_LOW_RANK, SHAPE,
           "alpha: width of the relative path per head (8)"),
    {"offset-sharing", NULL, "offsets past R along an axis share a matrix, all or by octaves (none)", SHAPE,
     FLAG_SHARING, AT(offset_sharing), sizeof((tli_cli_options *)0)->offset_sharing, 0, 0,
     &tli_sharing_choices},
    NUMBER(FLAG_U32, "window", window, 0, 65535, SHAPE,
           "tokens farther apart than N along an axis do not see each other (0: all do); conv: the kernel's "
           "width"),
    NUMBER(FLAG_U32, "translution-layers", settings.model.translution_layers, 0, MODEL_MAX_DEPTH, MODEL,
           "the first N blocks are --op, the rest attention, rotary for images (0: all are --op)"),
    ENUM("pos", settings.model.positions, tli_positions_choices, SHAPE & ~(unsigned)TLI_CLI_BENCH_MEMORY,
         "positions (learned for attention, none for the others)"),
    ENUM("size", size, tli_size_choices, SHAPE, "model size (tiny)"),
    NUMBER(FLAG_U32, "dim", settings.model.dim, 1, OP_MAX_DIM, SHAPE, "channels, instead of the size's"),
    NUMBER(FLAG_U32, "depth", settings.model.depth, 1, MODEL_MAX_DEPTH, MODEL,
           "blocks, instead of the size's"),
    NUMBER(FLAG_U32, "heads", settings.model.heads, 1, OP_MAX_HEADS, SHAPE, "heads, instead of the size's"),
    NUMBER(FLAG_U32, "head-dim", settings.model.head_dim, 1, OP_MAX_DIM, SHAPE, "channels of a head (64)"),
    NUMBER(FLAG_U32, "mlp-dim", settings.model.mlp_dim, 1, MODEL_MAX_MLP_DIM, MODEL,
           "hidden width of the MLP (4 dim)"),
    TEXT("image-size", "[Dx]HxW", image_size, MODEL | TLI_CLI_BENCH_LOADER,
         "image in pixels: rows x columns, or one number for both; of D slices or frames (@)"),
    TEXT("patch-size", "[Dx]HxW", patch_size, MODEL, "patch in pixels, likewise (@)"),
    TEXT("grid", "[Dx]HxW", grid, MODEL, "patches along each axis, instead of --image-size (7x7)"),
    NUMBER(FLAG_U32, "classes", settings.model.classes, 1, MODEL_MAX_CLASSES, MODEL,
           "classes (@, or what the data have)"),
    NUMBER(FLAG_U32, "seq-len", settings.model.seq_len, 1, OP_MAX_TOKENS, MODEL, "tokens of a context (@)"),
    NUMBER(FLAG_U32, "vocab-size", settings.model.vocab_size, 1, MODEL_MAX_VOCABULARY, MODEL,
           "ids of the vocabulary (@; of character sets the data's)"),
    ENUM("pool", settings.model.pool, tli_pool_choices, SHAPE,
         "what the head reads: class token or mean of all (cls)"),

    TEXT("data", "DIR", settings.run.data, TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_BENCH_LOADER,
         "folder of the data, see below; or synthetic: drawn by the program (default)"),
    TASK_FLAGS,
    TEXT("confusion", "FILE", settings.run.confusion, TLI_CLI_EVAL,
         "tasks that classify: counts of found classes for every true class, as tab-separated lines"),
    TEXT("attention", "FILE.png", attention, TLI_CLI_PREDICT,
         "the images, and beside them what the class token looks at"),
    NUMBER(FLAG_U32, "layer", layer, 0, 1023, TLI_CLI_PREDICT,
           "whose attention: block N, 0 is the first (the last)"),
    NUMBER(FLAG_U32, "head", head, 0, 1023, TLI_CLI_PREDICT, "head N, 0 is the first (the mean of all)"),
    SETTING(FLAG_U32, "limit-train", settings.training.limit_train, TLI_CLI_TRAIN | TLI_CLI_BENCH_LOADER,
            "only the first N training samples (0: all)"),
    SETTING(FLAG_U32, "limit-test", settings.training.limit_test, TLI_CLI_TRAIN | TLI_CLI_EVAL,
            "only the first N test samples (0: all)"),

    SETTING(FLAG_U64, "epochs", settings.training.epochs, TLI_CLI_TRAIN,
            "passes over the training samples (@)"),
    SETTING(FLAG_U64, "steps", settings.training.steps, TLI_CLI_TRAIN, "steps, instead of epochs"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size,
            TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_BENCH_STEP, "samples a step (@, or what fits)"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size, TLI_CLI_BENCH_LOADER,
            "images a batch (256)"),
    NUMBER(FLAG_U32, "rounds", bench.rounds, 1, 100000, TLI_CLI_BENCH_LOADER,
           "timed batches, after one to warm up (20)"),
    TEXT("show", "FILE.png", show, TLI_CLI_BENCH_LOADER,
         "pictures of the first batch, as the model gets them"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size, TLI_CLI_BENCH_OP, "inputs a call (64)"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size, TLI_CLI_BENCH_MEMORY,
            "images a step on the largest grid (1)"),
    SETTING(FLAG_FLOAT, "lr", settings.training.lr, TLI_CLI_TRAIN, "peak learning rate (@)"),
    SETTING(FLAG_FLOAT, "weight-decay", settings.training.weight_decay, TLI_CLI_TRAIN,
            "weights lose lr times this of themselves a step (@)"),
    ENUM("optimizer", settings.training.optimizer, tli_optimizer_choices, MODEL,
         "what changes the weights (adamw)"),
    SETTING(FLAG_FLOAT, "beta1", settings.training.beta1, TLI_CLI_TRAIN,
            "the optimizer's first decay of past gradients (its own)"),
    SETTING(FLAG_FLOAT, "beta2", settings.training.beta2, TLI_CLI_TRAIN, "its second (its own)"),
    SETTING(FLAG_FLOAT, "eps", settings.training.eps, TLI_CLI_TRAIN,
            "what it adds to a root that it divides by (its own)"),
    SETTING(FLAG_FLOAT, "grad-clip", settings.training.grad_clip, TLI_CLI_TRAIN,
            "largest gradient norm, 0: off (@)"),
    ENUM("schedule", settings.training.schedule, tli_schedule_choices, TLI_CLI_TRAIN,
         "learning rate: cosine to 0 by step or by epoch, or constant (cosine)"),
    SETTING(FLAG_U64, "warmup", settings.training.warmup, TLI_CLI_TRAIN,
            "steps of linear warm-up, before the schedule begins (0)"),

    TEXT("out", "DIR", settings.run.out, TLI_CLI_TRAIN, "folder of the run (runs/TASK-OP-N)"),
    TEXT("init", "FILE", settings.run.init, TLI_CLI_TRAIN,
         "begin a new run from these weights: a .safetensors file or a run's folder"),
    BOOL("init-partial", settings.run.init_partial, TLI_CLI_TRAIN,
         "of --init, draw a head and positions that do not fit anew, and copy the offsets that both grids "
         "have"),
    BOOL("resume", settings.run.resume, TLI_CLI_TRAIN,
         "continue from the newest complete checkpoint in --out"),
    BOOL("allow-other-data", settings.run.allow_other_data, TLI_CLI_TRAIN,
         "of --resume, go on where the data are not those of the checkpoint"),
    SETTING(FLAG_U64, "checkpoint-every", settings.run.checkpoint_every, TLI_CLI_TRAIN,
            "steps between checkpoints, all of which stay (0: only at the end)"),
    SETTING(FLAG_FLOAT, "checkpoint-minutes", settings.run.checkpoint_minutes, TLI_CLI_TRAIN,
            "without --checkpoint-every: minutes between checkpoints, of which two stay (15)"),
    SETTING(FLAG_U64, "keep", settings.run.keep, TLI_CLI_TRAIN,
            "newest checkpoints that stay (0: all; by time: 2)"),
    BOOL("skip-nonfinite", settings.run.skip_nonfinite, TLI_CLI_TRAIN,
         "leave out steps whose loss or gradients are not finite, instead of stopping"),
    SETTING(FLAG_U64, "eval-every", settings.run.eval_every, TLI_CLI_TRAIN,
            "steps between evaluations (0: only at the end)"),
    SETTING(FLAG_U64, "stop-after", settings.run.stop_after, TLI_CLI_TRAIN,
            "stop after N steps with a checkpoint, as an interruption would"),
    TEXT("metrics", "FILE", settings.run.metrics, TLI_CLI_TRAIN, "JSON lines of the run (OUT/metrics.jsonl)"),
    ENUM("recompute", settings.run.recompute, tli_recompute_choices, SHAPE,
         "translution: compute q and k of every pair again in backward; auto: if they do not fit"),
    BOOL("dry-run", dry_run, TLI_CLI_TRAIN, "print parameter count and memory plan; touch nothing"),
    {"memory-limit", "BYTES", "budget for tensors on the device; K, M, G may follow (its global memory)",
     TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_PREDICT | TLI_CLI_BENCH | TLI_CLI_GENERATE, FLAG_BYTES,
     AT(memory_limit), 0, 1, 1e18, NULL},
    BOOL("profile", profile, TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_GENERATE | TIMED,
         "time every kernel; table on stderr at the end"),
    TEXT("trace", "FILE.json", trace, TLI_CLI_TRAIN | TLI_CLI_BENCH_STEP,
         "every launch as a Chrome trace, for chrome://tracing or Perfetto"),
    ENUM("gemm", gemm, tli_gemm_choices,
         TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_PREDICT | TIMED | TLI_CLI_GENERATE,
         "matrix products: own kernels, CLBlast where it can, or what is faster (auto; see `tune`)"),
    BOOL("quick", quick, TLI_CLI_TUNE, "a few small shapes, kept nowhere: does it work at all?"),
    /* For tests: the other family of tiled kernels on a device that would not choose it. */
    ENUM("kernel-path", kernel_path, tli_path_choices,
         TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_GENERATE | TIMED, NULL),

    TEXT("vocab", "FILE", vocab, TLI_CLI_TOKENIZE | TLI_CLI_GENERATE,
         "merges of a byte-level BPE: GPT-2's vocab.bpe"),
    TEXT("encoder", "FILE", encoder, TLI_CLI_TOKENIZE | TLI_CLI_GENERATE,
         "ids of its tokens: GPT-2's encoder.json"),
    BOOL("chars", chars, TLI_CLI_TOKENIZE, "an id a character instead, the characters in OUT/chars.json"),
    TEXT("out", "DIR", settings.run.out, TLI_CLI_TOKENIZE, "folder of train.bin and val.bin"),
    TEXT("separator", "LINE", separator, TLI_CLI_TOKENIZE,
         "the line between documents, besides the end of a file (<|endoftext|>)"),
    BOOL("per-file", per_file, TLI_CLI_TOKENIZE, "a file is one document: no line separates"),
    {"val-fraction", "X", "share of the documents for val.bin, rounded (0.0005)", TLI_CLI_TOKENIZE,
     FLAG_DOUBLE, AT(val_fraction), 0, 0, 1, NULL},
    NUMBER(FLAG_U32, "threads", threads, 1, 1024, TLI_CLI_TOKENIZE, "threads that encode (all cores)"),

    TEXT("prompt", "TEXT", generate.prompt, TLI_CLI_GENERATE,
         "what the text begins with (none: as texts begin)"),
    NUMBER(FLAG_U64, "tokens", generate.tokens, 0, BIG, TLI_CLI_GENERATE,
           "tokens to add, fewer when the text ends (200)"),
    NUMBER(FLAG_FLOAT, "temperature", generate.temperature, 0, 1000, TLI_CLI_GENERATE,
           "divides the logits: below 1 for likelier text; 0: always the likeliest token (1)"),
    NUMBER(FLAG_U32, "top-k", generate.top_k, 0, 4294967295.0, TLI_CLI_GENERATE,
           "draw from the K likeliest tokens only (0: all)"),
    NUMBER(FLAG_FLOAT, "top-p", generate.top_p, 0, 1, TLI_CLI_GENERATE,
           "draw from the fewest tokens that have this share of the probability (1: all)"),
    BOOL("no-cache", generate.no_cache, TLI_CLI_GENERATE,
         "compute the whole context again for every token: the same text, slower"),

    BOOL("help", help, TLI_CLI_ALL, "this text"),
    BOOL("version", version, TLI_CLI_ALL, "the program's version"),
};

enum { OWN_FLAGS = sizeof own_flags / sizeof *own_flags };

/* ---- flags that tasks bring ---------------------------------------------------------------------- */

static unsigned commands_of(const field *f)
{
    return ((f->use & FIELD_TRAIN) != 0 ? TLI_CLI_TRAIN : 0u) |
           ((f->use & FIELD_EVAL) != 0 ? TLI_CLI_EVAL : 0u) |
           ((f->use & FIELD_LOADER) != 0 ? TLI_CLI_BENCH_LOADER : 0u);
}

static tli_flag_kind kind_of(const field *f)
{
    switch (f->type) {
    case FIELD_U32: return FLAG_U32;
    case FIELD_U64: return FLAG_U64;
    case FIELD_FLOAT: return FLAG_FLOAT;
    case FIELD_CHOICE: return FLAG_ENUM;
    case FIELD_BOOL: return FLAG_BOOL;
    case FIELD_AUGMENT: return FLAG_AUGMENT;
    case FIELD_TEXT:
    case FIELD_LABELS: break;
    }
    return FLAG_TEXT;
}

static tli_flag flag_of_field(const field *f)
{
    const bool number = f->type == FIELD_U32 || f->type == FIELD_U64 || f->type == FIELD_FLOAT;
    return (tli_flag){.name = f->flag != NULL ? f->flag : f->key,
                      .metavar = f->metavar != NULL || !number ? f->metavar : "N",
                      .help = f->help,
                      .commands = commands_of(f),
                      .kind = kind_of(f),
                      .offset = AT(settings) + f->at,
                      .capacity = f->capacity,
                      .choices = f->choices};
}

/* All flags, put together at the first call: a program has one table, and one thread that asks for it. */
static struct {
    tli_flag items[TLI_CLI_MAX_FLAGS];
    int count;
} all;

static void add_flag(const tli_flag *f)
{
    if (all.count < TLI_CLI_MAX_FLAGS) all.items[all.count++] = *f;
}

/* A flag that several tasks bring for the same setting is one flag. */
static void add_task_flag(const tli_flag *f)
{
    for (int i = 0; i < all.count; i++)
        if (all.items[i].offset == f->offset && strcmp(all.items[i].name, f->name) == 0) {
            all.items[i].commands |= f->commands;
            return;
        }
    add_flag(f);
}

static void add_task_flags(void)
{
    for (int t = 0; tli_task_at(t) != NULL; t++) {
        const field_table *own = &tli_task_at(t)->fields;
        for (int i = 0; i < own->count; i++)
            if (own->items[i].help != NULL) {
                const tli_flag f = flag_of_field(&own->items[i]);
                add_task_flag(&f);
            }
    }
}

int tli_flag_count(void)
{
    if (all.count > 0) return all.count;
    for (int i = 0; i < OWN_FLAGS; i++) {
        if (own_flags[i].name != NULL)
            add_flag(&own_flags[i]);
        else
            add_task_flags();
    }
    return all.count;
}

const tli_flag *tli_flag_at(int index)
{
    return index >= 0 && index < tli_flag_count() ? &all.items[index] : NULL;
}

/* ---- what is said of a flag ---------------------------------------------------------------------- */

char *tli_flag_metavar(const tli_flag *f, char out[CHOICE_LIST_CAPACITY])
{
    if (f->kind == FLAG_SHARING) { /* the first is NONE, which has no radius */
        size_t used = 0;
        for (int i = 0; i < f->choices->count; i++)
            used += (size_t)snprintf(out + used, CHOICE_LIST_CAPACITY - used, i == 0 ? "%s" : "|%s:R",
                                     f->choices->items[i].name);
    } else if (f->kind == FLAG_ENUM) {
        tli_choice_list(f->choices, "|", out);
    } else if (f->metavar != NULL && strcmp(f->metavar, TASK_METAVAR) == 0) {
        char names[TASK_NAMES_CAPACITY];
        snprintf(out, CHOICE_LIST_CAPACITY, "%s", tli_task_names(NULL, "|", names));
    } else {
        snprintf(out, CHOICE_LIST_CAPACITY, "%s", f->metavar != NULL ? f->metavar : "");
    }
    return out;
}

void tli_flag_range(const tli_flag *f, double *low, double *high)
{
    const size_t first = offsetof(tli_cli_options, settings);
    const field *set = f->low == f->high && f->offset >= first ? tli_settings_field_at(f->offset - first)
                                                               : NULL;
    *low = set != NULL ? set->low : f->low;
    *high = set != NULL ? set->high : f->high;
}

const tli_flag *tli_flag_find(tli_cli_command command, const char *name)
{
    const int count = tli_flag_count();
    for (int i = 0; i < count; i++)
        if ((all.items[i].commands & (unsigned)command) != 0 && strcmp(all.items[i].name, name) == 0)
            return &all.items[i];
    return NULL;
}
