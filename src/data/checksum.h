/* Checksum of a whole safetensors file, stored in its metadata, to detect corruption before use. The key
 * "checksum" holds "xxh3:" and the 16 digits of XXH3-64 over header and data, computed with zeros in place
 * of the digits. Files of other programs, without it, are read unchecked. */
#ifndef DATA_CHECKSUM_H
#define DATA_CHECKSUM_H

#include "data/safetensors.h"

/* The metadata pair to write; tli_st_write_commit fills in the digits. */
#define TLI_CHECKSUM_KEY   "checksum"
#define TLI_CHECKSUM_BLANK "xxh3:0000000000000000"
enum { TLI_CHECKSUM_DIGITS = 16 };

/* Position of the digits in a JSON header; NULL: none. */
const char *tli_checksum_digits(const char *header);

/* The digits of a number, without a terminating NUL. */
void tli_checksum_print(uint64_t value, char digits[TLI_CHECKSUM_DIGITS]);

/* Reads the whole file, once while it is open. TL_ERROR_INPUT when the checksum is wrong or, with `required`, missing. */
tl_status tli_checksum_verify(tli_safetensors *st, bool required, tl_error *err);

#endif
