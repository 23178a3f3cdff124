/* What identifies the data of a run, wherever they lie: how many samples there are and a hash of what they are. A checkpoint
 * keeps it, so that a run is not resumed with other data by mistake. */
#ifndef TL_DATA_IDENTITY_H
#define TL_DATA_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"
#include "core/status.h"
#include "data/safetensors.h"

typedef struct tl_set_identity {
    uint64_t samples; /* images or tokens */
    uint64_t hash;    /* XXH3-64, begun with 0 */
} tl_set_identity;

/* Goes on with the hash: bytes; of many bytes the first and the last MiB; a number. */
void tl_identity_add(tl_set_identity *set, const void *bytes, size_t size);
void tl_identity_add_ends(tl_set_identity *set, const void *bytes, uint64_t size);
void tl_identity_add_number(tl_set_identity *set, uint64_t number);

/* Of both sets. The test set, cut by --limit-test, is compared where the limit is the same. */
typedef struct tl_data_identity {
    bool known; /* false: of a checkpoint that does not say */
    tl_set_identity train, test;
    uint32_t limit_test;
} tl_data_identity;

/* As safetensors metadata. */
enum { TL_IDENTITY_PAIRS = 2, TL_IDENTITY_TEXT = 64 };
typedef struct tl_identity_text {
    char text[TL_IDENTITY_PAIRS][TL_IDENTITY_TEXT];
} tl_identity_text;

/* Fills `pairs`, whose values lie in `text`; returns how many, 0 when nothing is known. */
int tl_identity_write(const tl_data_identity *data, tl_identity_text *text,
                      tl_st_pair pairs[TL_IDENTITY_PAIRS]);
/* Unknown when the metadata do not say it. */
tl_data_identity tl_identity_read(const tl_safetensors *st);

/* TL_ERROR_INPUT says in what the data at `path` differ from those of the run in `out`; with `allow_other` it is a
 * notice. `unit`: what samples are, "images" or "tokens". */
tl_status tl_identity_check(const tl_data_identity *stored, const tl_data_identity *now, const char *unit,
                            const char *out, const char *path, bool allow_other, const tl_log *log,
                            tl_error *err);

#endif
