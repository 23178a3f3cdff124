#include "cli/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/flag_rules.h"
#include "core/text.h"
#include "models/presets.h"
#include "ops/op_rules.h"
#include "tasks/task.h"

/* getopt_long codes: FIRST_CODE + index of the flag in the table. */
enum { FIRST_CODE = 256 };

/* ---- sources of values ------------------------------------------------------------------------------ */

/* The commands with a flag of just this name; `word` is "--name" or "--name=value". */
static unsigned commands_with(const char *word)
{
    const size_t length = strcspn(word + 2, "=");
    unsigned commands = 0;
    for (int i = 0; i < tli_flag_count(); i++)
        if (strncmp(tli_flag_at(i)->name, word + 2, length) == 0 && tli_flag_at(i)->name[length] == '\0')
            commands |= tli_flag_at(i)->commands;
    return commands;
}

/* The flags of --help that begin so: "--seed, --seq-len or --size"; empty: none. */
static char *flags_that_begin(tli_cli_command command, const char *word, char *out, size_t capacity)
{
    const size_t length = strcspn(word + 2, "=");
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < tli_flag_count() && used < capacity; i++) {
        const tli_flag *f = tli_flag_at(i);
        if (f->help != NULL && (f->commands & (unsigned)command) != 0 &&
            strncmp(f->name, word + 2, length) == 0)
            used += (size_t)snprintf(out + used, capacity - used, "%s--%s", used > 0 ? ", " : "", f->name);
    }
    tli_text_last_item(out, capacity, "or");
    return out;
}

/* Error message for a flag that the command does not take, or takes in several longer forms: names these,
 * and the commands that take the flag itself. */
static tl_status refuse_unknown(tli_cli_command command, const char *word, tl_error *err)
{
    char longer[256], names[256];
    const unsigned others = commands_with(word);
    flags_that_begin(command, word, longer, sizeof longer);
    tli_command_names(others, names, sizeof names);
    return tli_fail(err, TL_ERROR_USAGE, "%s flag %s%s%s%s%s; see `translution %s --help`",
                    others == 0 && longer[0] != '\0' ? "ambiguous" : "unknown", word,
                    others != 0 ? ": it belongs to " : "", names,
                    longer[0] == '\0' ? ""
                    : others != 0     ? ", here it may be "
                                      : ": it may be ",
                    longer, tli_command_of(command)->name);
}

/* Whether an abbreviation that getopt accepted for `name` is the full name of another command's flag: --m
 * of `bench gemm` is not short for --memory-limit. */
static bool is_other_flag(const char *word, const char *name)
{
    return strncmp(word, "--", 2) == 0 && strcspn(word + 2, "=") < strlen(name) && commands_with(word) != 0;
}

