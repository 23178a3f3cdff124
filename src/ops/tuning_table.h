/* Tables of tuned tiles: what `translution tune` measured on a device, as text that is kept in the cache folder, sent to the project
 * and carried by the program (devices/tuned). */
#ifndef OPS_TUNING_TABLE_H
#define OPS_TUNING_TABLE_H

#include "ops/tile.h"

/* A measured product. GFLOP/s are of the kernel alone; 0: not measured. */
typedef struct tli_tuned {
    tli_product_shape shape;
    bool tiled;    /* `tile` serves; false: the default was not slower */
    tli_tile tile; /* zeros where not tiled */
    float default_gflops, tuned_gflops;
    float own_gflops, clblast_gflops; /* of whole calls, one after the other: who serves on a GPU */
} tli_tuned;

enum { TLI_TUNED_MOST = 96, TLI_TUNING_TEXT_MOST = 64 << 10 };

typedef struct tli_tuning_table {
    char program[32], device[128], platform[128], driver[128]; /* of the measurements */
    bool cpu;                                                  /* the kernels' form */
    uint32_t vector_width, compute_units;
    int count;
    tli_tuned entries[TLI_TUNED_MOST];
} tli_tuning_table;

/* An empty table for this context's device and form. */
void tli_tuning_table_begin(tl_context *ctx, tli_tuning_table *table);
/* Replaces the entry of the same product, or adds one where there is room. */
void tli_tuning_table_put(tli_tuning_table *table, const tli_tuned *entry);
/* The entry of the same kind, single or in a batch, whose sizes are nearest; NULL where none has each within a factor of `most`, or is not
 * accepted by `accept` (NULL: all are). */
const tli_tuned *tli_tuning_table_nearest(const tli_tuning_table *table, const tli_product_shape *shape,
                                          double most, bool (*accept)(const tli_tuned *entry));

/* The text of a table, freed by the caller; NULL: out of memory. */
char *tli_tuning_table_write(const tli_tuning_table *table);
/* Reads a text, which is changed. TL_ERROR_INPUT names `where`, the line and what is wrong with it. */
tl_status tli_tuning_table_read(const char *where, char *text, tli_tuning_table *table, tl_error *err);

/* Among tables of the context's form, platform and vector width, the one whose device is nearest by compute units, the first of equals; -1:
 * none. */
int tli_tuning_table_suits(const tli_tuning_table *tables, int count, const tli_tuning_table *wanted);

#endif
