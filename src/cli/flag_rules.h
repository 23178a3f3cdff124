/* When a flag has a meaning: for which tasks and operations, and beside which other flags. What has none is refused,
 * never ignored. Which commands take a flag at all stands in the table of flags. */
#ifndef CLI_FLAG_RULES_H
#define CLI_FLAG_RULES_H

#include "cli/flags.h"

/* TL_ERROR_USAGE, in a sentence that begins with `where` ("--motion", "run.conf:3: motion") and says what the flag is
 * for, when it means nothing to a run with these settings: for `eval` those of the checkpoint. */
tl_status tli_flag_check(const tli_flag *flag, const char *where, const tli_cli_options *o,
                         const tl_settings *s, tl_error *err);
/* The same for every flag that was given, with the checkpoint's settings. */
tl_status tli_flags_check(const tli_cli_options *o, const tl_settings *s, tl_error *err);

#endif
