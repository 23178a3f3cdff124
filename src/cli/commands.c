#include "cli/commands.h"

const tl_command tl_commands[] = {
    {TL_CLI_DEVICES, "devices", "devices [--self-test] [--json]", "list the OpenCL devices of this machine"},
    {TL_CLI_TRAIN, "train", "train mnist|vit|gpt [options]",
     "train a Vision Transformer on digits or images, or a GPT on text"},
    {TL_CLI_EVAL, "eval", "eval CHECKPOINT [options]", "evaluate a .safetensors file or a run's folder"},
    {TL_CLI_PREDICT, "predict", "predict CHECKPOINT IMAGE...", "the likeliest classes of images"},
    {TL_CLI_INFO, "info", "info [--diff] CHECKPOINT...", "what a checkpoint holds, or in what two differ"},
    {TL_CLI_GENERATE, "generate", "generate CHECKPOINT [options]", "text from a GPT, token by token"},
    {TL_CLI_TOKENIZE, "tokenize", "tokenize --out DIR FILE...",
     "text files to train.bin and val.bin, by GPT-2's BPE or by characters"},
    {TL_CLI_TUNE, "tune", "tune [options]", "find the faster implementation of matrix products on a device"},
    {TL_CLI_BENCH_GEMM, "bench gemm", "bench gemm [options]", "time matrix products"},
    {TL_CLI_BENCH_OP, "bench op", "bench op [options]", "time an operation alone, forward and backward"},
    {TL_CLI_BENCH_STEP, "bench step", "bench step [options]", "time training steps on random data"},
    {TL_CLI_BENCH_MEMORY, "bench memory", "bench memory [options]",
     "largest batches and grids that fit the device"},
    {TL_CLI_BENCH_LOADER, "bench loader", "bench loader [options]",
     "time the loading of images, and show them"},
};

const int tl_command_count = (int)(sizeof tl_commands / sizeof *tl_commands);

const tl_command *tl_command_of(tl_cli_command command)
{
    for (int i = 0; i < tl_command_count; i++)
        if (tl_commands[i].command == command) return &tl_commands[i];
    return &tl_commands[0];
}

char *tl_command_names(unsigned commands, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < tl_command_count && used < room; i++)
        if ((tl_commands[i].command & commands) != 0)
            used += (size_t)snprintf(out + used, room - used, "%s%s", used > 0 ? ", " : "",
                                     tl_commands[i].name);
    return out;
}
