/* translution info CHECKPOINT: names, shapes, parameter count and run settings, or a run's metrics; needs no
 * device. */
#include <inttypes.h>

#include "cli/cli.h"

char *tli_cli_shape(const tl_tensor_info *tensor, char *text, size_t capacity)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t d = 0; d < tensor->rank && used < capacity; d++)
        used += (size_t)snprintf(text + used, capacity - used, "%s%" PRIu64, d > 0 ? " x " : "",
                                 tensor->shape[d]);
    return text;
}

static void print_tensors(const tl_file *file)
{
    uint64_t total = 0;
    tl_tensor_info tensor;
    int count = 0;
    for (; tl_file_tensor_at(file, count, &tensor); count++) {
        char name[128], shape[192];
        total += tensor.count;
        printf("%-60s %s  %s\n", tli_cli_plain(tensor.name, name, sizeof name), tensor.dtype,
               tli_cli_shape(&tensor, shape, sizeof shape));
    }
    printf("%d tensors, %" PRIu64 " parameters\n", count, total);
}

static void print_metadata(const tl_file *file)
{
    const char *key, *value;
    for (int i = 0; tl_file_metadata_at(file, i, &key, &value); i++) {
        char plain_key[128], plain_value[512];
        printf("%-24s %s\n", tli_cli_plain(key, plain_key, sizeof plain_key),
               tli_cli_plain(value, plain_value, sizeof plain_value));
    }
}

static tl_status check_words(const tli_cli_options *o, tl_error *err)
{
    const int wanted = o->diff ? 2 : 1;
    if (o->diff && o->metrics)
        return tli_fail(err, TL_ERROR_USAGE,
                        "--diff compares checkpoints and --metrics prints the metrics of a run: give one of "
                        "them");
    if (o->diff && o->argument_count != 2)
        return tli_fail(err, TL_ERROR_USAGE,
                        "info --diff needs two checkpoints, not %d; see `translution info --help`",
                        o->argument_count);
    if (o->argument == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "info needs a checkpoint: a .safetensors file or the folder of a run; see "
                        "`translution info --help`");
    if (o->argument_count > wanted)
        return tli_fail(err, TL_ERROR_USAGE, "'%s' is one word too many; see `translution info --help`",
                        o->arguments[wanted]);
    return TL_OK;
}

tl_status tli_cmd_info(const tli_cli_options *o, tl_error *err)
{
    TLI_TRY(check_words(o, err));
    if (o->metrics) return tli_cli_print_metrics(o->arguments[0], o, err);
    tl_file *file = NULL, *other = NULL;
    tl_status status = tl_file_open(o->arguments[0], &file, err);
    if (status == TL_OK && o->diff) {
        status = tl_file_open(o->arguments[1], &other, err);
        if (status == TL_OK) status = tli_cli_diff(file, other, err);
    } else if (status == TL_OK) {
        print_tensors(file);
        print_metadata(file);
    }
    tl_file_close(other);
    tl_file_close(file);
    return status;
}
