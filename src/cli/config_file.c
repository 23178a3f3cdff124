#include "cli/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

static char *config_file_trim(char *text)
{
    while (isspace((unsigned char)*text)) text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) *--end = '\0';
    return text;
}

static tl_status read_config_line(tli_cli_command command, const char *path, int number, char *line,
                                  flag_value *values, tl_error *err)
{
    char *key = config_file_trim(line);
    if (*key == '\0' || *key == '#') return TL_OK;
    char *equals = strchr(key, '=');
    if (equals == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "%s:%d: a line must read `key = value`, not '%s'", path, number,
                        key);
    *equals = '\0';
    key = config_file_trim(key);
    const tli_flag *f = tli_flag_find(command, key);
    if (f == NULL || f->offset == offsetof(tli_cli_options, help) ||
        f->offset == offsetof(tli_cli_options, version) || f->offset == offsetof(tli_cli_options, config))
        return tli_fail(err, TL_ERROR_USAGE,
                        "%s:%d: unknown key '%s'; keys are the flags of `translution %s --help`", path,
                        number, key, tli_command_of(command)->name);
    flag_value *g = &values[f - tli_flag_at(0)];
    if (g->value != NULL && g->line == 0) return TL_OK; /* the command line has precedence */
    return tli_flag_keep(g, config_file_trim(equals + 1), number, err);
}

/* Lines end in LF, CRLF or CR; a byte-order mark at the beginning is skipped. */
tl_status tli_config_read(tli_cli_command command, const char *path, flag_value *values, tl_error *err)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "cannot read the --config file %s: %s", path, strerror(errno));
    char *text = NULL;
    size_t capacity = 0;
    const ssize_t length = getdelim(&text, &capacity, '\0', file);
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
