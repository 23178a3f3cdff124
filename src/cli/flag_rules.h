/* When a flag applies: for which tasks and operations, and together with which other flags. A flag that
 * does not apply is an error, never ignored. Which commands take a flag is in the table of flags. */
#ifndef CLI_FLAG_RULES_H
#define CLI_FLAG_RULES_H

#include "cli/flags.h"

/* TL_ERROR_USAGE when the flag does not apply to a run with these settings (for `eval` those of the
 * checkpoint): a sentence that begins with `where` ("--motion", "run.conf:3: motion") and says what the
 * flag is for. */
tl_status tli_flag_check(const tli_flag *flag, const char *where, const tli_cli_options *o,
                         const tl_settings *s, tl_error *err);
/* The same for every given flag, with the settings of the checkpoint, the command's argument; refuses those of
 * tasks that the command line does not offer. */
tl_status tli_flags_check(const tli_cli_options *o, const tl_settings *s, tl_error *err);

#endif
