#include "data/tokens_chars.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/files.h"
#include "core/utf8.h"

enum { IDS = 65535 }; /* TLI_CHARS_NONE is no id */

static const char end_of_text_name[] = "<|endoftext|>";

tl_status tli_chars_create(tli_chars *chars, tl_error *err)
{
    *chars = (tli_chars){.ids = malloc(TLI_CHARS_SYMBOLS * sizeof *chars->ids),
                         .symbols = malloc(IDS * sizeof *chars->symbols)};
    if (chars->ids == NULL || chars->symbols == NULL) {
        tli_chars_free(chars);
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a vocabulary of characters");
    }
    memset(chars->ids, 0xff, TLI_CHARS_SYMBOLS * sizeof *chars->ids); /* TLI_CHARS_NONE */
    return TL_OK;
}

void tli_chars_free(tli_chars *chars)
{
    free(chars->ids);
    free(chars->symbols); /* NOLINT: it is another array than ids */
    *chars = (tli_chars){0};
}

static tl_status chars_add(tli_chars *chars, uint32_t symbol, tl_error *err)
{
    if (chars->size == IDS)
        return tli_fail(
            err, TL_ERROR_INPUT,
            "the text has more than %d different characters, which do not fit ids of 16 bits; encode it "
            "with `vocab` and `encoder` instead of `chars`",
            IDS);
    chars->ids[symbol] = (uint16_t)chars->size;
    chars->symbols[chars->size++] = symbol;
    return TL_OK;
}

/* ---- text ---------------------------------------------------------------------------------------- */

/* The symbol at p, and its length in bytes. JSON strings here end at NUL, so NUL counts as a byte. */
static uint32_t symbol_at(const uint8_t *p, size_t n, size_t *length)
{
    *length = tli_utf8_sequence(p, n);
    if (*length == 0 || p[0] == 0) {
        *length = 1;
        return TLI_CHARS_CODES + p[0];
    }
    return tli_utf8_code(p, *length);
}

tl_status tli_chars_encode(const tli_chars *chars, const uint8_t *text, size_t bytes, tli_ids *ids,
                           tl_error *err)
{
    TLI_TRY(tli_ids_reserve(ids, bytes, err));
    for (size_t i = 0, length = 0; i < bytes; i += length) {
        const uint32_t symbol = symbol_at(text + i, bytes - i, &length);
        const uint16_t id = chars->ids[symbol];
        if (id == TLI_CHARS_NONE)
            return tli_fail(err, TL_ERROR_INPUT,
                            "%s %s%0*" PRIX32 " of the text is not in the vocabulary of characters",
                            symbol < TLI_CHARS_CODES ? "character" : "byte",
                            symbol < TLI_CHARS_CODES ? "U+" : "0x", symbol < TLI_CHARS_CODES ? 4 : 2,
                            symbol < TLI_CHARS_CODES ? symbol : symbol - TLI_CHARS_CODES);
        ids->items[ids->count++] = id;
    }
    return TL_OK;
}

tl_status tli_chars_learn(tli_chars *chars, const uint8_t *text, size_t bytes, tli_ids *ids, tl_error *err)
{
    TLI_TRY(tli_ids_reserve(ids, bytes, err));
    for (size_t i = 0, length = 0; i < bytes; i += length) {
        const uint32_t symbol = symbol_at(text + i, bytes - i, &length);
        if (chars->ids[symbol] == TLI_CHARS_NONE) TLI_TRY(chars_add(chars, symbol, err));
        ids->items[ids->count++] = chars->ids[symbol];
    }
    return TL_OK;
}

