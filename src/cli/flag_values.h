/* Values given for flags on the command line or in a --config file, and their conversion into options. */
#ifndef CLI_FLAG_VALUES_H
#define CLI_FLAG_VALUES_H

#include "cli/flags.h"

typedef struct flag_value {
    char *value; /* owned; NULL: not given */
    int line;    /* line in the --config file; 0: command line */
} flag_value;

/* Stores a copy of `value`, replacing the previous one. */
tl_status tli_flag_keep(flag_value *g, const char *value, int line, tl_error *err);
/* "--lr" or "run.conf:3: lr" */
void tli_flag_where(char *out, size_t capacity, const tli_flag *f, const flag_value *g, const char *config);
/* Parses the value and stores it in the options. */
tl_status tli_flag_apply(const tli_flag *f, const flag_value *g, tli_cli_options *o, tl_error *err);

#endif
