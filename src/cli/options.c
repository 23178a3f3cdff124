#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/presets.h"
#include "train/task.h"

typedef enum flag_kind {
    FLAG_BOOL,
    FLAG_TEXT,
    FLAG_U32,
    FLAG_U64,
    FLAG_BYTES,
    FLAG_FLOAT,
    FLAG_CHOICE
} flag_kind;

typedef struct flag {
    const char *name;    /* without the dashes: also the key in a --config file */
    const char *metavar; /* NULL: takes no value */
    const char *help;    /* NULL: not shown */
    unsigned commands;
    flag_kind kind;
    size_t offset, room; /* where in tl_cli_options; bytes there, for FLAG_TEXT */
    double low, high;    /* range of numbers */
    const char *choices; /* FLAG_CHOICE: "a|b|c" */
} flag;

#define AT(field) offsetof(tl_cli_options, field)
#define BOOL(name, field, commands, help)                                                                    \
    {                                                                                                        \
        name, NULL, help, commands, FLAG_BOOL, AT(field), 0, 0, 0, NULL                                      \
    }
#define TEXT(name, metavar, field, commands, help)                                                           \
    {                                                                                                        \
        name, metavar, help, commands, FLAG_TEXT, AT(field), sizeof((tl_cli_options *)0)->field, 0, 0, NULL  \
    }
#define NUMBER(kind, name, field, low, high, commands, help)                                                 \
    {                                                                                                        \
        name, "N", help, commands, kind, AT(field), 0, low, high, NULL                                       \
    }
#define CHOICE(name, field, choices, commands, help)                                                         \
    {                                                                                                        \
        name, choices, help, commands, FLAG_CHOICE, AT(field), 0, 0, 0, choices                              \
    }

/* Counts of steps: every integer up to here is exact in the metadata's and JSON's doubles. */
#define BIG 1e15

/* Commands that take the shape of an operation, of a model, and a batch of it. */
#define SHAPE (TL_CLI_TRAIN | TL_CLI_BENCH_OP | TL_CLI_BENCH_STEP | TL_CLI_BENCH_MEMORY)
#define MODEL (TL_CLI_TRAIN | TL_CLI_BENCH_STEP | TL_CLI_BENCH_MEMORY)
#define TIMED (TL_CLI_BENCH_GEMM | TL_CLI_BENCH_OP | TL_CLI_BENCH_STEP)

