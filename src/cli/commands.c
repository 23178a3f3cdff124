#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "tasks/task.h"

const tli_command tli_commands[] = {
    {TLI_CLI_DEVICES,
     "devices",
     "devices [options]",
     "list the OpenCL devices of this machine",
     {"devices", "devices --self-test --device gpu"}},
    {TLI_CLI_TRAIN, "train", "train TASK [options]", "train a Vision Transformer or a GPT", {NULL}},
    {TLI_CLI_EVAL,
     "eval",
     "eval CHECKPOINT [options]",
     "evaluate a trained model on its test set",
     {"eval runs/birds", "eval runs/birds --confusion table.tsv"}},
    {TLI_CLI_PREDICT,
     "predict",
     "predict CHECKPOINT IMAGE... [options]",
     "name the likeliest classes of images",
     {"predict runs/birds one.jpg two.png", "predict runs/birds one.jpg --attention looks.png"}},
    {TLI_CLI_INFO,
     "info",
     "info [--diff|--metrics] CHECKPOINT... [options]",
     "describe a trained model, or compare two",
     {"info --diff runs/first runs/second", "info --metrics runs/birds"}},
    {TLI_CLI_REPORT,
     "report",
     "report RUN... --out FILE|--watch [options]",
     "show runs side by side on a page for browsers",
     {"report runs/first runs/second --out report.html", "report runs/first runs/second --watch"}},
    {TLI_CLI_GENERATE,
     "generate",
     "generate CHECKPOINT [options]",
     "write text with a GPT, token by token",
     {"generate runs/tales --prompt \"Once upon a time\" --tokens 100"}},
    {TLI_CLI_TOKENIZE,
     "tokenize",
     "tokenize --out DIR FILE... [options]",
     "turn text files into train.bin and val.bin",
     {"tokenize --chars --out data/book book.txt",
      "tokenize --vocab vocab.bpe --encoder encoder.json --out data/text *.txt"}},
    {TLI_CLI_TUNE,
     "tune",
     "tune [options]",
     "find the fastest matrix products of a device",
     {"tune --device gpu", "tune --quick"}},
    {TLI_CLI_KERNELS,
     "kernels",
     "kernels --dump DIR [options]",
     "write the OpenCL programs as source files",
     {"kernels --dump programs", "kernels --dump programs --for gpu"}},
    {TLI_CLI_BENCH_GEMM,
     "bench gemm",
     "bench gemm [options]",
     "time matrix products",
     {"bench gemm --m 4096 --n 4096 --k 4096"}},
    {TLI_CLI_BENCH_OP,
     "bench op",
     "bench op [options]",
     "time one operation, forward and backward",
     {"bench op --op alpha --grid 14x14"}},
    {TLI_CLI_BENCH_STEP,
     "bench step",
     "bench step [options]",
     "time training steps on random data",
     {"bench step --op alpha --size small --batch-size 16"}},
    {TLI_CLI_BENCH_MEMORY,
     "bench memory",
     "bench memory [options]",
     "find the largest batches and grids that fit",
     {"bench memory --size small --memory-limit 8G"}},
    {TLI_CLI_BENCH_LOADER,
     "bench loader",
     "bench loader [options]",
     "time the loading of images, and show them",
     {"bench loader --data data/birds --show batch.png"}},
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

bool tli_command_example(const tli_command *command, int index, char *out, size_t capacity)
{
    const bool is_train = command->command == TLI_CLI_TRAIN;
    const tli_task *task = is_train ? tli_task_at(index) : NULL;
    const char *example = !is_train && index < EXAMPLES ? command->examples[index] : NULL;
    if (task != NULL)
        snprintf(out, capacity, "%s %s %s", command->name, task->name, task->example);
    else if (example != NULL)
        snprintf(out, capacity, "%s", example);
    return task != NULL || example != NULL;
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
