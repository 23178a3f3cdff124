/* Entry point: finds the command, runs it, prints its error message and converts its status into an exit
 * code. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "core/clock.h"

static tl_status run_devices(tli_cli_options *o, tl_error *err)
{
    if (o->argument != NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "devices takes no word like '%s'; see `translution devices --help`", o->argument);
    return tli_cmd_devices(o, err);
}

static tl_status run_by_name(const tli_command *c, tli_cli_options *o, tl_error *err)
{
    switch (c->command) {
    case TLI_CLI_DEVICES: return run_devices(o, err);
    case TLI_CLI_TRAIN: return tli_cmd_train(o, err);
    case TLI_CLI_EVAL: return tli_cmd_eval(o, err);
    case TLI_CLI_PREDICT: return tli_cmd_predict(o, err);
    case TLI_CLI_INFO: return tli_cmd_info(o, err);
    case TLI_CLI_REPORT: return tli_cmd_report(o, err);
    case TLI_CLI_GENERATE: return tli_cmd_generate(o, err);
    case TLI_CLI_TOKENIZE: return tli_cmd_tokenize(o, err);
    case TLI_CLI_TUNE: return tli_cmd_tune(o, err);
    case TLI_CLI_KERNELS: return tli_cmd_kernels(o, err);
    case TLI_CLI_BENCH_GEMM: return tli_cmd_bench_gemm(o, err);
    case TLI_CLI_BENCH_OP: return tli_cmd_bench_op(o, err);
    case TLI_CLI_BENCH_STEP: return tli_cmd_bench_step(o, err);
    case TLI_CLI_BENCH_MEMORY: return tli_cmd_bench_memory(o, err);
    case TLI_CLI_BENCH_LOADER: return tli_cmd_bench_loader(o, err);
    case TLI_CLI_BENCH:
    case TLI_CLI_ALL: break; /* no commands */
    }
    return tli_fail(err, TL_ERROR_USAGE, "%s is in the table of commands, but nothing runs it", c->name);
}

/* A command in one line: "  translution bench op    time one operation". */
static void print_command(FILE *out, const tli_command *c)
{
    char name[48];
    snprintf(name, sizeof name, "translution %s", c->name);
    tli_cli_print_entry(out, name, c->help);
}

static void print_example(FILE *out, const char *example)
{
    fprintf(out, "    translution ");
    tli_cli_print_wrapped(out, 16, 8, example);
}

static void print_usage_line(FILE *out, const char *words)
{
    tli_cli_print_wrapped(out, fprintf(out, "usage: translution "), 8, words);
}

static void print_help(FILE *out, const tli_command *c)
{
    char text[200];
    print_usage_line(out, tli_command_usage(c, text, sizeof text));
    snprintf(text, sizeof text, "%c%s.", toupper((unsigned char)c->help[0]), c->help + 1);
    tli_cli_print_wrapped(out, 0, 0, text);
    fprintf(out, "\nExamples:\n");
    for (int i = 0; tli_command_example(c, i, text, sizeof text); i++) print_example(out, text);
    tli_cli_print_flags(out, c->command);
}

static void print_usage(FILE *out)
{
    char example[200];
    fprintf(out, "usage: translution COMMAND [options]\n");
    tli_cli_print_wrapped(
        out, 0, 0,
        "Trains Vision Transformers and GPTs with self-attention, Translution or alpha-Translution on "
        "any OpenCL device.");
    fprintf(out, "\nCommands:\n");
    for (int i = 0; i < tli_command_count; i++) print_command(out, &tli_commands[i]);
    fprintf(out, "\nExamples:\n");
    print_example(out, "devices");
    if (tli_command_example(tli_command_of(TLI_CLI_TRAIN), 0, example, sizeof example))
        print_example(out, example);
    print_example(out, "train --help");
    fprintf(out, "\n");
    tli_cli_print_wrapped(
        out, 0, 0,
        "`translution COMMAND --help` lists the options of a command, `man translution` describes all "
        "of them. Results go to standard output, everything else to standard error.");
    fprintf(out, "\n");
    tli_cli_print_wrapped(
        out, 0, 0,
        "Exit codes: 0 done; 1 failed while running, or no usable device; 2 bad usage or input; 128 + n "
        "stopped by signal n after saving (INT 130, TERM 143, HUP 129, also USR1, USR2 and XCPU).");
}