static tl_status read_arguments(tli_cli_command command, int argc, char **argv, flag_value *values,
                                tli_cli_options *o, tl_error *err)
{
    struct option table[TLI_CLI_MAX_FLAGS + 1];
    int entries = 0;
    for (int i = 0; i < tli_flag_count(); i++)
        if ((tli_flag_at(i)->commands & (unsigned)command) != 0)
            table[entries++] = (struct option){
                tli_flag_at(i)->name, tli_flag_at(i)->kind != FLAG_BOOL ? required_argument : no_argument,
                NULL, FIRST_CODE + i};
    table[entries] = (struct option){NULL, 0, NULL, 0};

    const char *name = tli_command_of(command)->name;
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, ":h", table, NULL)) != -1;) {
        if (code == 'h') {
            o->help = true;
        } else if (code == ':') {
            char metavar[CHOICE_LIST_CAPACITY];
            return tli_fail(err, TL_ERROR_USAGE, "--%s needs a value (%s); see `translution %s --help`",
                            tli_flag_at(optopt - FIRST_CODE)->name,
                            tli_flag_metavar(tli_flag_at(optopt - FIRST_CODE), metavar), name);
        } else if (code == '?' && optopt >= FIRST_CODE) {
            return tli_fail(err, TL_ERROR_USAGE, "--%s takes no value; see `translution %s --help`",
                            tli_flag_at(optopt - FIRST_CODE)->name, name);
        } else if (code == '?' && optopt != 0) {
            return tli_fail(err, TL_ERROR_USAGE, "unknown flag -%c; see `translution %s --help`", optopt,
                            name);
        } else if (code == '?') {
            return refuse_unknown(command, argv[optind - 1], err);
        } else {
            const char *word = argv[optind - 1] == optarg ? argv[optind - 2] : argv[optind - 1];
            if (is_other_flag(word, tli_flag_at(code - FIRST_CODE)->name))
                return refuse_unknown(command, word, err);
            flag_value *g = &values[code - FIRST_CODE];
            if (g->value != NULL &&
                tli_flag_at(code - FIRST_CODE)->offset == offsetof(tli_cli_options, config))
                return tli_fail(err, TL_ERROR_USAGE,
                                "--config is given twice, as %s and %s: put all lines into one file",
                                g->value, optarg);
            TLI_TRY(tli_flag_keep(g, optarg != NULL ? optarg : "true", 0,
                                  err)); /* for other flags the last one counts */
        }
    }
    o->arguments = argv + optind;
    o->argument_count = argc - optind;
    if (argc - optind > 1 && (command & TLI_CLI_SEVERAL) == 0)
        return tli_fail(err, TL_ERROR_USAGE, "'%s' is one word too many; see `translution %s --help`",
                        argv[optind + 1], name);
    if (optind < argc) o->argument = argv[optind];
    return TL_OK;
}

/* ---- all together -------------------------------------------------------------------------------- */

static const char *value_of(const flag_value *values, const char *name)
{
    for (int i = 0; i < tli_flag_count(); i++)
        if (strcmp(tli_flag_at(i)->name, name) == 0 && values[i].value != NULL) return values[i].value;
    return NULL;
}

bool tli_cli_given(const tli_cli_options *o, const char *flag)
{
    for (int i = 0; i < tli_flag_count(); i++)
        if (o->given[i] && strcmp(tli_flag_at(i)->name, flag) == 0) return true;
    return false;
}

static bool is_given(const flag_value *values, const char *name)
{
    return value_of(values, name) != NULL;
}

static void apply_size(tli_cli_options *o)
{
    const tli_preset *p = tli_preset_at(o->size);
    if (p != NULL) tli_preset_apply(p, &o->settings.model);
}

/* --offset-sharing, a name of the choices and, but for the first, a radius: "clip:2". */
static tl_status read_sharing(const char *text, tl_model_config *m, tl_error *err)
{
    const size_t length = strcspn(text, ":");
    char *end = NULL;
    int value = 0;
    const bool named = tli_choice_find(&tli_sharing_choices, text, length, &value);
    if (text[0] == '\0' || (named && value == TL_SHARING_NONE && text[length] == '\0')) return TL_OK;
    if (named && value != TL_SHARING_NONE && text[length] == ':' &&
        isdigit((unsigned char)text[length + 1])) {
        const unsigned long radius = strtoul(text + length + 1, &end, 10);
        m->sharing = (tl_sharing)value;
        m->sharing_radius = (uint32_t)radius;
        if (*end == '\0' && radius >= 1 && radius <= 65535) return TL_OK;
    }
    char list[CHOICE_LIST_CAPACITY];
    return tli_fail(err, TL_ERROR_USAGE, "--offset-sharing takes %s with R from 1 to 65535, not '%s'",
                    tli_flag_metavar(tli_flag_find(TLI_CLI_TRAIN, "offset-sharing"), list), text);
}

/* --window: a number, or for convolution the kernel's width. */
static tl_status read_window(const tli_cli_options *o, tl_model_config *m, tl_error *err)
{
    m->window = o->window;
    if (tli_op_rule_of(m->op)->window != OP_WINDOW_KERNEL) return TL_OK;
    if (o->window < 3 || o->window % 2 == 0)
        return tli_fail(err, TL_ERROR_USAGE, "--op %s takes an odd --window from 3 on, not %u",
                        tl_op_name(m->op), o->window);
    m->window = o->window / 2;
    return TL_OK;
}