static const flag flags[] = {
    TEXT("device", "SPEC", device, TL_CLI_ALL,
         "P:D, gpu, cpu, acc, a flat index, part of a name, or auto (default; see `devices`)"),
    NUMBER(FLAG_U64, "seed", settings.seed, 0, 9007199254740991.0,
           TL_CLI_TRAIN | TL_CLI_BENCH | TL_CLI_TOKENIZE, "seed of everything drawn (0)"),
    NUMBER(FLAG_U64, "seed", settings.seed, 0, 9007199254740991.0,
           TL_CLI_ALL & ~(TL_CLI_TRAIN | TL_CLI_BENCH | TL_CLI_TOKENIZE),
           "accepted; a checkpoint carries its own seed"),
    BOOL("verbose", verbose, TL_CLI_ALL, "more on stderr"),
    BOOL("quiet", settings.quiet, TL_CLI_ALL, "no progress on stderr"),
    TEXT("config", "FILE", config, TL_CLI_TRAIN, "lines of `key = value`, keys as the flags; flags win"),
    BOOL("json", json, TL_CLI_DEVICES | TL_CLI_TUNE, "one JSON array on one line"),
    BOOL("json", json, TL_CLI_BENCH, "one JSON object on one line instead of a table"),

    NUMBER(FLAG_U32, "m", bench.m, 1, 1048576, TL_CLI_BENCH_GEMM, "rows of the product (1024)"),
    NUMBER(FLAG_U32, "n", bench.n, 1, 1048576, TL_CLI_BENCH_GEMM, "its columns (1024; grouped: 192)"),
    NUMBER(FLAG_U32, "k", bench.k, 1, 1048576, TL_CLI_BENCH_GEMM, "its inner dimension (1024; grouped: 192)"),
    CHOICE("trans", bench.transpose, "nn|nt|tn|tt", TL_CLI_BENCH_GEMM, "which of A, B are transposed (nn)"),
    NUMBER(FLAG_U32, "batch", bench.batch, 1, 1048576, TL_CLI_BENCH_GEMM,
           "products in one call (1); grouped: rows a token (64)"),
    TEXT("grouped", "HxW", bench.grid, TL_CLI_BENCH_GEMM,
         "instead: rows of all pairs of tokens of a grid, each with its offset's k x n matrix"),
    TEXT("task", "TASK", bench.task, TL_CLI_BENCH_STEP | TL_CLI_BENCH_MEMORY, "whose model (mnist)"),
    TEXT("grid", "HxW", bench.grid, TL_CLI_BENCH_OP, "tokens: rows and columns (7x7)"),
    BOOL("causal", bench.causal, TL_CLI_BENCH_OP,
         "a sequence (--grid 1xL) in which no token sees later ones"),
    NUMBER(FLAG_U32, "rounds", bench.rounds, 1, 100000, TIMED, "timed rounds, after warming up (10)"),

    CHOICE("op", op, "attention|translution|alpha|alpha-pure|absolute|conv",
           TL_CLI_TRAIN | TL_CLI_BENCH_OP | TL_CLI_BENCH_STEP, "the operation (attention)"),
    CHOICE("relative", relative, "qkv|q|k|qk|v|qv|kv", SHAPE,
           "what is relative in translution and alpha (qkv)"),
    NUMBER(FLAG_U32, "relenc-dim", settings.model.relenc_dim, 1, 1024, SHAPE,
           "alpha: width of the relative path per head (8)"),
    TEXT("offset-sharing", "none|clip:R|log:R", offset_sharing, SHAPE,
         "offsets past R along an axis share a matrix, all or by octaves (none)"),
    NUMBER(FLAG_U32, "window", window, 0, 65535, SHAPE,
           "tokens farther apart than N along an axis do not see each other (0: all do); conv: the kernel's "
           "width"),
    NUMBER(FLAG_U32, "translution-layers", settings.model.translution_layers, 0, 1024, MODEL,
           "the first N blocks are --op, the rest rotary attention (0: all are --op)"),
    CHOICE("pos", pos, "none|learned|rope|swin|shaw", MODEL,
           "positions (learned for attention, none for the others)"),
    CHOICE("size", size, "tiny|mini|small|base|large", SHAPE, "model size (tiny)"),
    NUMBER(FLAG_U32, "dim", settings.model.dim, 1, 65536, SHAPE, "channels, instead of the size's"),
    NUMBER(FLAG_U32, "depth", settings.model.depth, 1, 1024, MODEL, "blocks, instead of the size's"),
    NUMBER(FLAG_U32, "heads", settings.model.heads, 1, 1024, SHAPE, "heads, instead of the size's"),
    NUMBER(FLAG_U32, "head-dim", settings.model.head_dim, 1, 65536, SHAPE, "channels of a head (64)"),
    NUMBER(FLAG_U32, "mlp-dim", settings.model.mlp_dim, 1, 1048576, MODEL, "hidden width of the MLP (4 dim)"),
    NUMBER(FLAG_U32, "image-size", settings.model.image_height, 1, 16384, MODEL, "field, in pixels (84)"),
    NUMBER(FLAG_U32, "patch-size", settings.model.patch, 1, 16384, MODEL, "patch, in pixels (12)"),
    NUMBER(FLAG_U32, "classes", settings.model.classes, 1, 1048576, MODEL, "classes (10)"),
    CHOICE("pool", pool, "cls|mean", SHAPE, "what the head reads: class token or mean of all (cls)"),

    TEXT("data", "DIR", settings.data, TL_CLI_TRAIN | TL_CLI_EVAL,
         "folder of MNIST IDX files, plain or .gz, or synthetic: digits drawn by the program (default)"),
    CHOICE("motion", motion, "static|dynamic", TL_CLI_TRAIN, "training digits: centred or anywhere (static)"),
    CHOICE("test-motion", test_motion, "static|dynamic", TL_CLI_TRAIN | TL_CLI_EVAL,
           "test digits of top1 and loss (as --motion)"),
    NUMBER(FLAG_U32, "limit-train", settings.limit_train, 0, 4294967295.0, TL_CLI_TRAIN,
           "only the first N training images (0: all)"),
    NUMBER(FLAG_U32, "limit-test", settings.limit_test, 0, 4294967295.0, TL_CLI_TRAIN | TL_CLI_EVAL,
           "only the first N test images (0: all)"),

    NUMBER(FLAG_U64, "epochs", settings.epochs, 1, BIG, TL_CLI_TRAIN, "passes over the training images (20)"),
    NUMBER(FLAG_U64, "steps", settings.steps, 1, BIG, TL_CLI_TRAIN, "steps, instead of epochs"),
    NUMBER(FLAG_U32, "batch-size", settings.batch_size, 1, 1048576,
           TL_CLI_TRAIN | TL_CLI_EVAL | TL_CLI_BENCH_STEP, "images a step (256, or what fits)"),
    NUMBER(FLAG_U32, "batch-size", settings.batch_size, 1, 1048576, TL_CLI_BENCH_OP, "inputs a call (64)"),
    NUMBER(FLAG_U32, "batch-size", settings.batch_size, 1, 1048576, TL_CLI_BENCH_MEMORY,
           "images a step on the largest grid (1)"),
    NUMBER(FLAG_FLOAT, "lr", settings.lr, 0, 1000, TL_CLI_TRAIN, "peak learning rate (3e-4)"),
    NUMBER(FLAG_FLOAT, "weight-decay", settings.weight_decay, 0, 1000, TL_CLI_TRAIN, "AdamW's decay (0.05)"),
    NUMBER(FLAG_FLOAT, "grad-clip", settings.grad_clip, 0, 1e30, TL_CLI_TRAIN,
           "largest gradient norm (0: off)"),
    CHOICE("schedule", schedule, "cosine|cosine-epoch|constant", TL_CLI_TRAIN,
           "learning rate: cosine to 0 by step or by epoch, or constant (cosine)"),
    NUMBER(FLAG_U64, "warmup", settings.warmup, 0, BIG, TL_CLI_TRAIN, "steps of linear warm-up (0)"),

    TEXT("out", "DIR", settings.out, TL_CLI_TRAIN, "folder of the run (runs/TASK-OP-N)"),
    BOOL("resume", settings.resume, TL_CLI_TRAIN, "continue from the newest complete checkpoint in --out"),
    NUMBER(FLAG_U64, "checkpoint-every", settings.checkpoint_every, 0, BIG, TL_CLI_TRAIN,
           "steps between checkpoints (0: only at the end)"),
    NUMBER(FLAG_U64, "eval-every", settings.eval_every, 0, BIG, TL_CLI_TRAIN,
           "steps between evaluations (0: only at the end)"),
    NUMBER(FLAG_U64, "stop-after", settings.stop_after, 1, BIG, TL_CLI_TRAIN,
           "stop after N steps with a checkpoint, as an interruption would"),
    TEXT("metrics", "FILE", settings.metrics, TL_CLI_TRAIN, "JSON lines of the run (OUT/metrics.jsonl)"),
    CHOICE("recompute", recompute, "auto|always|never", SHAPE,
           "translution: compute q and k of every pair again in backward; auto: if they do not fit"),
    BOOL("dry-run", dry_run, TL_CLI_TRAIN, "print parameter count and memory plan; touch nothing"),
    {"memory-limit", "BYTES", "budget for tensors on the device; K, M, G may follow (its global memory)",
     TL_CLI_TRAIN | TL_CLI_EVAL | TL_CLI_BENCH, FLAG_BYTES, AT(memory_limit), 0, 1, 1e18, NULL},
    BOOL("profile", settings.profile, TL_CLI_TRAIN | TL_CLI_EVAL | TIMED,
         "time every kernel; table on stderr at the end"),
    TEXT("trace", "FILE.json", trace, TL_CLI_TRAIN | TL_CLI_BENCH_STEP,
         "every launch as a Chrome trace, for chrome://tracing or Perfetto"),
    CHOICE("gemm", gemm, "auto|own|clblast", TL_CLI_TRAIN | TL_CLI_EVAL | TL_CLI_BENCH,
           "matrix products: own kernels, CLBlast where it can, or what is faster (auto; see `tune`)"),
    BOOL("quick", quick, TL_CLI_TUNE, "a few small shapes, kept nowhere: does it work at all?"),
    /* For tests: the other family of tiled kernels on a device that would not choose it. */
    CHOICE("kernel-path", kernel_path, "auto|cpu|gpu", TL_CLI_TRAIN | TL_CLI_EVAL | TIMED, NULL),

    TEXT("vocab", "FILE", vocab, TL_CLI_TOKENIZE, "merges of a byte-level BPE: GPT-2's vocab.bpe"),
    TEXT("encoder", "FILE", encoder, TL_CLI_TOKENIZE, "ids of its tokens: GPT-2's encoder.json"),
    BOOL("chars", chars, TL_CLI_TOKENIZE, "an id a character instead, the characters in OUT/chars.json"),
    TEXT("out", "DIR", settings.out, TL_CLI_TOKENIZE, "folder of train.bin and val.bin"),
    TEXT("separator", "LINE", separator, TL_CLI_TOKENIZE,
         "the line between documents, besides the end of a file (<|endoftext|>)"),
    BOOL("per-file", per_file, TL_CLI_TOKENIZE, "a file is one document: no line separates"),
    {"val-fraction", "X", "share of the documents for val.bin (0.0005)", TL_CLI_TOKENIZE, FLAG_FLOAT,
     AT(val_fraction), 0, 0, 1, NULL},
    NUMBER(FLAG_U32, "threads", threads, 1, 1024, TL_CLI_TOKENIZE, "threads that encode (all cores)"),

    BOOL("help", help, TL_CLI_ALL, "this text"),
    BOOL("version", version, TL_CLI_ALL, "the program's version"),
};

