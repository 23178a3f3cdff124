/* Identity of a run's data, independent of their path: number of samples and a hash. Stored in
 * checkpoints, so that a run is not resumed with other data by mistake. */
#ifndef DATA_IDENTITY_H
#define DATA_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"
#include "core/status.h"
#include "data/safetensors.h"

typedef struct tli_set_identity {
    uint64_t samples; /* images or tokens */
    uint64_t hash;    /* XXH3-64, initially 0 */
} tli_set_identity;

/* Updates the hash with bytes; with the first and the last MiB of long data; with a number. */
void tli_identity_add(tli_set_identity *set, const void *bytes, size_t size);
void tli_identity_add_ends(tli_set_identity *set, const void *bytes, uint64_t size);
void tli_identity_add_number(tli_set_identity *set, uint64_t number);

/* Identity of both sets. The test set, possibly cut by --limit-test, is compared only if the limit is the
 * same. */
typedef struct tli_data_identity {
    bool known; /* false: the checkpoint has none */
    tli_set_identity train, test;
    uint32_t limit_test;
} tli_data_identity;

/* As safetensors metadata. */
enum { TLI_IDENTITY_PAIRS = 2, TLI_IDENTITY_TEXT = 64 };
typedef struct tli_identity_text {
    char text[TLI_IDENTITY_PAIRS][TLI_IDENTITY_TEXT];
} tli_identity_text;

/* Fills `pairs`, whose values are in `text`; returns how many, 0 if unknown. */
int tli_identity_write(const tli_data_identity *data, tli_identity_text *text,
                       tli_st_item pairs[TLI_IDENTITY_PAIRS]);
/* Unknown if the metadata have none. */
tli_data_identity tli_identity_read(const tli_safetensors *st);

/* Whether the data at `path` are others than the first, and in `what` how: "its training set has ..., and that of ...".
 * `unit`: what samples are, "images" or "tokens". */
enum { TLI_IDENTITY_DIFFERENCE = 1400 };
bool tli_identity_differs(const tli_data_identity *first, const tli_data_identity *now, const char *unit,
                          const char *path, char *what, size_t capacity);
/* TL_ERROR_INPUT says how the data at `path` differ from those of the run in `out`; with `allow_other`
 * only a notice. */
tl_status tli_identity_check(const tli_data_identity *stored, const tli_data_identity *now, const char *unit,
                             const char *out, const char *path, bool allow_other, const tl_log *log,
                             tl_error *err);

#endif
