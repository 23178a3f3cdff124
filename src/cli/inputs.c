/* Protects a command's input files from being overwritten by its outputs. */
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/page.h"

static bool is_same_file(const struct stat *a, const char *path)
{
    struct stat b;
    return stat(path, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

/* Whether it is one of the files of a run folder that the command reads; the last ones `eval` writes. */
static bool is_in_run(const struct stat *target, const char *folder, tli_cli_command command)
{
    static const char *const names[] = {PAGE_WEIGHTS,  "best.safetensors", PAGE_METRICS,
                                        "result.json", PAGE_CONFUSION,     PAGE_ATTENTION};
    enum { WRITTEN_BY_EVAL = 2 };
    const size_t count = sizeof names / sizeof *names - (command == TLI_CLI_EVAL ? WRITTEN_BY_EVAL : 0);
    for (size_t i = 0; i < count; i++) {
        char inside[4200];
        snprintf(inside, sizeof inside, "%s/%s", folder, names[i]);
        if (is_same_file(target, inside)) return true;
    }
    return false;
}

tl_status tli_cli_spare_inputs(const tli_cli_options *o, const char *flag, const char *path, tl_error *err)
{
    struct stat target;
    if (stat(path, &target) != 0) return TL_OK; /* does not exist */
    bool input = o->table[0] != '\0' && is_same_file(&target, o->table);
    for (int i = 0; i < o->argument_count && !input; i++)
        input = is_same_file(&target, o->arguments[i]) || is_in_run(&target, o->arguments[i], o->command);
    if (!input) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "%s would write over %s, which is read: choose another file", flag,
                    path);
}