enum { FLAGS = (int)(sizeof flags / sizeof flags[0]), FIRST_CODE = 256 };

/* A value on its way into the options, and where it came from, for messages. */
typedef struct given {
    char *value; /* owned; NULL: not given */
    int line;    /* of the --config file; 0: command line */
} given;

static const flag *find_flag(tl_cli_command command, const char *name)
{
    for (int i = 0; i < FLAGS; i++)
        if ((flags[i].commands & (unsigned)command) != 0 && strcmp(flags[i].name, name) == 0)
            return &flags[i];
    return NULL;
}

static const char *command_name(tl_cli_command command)
{
    switch (command) {
    case TL_CLI_DEVICES: return "devices";
    case TL_CLI_TRAIN: return "train";
    case TL_CLI_EVAL: return "eval";
    case TL_CLI_INFO: return "info";
    case TL_CLI_BENCH_GEMM: return "bench gemm";
    case TL_CLI_BENCH_OP: return "bench op";
    case TL_CLI_BENCH_STEP: return "bench step";
    case TL_CLI_BENCH_MEMORY: return "bench memory";
    case TL_CLI_BENCH:
    case TL_CLI_TOKENIZE: return "tokenize";
    case TL_CLI_TUNE: return "tune";
    case TL_CLI_ALL: break;
    }
    return "";
}

