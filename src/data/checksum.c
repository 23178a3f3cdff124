#include "data/checksum.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

enum { PIECE = 1 << 20 };

const char *tli_checksum_digits(const char *header)
{
    static const char mark[] = "\"" TLI_CHECKSUM_KEY "\":\"xxh3:";
    const char *found = strstr(header, mark);
    if (found == NULL) return NULL;
    found += sizeof mark - 1;
    return strspn(found, "0123456789abcdef") >= TLI_CHECKSUM_DIGITS ? found : NULL;
}

void tli_checksum_print(uint64_t value, char digits[TLI_CHECKSUM_DIGITS])
{
    for (int i = TLI_CHECKSUM_DIGITS - 1; i >= 0; i--, value >>= 4)
        digits[i] = "0123456789abcdef"[value & 15];
}

/* Computes the expected digits; false when the file cannot be read to its end. */
static bool checksum_compute(tli_safetensors *st, XXH3_state_t *state, unsigned char *piece, char *header,
                             char expected[TLI_CHECKSUM_DIGITS])
{
    const size_t length = (size_t)st->data_at - 8;
    if (fseeko(st->file, 0, SEEK_SET) != 0 || fread(piece, 1, 8, st->file) != 8 ||
        fread(header, 1, length, st->file) != length)
        return false;
    header[length] = '\0';
    char *digits = (char *)(uintptr_t)tli_checksum_digits(header);
    if (digits == NULL) return false;
    memset(digits, '0', TLI_CHECKSUM_DIGITS);
    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, piece, 8);
    XXH3_64bits_update(state, header, length);
    for (size_t count; (count = fread(piece, 1, PIECE, st->file)) > 0;)
        XXH3_64bits_update(state, piece, count);
    tli_checksum_print(XXH3_64bits_digest(state), expected);
    return ferror(st->file) == 0;
}

tl_status tli_checksum_verify(tli_safetensors *st, bool required, tl_error *err)
{
    const char *said = tli_st_metadata(st, TLI_CHECKSUM_KEY);
    if (st->verified || (said == NULL && !required)) return TL_OK;
    if (said == NULL)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s is damaged or no checkpoint of this version: it has no checksum", st->path);
    XXH3_state_t *state = XXH3_createState();
    unsigned char *piece = malloc(PIECE);
    char *header = malloc((size_t)st->data_at), expected[TLI_CHECKSUM_DIGITS];
    tl_status status = TL_OK;
    if (state == NULL || piece == NULL || header == NULL)
        status = tli_fail(err, TL_ERROR_MEMORY, "out of host memory while reading %s", st->path);
    else if (!checksum_compute(st, state, piece, header, expected) || strncmp(said, "xxh3:", 5) != 0 ||
             strlen(said) != 5 + TLI_CHECKSUM_DIGITS || memcmp(said + 5, expected, TLI_CHECKSUM_DIGITS) != 0)
        status = tli_fail(err, TL_ERROR_INPUT,
                          "%s is damaged: its contents do not match its checksum, so take another checkpoint",
                          st->path);
    st->verified = status == TL_OK;
    XXH3_freeState(state);
    free(piece);
    free(header);
    return status;
}
