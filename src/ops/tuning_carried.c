#include "ops/tuning_carried.h"

#include <stdlib.h>
#include <string.h>

#include "ops/embedded_tables.h"

/* The tables of the program as far as they can be read: the tests read them all. */
static int read_all(tli_tuning_table *tables)
{
    int count = 0;
    tl_error err;
    for (int i = 0; i < tli_embedded_table_count; i++) {
        char *text = malloc(tli_embedded_tables[i].length + 1);
        if (text == NULL) break;
        memcpy(text, tli_embedded_tables[i].text, tli_embedded_tables[i].length + 1);
        if (tli_tuning_table_read(tli_embedded_tables[i].name, text, &tables[count], &err) == TL_OK) count++;
        free(text);
    }
    return count;
}

bool tli_tuning_carried(tl_context *ctx, tli_tuning_table *table)
{
    tli_tuning_table wanted, *tables = calloc((size_t)tli_embedded_table_count + 1, sizeof *tables);
    if (tables == NULL) return false;
    tli_tuning_table_begin(ctx, &wanted);
    const int best = tli_tuning_table_suits(tables, read_all(tables), &wanted);
    if (best >= 0) *table = tables[best];
    free(tables);
    return best >= 0;
}
