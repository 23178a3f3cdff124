/* Reading safetensors files: 8-byte little-endian header length, JSON header, raw little-endian data. */
#ifndef DATA_SAFETENSORS_H
#define DATA_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/status.h"

/* dtypes in files. */
typedef enum tli_st_dtype { ST_F32, ST_I64, ST_I32, ST_U8 } tli_st_dtype;

typedef struct tli_st_entry {
    char name[128];
    tli_st_dtype dtype;
    uint32_t rank;
    uint64_t shape[8];
    uint64_t begin, end; /* byte offsets in the data, after the header */
} tli_st_entry;

typedef struct tli_st_item {
    char *key, *value;
} tli_st_item;

/* An open file, which the public header shows as a handle. */
typedef struct tl_file {
    tli_st_entry *entries;
    int count;
    tli_st_item *metadata; /* __metadata__, strings */
    int metadata_count;
    FILE *file;       /* open for reading */
    uint64_t data_at; /* file offset of the data */
    bool verified;    /* its checksum was found right: see data/checksum.h */
    char path[1024];
} tli_safetensors;

/* Opens the file and validates the whole header: lengths, shapes x dtype == end - begin, offsets inside
 * the file, no overlap, no gap, no duplicate names, known dtypes. TL_ERROR_INPUT names the file and the
 * error. Entries are sorted by offset. `st` is zeroed after a failure. */
tl_status tli_st_open(const char *path, tli_safetensors *st, tl_error *err);
void tli_st_close(tli_safetensors *st);
const tli_st_entry *tli_st_find(const tli_safetensors *st, const char *name); /* NULL: none */
const char *tli_st_metadata(const tli_safetensors *st, const char *key);      /* NULL: none */
/* Elements [first, first + count) of an entry into host memory, in host byte order. */
tl_status tli_st_read(tli_safetensors *st, const tli_st_entry *entry, uint64_t first, uint64_t count,
                      void *out, tl_error *err);

#endif