static int by_symbol(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

tl_status tli_chars_sort(tli_chars *chars, bool end, uint16_t *map, tl_error *err)
{
    uint16_t *old = malloc(TLI_CHARS_SYMBOLS * sizeof *old);
    if (old == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a vocabulary of characters");
    memcpy(old, chars->ids, TLI_CHARS_SYMBOLS * sizeof *old);
    tl_status status = end && chars->ids[TLI_CHARS_END] == TLI_CHARS_NONE
                           ? chars_add(chars, TLI_CHARS_END, err)
                           : TL_OK;
    qsort(chars->symbols, chars->size, sizeof *chars->symbols, by_symbol);
    for (uint32_t i = 0; i < 65536; i++) map[i] = (uint16_t)i;
    for (uint32_t id = 0; id < chars->size; id++) {
        const uint32_t symbol = chars->symbols[id];
        chars->ids[symbol] = (uint16_t)id;
        if (symbol == TLI_CHARS_END)
            map[TLI_CHARS_NONE] = (uint16_t)id; /* end of text is TLI_CHARS_NONE until it gets an id */
        else
            map[old[symbol]] = (uint16_t)id;
    }
    free(old);
    return status;
}

size_t tli_chars_write(const tli_chars *chars, uint32_t id, uint8_t out[4])
{
    const uint32_t symbol = id < chars->size ? chars->symbols[id] : TLI_CHARS_END;
    if (symbol == TLI_CHARS_END) return 0;
    if (symbol < TLI_CHARS_CODES) return tli_utf8_write(symbol, out);
    out[0] = (uint8_t)(symbol - TLI_CHARS_CODES);
    return 1;
}

int32_t tli_chars_end_of_text(const tli_chars *chars)
{
    return chars->ids[TLI_CHARS_END] == TLI_CHARS_NONE ? -1 : chars->ids[TLI_CHARS_END];
}

/* ---- chars.json ---------------------------------------------------------------------------------- */

tl_status tli_chars_save(const tli_chars *chars, FILE *file, const char *path, tl_error *err)
{
    bool good = fputs("{", file) >= 0;
    for (uint32_t id = 0; id < chars->size && good; id++) {
        const uint32_t symbol = chars->symbols[id];
        uint8_t text[5] = {0};
        good = fprintf(file, "%s\"", id > 0 ? ", " : "") > 0;
        if (symbol == TLI_CHARS_END)
            good &= fputs(end_of_text_name, file) >= 0;
        else if (symbol >= TLI_CHARS_CODES)
            good &= fprintf(file, "<0x%02X>", symbol - TLI_CHARS_CODES) > 0;
        else if (symbol < ' ' || symbol == 0x7f)
            good &= fprintf(file, "\\u%04x", symbol) > 0;
        else
            good &= tli_utf8_write(symbol, text) > 0 &&
                    fprintf(file, "%s%s", symbol == '"' || symbol == '\\' ? "\\" : "", (char *)text) > 0;
        good &= fprintf(file, "\": %" PRIu32, id) > 0;
    }
    good = good && fputs("}\n", file) >= 0 && fflush(file) == 0;
    return good ? TL_OK : tli_fail(err, TL_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
}

static tl_status load_one(tli_chars *chars, const cJSON *item, uint32_t id, const char *path, tl_error *err)
{
    const char *name = item->string;
    const uint8_t *text = (const uint8_t *)name;
    const size_t length = strlen(name);
    char *end = NULL;
    uint32_t symbol = TLI_CHARS_SYMBOLS;
    if (strcmp(name, end_of_text_name) == 0) {
        symbol = TLI_CHARS_END;
    } else if (length == 6 && strncmp(name, "<0x", 3) == 0) {
        const unsigned long byte = strtoul(name + 3, &end, 16);
        if (byte < 256 && end == name + 5 && *end == '>') symbol = TLI_CHARS_CODES + (uint32_t)byte;
    } else if (length > 0 && tli_utf8_sequence(text, length) == length) {
        symbol = tli_utf8_code(text, length);
    }
    if (symbol == TLI_CHARS_SYMBOLS || !cJSON_IsNumber(item) || item->valuedouble != id)
        return tli_fail(err, TL_ERROR_INPUT,
                        "characters %s: entry %" PRIu32 " is not one character with the id %" PRIu32
                        "; the file is not one that `translution tokenize --chars` wrote",
                        path, id, id);
    if (chars->ids[symbol] != TLI_CHARS_NONE)
        return tli_fail(err, TL_ERROR_INPUT, "characters %s: entry %" PRIu32 " stands there twice", path, id);
    return chars_add(chars, symbol, err);
}

tl_status tli_chars_parse(const char *text, const char *path, tli_chars *chars, tl_error *err)
{
    *chars = (tli_chars){0};
    cJSON *json = cJSON_ParseWithOpts(text, NULL, true);
    tl_status status = cJSON_IsObject(json) && json->child != NULL ? tli_chars_create(chars, err)
                                                                   : TL_ERROR_INPUT;
    if (status == TL_ERROR_INPUT)
        tli_fail(err, status, "characters %s: not a JSON object of characters and ids", path);
    uint32_t id = 0;
    for (const cJSON *item = status == TL_OK ? json->child : NULL; item != NULL && status == TL_OK;
         item = item->next)
        status = load_one(chars, item, id++, path, err);
    cJSON_Delete(json);
    if (status != TL_OK) tli_chars_free(chars);
    return status;
}

tl_status tli_chars_load(const char *path, tli_chars *chars, tl_error *err)
{
    enum { ROOM = 4 << 20 }; /* 65536 entries of at most 24 bytes, and a margin */
    *chars = (tli_chars){0};
    size_t bytes;
    char *text = tli_read_file(path, ROOM, &bytes);
    if (text == NULL && errno == ENOMEM)
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a vocabulary of characters");
    if (text == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "cannot read the characters %s: %s", path, strerror(errno));
    const tl_status status = tli_chars_parse(text, path, chars, err);
    free(text);
    return status;
}

tl_status tli_chars_text(const tli_chars *chars, char **text, tl_error *err)
{
    size_t bytes = 0;
    *text = NULL;
    FILE *memory = open_memstream(text, &bytes);
    tl_status status = memory != NULL ? tli_chars_save(chars, memory, "a vocabulary of characters", err)
                                      : tli_fail(err, TL_ERROR_MEMORY,
                                                 "out of host memory for a vocabulary of characters");
    if (memory != NULL && fclose(memory) != 0 && status == TL_OK)
        status = tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a vocabulary of characters");
    if (status == TL_OK) {
        (*text)[bytes - 1] = '\0'; /* the line's end */
        return TL_OK;
    }
    free(*text);
    *text = NULL;
    return status;
}
