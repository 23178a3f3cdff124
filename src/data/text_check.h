/* What a file that is given as text really is: other formats and encodings are recognised by their bytes. */
#ifndef DATA_TEXT_CHECK_H
#define DATA_TEXT_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum { TLI_TEXT_LOOK = 8192 }; /* bytes of a file's beginning that tell what it is */

/* The UTF-8 byte-order mark. */
#define TLI_TEXT_BOM       "\xef\xbb\xbf"
#define TLI_TEXT_BOM_BYTES 3

/* Looks at the first bytes of a text file, TLI_TEXT_LOOK of them or all that it has. TL_ERROR_INPUT, naming the file
 * and what to do, for archives, compressed files, UTF-16 and UTF-32, and binary data. Text in an encoding of one
 * byte a character passes: bytes that are not UTF-8 are counted, see below. */
tl_status tli_text_check(const char *path, const uint8_t *bytes, size_t count, tl_error *err);

/* Adds the bytes at which no well-formed UTF-8 sequence stands, and the NULs. */
void tli_text_count(const uint8_t *text, size_t bytes, uint64_t *not_utf8, uint64_t *nuls);

#endif
