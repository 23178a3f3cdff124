#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/flag_rules.h"
#include "core/number.h"
#include "data/augment.h"
#include "models/presets.h"
#include "ops/op_rules.h"
#include "tasks/settings_check.h"
#include "tasks/task.h"

/* Codes of getopt_long: FIRST_CODE + the flag's place in the table. */
enum { FIRST_CODE = 256 };

/* A value on its way into the options, and where it came from, for messages. */
typedef struct given {
    char *value; /* owned; NULL: not given */
    int line;    /* of the --config file; 0: command line */
} given;

static tl_status keep(given *g, const char *value, int line, tl_error *err)
{
    char *copy = strdup(value);
    if (copy == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while reading the options");
    free(g->value);
    *g = (given){copy, line};
    return TL_OK;
}

/* ---- values -------------------------------------------------------------------------------------- */

/* "--lr" or "run.conf:3: lr" */
static void describe(char *out, size_t room, const tli_flag *f, const given *g, const char *config)
{
    if (g->line > 0)
        snprintf(out, room, "%s:%d: %s", config, g->line, f->name);
    else
        snprintf(out, room, "--%s", f->name);
}

/* The whole string must be a decimal number in the flag's range; BYTES may end in K, M or G. */
static tl_status read_whole(const tli_flag *f, const char *text, const char *where, uint64_t *out,
                            tl_error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    bool good = end != NULL && errno == 0;
    if (good && f->kind == FLAG_BYTES && *end != '\0') {
        static const char units[] = "KMG";
        const char *unit = strchr(units, toupper((unsigned char)*end));
        good = unit != NULL && value < (1ull << 33);
        for (const char *u = units; good && u <= unit; u++) value *= 1024;
        end++;
    }
    double low, high;
    tli_flag_range(f, &low, &high);
    const bool in_range = good && *end == '\0' && (double)value >= low && (double)value <= high;
    if (!in_range && f->kind == FLAG_BYTES)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "%s takes a number of bytes from %.0f on, in K, M or G if one of them follows, such as 512M, "
            "not '%s'",
            where, low, text);
    if (!in_range) return tli_setting_fail(where, true, low, high, text, err);
    *out = value;
    return TL_OK;
}

static tl_status read_double(const tli_flag *f, const char *text, const char *where, double *out,
                             tl_error *err)
{
    char *end = NULL;
    bool number = strchr("0123456789.", text[0]) != NULL && text[0] != '\0' && strpbrk(text, "xX") == NULL;
    double value = number ? tli_parse_double(text, &end) : NAN;
    double low, high;
    tli_flag_range(f, &low, &high);
    if (end == NULL || *end != '\0' || end == text || !(value >= low && value <= high))
        return tli_setting_fail(where, false, low, high, text, err);
    *out = value;
    return TL_OK;
}

static tl_status read_choice(const tli_flag *f, const char *text, const char *where, void *target,
                             tl_error *err)
{
    int value;
    TLI_TRY(tli_choice_parse(f->choices, where, text, &value, err));
    tli_choice_store(target, value);
    return TL_OK;
}

static tl_status read_bool(const char *text, const char *where, bool *out, tl_error *err)
{
    *out = strcmp(text, "true") == 0;
    if (!*out && strcmp(text, "false") != 0)
        return tli_fail(err, TL_ERROR_USAGE, "%s takes true or false, not '%s'", where, text);
    return TL_OK;
}

