/* --config files: lines of `key = value`, keys as the flags. */
#ifndef CLI_CONFIG_FILE_H
#define CLI_CONFIG_FILE_H

#include "cli/flag_values.h"

/* Into values[flag's number], where the command line gave none. */
tl_status tli_config_read(tli_cli_command command, const char *path, flag_value *values, tl_error *err);

#endif
