/* --config files: lines of `key = value`, where keys are flags without dashes. */
#ifndef CLI_CONFIG_FILE_H
#define CLI_CONFIG_FILE_H

#include "cli/flag_values.h"

/* Reads the file into values[flag number], except those given on the command line. */
tl_status tli_config_read(tli_cli_command command, const char *path, flag_value *values, tl_error *err);

#endif