static tl_status apply(const tli_flag *f, const given *g, tli_cli_options *o, tl_error *err)
{
    char where[1200];
    describe(where, sizeof where, f, g, o->config);
    void *target = (char *)o + f->offset;
    uint64_t whole = 0;
    double number = 0;
    switch (f->kind) {
    case FLAG_BOOL: return read_bool(g->value, where, target, err);
    case FLAG_DOUBLE: return read_double(f, g->value, where, target, err);
    case FLAG_FLOAT:
        TLI_TRY(read_double(f, g->value, where, &number, err));
        *(float *)target = (float)number;
        return TL_OK;
    case FLAG_ENUM: return read_choice(f, g->value, where, target, err);
    case FLAG_U32:
        TLI_TRY(read_whole(f, g->value, where, &whole, err));
        *(uint32_t *)target = (uint32_t)whole;
        return TL_OK;
    case FLAG_U64:
    case FLAG_BYTES:
        TLI_TRY(read_whole(f, g->value, where, &whole, err));
        *(uint64_t *)target = whole;
        return TL_OK;
    case FLAG_SHARING:
    case FLAG_TEXT: break;
    }
    if (g->value[0] == '\0')
        return tli_fail(err, TL_ERROR_USAGE, "%s takes a value that is not empty", where);
    if (strlen(g->value) >= f->room)
        return tli_fail(err, TL_ERROR_USAGE, "%s takes at most %zu characters", where, f->room - 1);
    snprintf(target, f->room, "%s", g->value);
    return TL_OK;
}

/* ---- where values come from ---------------------------------------------------------------------- */

/* A flag that the command does not take: whose it is, if it is anybody's. */
static tl_status refuse_unknown(tli_cli_command command, const char *word, tl_error *err)
{
    char names[256];
    const size_t length = strcspn(word + 2, "=");
    unsigned others = 0;
    for (int i = 0; i < tli_flag_count; i++)
        if (strncmp(tl_flags[i].name, word + 2, length) == 0 && tl_flags[i].name[length] == '\0')
            others |= tl_flags[i].commands;
    tli_command_names(others, names, sizeof names);
    return tli_fail(err, TL_ERROR_USAGE, "unknown flag %s%s%s; see `translution %s --help`", word,
                    others != 0 ? ": it belongs to " : "", names, tli_command_of(command)->name);
}

/* Whether what getopt takes for an abbreviation of `name` is the whole name of another command's flag: --m of `bench
 * gemm` is no --memory-limit. */
static bool is_other_flag(const char *word, const char *name)
{
    const size_t length = strncmp(word, "--", 2) == 0 ? strcspn(word + 2, "=") : 0;
    for (int i = 0; length > 0 && length < strlen(name) && i < tli_flag_count; i++)
        if (strncmp(tl_flags[i].name, word + 2, length) == 0 && tl_flags[i].name[length] == '\0') return true;
    return false;
}

