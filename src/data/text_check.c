#include "data/text_check.h"

#include <string.h>

#include "core/utf8.h"

/* ---- formats ------------------------------------------------------------------------------------- */

typedef struct format {
    size_t place; /* offset of the magic bytes */
    const char *magic;
    size_t bytes;
    const char *what, *advice;
} format;

#define UTF16 "is UTF-16", "convert it first: iconv -f UTF-16 -t UTF-8"
#define UTF32 "is UTF-32", "convert it first: iconv -f UTF-32 -t UTF-8"

static const format formats[] = {
    {0, "\x1f\x8b", 2, "is compressed by gzip", "pipe its text in: zcat FILE | translution tokenize ... -"},
    {0, "\x28\xb5\x2f\xfd", 4, "is compressed by zstd",
     "pipe its text in: zstdcat FILE | translution tokenize ... -"},
    {0, "\xfd\x37zXZ", 5, "is compressed by xz", "pipe its text in: xzcat FILE | translution tokenize ... -"},
    {4, "1AY&SY", 6, "is compressed by bzip2", "pipe its text in: bzcat FILE | translution tokenize ... -"},
    {0, "PK\x03\x04", 4, "is a zip archive", "unpack it first, for example by unzip"},
    {0, "7z\xbc\xaf\x27\x1c", 6, "is a 7z archive", "unpack it first, for example by 7z x"},
    {257, "ustar", 5, "is a tar archive", "unpack it first by tar xf"},
    {0, "PAR1\x15", 5, "is a Parquet table", "write its column of text to text files first"},
    {0, "%PDF-", 5, "is a PDF", "make text of it first, for example by pdftotext"},
    /* UTF-32 before UTF-16, whose byte-order mark is a prefix of its own. */
    {0, "\xff\xfe\x00\x00", 4, UTF32},
    {0, "\x00\x00\xfe\xff", 4, UTF32},
    {0, "\xff\xfe", 2, UTF16},
    {0, "\xfe\xff", 2, UTF16},
};

static const format *find_format(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const format *f = &formats[i];
        if (count >= f->place + f->bytes && memcmp(bytes + f->place, f->magic, f->bytes) == 0) return f;
    }
    return NULL;
}

/* UTF-16 and UTF-32 without byte-order mark, by the positions of NULs: most characters have zero high
 * bytes. */
static const char *find_wide_encoding(const uint8_t *bytes, size_t count)
{
    size_t nuls[4] = {0};
    const size_t units = count / 4;
    bool many[4], few[4];
    for (size_t i = 0; i < 4 * units; i++) nuls[i % 4] += bytes[i] == 0;
    for (int i = 0; i < 4; i++) {
        many[i] = 2 * nuls[i] > units;
        few[i] = 16 * nuls[i] <= units;
    }
    if (units < 4) return NULL;
    if (few[0] && many[1] && many[2] && many[3]) return "UTF-32LE";
    if (many[0] && many[1] && many[2] && few[3]) return "UTF-32BE";
    if (few[0] && many[1] && few[2] && many[3]) return "UTF-16LE";
    if (many[0] && few[1] && many[2] && few[3]) return "UTF-16BE";
    return NULL;
}

/* Binary: more than one byte in twenty is a control character that text does not contain. */
static bool is_binary(const uint8_t *bytes, size_t count)
{
    enum { ENOUGH = 64 };
    size_t controls = 0;
    for (size_t i = 0; i < count; i++)
        controls += bytes[i] < ' ' && (bytes[i] < '\b' || bytes[i] > '\r') && bytes[i] != 0x1b;
    return count >= ENOUGH && 20 * controls > count;
}

tl_status tli_text_check(const char *path, const uint8_t *bytes, size_t count, tl_error *err)
{
    if (count > TLI_TEXT_LOOK) count = TLI_TEXT_LOOK;
    const format *f = find_format(bytes, count);
    if (f != NULL)
        return tli_fail(err, TL_ERROR_INPUT, "text file %s %s, not UTF-8 text: %s", path, f->what, f->advice);
    const char *encoding = find_wide_encoding(bytes, count);
    if (encoding != NULL)
        return tli_fail(err, TL_ERROR_INPUT,
                        "text file %s is %s, not UTF-8 text: convert it first: iconv -f %s -t UTF-8", path,
                        encoding, encoding);
    if (is_binary(bytes, count))
        return tli_fail(err, TL_ERROR_INPUT,
                        "text file %s is binary data, not UTF-8 text: leave it out, or convert it first",
                        path);
    return TL_OK;
}

/* ---- counts -------------------------------------------------------------------------------------- */

/* Eight ASCII characters without a NUL. */
static bool is_plain(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    const uint64_t high = 0x8080808080808080u, low = 0x0101010101010101u;
    return ((word | (word - low)) & high) == 0;
}

void tli_text_count(const uint8_t *text, size_t bytes, uint64_t *not_utf8, uint64_t *nuls)
{
    for (size_t i = 0; i < bytes;) {
        if (bytes - i >= 8 && is_plain(text + i)) {
            i += 8;
            continue;
        }
        const size_t length = tli_utf8_sequence(text + i, bytes - i);
        *nuls += text[i] == 0;
        *not_utf8 += length == 0;
        i += length > 0 ? length : 1;
    }
}