tl_status tli_cli_sizes(const char *text, const char *what, uint32_t most, uint32_t sizes[3], tl_error *err)
{
    unsigned long read[3] = {0, 0, 0};
    int count = 0;
    const char *at = text;
    while (count < 3 && isdigit((unsigned char)*at)) {
        char *end;
        read[count] = strtoul(at, &end, 10);
        if (read[count] < 1 || read[count] > most) break;
        count++;
        at = *end == 'x' && count < 3 ? end + 1 : end;
        if (*end != 'x') break;
    }
    if (count == 0 || *at != '\0' || text[strlen(text) - 1] == 'x')
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s takes N, HxW or DxHxW with numbers from 1 to %u, such as 7x7, not '%s'", what,
                        most, text);
    sizes[0] = count == 3 ? (uint32_t)read[0] : 1;
    sizes[1] = (uint32_t)read[count == 3 ? 1 : 0];
    sizes[2] = (uint32_t)read[count - 1];
    return TL_OK;
}

/* --image-size and --patch-size, or the image as --grid patches. */
static tl_status read_image(tli_cli_options *o, tl_error *err)
{
    tl_model_config *m = &o->settings.model;
    uint32_t image[3] = {m->image_depth, m->image_height, m->image_width},
             patch[3] = {m->patch_depth, m->patch_height, m->patch_width}, grid[3];
    if (o->patch_size[0] != '\0')
        TLI_TRY(tli_cli_sizes(o->patch_size, "--patch-size", MODEL_MAX_IMAGE, patch, err));
    if (o->image_size[0] != '\0')
        TLI_TRY(tli_cli_sizes(o->image_size, "--image-size", MODEL_MAX_IMAGE, image, err));
    if (o->grid[0] != '\0') {
        if (o->image_size[0] != '\0')
            return tli_fail(err, TL_ERROR_USAGE,
                            "--grid and --image-size both say how large the image is: give one of them");
        TLI_TRY(tli_cli_sizes(o->grid, "--grid", 4096, grid, err));
        for (int axis = 0; axis < 3; axis++) image[axis] = grid[axis] * patch[axis];
    }
    m->image_depth = image[0], m->image_height = image[1], m->image_width = image[2];
    m->patch_depth = patch[0], m->patch_height = patch[1], m->patch_width = patch[2];
    return TL_OK;
}

/* Fields that default to another field or come from the data, unless given. */
static void complete_fields(tl_settings *s, const flag_value *values)
{
    const field *list[FIELDS_MAX];
    const int count = tli_settings_fields(tli_task_find(s->task), list);
    char flag[FIELD_TEXT_CAPACITY];
    for (int i = 0; i < count; i++) {
        if ((list[i]->use & FIELD_OF_DATA) != 0)
            s->run.exact_labels |= is_given(values, tli_field_flag(list[i], flag));
        if (list[i]->follows == NULL || is_given(values, tli_field_flag(list[i], flag))) continue;
        for (int k = 0; k < count; k++)
            if (strcmp(list[k]->key, list[i]->follows) == 0)
                memcpy((char *)s + list[i]->at, (const char *)s + list[k]->at, sizeof(int)); /* choices */
    }
}

/* Settings that follow from several flags. */
static void options_complete(tli_cli_options *o, const flag_value *values)
{
    tl_settings *s = &o->settings;
    tl_model_config *m = &s->model;
    if (is_given(values, "relative") && m->relative == 0) m->relative = TL_ROLE_QKV;
    if (is_given(values, "dim") && !is_given(values, "mlp-dim")) m->mlp_dim = 4 * m->dim;
    complete_fields(s, values);
    if (is_given(values, "checkpoint-every")) s->run.checkpoint_minutes = 0.0f;
    s->run.keep_all = is_given(values, "keep") && s->run.keep == 0;
    s->run.exact_batch = is_given(values, "batch-size");
    s->run.stored_length = !is_given(values, "steps") && !is_given(values, "epochs");
    o->profile |= o->trace[0] != '\0';
    const char *device = getenv("TRANSLUTION_DEVICE");
    if (o->device[0] == '\0' && device != NULL) snprintf(o->device, sizeof o->device, "%s", device);
}

