/* Self-test: checks every kernel against plain loops in double precision, on small odd shapes, so that a
 * kernel miscompiled by a driver is found before its results are used. */
#ifndef OPS_SELF_TEST_H
#define OPS_SELF_TEST_H

#include "ops/kernel_forms.h"
#include "ops/tile.h"

/* Checks a family in its current form in this context, see tli_kernel_check. */
tl_status tli_self_test_family(tl_context *ctx, const char *family, double *error);

/* Compares the kernel of a product, with the tile that a trial gives it, with plain loops: a tli_tile_check. */
tl_status tli_self_test_tile(tl_context *ctx, tli_product_kind kind, double *error);

/* Compares products by offset, by the matrix units that the context is to use, with plain loops. */
tl_status tli_self_test_offset_precision(tl_context *ctx, tl_precision precision, double *error);

/* Whether results are to be checked: not with TRANSLUTION_SELF_TEST=off or with TRANSLUTION_FAULT, which counts calls. */
bool tli_self_test_is_on(void);

/* From now on this context checks every kernel family and every tuned tile before its first use, see ops/kernel_forms.h and ops/tuning.h, if
 * tli_self_test_is_on. */
tl_status tli_self_test_switch_on(tl_context *ctx);

#endif
