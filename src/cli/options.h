/* Parses the command line and --config files with one table of flags; strict, each mistake gives a
 * one-sentence error. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdio.h>

#include "core/status.h"

/* Commands, as bits of a flag's mask. */
typedef enum tli_cli_command {
    TLI_CLI_DEVICES = 1,
    TLI_CLI_TRAIN = 2,
    TLI_CLI_EVAL = 4,
    TLI_CLI_INFO = 8,
    TLI_CLI_BENCH_GEMM = 16,
    TLI_CLI_BENCH_OP = 32,
    TLI_CLI_BENCH_STEP = 64,
    TLI_CLI_BENCH_MEMORY = 128,
    TLI_CLI_BENCH = 240, /* the kinds that take a device: 16 to 128 */
    TLI_CLI_TOKENIZE = 256,
    TLI_CLI_TUNE = 512,
    TLI_CLI_BENCH_LOADER = 1024, /* not in TLI_CLI_BENCH: it needs no device */
    TLI_CLI_GENERATE = 2048,
    TLI_CLI_PREDICT = 4096,
    TLI_CLI_KERNELS = 8192,
    TLI_CLI_REPORT = 16384,
    TLI_CLI_ALL = 32767
} tli_cli_command;

/* Commands that may take several arguments. */
enum { TLI_CLI_SEVERAL = TLI_CLI_TOKENIZE | TLI_CLI_INFO | TLI_CLI_PREDICT | TLI_CLI_REPORT };

/* Options of `bench` only; 0 and empty: the default of the kind of bench. */
typedef struct tli_cli_bench {
    uint32_t m, n, k, batch, rounds;
    int transpose; /* of transpose_choices */
    char grid[32]; /* "7x7", "4x8x8"; for `gemm`: grouped GEMM on that grid */
    char task[16];
    char model_device[1024];                /* a file of devices/ */
    const struct tli_speed_device *figures; /* what that file says, once it is read */
    bool causal;
} tli_cli_bench;

/* Options of `generate` only. */
typedef struct tli_cli_generate {
    char prompt[65536];
    uint64_t tokens;
    float temperature, top_p;
    uint32_t top_k;
    bool no_cache;
} tli_cli_generate;

enum { TLI_CLI_MAX_FLAGS = 256 };

typedef struct tli_cli_options {
    tli_cli_command command;
    /* [i]: flag i of the table was given on the command line or in --config; see tli_cli_given */
    bool given[TLI_CLI_MAX_FLAGS];
    tl_settings settings;
    char device[256]; /* SPEC as typed, else TRANSLUTION_DEVICE, else empty */
    char config[1024];
    uint64_t memory_limit; /* bytes; 0: the device's global memory */
    const char *argument;  /* first argument that is not a flag: task or checkpoint; NULL: none */
    char **arguments;      /* all arguments that are not flags, in argv; several for TLI_CLI_SEVERAL alone */
    int argument_count;
    char vocab[1024], encoder[1024], separator[256]; /* tokenize, generate */
    double val_fraction;
    uint32_t threads; /* 0: one per core */
    bool chars, per_file;
    bool help, version, verbose, quiet, profile, json, dry_run, diff, metrics, self_test;
    tli_cli_bench bench;
    tli_cli_generate generate;
    char dump[1024];  /* kernels: folder for the programs */
    char trace[1024]; /* file for a Chrome trace; empty: none */
    tl_ranks *ranks;  /* train: who shares the run; NULL: nobody */
    tl_ranks_options ranks_options;
    tl_cluster cluster; /* train --dry-run --ranks */
    tl_file *init;      /* train: run.init, open; NULL: none */
    double started;     /* tli_clock_seconds when the program began; main sets it */
    char offset_sharing[24], grid[32], image_size[32], patch_size[32];
    char show[1024];
    char listen[128]; /* report: where to serve; empty: the default */
    bool watch;
    char table[1024];     /* report: file of a table of the user's own; empty: none */
    char attention[1024]; /* predict: output file for a picture; empty: none */
    uint32_t layer, head;
    uint32_t window;
    tl_gemm_mode gemm;
    struct {
        bool quick, show;
        char import[1024], export[1024]; /* files; empty: none */
        double budget;                   /* seconds; 0: the default */
    } tune;
    tl_kernel_path kernel_path;
    int size; /* of tli_size_choices */
} tli_cli_options;

/* Parses argv[1..] of a command (argv[0] is the command's name). With --help or --version nothing else is
 * checked. Otherwise the settings are complete: defaults, then --config, then flags. */
tl_status tli_cli_parse(tli_cli_command command, int argc, char **argv, tli_cli_options *o, tl_error *err);

/* "84" for 84x84, "84x60" for 84 rows of 60, "4x84x60" for 4 slices or frames of that: depth, height,
 * width from 1 to `most` each, depth 1 unless given; `what` names the flag in messages. */
tl_status tli_cli_sizes(const char *text, const char *what, uint32_t most, uint32_t sizes[3], tl_error *err);

/* Whether the flag of this name was given. */
bool tli_cli_given(const tli_cli_options *o, const char *flag);

/* The flags of a command with their help, by group, as lines of --help. */
void tli_cli_print_flags(FILE *out, tli_cli_command command);
/* Words of `text` within the width of the screen, then a line's end. The first line already has `column` characters; text begins
 * at `indent` on every line, or behind those characters. */
void tli_cli_print_wrapped(FILE *out, int column, int indent, const char *text);
/* A name and its text in the columns of --help; below the name where it or the screen leaves no room. */
void tli_cli_print_entry(FILE *out, const char *name, const char *text);

#endif
