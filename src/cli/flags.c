#include "cli/flags.h"

#include <stddef.h>

#include "cli/watch.h"
#include "models/presets.h"
#include "tasks/task.h"

#define AT(field) offsetof(tli_cli_options, field)
/* What follows stands in this group of --help, up to the next one. */
#define GROUP(heading)                                                                                       \
    {                                                                                                        \
        .group = heading                                                                                     \
    }
#define BOOL(flag, field, takers, text)                                                                      \
    {                                                                                                        \
        .name = flag, .help = text, .commands = takers, .kind = FLAG_BOOL, .offset = AT(field),              \
        .member = #field                                                                                     \
    }
#define TEXT(flag, value, field, takers, text)                                                               \
    {                                                                                                        \
        .name = flag, .metavar = value, .help = text, .commands = takers, .kind = FLAG_TEXT,                 \
        .offset = AT(field), .member = #field, .capacity = sizeof((tli_cli_options *)0)->field               \
    }
#define NUMBER(type, flag, field, least, most, takers, text)                                                 \
    {                                                                                                        \
        .name = flag, .metavar = "N", .help = text, .commands = takers, .kind = type, .offset = AT(field),   \
        .member = #field, .low = least, .high = most                                                         \
    }
/* A number of tl_settings, whose range stands with its field in tasks/settings.c. */
#define SETTING(type, flag, field, takers, text) NUMBER(type, flag, field, 0, 0, takers, text)
#define ENUM(flag, field, list, takers, text)                                                                \
    {                                                                                                        \
        .name = flag, .help = text, .commands = takers, .kind = FLAG_ENUM, .offset = AT(field),              \
        .member = #field, .choices = &(list)                                                                 \
    }
/* Where the flags that tasks bring stand in --help. */
#define TASK_FLAGS                                                                                           \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

/* Counts of steps: every integer up to here is exact in the metadata's and JSON's doubles. */
#define BIG 1e15

/* Commands that take the shape of an operation, of a model, and a batch of it. */
#define SHAPE (TLI_CLI_TRAIN | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_MEMORY)
#define MODEL (TLI_CLI_TRAIN | TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_MEMORY)
#define TIMED (TLI_CLI_BENCH_GEMM | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP)
/* Commands that train a model or use a trained one. */
#define RUNS (TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_PREDICT | TLI_CLI_GENERATE)

static const choice transposes[] = {{0, "nn", NULL}, {1, "nt", NULL}, {2, "tn", NULL}, {3, "tt", NULL}};
const choices transpose_choices = {"transposition", transposes, 4, NULL};