static tl_status keep(given *g, const char *value, int line, tl_error *err)
{
    char *copy = strdup(value);
    if (copy == NULL) return tl_fail(err, TL_ERROR_MEMORY, "out of host memory while reading the options");
    free(g->value);
    *g = (given){copy, line};
    return TL_OK;
}

/* ---- values -------------------------------------------------------------------------------------- */

/* "--lr" or "run.conf:3: lr" */
static void describe(char *out, size_t room, const flag *f, const given *g, const char *config)
{
    if (g->line > 0)
        snprintf(out, room, "%s:%d: %s", config, g->line, f->name);
    else
        snprintf(out, room, "--%s", f->name);
}

/* The whole string must be a decimal number in the flag's range; BYTES may end in K, M or G. */
static tl_status read_whole(const flag *f, const char *text, const char *where, uint64_t *out, tl_error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    bool good = end != NULL && errno == 0;
    if (good && f->kind == FLAG_BYTES && *end != '\0') {
        static const char units[] = "KMG";
        const char *unit = strchr(units, toupper((unsigned char)*end));
        good = unit != NULL && value < (1ull << 33);
        for (const char *u = units; good && u <= unit; u++) value *= 1024;
        end++;
    }
    if (!good || *end != '\0' || (double)value < f->low || (double)value > f->high)
        return tl_fail(err, TL_ERROR_USAGE, "%s takes a whole number from %.0f to %.0f, not '%s'", where,
                       f->low, f->high, text);
    *out = value;
    return TL_OK;
}

