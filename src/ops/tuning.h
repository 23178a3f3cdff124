/* Which tile a product has: the one that was tuned for its device and shape, if there is one, else its form's default. */
#ifndef OPS_TUNING_H
#define OPS_TUNING_H

#include "ops/tuning_table.h"

/* The tuned tile of a product in this form, until the next call that changes the context's table; NULL: the default serves. `width`: channels
 * that come out of its matrices. A function of the shape and the table alone. A tile that was not yet compared with plain loops on
 * this device and driver is first (tli_tuning_check_with); one that is wrong never serves, and a notice says so. */
const tli_tile *tli_tuning_tile(tl_context *ctx, tli_kernel_form form, const tli_product_shape *shape,
                                uint32_t width);

/* Where a context's table is from. */
typedef enum tli_tuning_origin {
    TLI_TUNING_NONE,    /* there is none */
    TLI_TUNING_KEPT,    /* `tune` measured it on this device, or it was imported */
    TLI_TUNING_CARRIED, /* the program's, of a device that is like this one */
} tli_tuning_origin;

/* The table that serves this context, owned by it: that of the cache folder for this device, driver and program version, else the nearest
 * that the program carries; empty with TRANSLUTION_TUNING=off, or where nothing suits. NULL: out of memory. */
const tli_tuning_table *tli_tuning_in_use(tl_context *ctx, tli_tuning_origin *origin);
/* A line that equals those of other contexts whose products have the same tiles: "no table", or the table's device and a hash. */
enum { TLI_TUNING_LABEL = 192 };
char *tli_tuning_label(tl_context *ctx, char label[TLI_TUNING_LABEL]);
/* Makes `table` the one that serves from now on, here and, by the cache folder, in later contexts of this device, driver and program
 * version. *kept: whether the folder has it now. */
tl_status tli_tuning_learn(tl_context *ctx, const tli_tuning_table *table, bool *kept);

/* ---- trying a tile ---------------------------------------------------------------------------------- */

/* Products of one kind have this tile, or with NULL their default, whatever the table says, and all others their default. */
typedef struct tli_tuning_trial {
    bool on;
    tli_product_kind kind; /* TLI_PRODUCT_KINDS: none */
    const tli_tile *tile;
} tli_tuning_trial;

/* Begins a trial, or ends it with one that is not on; returns the one before. */
tli_tuning_trial tli_tuning_try(tl_context *ctx, tli_tuning_trial trial);

/* Compares a product's kernel with plain loops in double precision while a trial gives it its tile. *error as of tli_kernel_check. */
typedef tl_status (*tli_tile_check)(tl_context *ctx, tli_product_kind kind, double *error);
/* From now on this context checks tiles before they serve. */
tl_status tli_tuning_check_with(tl_context *ctx, tli_tile_check check);
/* Whether the tile is right: checked now, or known from the cache folder. Without a check, tiles are taken for right. */
bool tli_tuning_is_right(tl_context *ctx, tli_product_kind kind, const tli_tile *tile);

#endif
