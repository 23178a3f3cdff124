/* Checks that an input file is text: recognises other formats and encodings by their bytes. */
#ifndef DATA_TEXT_CHECK_H
#define DATA_TEXT_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum { TLI_TEXT_LOOK = 8192 }; /* bytes at the beginning of a file that are examined */

/* The UTF-8 byte-order mark. */
#define TLI_TEXT_BOM       "\xef\xbb\xbf"
#define TLI_TEXT_BOM_BYTES 3

/* Examines the beginning of a text file: TLI_TEXT_LOOK bytes, or all. TL_ERROR_INPUT names the file and
 * the remedy for archives, compressed files, UTF-16, UTF-32 and binary data. Text in a single-byte
 * encoding is accepted: bytes that are not UTF-8 are counted, see below. */
tl_status tli_text_check(const char *path, const uint8_t *bytes, size_t count, tl_error *err);

/* Adds the number of bytes that are not part of well-formed UTF-8, and of NULs. */
void tli_text_count(const uint8_t *text, size_t bytes, uint64_t *not_utf8, uint64_t *nuls);

#endif