static tl_status read_float(const flag *f, const char *text, const char *where, float *out, tl_error *err)
{
    char *end = NULL;
    bool number = strchr("0123456789.", text[0]) != NULL && text[0] != '\0' && strpbrk(text, "xX") == NULL;
    double value = number ? strtod(text, &end) : NAN;
    if (end == NULL || *end != '\0' || end == text || !(value >= f->low && value <= f->high))
        return tl_fail(err, TL_ERROR_USAGE, "%s takes a number from %g to %g, not '%s'", where, f->low,
                       f->high, text);
    *out = (float)value;
    return TL_OK;
}

static tl_status read_choice(const flag *f, const char *text, const char *where, int *out, tl_error *err)
{
    size_t length = strlen(text);
    const char *word = f->choices;
    for (int i = 0; word != NULL; i++) {
        size_t span = strcspn(word, "|");
        if (span == length && strncmp(word, text, span) == 0) {
            *out = i;
            return TL_OK;
        }
        word = word[span] == '|' ? word + span + 1 : NULL;
    }
    return tl_fail(err, TL_ERROR_USAGE, "%s takes %s in this version, not '%s'", where, f->choices, text);
}

static tl_status read_bool(const char *text, const char *where, bool *out, tl_error *err)
{
    *out = strcmp(text, "true") == 0;
    if (!*out && strcmp(text, "false") != 0)
        return tl_fail(err, TL_ERROR_USAGE, "%s takes true or false, not '%s'", where, text);
    return TL_OK;
}

static tl_status apply(const flag *f, const given *g, tl_cli_options *o, tl_error *err)
{
    char where[1200];
    describe(where, sizeof where, f, g, o->config);
    void *target = (char *)o + f->offset;
    uint64_t whole = 0;
    switch (f->kind) {
    case FLAG_BOOL: return read_bool(g->value, where, target, err);
    case FLAG_FLOAT: return read_float(f, g->value, where, target, err);
    case FLAG_CHOICE: return read_choice(f, g->value, where, target, err);
    case FLAG_U32:
        TL_TRY(read_whole(f, g->value, where, &whole, err));
        *(uint32_t *)target = (uint32_t)whole;
        return TL_OK;
    case FLAG_U64:
    case FLAG_BYTES:
        TL_TRY(read_whole(f, g->value, where, &whole, err));
        *(uint64_t *)target = whole;
        return TL_OK;
    case FLAG_TEXT: break;
    }
    if (g->value[0] == '\0') return tl_fail(err, TL_ERROR_USAGE, "%s takes a value that is not empty", where);
    if (strlen(g->value) >= f->room)
        return tl_fail(err, TL_ERROR_USAGE, "%s takes at most %zu characters", where, f->room - 1);
    snprintf(target, f->room, "%s", g->value);
    return TL_OK;
}

/* ---- where values come from ---------------------------------------------------------------------- */