static tl_status read_arguments(tli_cli_command command, int argc, char **argv, given *values,
                                tli_cli_options *o, tl_error *err)
{
    struct option table[TLI_CLI_MOST_FLAGS + 1];
    int entries = 0;
    for (int i = 0; i < tli_flag_count; i++)
        if ((tl_flags[i].commands & (unsigned)command) != 0)
            table[entries++] = (struct option){
                tl_flags[i].name, tl_flags[i].kind != FLAG_BOOL ? required_argument : no_argument, NULL,
                FIRST_CODE + i};
    table[entries] = (struct option){NULL, 0, NULL, 0};

    const char *name = tli_command_of(command)->name;
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, ":h", table, NULL)) != -1;) {
        if (code == 'h') {
            o->help = true;
        } else if (code == ':') {
            char metavar[CHOICE_LIST_ROOM];
            return tli_fail(err, TL_ERROR_USAGE, "--%s needs a value (%s); see `translution %s --help`",
                            tl_flags[optopt - FIRST_CODE].name,
                            tli_flag_metavar(&tl_flags[optopt - FIRST_CODE], metavar), name);
        } else if (code == '?' && optopt >= FIRST_CODE) {
            return tli_fail(err, TL_ERROR_USAGE, "--%s takes no value; see `translution %s --help`",
                            tl_flags[optopt - FIRST_CODE].name, name);
        } else if (code == '?' && optopt != 0) {
            return tli_fail(err, TL_ERROR_USAGE, "unknown flag -%c; see `translution %s --help`", optopt,
                            name);
        } else if (code == '?') {
            const char *word = argv[optind - 1];
            bool ambiguous = false;
            for (int i = 0; i < entries; i++)
                ambiguous |= strncmp(table[i].name, word + 2, strcspn(word + 2, "=")) == 0;
            if (!ambiguous) return refuse_unknown(command, word, err);
            return tli_fail(err, TL_ERROR_USAGE, "ambiguous flag %s; see `translution %s --help`", word,
                            name);
        } else {
            const char *word = argv[optind - 1] == optarg ? argv[optind - 2] : argv[optind - 1];
            if (is_other_flag(word, tl_flags[code - FIRST_CODE].name))
                return refuse_unknown(command, word, err);
            given *g = &values[code - FIRST_CODE];
            if (g->value != NULL && tl_flags[code - FIRST_CODE].offset == offsetof(tli_cli_options, config))
                return tli_fail(err, TL_ERROR_USAGE,
                                "--config is given twice, as %s and %s: put all lines into one file",
                                g->value, optarg);
            TLI_TRY(
                keep(g, optarg != NULL ? optarg : "true", 0, err)); /* of any other flag the last counts */
        }
    }
    o->arguments = argv + optind;
    o->argument_count = argc - optind;
    if (argc - optind > 1 && command != TLI_CLI_TOKENIZE && command != TLI_CLI_INFO &&
        command != TLI_CLI_PREDICT)
        return tli_fail(err, TL_ERROR_USAGE, "'%s' is one word too many; see `translution %s --help`",
                        argv[optind + 1], name);
    if (optind < argc) o->argument = argv[optind];
    return TL_OK;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) *--end = '\0';
    return text;
}

static tl_status read_config_line(tli_cli_command command, const char *path, int number, char *line,
                                  given *values, tl_error *err)
{
    char *key = trim(line);
    if (*key == '\0' || *key == '#') return TL_OK;
    char *equals = strchr(key, '=');
    if (equals == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "%s:%d: a line must read `key = value`, not '%s'", path, number,
                        key);
    *equals = '\0';
    key = trim(key);
    const tli_flag *f = tli_flag_find(command, key);
    if (f == NULL || f->offset == offsetof(tli_cli_options, help) ||
        f->offset == offsetof(tli_cli_options, version) || f->offset == offsetof(tli_cli_options, config))
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s:%d: unknown key '%s'; keys are the flags of `translution %s --help`", path,
                        number, key, tli_command_of(command)->name);
    given *g = &values[f - tl_flags];
    if (g->value != NULL && g->line == 0) return TL_OK; /* the command line wins */
    return keep(g, trim(equals + 1), number, err);
}

/* Lines end in LF, CRLF or CR; a byte-order mark before the first one is none of it. */
static tl_status read_config(tli_cli_command command, const char *path, given *values, tl_error *err)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "cannot read the --config file %s: %s", path, strerror(errno));
    char *text = NULL;
    size_t room = 0;
    const ssize_t length = getdelim(&text, &room, '\0', file);
    tl_status status = TL_OK;
    if (length == -1 && ferror(file))
        status = tli_fail(err, TL_ERROR_INPUT, "cannot read the --config file %s: %s", path, strerror(errno));
    if (length != -1 && (size_t)length > strlen(text))
        status = tli_fail(err, TL_ERROR_INPUT, "the --config file %s is no text: it holds a NUL", path);
    char *line = length != -1 ? text : NULL;
    if (line != NULL && strncmp(line, "\xef\xbb\xbf", 3) == 0) line += 3;
    for (int number = 1; status == TL_OK && line != NULL; number++) {
        char *end = line + strcspn(line, "\r\n"), *next = NULL;
        if (*end != '\0') next = end + (end[0] == '\r' && end[1] == '\n' ? 2 : 1);
        *end = '\0';
        status = read_config_line(command, path, number, line, values, err);
        line = next;
    }
    free(text);
    fclose(file);
    return status;
}

