/* Inside translution tune: cmd_tune.c runs it, tune_table.c shows and moves tables. */
#ifndef CLI_TUNE_H
#define CLI_TUNE_H

#include "cli/cli.h"
#include "ops/tuning.h"

/* "gemm_nt 3200 x 192 x 192, 4 of them"; returns `text`. */
enum { TLI_TUNE_PRODUCT = 80 };
char *tli_tune_product(const tli_product_shape *shape, char text[TLI_TUNE_PRODUCT]);
/* One line on standard output, below the line of titles; as JSON, an object to be put into an array. */
void tli_tune_print_titles(void);
void tli_tune_print(const tli_tuned *entry);
struct cJSON *tli_tune_json(const tli_tuned *entry);

/* tune --show, --export, --import. */
tl_status tli_tune_show(tli_cli_options *o, tl_context *ctx);
tl_status tli_tune_export(tli_cli_options *o, tl_context *ctx);
tl_status tli_tune_import(tli_cli_options *o, tl_context *ctx);
/* Says where a table is now, or that it could not be kept. */
tl_status tli_tune_keep(const tli_cli_options *o, tl_context *ctx, const tli_tuning_table *table);

#endif