static tl_status read_arguments(tl_cli_command command, int argc, char **argv, given *values,
                                tl_cli_options *o, tl_error *err)
{
    struct option table[FLAGS + 1];
    int entries = 0;
    for (int i = 0; i < FLAGS; i++)
        if ((flags[i].commands & (unsigned)command) != 0)
            table[entries++] = (struct option){flags[i].name,
                                               flags[i].metavar != NULL ? required_argument : no_argument,
                                               NULL, FIRST_CODE + i};
    table[entries] = (struct option){NULL, 0, NULL, 0};

    const char *name = command_name(command);
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, ":h", table, NULL)) != -1;) {
        if (code == 'h') {
            o->help = true;
        } else if (code == ':') {
            return tl_fail(err, TL_ERROR_USAGE, "--%s needs a value (%s); see `translution %s --help`",
                           flags[optopt - FIRST_CODE].name, flags[optopt - FIRST_CODE].metavar, name);
        } else if (code == '?' && optopt >= FIRST_CODE) {
            return tl_fail(err, TL_ERROR_USAGE, "--%s takes no value; see `translution %s --help`",
                           flags[optopt - FIRST_CODE].name, name);
        } else if (code == '?' && optopt != 0) {
            return tl_fail(err, TL_ERROR_USAGE, "unknown flag -%c; see `translution %s --help`", optopt,
                           name);
        } else if (code == '?') {
            const char *word = argv[optind - 1];
            bool ambiguous = false;
            for (int i = 0; i < entries; i++)
                ambiguous |= strncmp(table[i].name, word + 2, strcspn(word + 2, "=")) == 0;
            return tl_fail(err, TL_ERROR_USAGE, "%s flag %s; see `translution %s --help`",
                           ambiguous ? "ambiguous" : "unknown", word, name);
        } else {
            TL_TRY(keep(&values[code - FIRST_CODE], optarg != NULL ? optarg : "true", 0, err));
        }
    }
    o->arguments = argv + optind;
    o->argument_count = argc - optind;
    if (argc - optind > 1 && command != TL_CLI_TOKENIZE)
        return tl_fail(err, TL_ERROR_USAGE, "'%s' is one word too many; see `translution %s --help`",
                       argv[optind + 1], name);
    if (optind < argc) o->argument = argv[optind];
    return TL_OK;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) *--end = '\0';
    return text;
}

static tl_status read_config_line(tl_cli_command command, const char *path, int number, char *line,
                                  given *values, tl_error *err)
{
    char *key = trim(line);
    if (*key == '\0' || *key == '#') return TL_OK;
    char *equals = strchr(key, '=');
    if (equals == NULL)
        return tl_fail(err, TL_ERROR_USAGE, "%s:%d: a line must read `key = value`, not '%s'", path, number,
                       key);
    *equals = '\0';
    key = trim(key);
    const flag *f = find_flag(command, key);
    if (f == NULL || f->offset == AT(help) || f->offset == AT(version) || f->offset == AT(config))
        return tl_fail(err, TL_ERROR_USAGE,
                       "%s:%d: unknown key '%s'; keys are the flags of `translution %s --help`", path, number,
                       key, command_name(command));
    given *g = &values[f - flags];
    if (g->value != NULL && g->line == 0) return TL_OK; /* the command line wins */
    return keep(g, trim(equals + 1), number, err);
}

static tl_status read_config(tl_cli_command command, const char *path, given *values, tl_error *err)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return tl_fail(err, TL_ERROR_INPUT, "cannot read the --config file %s: %s", path, strerror(errno));
    char *line = NULL;
    size_t room = 0;
    tl_status status = TL_OK;
    for (int number = 1; status == TL_OK && getline(&line, &room, file) != -1; number++)
        status = read_config_line(command, path, number, line, values, err);
    if (status == TL_OK && ferror(file))
        status = tl_fail(err, TL_ERROR_INPUT, "cannot read the --config file %s: %s", path, strerror(errno));
    free(line);
    fclose(file);
    return status;
}

/* ---- all together -------------------------------------------------------------------------------- */

static const char *value_of(const given *values, const char *name)
{
    for (int i = 0; i < FLAGS; i++)
        if (strcmp(flags[i].name, name) == 0 && values[i].value != NULL) return values[i].value;
    return NULL;
}

static bool is_given(const given *values, const char *name)
{
    return value_of(values, name) != NULL;
}

static void apply_size(tl_cli_options *o)
{
    /* The table's list and the presets have the same names in the same order. */
    static const char *const names[] = {"tiny", "mini", "small", "base", "large"};
    const tl_preset *p = tl_preset_find(names[o->size]);
    tl_model_config *m = &o->settings.model;
    if (p == NULL) return;
    m->dim = p->dim;
    m->depth = p->depth;
    m->heads = p->heads;
    m->head_dim = p->head_dim;
    m->mlp_dim = p->mlp_dim;
}

