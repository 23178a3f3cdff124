/* A checksum over all of a safetensors file, in its own metadata: what a disk, a cable or a hand changed is found before
 * it is used. The key "checksum" holds "xxh3:" and the 16 digits of XXH3-64 over header and data, with zeros in the place
 * of the digits. Files without it, of other programs, are read as they are. */
#ifndef DATA_CHECKSUM_H
#define DATA_CHECKSUM_H

#include "data/safetensors.h"

/* The metadata pair to write; tli_st_write_commit puts the digits in. */
#define TLI_CHECKSUM_KEY   "checksum"
#define TLI_CHECKSUM_BLANK "xxh3:0000000000000000"
enum { TLI_CHECKSUM_DIGITS = 16 };

/* Where in a JSON header the digits stand; NULL: the header has none. */
const char *tli_checksum_digits(const char *header);

/* The digits of a number, and no NUL behind them. */
void tli_checksum_print(uint64_t value, char digits[TLI_CHECKSUM_DIGITS]);

/* Reads the whole file. TL_ERROR_INPUT when its checksum is not the one that it says, or, with `required`, when it says
 * none. */
tl_status tli_checksum_verify(tli_safetensors *st, bool required, tl_error *err);

#endif