static int finish_output(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0) return 0;
    tli_cli_say("translution: cannot write to standard output: %s\n",
                errno != 0 ? strerror(errno) : "what was written is incomplete");
    return 1;
}

static int run_command(const tli_command *c, int argc, char **argv, double started)
{
    tli_cli_options o;
    tl_error err = {0};
    tl_status status = tli_cli_parse(c->command, argc, argv, &o, &err);
    o.started = started;
    if (status == TL_OK && o.version) {
        printf("translution %s\n", TL_VERSION);
        return finish_output();
    }
    if (status == TL_OK && o.help) {
        print_help(stdout, c);
        return finish_output();
    }
    if (status == TL_OK) status = run_by_name(c, &o, &err);
    if (status == TL_INTERRUPTED && tli_cli_signal == 0) return finish_output(); /* --stop-after: as asked */
    if (err.text[0] != '\0' && status != TL_OK) tli_cli_say_over("translution: %s\n", err.text);
    if (status == TL_INTERRUPTED) return 128 + (int)tli_cli_signal;
    return status == TL_OK ? finish_output() : tl_exit_code(status);
}

/* "gemm|op|step": the words behind `bench`. */
static const char *bench_words(char *out, size_t capacity)
{
    size_t used = 0;
    for (int i = 0; i < tli_command_count && used < capacity; i++)
        if (strncmp(tli_commands[i].name, "bench ", 6) == 0)
            used += (size_t)snprintf(out + used, capacity - used, "%s%s", used > 0 ? "|" : "",
                                     tli_commands[i].name + 6);
    return out;
}

/* bench WORD: the word may come after flags. */
static int run_bench(int argc, char **argv, double started)
{
    for (int at = 2; at < argc; at++) {
        char name[32];
        snprintf(name, sizeof name, "bench %.20s", argv[at]);
        for (int i = 0; i < tli_command_count; i++) {
            if (strcmp(name, tli_commands[i].name) != 0) continue;
            for (int j = at; j > 1; j--) argv[j] = argv[j - 1]; /* argv[2] is now the command's name */
            return run_command(&tli_commands[i], argc - 2, argv + 2, started);
        }
    }
    char words[128], usage[160];
    for (int at = 2; at < argc; at++) {
        if (strcmp(argv[at], "--help") != 0 && strcmp(argv[at], "-h") != 0) continue;
        snprintf(usage, sizeof usage, "bench %s [options]", bench_words(words, sizeof words));
        print_usage_line(stdout, usage);
        printf("\n");
        for (int i = 0; i < tli_command_count; i++)
            if (strncmp(tli_commands[i].name, "bench ", 6) == 0) print_command(stdout, &tli_commands[i]);
        printf("\n");
        tli_cli_print_wrapped(stdout, 0, 0, "`translution bench WORD --help` lists its options.");
        return finish_output();
    }
    fprintf(stderr, "translution: bench needs one of %s%s%s; see `translution bench --help`\n",
            bench_words(words, sizeof words), argc > 2 ? ", not " : "", argc > 2 ? argv[2] : "");
    return tl_exit_code(TL_ERROR_USAGE);
}

int main(int argc, char **argv)
{
    const double started = tli_clock_seconds();
    tli_cli_open_descriptors();
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--version") == 0) {
        printf("translution %s\n", TL_VERSION);
        return finish_output();
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_usage(stdout);
        return finish_output();
    }
    if (strcmp(word, "bench") == 0) return run_bench(argc, argv, started);
    for (int i = 0; i < tli_command_count; i++)
        if (strcmp(word, tli_commands[i].name) == 0)
            return run_command(&tli_commands[i], argc - 1, argv + 1, started);
    if (argc < 2)
        print_usage(stderr);
    else if (word[0] == '-')
        fprintf(stderr, "translution: unknown flag %s before a command; see `translution --help`\n", word);
    else {
        char names[256];
        fprintf(stderr, "translution: unknown command '%s' (%s); see `translution --help`\n", word,
                tli_command_names(TLI_CLI_ALL, names, sizeof names));
    }
    return tl_exit_code(TL_ERROR_USAGE);
}