const tli_flag tli_flag_table[] = {
    GROUP("Model"),
    TEXT("task", TASK_METAVAR, bench.task, TLI_CLI_BENCH_STEP | TLI_CLI_BENCH_MEMORY,
         "the task whose model is measured (default: the first of these)"),
    ENUM("op", settings.model.op, tli_op_choices, TLI_CLI_TRAIN | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP,
         "operation that mixes the tokens (default: attention)"),
    ENUM("relative", settings.model.relative, tli_role_choices, SHAPE,
         "which of query, key and value have a matrix for every offset, in translution and alpha (default: "
         "qkv)"),
    NUMBER(FLAG_U32, "relenc-dim", settings.model.relenc_dim, 1, OP_MAX_LOW_RANK, SHAPE,
           "alpha: channels of the low-rank part in every head (default: 8)"),
    {.name = "offset-sharing",
     .help = "let offsets of more than R along an axis share matrices (default: none)",
     .commands = SHAPE,
     .kind = FLAG_SHARING,
     .offset = AT(offset_sharing),
     .capacity = sizeof((tli_cli_options *)0)->offset_sharing,
     .member = "settings.model.sharing",
     .choices = &tli_sharing_choices},
    NUMBER(FLAG_U32, "window", window, 0, 65535, SHAPE,
           "a token sees only tokens at most N away along every axis (default: 0, it sees all); conv: width "
           "of the kernel, an odd number"),
    NUMBER(FLAG_U32, "translution-layers", settings.model.translution_layers, 0, MODEL_MAX_DEPTH, MODEL,
           "use --op in the first N blocks only and attention in the others, with rotary positions in image "
           "models (default: 0, --op in all blocks)"),
    ENUM("pos", settings.model.positions, tli_positions_choices, SHAPE,
         "position encoding (default: learned with attention, none with the other operations)"),
    ENUM("pool", settings.model.pool, tli_pool_choices, SHAPE,
         "what the classifier reads: the class token or the mean of all tokens (default: cls)"),
    ENUM("size", size, tli_size_choices, SHAPE, "preset of width, depth and heads (default: tiny)"),
    NUMBER(FLAG_U32, "dim", settings.model.dim, 1, OP_MAX_DIM, SHAPE,
           "channels of a token (default: by --size)"),
    NUMBER(FLAG_U32, "depth", settings.model.depth, 1, MODEL_MAX_DEPTH, MODEL,
           "number of blocks (default: by --size)"),
    NUMBER(FLAG_U32, "heads", settings.model.heads, 1, OP_MAX_HEADS, SHAPE,
           "number of heads (default: by --size)"),
    NUMBER(FLAG_U32, "head-dim", settings.model.head_dim, 1, OP_MAX_DIM, SHAPE,
           "channels of a head (default: 64)"),
    NUMBER(FLAG_U32, "mlp-dim", settings.model.mlp_dim, 1, MODEL_MAX_MLP_DIM, MODEL,
           "hidden channels of the MLP (default: 4 times --dim)"),
    {.name = "image-size",
     .metavar = "[Dx]HxW",
     .help = "image in pixels, rows x columns, or one number for both; with D slices or frames (default: @)",
     .commands = MODEL | TLI_CLI_BENCH_LOADER,
     .kind = FLAG_TEXT,
     .offset = AT(image_size),
     .capacity = sizeof((tli_cli_options *)0)->image_size,
     .member = "image_size",
     .instead = "--grid times --patch-size"},
    TEXT("patch-size", "[Dx]HxW", patch_size, MODEL,
         "patch that becomes a token, in pixels as --image-size (default: @)"),
    TEXT("grid", "[Dx]HxW", grid, MODEL,
         "number of patches along each axis, instead of --image-size (default: 7x7)"),
    TEXT("grid", "[Dx]HxW", bench.grid, TLI_CLI_BENCH_OP,
         "grid of tokens, rows x columns, of D slices or frames (default: 7x7)"),
    BOOL("causal", bench.causal, TLI_CLI_BENCH_OP,
         "make the tokens a sequence (--grid 1xL) in which none sees later ones"),
    NUMBER(FLAG_U32, "classes", settings.model.classes, 1, MODEL_MAX_CLASSES, MODEL,
           "number of classes (default: what the data have; without any, @)"),
    NUMBER(FLAG_U32, "seq-len", settings.model.seq_len, 1, OP_MAX_TOKENS, MODEL,
           "context length in tokens (default: @)"),
    NUMBER(FLAG_U32, "vocab-size", settings.model.vocab_size, 1, MODEL_MAX_VOCABULARY, MODEL,
           "number of token ids (default: @; of character vocabularies the data's)"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size, TLI_CLI_BENCH_OP,
            "inputs in a call (default: 64)"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size, TLI_CLI_BENCH_MEMORY,
            "batch size with which the largest grid is looked for (default: 1)"),

    GROUP("Data"),
    TEXT("data", "DIR", settings.run.data, TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_BENCH_LOADER,
         "folder of the data, or the word synthetic for data that the program draws (default: synthetic)"),
    TASK_FLAGS,
    SETTING(FLAG_U32, "limit-train", settings.training.limit_train, TLI_CLI_TRAIN | TLI_CLI_BENCH_LOADER,
            "use only the first N training samples (default: 0, all)"),
    SETTING(FLAG_U32, "limit-test", settings.training.limit_test, TLI_CLI_TRAIN | TLI_CLI_EVAL,
            "use only the first N test samples (default: 0, all)"),
    SETTING(FLAG_U64, "seed", settings.training.seed, TLI_CLI_EVAL,
            "must be the seed of the checkpoint's training, which draws the test set (default: that seed)"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size, TLI_CLI_EVAL,
            "samples in a batch; changes nothing but memory and speed (default: what fits)"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size, TLI_CLI_BENCH_LOADER,
            "images in a batch (default: 256)"),
    NUMBER(FLAG_U32, "m", bench.m, 1, 1048576, TLI_CLI_BENCH_GEMM, "rows of the product (default: 1024)"),
    NUMBER(FLAG_U32, "n", bench.n, 1, 1048576, TLI_CLI_BENCH_GEMM,
           "columns of the product (default: 1024; with --grouped: 192)"),
    NUMBER(FLAG_U32, "k", bench.k, 1, 1048576, TLI_CLI_BENCH_GEMM,
           "inner dimension (default: 1024; with --grouped: 192)"),
    ENUM("trans", bench.transpose, transpose_choices, TLI_CLI_BENCH_GEMM,
         "whether A and B are plain (n) or transposed (t) (default: nn)"),
    NUMBER(FLAG_U32, "batch", bench.batch, 1, 1048576, TLI_CLI_BENCH_GEMM,
           "products in a call (default: 1); with --grouped: rows of a token (default: 64)"),
    TEXT("grouped", "[Dx]HxW", bench.grid, TLI_CLI_BENCH_GEMM,
         "time a grouped product instead: all pairs of tokens of this grid, a k x n matrix for every offset"),
    TEXT("vocab", "FILE", vocab, TLI_CLI_TOKENIZE | TLI_CLI_GENERATE,
         "merges of a byte-level BPE, such as GPT-2's vocab.bpe"),
    TEXT("encoder", "FILE", encoder, TLI_CLI_TOKENIZE | TLI_CLI_GENERATE,
         "token ids of the same BPE, such as GPT-2's encoder.json"),
    BOOL("chars", chars, TLI_CLI_TOKENIZE,
         "make every character a token, instead of a BPE; writes OUT/chars.json"),
    TEXT("separator", "LINE", separator, TLI_CLI_TOKENIZE,
         "line that stands between two documents of a file (default: <|endoftext|>)"),
    BOOL("per-file", per_file, TLI_CLI_TOKENIZE, "take every file as one document; no line separates"),
    {.name = "val-fraction",
     .metavar = "X",
     .help = "share of the documents that goes to val.bin (default: 0.0005)",
     .commands = TLI_CLI_TOKENIZE,
     .kind = FLAG_DOUBLE,
     .offset = AT(val_fraction),
     .member = "val_fraction",
     .low = 0,
     .high = 1},
    SETTING(FLAG_U64, "seed", settings.training.seed, TLI_CLI_TOKENIZE | TLI_CLI_BENCH_LOADER,
            "seed of the random numbers: equal seeds give equal results (default: 0)"),
    TEXT("prompt", "TEXT", generate.prompt, TLI_CLI_GENERATE,
         "text to continue (default: the end-of-text token, which begins a new text)"),

    GROUP("Training"),
    SETTING(FLAG_U64, "epochs", settings.training.epochs, TLI_CLI_TRAIN,
            "passes over the training samples (default: @)"),
    SETTING(FLAG_U64, "steps", settings.training.steps, TLI_CLI_TRAIN,
            "number of steps, instead of --epochs"),
    SETTING(FLAG_U32, "batch-size", settings.training.batch_size, TLI_CLI_TRAIN | TLI_CLI_BENCH_STEP,
            "samples in a step (default: @, or as many as fit the device)"),
    SETTING(FLAG_U64, "accumulate", settings.run.accumulate, TLI_CLI_TRAIN,
            "take a batch in at least N parts, and hold the activations of one at a time (default: 1)"),
    SETTING(FLAG_U64, "grad-slices", settings.training.grad_slices, TLI_CLI_TRAIN,
            "add the gradients of N parts of a batch in a fixed order, which alone decides the weights' bits "
            "(default: as --accumulate)"),
    SETTING(FLAG_U64, "offset-ranks", settings.run.offset_ranks, RUNS,
            "under mpirun or srun: N processes share the matrices by offset, and compute a batch together "
            "(default: 1)"),
    ENUM("optimizer", settings.training.optimizer, tli_optimizer_choices, MODEL,
         "optimizer (default: adamw)"),
    SETTING(FLAG_FLOAT, "lr", settings.training.lr, TLI_CLI_TRAIN, "peak learning rate (default: @)"),
    ENUM("schedule", settings.training.schedule, tli_schedule_choices, TLI_CLI_TRAIN,
         "learning rate after the warm-up: falls along a cosine or stays (default: cosine)"),
    SETTING(FLAG_U64, "warmup", settings.training.warmup, TLI_CLI_TRAIN,
            "steps in which the learning rate rises linearly to --lr (default: 0)"),
    SETTING(FLAG_FLOAT, "weight-decay", settings.training.weight_decay, TLI_CLI_TRAIN,
            "decoupled weight decay: a step shrinks weights by lr times this (default: @)"),
    SETTING(FLAG_FLOAT, "beta1", settings.training.beta1, TLI_CLI_TRAIN,
            "decay rate of the optimizer's first moment (default: by --optimizer)"),
    SETTING(FLAG_FLOAT, "beta2", settings.training.beta2, TLI_CLI_TRAIN,
            "decay rate of its second moment; lion: of its momentum (default: by --optimizer)"),
    SETTING(FLAG_FLOAT, "eps", settings.training.eps, TLI_CLI_TRAIN,
            "adamw: added to the denominator (default: 1e-8)"),
    SETTING(FLAG_FLOAT, "grad-clip", settings.training.grad_clip, TLI_CLI_TRAIN,
            "scale gradients down to this norm; 0: never (default: @)"),
    BOOL("skip-nonfinite", settings.run.skip_nonfinite, TLI_CLI_TRAIN,
         "skip a step whose loss or gradients are NaN or infinite, instead of stopping the run"),
    SETTING(FLAG_U64, "eval-every", settings.run.eval_every, TLI_CLI_TRAIN,
            "steps between evaluations on the test set (default: 0, only at the end)"),
    SETTING(FLAG_U64, "seed", settings.training.seed, TLI_CLI_TRAIN | TLI_CLI_BENCH_OP | TLI_CLI_BENCH_STEP,
            "seed of all random numbers: equal seeds give equal runs (default: 0)"),
    TEXT("config", "FILE", config, TLI_CLI_TRAIN,
         "read flags from a file, one `key = value` a line; flags on the command line win"),
    TEXT("init", "FILE", settings.run.init, TLI_CLI_TRAIN,
         "start a new run from the weights of a .safetensors file or run folder, for fine-tuning"),
    BOOL("init-partial", settings.run.init_partial, TLI_CLI_TRAIN,
         "with --init: initialise the head and the positions anew where their shapes differ, and copy the "
         "matrices of the offsets that both grids have"),
    BOOL("resume", settings.run.resume, TLI_CLI_TRAIN,
         "continue the run in --out from its newest complete checkpoint"),
    BOOL("allow-other-data", settings.run.allow_other_data, TLI_CLI_TRAIN,
         "with --resume: continue although the data have changed since the checkpoint"),

    GROUP("Output"),
    TEXT("out", "DIR", settings.run.out, TLI_CLI_TRAIN, "folder of the run (default: runs/TASK-OP-N)"),
    TEXT("out", "DIR", settings.run.out, TLI_CLI_TOKENIZE, "folder for train.bin and val.bin; required"),
    TEXT("out", "FILE", settings.run.out, TLI_CLI_REPORT, "the page, an HTML file that needs nothing else"),
    TEXT("table", "FILE", table, TLI_CLI_REPORT,
         "a table of your own to show on top: cells separated by tabs, the first line the head; lines after "
         "an empty one are paragraphs"),
    BOOL("watch", watch, TLI_CLI_REPORT,
         "serve the page to browsers of this machine, and refresh it there while the runs go on"),
    TEXT("listen", "ADDRESS[:PORT]", listen, TLI_CLI_REPORT,
         "with --watch: serve at this address and port (default: " WATCH_ADDRESS ")"),
    TEXT("metrics", "FILE", settings.run.metrics, TLI_CLI_TRAIN,
         "file of metrics, a JSON object a line (default: OUT/metrics.jsonl)"),
    BOOL("tensorboard", settings.run.tensorboard, TLI_CLI_TRAIN,
         "write the metrics to OUT/events.out.tfevents.*, too, for TensorBoard"),
    SETTING(FLAG_U64, "checkpoint-every", settings.run.checkpoint_every, TLI_CLI_TRAIN,
            "steps between checkpoints, instead of --checkpoint-minutes; all are kept unless --keep says "
            "otherwise (default: 0, by time)"),
    SETTING(FLAG_FLOAT, "checkpoint-minutes", settings.run.checkpoint_minutes, TLI_CLI_TRAIN,
            "minutes between checkpoints (default: 15)"),
    SETTING(FLAG_U64, "keep", settings.run.keep, TLI_CLI_TRAIN,
            "keep the newest N checkpoints and delete older ones; 0 keeps all (default: 2; with "
            "--checkpoint-every: 0)"),
    TEXT("confusion", "FILE", settings.run.confusion, TLI_CLI_EVAL,
         "write the confusion matrix, true class by predicted class, as tab-separated text"),
    TEXT(
        "attention-maps", "FILE", settings.run.attention_maps, TLI_CLI_EVAL,
        "write how much tokens attend to each offset, and the class token to each patch, on average over the "
        "test samples; `report` shows RUN/attention.safetensors"),
    TEXT("attention", "FILE.png", attention, TLI_CLI_PREDICT,
         "write a picture of the images and of the class token's attention to them"),
    NUMBER(FLAG_U32, "layer", layer, 0, 1023, TLI_CLI_PREDICT,
           "with --attention: block N, counted from 0 (default: the last)"),
    NUMBER(FLAG_U32, "head", head, 0, 1023, TLI_CLI_PREDICT,
           "with --attention: head N, counted from 0 (default: the mean of all heads)"),
    NUMBER(FLAG_U64, "tokens", generate.tokens, 0, BIG, TLI_CLI_GENERATE,
           "most tokens to generate; an end-of-text token stops earlier (default: 200)"),
    NUMBER(FLAG_FLOAT, "temperature", generate.temperature, 0, 1000, TLI_CLI_GENERATE,
           "sampling temperature: below 1 more predictable, 0 always the likeliest token (default: 1)"),
    NUMBER(FLAG_U32, "top-k", generate.top_k, 0, 4294967295.0, TLI_CLI_GENERATE,
           "sample from the N likeliest tokens only (default: 0, from all)"),
    NUMBER(FLAG_FLOAT, "top-p", generate.top_p, 0, 1, TLI_CLI_GENERATE,
           "sample from the fewest tokens whose probabilities add up to N (default: 1, from all)"),
    SETTING(FLAG_U64, "seed", settings.training.seed, TLI_CLI_GENERATE,
            "seed of the sampling: equal seeds give equal texts (default: 0)"),
    TEXT("show", "FILE.png", show, TLI_CLI_BENCH_LOADER,
         "write a picture of the first batch, as the model gets it"),
    TEXT("dump", "DIR", dump, TLI_CLI_KERNELS,
         "write each program into a file of this folder, its build options on the first line; required"),
    BOOL("diff", diff, TLI_CLI_INFO,
         "compare two checkpoints: settings, tensors and their largest differences"),
    BOOL("metrics", metrics, TLI_CLI_INFO,
         "print the metrics of a run, or a file of metrics, as comma-separated values"),
    BOOL("json", json, TLI_CLI_DEVICES | TLI_CLI_TUNE, "print one line with a JSON array"),
    BOOL("json", json, TLI_CLI_BENCH | TLI_CLI_BENCH_LOADER,
         "print one line with a JSON object, instead of a table"),
    BOOL("json", json, TLI_CLI_GENERATE,
         "print one line with a JSON object at the end: the text and how fast it came"),
    BOOL("json", json, TLI_CLI_PREDICT,
         "print one line with a JSON object at the end: the predictions and how fast they came"),
    BOOL("quiet", quiet, TLI_CLI_ALL,
         "print no progress and no notices on standard error; which device is used, and errors, remain"),
    BOOL("verbose", verbose, TLI_CLI_ALL, "print more notices on standard error"),

    GROUP("Device"),
    TEXT("device", "SPEC", device, TLI_CLI_DEVICES | RUNS | TLI_CLI_BENCH | TLI_CLI_TUNE | TLI_CLI_KERNELS,
         TLI_DEVICE_WORDS ", PLATFORM:DEVICE or number as in `translution devices`, or part of the name "
                          "(default: $TRANSLUTION_DEVICE, else auto)"),
    {.name = "memory-limit",
     .metavar = "BYTES",
     .help = "most bytes to allocate on the device, such as 512M or 4G (default: its memory)",
     .commands = RUNS | TLI_CLI_BENCH,
     .kind = FLAG_BYTES,
     .offset = AT(memory_limit),
     .member = "memory_limit",
     .low = 1,
     .high = 1e18},
    ENUM("recompute", settings.run.recompute, tli_recompute_choices, SHAPE,
         "save memory: compute outputs of LayerNorm and GELU and q and k of every pair again in the backward "
         "pass; auto: only if they do not fit (default: auto)"),
    ENUM("gemm", gemm, tli_gemm_choices, RUNS | TIMED, "implementation of matrix products (default: auto)"),
    ENUM("precision", settings.training.precision, tli_precision_choices, TLI_CLI_TRAIN | TIMED,
         "what matrix products round their operands to, by tensor cores of NVIDIA's GPUs, and bf16 of AMD's "
         "and Intel's; "
         "sums and weights are fp32 always, and everything is where the device cannot (default: fp32)"),
    NUMBER(
        FLAG_DOUBLE, "rank-timeout", ranks_options.timeout, 1, 1e9, RUNS,
        "started by mpirun or srun: seconds to wait for a rank of which nothing is heard, before the run is "
        "given up (default: 600)"),
    NUMBER(FLAG_U32, "threads", threads, 1, 1024, TLI_CLI_TOKENIZE,
           "threads that encode (default: one for every core)"),
    /* For tests: the other family of tiled kernels on a device that would not choose it. */
    ENUM("kernel-path", kernel_path, tli_path_choices,
         TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_GENERATE | TIMED | TLI_CLI_TUNE, NULL),

    GROUP("Diagnosis"),
    ENUM("for", kernel_path, tli_form_choices, TLI_CLI_KERNELS,
         "form of the kernels: for CPUs, whose vectors are those of the device, or for GPUs (default: this)"),
    BOOL("dry-run", dry_run, TLI_CLI_TRAIN,
         "print the number of parameters and the memory that the run needs, and write nothing"),
    NUMBER(FLAG_U64, "ranks", cluster.ranks, 1, 1024, TLI_CLI_TRAIN,
           "with --dry-run: plan the run for N processes that share it, and print what each sends"),
    NUMBER(FLAG_DOUBLE, "link-gbps", cluster.link_gbps, 1e-6, 1e9, TLI_CLI_TRAIN,
           "with --ranks: gigabits that a process can send in a second, for the time of a step"),
    NUMBER(FLAG_DOUBLE, "link-latency-us", cluster.link_latency_us, 0, 1e9, TLI_CLI_TRAIN,
           "with --ranks: microseconds that every message takes besides (default: 0)"),
    NUMBER(
        FLAG_DOUBLE, "device-tflops", cluster.device_tflops, 1e-9, 1e9, TLI_CLI_TRAIN,
        "with --ranks: what a device computes in a step, 1e12 operations a second, as `bench step` measures"),
    SETTING(FLAG_U64, "stop-after", settings.run.stop_after, TLI_CLI_TRAIN,
            "save a checkpoint and stop after N steps, as an interrupted run does"),
    BOOL("self-test", self_test, TLI_CLI_DEVICES,
         "check every kernel against plain loops on the device of --device, and print the errors"),
    NUMBER(FLAG_U32, "rounds", bench.rounds, 1, 100000, TIMED, "timed rounds, after a warm-up (default: 10)"),
    NUMBER(FLAG_U32, "rounds", bench.rounds, 1, 100000, TLI_CLI_BENCH_LOADER,
           "timed batches, after a warm-up (default: 20)"),
    BOOL("quick", tune.quick, TLI_CLI_TUNE, "quick check on a few small shapes; does not save a table"),
    NUMBER(FLAG_DOUBLE, "budget", tune.budget, 1, 1e9, TLI_CLI_TUNE,
           "seconds for the search, shared out among the products (default: 600; with --quick: 10)"),
    BOOL("show", tune.show, TLI_CLI_TUNE,
         "measure nothing: print the tiles that serve this device, and what they gained"),
    TEXT("export", "FILE", tune.export, TLI_CLI_TUNE,
         "measure nothing: write the table that is kept for this device as text"),
    TEXT("import", "FILE", tune.import, TLI_CLI_TUNE,
         "measure nothing: keep a table that --export wrote, for this device"),
    BOOL(
        "no-cache", generate.no_cache, TLI_CLI_GENERATE,
        "compute the whole context for every token instead of using the KV cache: slower, equal to rounding"),
    TEXT("model-device", "FILE", bench.model_device, TLI_CLI_BENCH_STEP,
         "time nothing: compute the step's time on the device whose figures the file holds"),
    BOOL("profile", profile, TLI_CLI_TRAIN | TLI_CLI_EVAL | TLI_CLI_GENERATE | TIMED,
         "time every kernel and print a table on standard error at the end"),
    TEXT("trace", "FILE.json", trace, TLI_CLI_TRAIN | TLI_CLI_BENCH_STEP,
         "write every kernel launch as a trace for chrome://tracing or Perfetto"),
    BOOL("help", help, TLI_CLI_ALL, "print this text"),
    BOOL("version", version, TLI_CLI_ALL, "print the version of the program"),
};

const int tli_flag_table_rows = sizeof tli_flag_table / sizeof *tli_flag_table;
