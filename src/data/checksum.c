#include "data/checksum.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

enum { PIECE = 1 << 20 };

const char *tl_checksum_digits(const char *header)
{
    static const char mark[] = "\"" TL_CHECKSUM_KEY "\":\"xxh3:";
    const char *found = strstr(header, mark);
    if (found == NULL) return NULL;
    found += sizeof mark - 1;
    return strspn(found, "0123456789abcdef") >= TL_CHECKSUM_DIGITS ? found : NULL;
}

void tl_checksum_print(uint64_t value, char digits[TL_CHECKSUM_DIGITS])
{
    for (int i = TL_CHECKSUM_DIGITS - 1; i >= 0; i--, value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
}

/* The digits that the file should have; false when it cannot be read to its end. */
static bool compute(tl_safetensors *st, XXH3_state_t *state, unsigned char *piece, char *header,
                    char expected[TL_CHECKSUM_DIGITS])
{
    const size_t length = (size_t)st->data_at - 8;
    if (fseeko(st->file, 0, SEEK_SET) != 0 || fread(piece, 1, 8, st->file) != 8 ||
        fread(header, 1, length, st->file) != length)
        return false;
    header[length] = '\0';
    char *digits = (char *)(uintptr_t)tl_checksum_digits(header);
    if (digits == NULL) return false;
    memset(digits, '0', TL_CHECKSUM_DIGITS);
    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, piece, 8);
    XXH3_64bits_update(state, header, length);
    for (size_t count; (count = fread(piece, 1, PIECE, st->file)) > 0;)
        XXH3_64bits_update(state, piece, count);
    tl_checksum_print(XXH3_64bits_digest(state), expected);
    return ferror(st->file) == 0;
}

tl_status tl_checksum_verify(tl_safetensors *st, bool required, tl_error *err)
{
    const char *said = tl_st_metadata(st, TL_CHECKSUM_KEY);
    if (said == NULL && !required) return TL_OK;
    if (said == NULL)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s is damaged or no checkpoint of this version: it has no checksum", st->path);
    XXH3_state_t *state = XXH3_createState();
    unsigned char *piece = malloc(PIECE);
    char *header = malloc((size_t)st->data_at), expected[TL_CHECKSUM_DIGITS];
    tl_status status = TL_OK;
    if (state == NULL || piece == NULL || header == NULL)
        status = tl_fail(err, TL_ERROR_MEMORY, "out of host memory while reading %s", st->path);
    else if (!compute(st, state, piece, header, expected) || strncmp(said, "xxh3:", 5) != 0 ||
             strlen(said) != 5 + TL_CHECKSUM_DIGITS || memcmp(said + 5, expected, TL_CHECKSUM_DIGITS) != 0)
        status = tl_fail(err, TL_ERROR_INPUT,
                         "%s is damaged: its contents do not match its checksum, so take another checkpoint",
                         st->path);
    XXH3_freeState(state);
    free(piece);
    free(header);
    return status;
}
