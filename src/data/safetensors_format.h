/* Shared by the reader and the writer of safetensors files: dtypes, byte order, limits and names. */
#ifndef DATA_SAFETENSORS_FORMAT_H
#define DATA_SAFETENSORS_FORMAT_H

#include "data/safetensors.h"

#define ST_HEADER_LIMIT UINT64_C(100000000) /* bytes: the limit of the reference implementation */
#define ST_EXACT_LIMIT                                                                                       \
    9007199254740992.0 /* 2^53: from here on a JSON number is no longer exact as a double */
#define ST_METADATA_KEY "__metadata__"

enum { ST_DTYPES = ST_U8 + 1 };
extern const char *const tli_st_dtype_names[ST_DTYPES];
extern const size_t tli_st_dtype_widths[ST_DTYPES];

bool tli_st_host_is_little_endian(void);
/* Reverses the bytes of each of the `count` elements in place; the files are little-endian. */
void tli_st_swap_elements(unsigned char *data, size_t count, size_t width);
/* The first name that occurs twice, or NULL. Sorts `names`. */
const char *tli_st_find_duplicate(const char **names, int count);
/* Elements x width in *bytes; false on overflow. Rank 0 is one element. */
bool tli_st_entry_bytes(const tli_st_entry *entry, uint64_t *bytes);
bool tli_st_has_control(const char *text);
/* Records "out of memory" and returns TL_ERROR_MEMORY. */
tl_status tli_st_out_of_memory(tl_error *err, const char *path);
#ifdef __clang_analyzer__ /* as in core/status.h */
#define tli_st_out_of_memory(err, path) (tli_st_out_of_memory(err, path), TL_ERROR_MEMORY)
#endif

#endif
