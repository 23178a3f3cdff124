#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "tasks/task.h"

const tli_command tli_commands[] = {
    {TLI_CLI_DEVICES, "devices", "devices [--self-test] [--json]", "list the OpenCL devices of this machine"},
    {TLI_CLI_TRAIN, "train", "train TASK [options]",
     "train a Vision Transformer on digits or images, or a GPT on text"},
    {TLI_CLI_EVAL, "eval", "eval CHECKPOINT [options]", "evaluate a .safetensors file or a run's folder"},
    {TLI_CLI_PREDICT, "predict", "predict CHECKPOINT IMAGE...", "the likeliest classes of images"},
    {TLI_CLI_INFO, "info", "info [--diff] CHECKPOINT...", "what a checkpoint holds, or in what two differ"},
    {TLI_CLI_GENERATE, "generate", "generate CHECKPOINT [options]", "text from a GPT, token by token"},
    {TLI_CLI_TOKENIZE, "tokenize", "tokenize --out DIR FILE...",
     "text files to train.bin and val.bin, by GPT-2's BPE or by characters"},
    {TLI_CLI_TUNE, "tune", "tune [options]", "find the faster implementation of matrix products on a device"},
    {TLI_CLI_BENCH_GEMM, "bench gemm", "bench gemm [options]", "time matrix products"},
    {TLI_CLI_BENCH_OP, "bench op", "bench op [options]", "time an operation alone, forward and backward"},
    {TLI_CLI_BENCH_STEP, "bench step", "bench step [options]", "time training steps on random data"},
    {TLI_CLI_BENCH_MEMORY, "bench memory", "bench memory [options]",
     "largest batches and grids that fit the device"},
    {TLI_CLI_BENCH_LOADER, "bench loader", "bench loader [options]",
     "time the loading of images, and show them"},
};

const int tli_command_count = (int)(sizeof tli_commands / sizeof *tli_commands);

const tli_command *tli_command_of(tli_cli_command command)
{
    for (int i = 0; i < tli_command_count; i++)
        if (tli_commands[i].command == command) return &tli_commands[i];
    return &tli_commands[0];
}

char *tli_command_usage(const tli_command *command, char *out, size_t capacity)
{
    char names[TASK_NAMES_CAPACITY];
    const char *task = strstr(command->usage, "TASK");
    if (task != NULL)
        snprintf(out, capacity, "%.*s%s%s", (int)(task - command->usage), command->usage,
                 tli_task_names(NULL, "|", names), task + strlen("TASK"));
    else
        snprintf(out, capacity, "%s", command->usage);
    return out;
}

char *tli_command_names(unsigned commands, char *out, size_t capacity)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < tli_command_count && used < capacity; i++)
        if ((tli_commands[i].command & commands) != 0)
            used += (size_t)snprintf(out + used, capacity - used, "%s%s", used > 0 ? ", " : "",
                                     tli_commands[i].name);
    return out;
}
