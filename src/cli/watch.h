/* translution report --watch: serves the page of runs and makes it anew while they go on. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli/options.h"

#define WATCH_ADDRESS "127.0.0.1:8642" /* where --listen does not say otherwise */

/* Serves until a signal ends it: TL_INTERRUPTED. Another status: it could not begin. */
tl_status tli_watch(const tli_cli_options *o, tl_error *err);

#endif