/* ---- all together -------------------------------------------------------------------------------- */

static const char *value_of(const given *values, const char *name)
{
    for (int i = 0; i < tli_flag_count; i++)
        if (strcmp(tl_flags[i].name, name) == 0 && values[i].value != NULL) return values[i].value;
    return NULL;
}

bool tli_cli_given(const tli_cli_options *o, const char *flag)
{
    for (int i = 0; i < tli_flag_count; i++)
        if (o->given[i] && strcmp(tl_flags[i].name, flag) == 0) return true;
    return false;
}

static bool is_given(const given *values, const char *name)
{
    return value_of(values, name) != NULL;
}

static void apply_size(tli_cli_options *o)
{
    const tli_preset *p = tli_preset_at(o->size);
    tl_model_config *m = &o->settings.model;
    if (p == NULL) return;
    m->dim = p->dim;
    m->depth = p->depth;
    m->heads = p->heads;
    m->head_dim = p->head_dim;
    m->mlp_dim = p->mlp_dim;
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
    char list[CHOICE_LIST_ROOM];
    return tli_fail(err, TL_ERROR_USAGE, "--offset-sharing takes %s with R from 1 to 65535, not '%s'",
                    tli_flag_metavar(tli_flag_find(TLI_CLI_TRAIN, "offset-sharing"), list), text);
}

/* --window, which may be the width of the operation's kernel. */
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
        TLI_TRY(tli_cli_sizes(o->patch_size, "--patch-size", MODEL_MOST_IMAGE, patch, err));
    if (o->image_size[0] != '\0')
        TLI_TRY(tli_cli_sizes(o->image_size, "--image-size", MODEL_MOST_IMAGE, image, err));
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

/* What follows from several flags at once. */
static void complete(tli_cli_options *o, const given *values)
{
    tl_settings *s = &o->settings;
    tl_model_config *m = &s->model;
    if (is_given(values, "relative") && m->relative == 0) m->relative = TL_ROLE_QKV;
    if (is_given(values, "dim") && !is_given(values, "mlp-dim")) m->mlp_dim = 4 * m->dim;
    if (!is_given(values, "test-motion")) s->test_motion = s->motion;
    if (is_given(values, "checkpoint-every")) s->checkpoint_minutes = 0.0f;
    s->keep_all = is_given(values, "keep") && s->keep == 0;
    s->batch_given = is_given(values, "batch-size");
    s->stored_length = !is_given(values, "steps") && !is_given(values, "epochs");
    s->vocab_given = is_given(values, "vocab-size");
    s->classes_given = is_given(values, "classes");
    s->profile |= o->trace[0] != '\0';
    const char *device = getenv("TRANSLUTION_DEVICE");
    if (o->device[0] == '\0' && device != NULL) snprintf(o->device, sizeof o->device, "%s", device);
}

/* The defaults of the task: of `train` the word behind it, of `bench` what --task says. */
static tl_status begin_task(tli_cli_command command, const given *values, tli_cli_options *o, tl_error *err)
{
    const char *word = command == TLI_CLI_TRAIN          ? o->argument
                       : command == TLI_CLI_BENCH_LOADER ? "vit"
                                                         : value_of(values, "task");
    if (word == NULL || tl_settings_default(&o->settings, word)) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    command == TLI_CLI_TRAIN ? "unknown task '%s': this version trains %s"
                                             : "unknown --task '%s': this version has %s",
                    word, tli_task_names());
}

/* Refuses what was given and means nothing to this run, naming where it stands. */
static tl_status check_flags(const given *values, tli_cli_options *o, tl_error *err)
{
    for (int i = 0; i < tli_flag_count; i++) {
        char where[1200];
        if (values[i].value == NULL) continue;
        describe(where, sizeof where, &tl_flags[i], &values[i], o->config);
        TLI_TRY(tli_flag_check(&tl_flags[i], where, o, &o->settings, err));
    }
    return TL_OK;
}

