/* translution info CHECKPOINT: names, shapes, parameter count and run settings; needs no device. */
#include <inttypes.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "data/safetensors_format.h"

static void print_tensors(const tli_safetensors *st)
{
    uint64_t total = 0;
    for (int i = 0; i < st->count; i++) {
        const tli_st_entry *e = &st->entries[i];
        char name[sizeof e->name], shape[192];
        size_t used = 0;
        uint64_t elements = 1;
        shape[0] = '\0';
        for (uint32_t d = 0; d < e->rank; d++) {
            used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%" PRIu64, d > 0 ? " x " : "",
                                     e->shape[d]);
            elements *= e->shape[d];
        }
        total += elements;
        printf("%-60s %s  %s\n", tli_cli_plain(e->name, name, sizeof name), tli_st_dtype_names[e->dtype],
               shape);
    }
    printf("%d tensors, %" PRIu64 " parameters\n", st->count, total);
}

/* A .safetensors file, or the newest weights in a run folder. */
static tl_status find_file(const char *word, char *path, size_t capacity, tl_error *err)
{
    struct stat what;
    bool folder = stat(word, &what) == 0 && S_ISDIR(what.st_mode);
    int length = snprintf(path, capacity, "%s%s", word, folder ? "/model.safetensors" : "");
    if (length >= 0 && (size_t)length < capacity) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "the path of the checkpoint is longer than %zu characters",
                    capacity - 1);
}

static tl_status info_compare(const tli_cli_options *o, tl_error *err)
{
    char first[1024], second[1024];
    if (o->argument_count != 2)
        return tli_fail(err, TL_ERROR_USAGE,
                        "info --diff needs two checkpoints, not %d; see `translution info --help`",
                        o->argument_count);
    TLI_TRY(find_file(o->arguments[0], first, sizeof first, err));
    TLI_TRY(find_file(o->arguments[1], second, sizeof second, err));
    return tli_cli_diff(first, second, err);
}

tl_status tli_cmd_info(const tli_cli_options *o, tl_error *err)
{
    if (o->diff) return info_compare(o, err);
    if (o->argument == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "info needs a checkpoint: a .safetensors file or the folder of a run; see "
                        "`translution info --help`");
    if (o->argument_count > 1)
        return tli_fail(err, TL_ERROR_USAGE, "'%s' is one word too many; see `translution info --help`",
                        o->arguments[1]);
    char path[1024];
    TLI_TRY(find_file(o->argument, path, sizeof path, err));

    tli_safetensors st = {0};
    TLI_TRY(tli_st_open(path, &st, err));
    print_tensors(&st);
    for (int i = 0; i < st.metadata_count; i++) {
        char key[128], value[512];
        printf("%-24s %s\n", tli_cli_plain(st.metadata[i].key, key, sizeof key),
               tli_cli_plain(st.metadata[i].value, value, sizeof value));
    }
    tli_st_close(&st);
    return TL_OK;
}
