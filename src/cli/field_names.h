/* The library's messages name fields of the public header in backquotes: `training.batch_size`, or `relative`
 * where several structs have the field. The program's users know them as flags. */
#ifndef CLI_FIELD_NAMES_H
#define CLI_FIELD_NAMES_H

#include <stddef.h>

/* Copies `text` to `out`, cut off at `capacity`, with the flag in place of each field that has one:
 * "--batch-size". Other words in backquotes stay as they are. */
void tli_cli_name_flags(const char *text, char *out, size_t capacity);

#endif