/* --offset-sharing none|clip:R|log:R, and --window, which for conv is the kernel's width. */
static tl_status read_sharing(tl_cli_options *o, tl_error *err)
{
    static const char *const prefixes[] = {"clip:", "log:"};
    tl_model_config *m = &o->settings.model;
    const char *text = o->offset_sharing;
    m->window = o->window;
    if (m->op == TL_OP_CONV) {
        if (o->window < 3 || o->window % 2 == 0)
            return tl_fail(err, TL_ERROR_USAGE, "--op conv takes an odd --window from 3 on, not %u",
                           o->window);
        m->window = o->window / 2;
    }
    if (text[0] == '\0' || strcmp(text, "none") == 0) return TL_OK;
    for (int i = 0; i < 2; i++) {
        const size_t length = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], length) != 0) continue;
        char *end = NULL;
        const unsigned long radius = isdigit((unsigned char)text[length]) ? strtoul(text + length, &end, 10)
                                                                          : 0;
        if (end == NULL || *end != '\0' || radius < 1 || radius > 65535) break;
        m->sharing = i == 0 ? TL_SHARING_CLIP : TL_SHARING_LOG;
        m->sharing_radius = (uint32_t)radius;
        return TL_OK;
    }
    return tl_fail(err, TL_ERROR_USAGE,
                   "--offset-sharing takes none, clip:R or log:R with R from 1 to 65535, not '%s'", text);
}

/* What follows from several flags at once. */
static void complete(tl_cli_options *o, const given *values)
{
    static const tl_roles relative[] = {0,
                                        TL_ROLE_Q,
                                        TL_ROLE_K,
                                        TL_ROLE_Q | TL_ROLE_K,
                                        TL_ROLE_V,
                                        TL_ROLE_Q | TL_ROLE_V,
                                        TL_ROLE_K | TL_ROLE_V};
    static const tl_schedule schedules[] = {TL_SCHEDULE_COSINE, TL_SCHEDULE_COSINE_EPOCH,
                                            TL_SCHEDULE_CONSTANT};
    tl_settings *s = &o->settings;
    tl_model_config *m = &s->model;
    m->op = (tl_op_kind)o->op;
    m->positions = is_given(values, "pos")    ? (tl_positions)o->pos
                   : m->op == TL_OP_ATTENTION ? TL_POSITIONS_LEARNED
                                              : TL_POSITIONS_NONE;
    m->relative = relative[o->relative];
    if (m->relative == 0 && is_given(values, "relative")) m->relative = TL_ROLE_QKV;
    m->pool = o->pool == 1 ? TL_POOL_MEAN : TL_POOL_CLS;
    m->image_width = m->image_height;
    if (is_given(values, "dim") && !is_given(values, "mlp-dim")) m->mlp_dim = 4 * m->dim;
    s->schedule = schedules[o->schedule];
    s->recompute = (tl_recompute)o->recompute;
    s->motion = o->motion == 1 ? TL_MOTION_DYNAMIC : TL_MOTION_STATIC;
    o->test_motion_given = is_given(values, "test-motion");
    if (!o->test_motion_given) o->test_motion = o->motion;
    s->test_motion = o->test_motion == 1 ? TL_MOTION_DYNAMIC : TL_MOTION_STATIC;
    s->batch_given = is_given(values, "batch-size");
    o->val_fraction_given = is_given(values, "val-fraction");
    s->profile |= o->trace[0] != '\0';
    const char *device = getenv("TRANSLUTION_DEVICE");
    if (o->device[0] == '\0' && device != NULL) snprintf(o->device, sizeof o->device, "%s", device);
}

/* The defaults of the task: of `train` the word behind it, of `bench` what --task says. */
static tl_status begin_task(tl_cli_command command, const given *values, tl_cli_options *o, tl_error *err)
{
    const char *word = command == TL_CLI_TRAIN ? o->argument : value_of(values, "task");
    if (word == NULL || tl_settings_default(&o->settings, word)) return TL_OK;
    return tl_fail(err, TL_ERROR_USAGE,
                   command == TL_CLI_TRAIN ? "unknown task '%s': this version trains %s"
                                           : "unknown --task '%s': this version has %s",
                   word, tl_task_names());
}