/* Sets the task's defaults: of `train` by its argument, of `bench` by --task. */
static tl_status begin_task(tli_cli_command command, const flag_value *values, tli_cli_options *o,
                            tl_error *err)
{
    const char *word = command == TLI_CLI_TRAIN          ? o->argument
                       : command == TLI_CLI_BENCH_LOADER ? tli_task_images.name
                                                         : value_of(values, "task");
    char names[TASK_NAMES_CAPACITY];
    const tli_task *task = word != NULL ? tli_task_find(word) : NULL;
    if (word == NULL || (task != NULL && !task->callers && tl_settings_default(&o->settings, word)))
        return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    command == TLI_CLI_TRAIN ? "unknown task '%s': this version trains %s"
                                             : "unknown --task '%s': this version has %s",
                    word, tli_task_names(NULL, ", ", names));
}

/* Refuses given flags that do not apply to this run, with their source. */
static tl_status check_flags(const flag_value *values, tli_cli_options *o, tl_error *err)
{
    for (int i = 0; i < tli_flag_count(); i++) {
        char where[1200];
        if (values[i].value == NULL) continue;
        tli_flag_where(where, sizeof where, tli_flag_at(i), &values[i], o->config);
        TLI_TRY(tli_flag_check(tli_flag_at(i), where, o, &o->settings, err));
    }
    return TL_OK;
}

static tl_status options_parse(tli_cli_command command, int argc, char **argv, flag_value *values,
                               tli_cli_options *o, tl_error *err)
{
    TLI_TRY(read_arguments(command, argc, argv, values, o, err));
    o->help |= is_given(values, "help");
    o->version |= is_given(values, "version");
    if (o->help || o->version) return TL_OK;
    TLI_TRY(begin_task(command, values, o, err));
    const tli_flag *config = tli_flag_find(command, "config");
    if (config != NULL && values[config - tli_flag_at(0)].value != NULL) {
        TLI_TRY(tli_flag_apply(config, &values[config - tli_flag_at(0)], o, err));
        TLI_TRY(tli_config_read(command, o->config, values, err));
    }
    /* --size first, so that --dim etc. override it in any order. */
    const tli_flag *size = tli_flag_find(TLI_CLI_TRAIN, "size");
    if (values[size - tli_flag_at(0)].value != NULL)
        TLI_TRY(tli_flag_apply(size, &values[size - tli_flag_at(0)], o, err));
    apply_size(o);
    for (int i = 0; i < tli_flag_count(); i++) {
        o->given[i] = values[i].value != NULL;
        if (o->given[i]) TLI_TRY(tli_flag_apply(tli_flag_at(i), &values[i], o, err));
    }
    options_complete(o, values);
    if (command != TLI_CLI_EVAL) TLI_TRY(check_flags(values, o, err)); /* eval: checkpoint first */
    TLI_TRY(read_image(o, err));
    TLI_TRY(read_window(o, &o->settings.model, err));
    return read_sharing(o->offset_sharing, &o->settings.model, err);
}

tl_status tli_cli_parse(tli_cli_command command, int argc, char **argv, tli_cli_options *o, tl_error *err)
{
    flag_value values[TLI_CLI_MAX_FLAGS] = {{NULL, 0}};
    memset(o, 0, sizeof *o);
    o->command = command;
    if (tli_flag_count() >= TLI_CLI_MAX_FLAGS)
        return tli_fail(err, TL_ERROR_USAGE, "the table of flags is too long");
    tl_settings_default(&o->settings, tli_task_at(0)->name);
    o->val_fraction = 0.0005;
    o->generate.tokens = 200;
    o->generate.temperature = o->generate.top_p = 1.0f;
    tl_status status = options_parse(command, argc, argv, values, o, err);
    for (int i = 0; i < tli_flag_count(); i++) free(values[i].value);
    return status;
}
