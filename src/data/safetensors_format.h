/* What the reader and the writer of safetensors files share: types, byte order, limits and names. */
#ifndef DATA_SAFETENSORS_FORMAT_H
#define DATA_SAFETENSORS_FORMAT_H

#include "data/safetensors.h"

#define ST_HEADER_LIMIT UINT64_C(100000000) /* bytes: the bound of the format's own library */
#define ST_EXACT_LIMIT                                                                                       \
    9007199254740992.0 /* 2^53: from here on a JSON number is no longer exact as a double */
#define ST_METADATA_KEY "__metadata__"

enum { ST_DTYPES = ST_U8 + 1 };
extern const char *const st_dtype_names[ST_DTYPES];
extern const size_t st_dtype_widths[ST_DTYPES];

bool st_host_is_little_endian(void);
/* Reverses the bytes of each of the `count` elements in place; the files are little-endian. */
void st_swap_elements(unsigned char *data, size_t count, size_t width);
/* The first name that occurs twice, or NULL. Sorts `names`. */
const char *st_find_duplicate(const char **names, int count);
/* Elements x width in *bytes; false on overflow. Rank 0 is one element. */
bool st_entry_bytes(const tl_st_entry *entry, uint64_t *bytes);
bool st_has_control(const char *text);
tl_status st_out_of_memory(tl_error *err, const char *path);

#endif
