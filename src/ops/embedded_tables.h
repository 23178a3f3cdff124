/* The tables of devices/tuned that the build embeds. */
#ifndef OPS_EMBEDDED_TABLES_H
#define OPS_EMBEDDED_TABLES_H

#include "core/embedded.h"

extern const tli_embedded_file tli_embedded_tables[];
extern const int tli_embedded_table_count;

#endif