/* Flags that mean something to some tasks only. */
static tl_status check_task_flags(tl_cli_command command, const given *values, const tl_cli_options *o,
                                  tl_error *err)
{
    static const struct {
        const char *flag, *tasks;
    } some[] = {
        {"motion", "mnist"},          {"test-motion", "mnist"},  {"image-size", "mnist, vit"},
        {"patch-size", "mnist, vit"}, {"classes", "mnist, vit"}, {"pool", "mnist, vit"},
    };
    if (command != TL_CLI_TRAIN && command != TL_CLI_BENCH_STEP && command != TL_CLI_BENCH_MEMORY)
        return TL_OK;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (is_given(values, some[i].flag) && strstr(some[i].tasks, o->settings.task) == NULL)
            return tl_fail(err, TL_ERROR_USAGE, "--%s means nothing to the task %s: it is for %s",
                           some[i].flag, o->settings.task, some[i].tasks);
    return TL_OK;
}

static tl_status parse(tl_cli_command command, int argc, char **argv, given *values, tl_cli_options *o,
                       tl_error *err)
{
    TL_TRY(read_arguments(command, argc, argv, values, o, err));
    o->help |= is_given(values, "help");
    o->version |= is_given(values, "version");
    if (o->help || o->version) return TL_OK;
    TL_TRY(begin_task(command, values, o, err));
    const flag *config = find_flag(command, "config");
    if (config != NULL && values[config - flags].value != NULL) {
        TL_TRY(apply(config, &values[config - flags], o, err));
        TL_TRY(read_config(command, o->config, values, err));
    }
    /* --size first: --dim and its kin then replace what it set, wherever they stand. */
    const flag *size = find_flag(TL_CLI_TRAIN, "size");
    if (values[size - flags].value != NULL) TL_TRY(apply(size, &values[size - flags], o, err));
    apply_size(o);
    for (int i = 0; i < FLAGS; i++)
        if (values[i].value != NULL) TL_TRY(apply(&flags[i], &values[i], o, err));
    TL_TRY(check_task_flags(command, values, o, err));
    complete(o, values);
    TL_TRY(read_sharing(o, err));
    return TL_OK;
}

tl_status tl_cli_grid(const char *text, const char *what, uint32_t *height, uint32_t *width, tl_error *err)
{
    char *end = NULL;
    unsigned long sizes[2] = {0, 0};
    const char *at = text;
    for (int i = 0; i < 2; i++) {
        if (!isdigit((unsigned char)*at)) break;
        sizes[i] = strtoul(at, &end, 10);
        if (i == 0 && *end != 'x') break;
        at = i == 0 ? end + 1 : end;
    }
    if (*at != '\0' || sizes[0] < 1 || sizes[0] > 4096 || sizes[1] < 1 || sizes[1] > 4096)
        return tl_fail(err, TL_ERROR_USAGE,
                       "%s takes a grid as rows x columns, such as 7x7, up to 4096 each, not '%s'", what,
                       text);
    *height = (uint32_t)sizes[0];
    *width = (uint32_t)sizes[1];
    return TL_OK;
}

tl_status tl_cli_parse(tl_cli_command command, int argc, char **argv, tl_cli_options *o, tl_error *err)
{
    given values[FLAGS] = {{NULL, 0}};
    memset(o, 0, sizeof *o);
    tl_settings_default(&o->settings, "mnist");
    o->val_fraction = 0.0005f;
    tl_status status = parse(command, argc, argv, values, o, err);
    for (int i = 0; i < FLAGS; i++) free(values[i].value);
    return status;
}

void tl_cli_print_flags(FILE *out, tl_cli_command command)
{
    for (int i = 0; i < FLAGS; i++) {
        const flag *f = &flags[i];
        if (f->help == NULL || (f->commands & (unsigned)command) == 0) continue;
        char left[80];
        snprintf(left, sizeof left, "--%s%s%s", f->name, f->metavar != NULL ? " " : "",
                 f->metavar != NULL ? f->metavar : "");
        if (strlen(left) <= 24)
            fprintf(out, "  %-24s  %s\n", left, f->help);
        else
            fprintf(out, "  %s\n  %-24s  %s\n", left, "", f->help);
    }
}
