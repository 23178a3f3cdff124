/* Writing safetensors files; see data/safetensors.h for reading. */
#ifndef DATA_SAFETENSORS_WRITE_H
#define DATA_SAFETENSORS_WRITE_H

#include "data/safetensors.h"

/* First call begin with all names and shapes (it computes the offsets), then write the data of each entry
 * in order, in any number of pieces of whole elements in host byte order, then commit (flush, fsync,
 * rename from the temporary name PATH.tmp). Abort deletes the file. A failed call has already aborted;
 * aborting twice is allowed. With the pair (TLI_CHECKSUM_KEY, TLI_CHECKSUM_BLANK) in the metadata the file
 * gets a checksum. Put 8-byte types first and U8 last, so that tensors are aligned for readers that map
 * the file. */
enum { TLI_ST_UNFINISHED = 1040 }; /* bytes of a temporary name */
typedef struct tli_st_writer {
    FILE *file; /* NULL: not begun, committed or aborted */
    char path[1024], temporary[TLI_ST_UNFINISHED];
    uint64_t data_at;           /* file offset of the data */
    uint64_t expected, written; /* bytes of the data */
    uint64_t checksum_at;       /* file offset of the checksum's digits; 0: no checksum */
    void *checksum;             /* its running state */
    struct tli_st_span {
        uint64_t end;
        size_t width;
    } * spans; /* of each entry */
    int span_count;
} tli_st_writer;
tl_status tli_st_write_begin(tli_st_writer *w, const char *path, tli_st_entry *entries, int count,
                             const tli_st_item *metadata, int metadata_count, tl_error *err);
tl_status tli_st_write_data(tli_st_writer *w, const void *data, size_t bytes, tl_error *err);
/* For a file whose data several processes write (data/safetensors_part.h), instead of tli_st_write_data: gives it its full
 * length, of zeros. */
tl_status tli_st_write_reserve(tli_st_writer *w, tl_error *err);
/* When all have written: reads the data once for the checksum. */
tl_status tli_st_write_join(tli_st_writer *w, tl_error *err);
tl_status tli_st_write_commit(tli_st_writer *w, tl_error *err);
void tli_st_write_abort(tli_st_writer *w);
/* The name that a file has until it is committed; false where the path is too long. */
bool tli_st_unfinished(const char *path, char name[TLI_ST_UNFINISHED]);

#endif