static tl_status parse(tli_cli_command command, int argc, char **argv, given *values, tli_cli_options *o,
                       tl_error *err)
{
    TLI_TRY(read_arguments(command, argc, argv, values, o, err));
    o->help |= is_given(values, "help");
    o->version |= is_given(values, "version");
    if (o->help || o->version) return TL_OK;
    TLI_TRY(begin_task(command, values, o, err));
    const tli_flag *config = tli_flag_find(command, "config");
    if (config != NULL && values[config - tl_flags].value != NULL) {
        TLI_TRY(apply(config, &values[config - tl_flags], o, err));
        TLI_TRY(read_config(command, o->config, values, err));
    }
    /* --size first: --dim and its kin then replace what it set, wherever they stand. */
    const tli_flag *size = tli_flag_find(TLI_CLI_TRAIN, "size");
    if (values[size - tl_flags].value != NULL) TLI_TRY(apply(size, &values[size - tl_flags], o, err));
    apply_size(o);
    for (int i = 0; i < tli_flag_count; i++) {
        o->given[i] = values[i].value != NULL;
        if (o->given[i]) TLI_TRY(apply(&tl_flags[i], &values[i], o, err));
    }
    complete(o, values);
    if (command != TLI_CLI_EVAL) TLI_TRY(check_flags(values, o, err)); /* its checkpoint comes first */
    TLI_TRY(read_image(o, err));
    if (o->augment[0] != '\0') TLI_TRY(tli_augment_parse(o->augment, &o->settings.augment, err));
    TLI_TRY(read_window(o, &o->settings.model, err));
    return read_sharing(o->offset_sharing, &o->settings.model, err);
}

tl_status tli_cli_parse(tli_cli_command command, int argc, char **argv, tli_cli_options *o, tl_error *err)
{
    given values[TLI_CLI_MOST_FLAGS] = {{NULL, 0}};
    memset(o, 0, sizeof *o);
    o->command = command;
    if (tli_flag_count > TLI_CLI_MOST_FLAGS)
        return tli_fail(err, TL_ERROR_USAGE, "the table of flags is too long");
    tl_settings_default(&o->settings, "mnist");
    o->val_fraction = 0.0005;
    o->generate.tokens = 200;
    o->generate.temperature = o->generate.top_p = 1.0f;
    tl_status status = parse(command, argc, argv, values, o, err);
    for (int i = 0; i < tli_flag_count; i++) free(values[i].value);
    return status;
}

/* The values of a flag that explain themselves, a line each. */
static void print_choices(FILE *out, const choices *c)
{
    for (int i = 0; i < c->count; i++)
        if (c->items[i].help != NULL)
            fprintf(out, "  %-24s    %-12s  %s\n", "", c->items[i].name, c->items[i].help);
}

void tli_cli_print_flags(FILE *out, tli_cli_command command)
{
    for (int i = 0; i < tli_flag_count; i++) {
        const tli_flag *f = &tl_flags[i];
        if (f->help == NULL || (f->commands & (unsigned)command) == 0) continue;
        char left[CHOICE_LIST_ROOM + 40], metavar[CHOICE_LIST_ROOM], list[CHOICE_LIST_ROOM] = "";
        tli_flag_metavar(f, metavar);
        snprintf(left, sizeof left, "--%s%s%s", f->name, metavar[0] != '\0' ? " " : "", metavar);
        if (f->kind == FLAG_TEXT && f->choices != NULL) tli_choice_list(f->choices, ", ", list);
        fprintf(out, strlen(left) <= 24 ? "  %-24s%s  %s%s%s\n" : "  %s\n  %-24s  %s%s%s\n", left, "",
                f->help, list[0] != '\0' ? " " : "", list);
        if (f->choices != NULL) print_choices(out, f->choices);
    }
}
