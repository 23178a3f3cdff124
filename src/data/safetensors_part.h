/* Several processes write one safetensors file, each some of its elements, at their places. One process begins the file
 * (data/safetensors_write.h: tli_st_write_begin, tli_st_write_reserve); the others, and it, open it, write and close; when
 * all have, the first commits it (tli_st_write_join, tli_st_write_commit). */
#ifndef DATA_SAFETENSORS_PART_H
#define DATA_SAFETENSORS_PART_H

#include "data/safetensors.h"

typedef struct tli_st_part {
    tli_safetensors st; /* its header */
    int descriptor;     /* open for writing */
    char path[1024];    /* of the file to be */
} tli_st_part;

/* The unfinished file of `path`. */
tl_status tli_st_part_open(const char *path, tli_st_part *part, tl_error *err);
/* Elements [first, first + count) of an entry, in host byte order, which may be reversed in place. */
tl_status tli_st_part_write(tli_st_part *part, const tli_st_entry *entry, uint64_t first, uint64_t count,
                            void *data, tl_error *err);
/* Waits until what was written is on the disk where `status` is TL_OK, and closes the file. Returns the first failure. */
tl_status tli_st_part_close(tli_st_part *part, tl_status status, tl_error *err);

#endif
