/* A command that several processes share: they meet, and end together. */
#ifndef CLI_RANKS_H
#define CLI_RANKS_H

#include "cli/options.h"

/* Does the work with o->ranks, each rank with its share of the machine's cores and a device of its own. Where it fails in
 * one rank all end, also this process; where it is stopped by another rank's signal, tli_cli_signal becomes SIGTERM. */
tl_status tli_cli_with_ranks(tli_cli_options *o, tl_error *err,
                             tl_status (*work)(tli_cli_options *o, tl_error *err));
/* After a signal to this rank of which the others know nothing, and wait for it: ends them and this process. Nothing for a
 * process alone. */
void tli_cli_stop_ranks(const tli_cli_options *o, const tl_error *err);

#endif
