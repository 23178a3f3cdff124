#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/files.h"
#include "data/bpe_internal.h"
#include "data/text_check.h"

static const char end_of_text_name[] = "<|endoftext|>";

enum { FILE_LIMIT = 256 << 20, ALPHABET = 324 };

static tl_status out_of_memory(tl_error *err)
{
    return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while loading the vocabulary");
}

/* The whole file with a terminating 0, freed by the caller. */
static tl_status read_file(const char *what, const char *path, char **out, size_t *bytes, tl_error *err)
{
    *out = NULL;
    size_t used;
    char *text = tli_read_file(path, FILE_LIMIT, &used);
    if (text == NULL && errno == ENOMEM) return out_of_memory(err);
    if (text == NULL)
        return tli_fail(err, TL_ERROR_INPUT,
                        "cannot read %s %s: %s; give the path, or fetch GPT-2's files with tools/fetch-data",
                        what, path, strerror(errno));
    tl_status status = TL_OK;
    if (used >= FILE_LIMIT)
        status = tli_fail(err, TL_ERROR_INPUT, "%s %s is longer than %d MiB: not a vocabulary", what, path,
                          FILE_LIMIT >> 20);
    else if (used == 0)
        status = tli_fail(err, TL_ERROR_INPUT, "%s %s is empty", what, path);
    if (status != TL_OK) {
        free(text);
        return status;
    }
    *out = text;
    *bytes = used;
    return TL_OK;
}

/* A piece of an untrusted file for a message: shortened, and printable on a terminal. */
static const char *bpe_quote(const char *text, size_t bytes, char out[48])
{
    size_t n = bytes < 40 ? bytes : 40;
    for (size_t i = 0; i < n; i++) out[i] = text[i];
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)out[i] < ' ' || out[i] == 0x7f) out[i] = '?';
    while (n > 0 && n < bytes && ((unsigned char)out[n - 1] & 0x80) != 0) n--; /* whole characters */
    memcpy(out + n, n < bytes ? "..." : "", n < bytes ? 4 : 1);
    return out;
}

/* ---- the alphabet -------------------------------------------------------------------------------- */

/* Token files write a byte as a printable character: the printable ones of Latin-1 as they are, the other 68
 * as U+0100 and up, in order. alphabet[code point]: the byte, or -1. */
static void make_alphabet(int16_t alphabet[ALPHABET])
{
    for (int i = 0; i < ALPHABET; i++) alphabet[i] = -1;
    int next = 256;
    for (int b = 0; b < 256; b++) {
        const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        alphabet[printable ? b : next++] = (int16_t)b;
    }
}

/* Converts `length` bytes of token text into the bytes they encode; false when a character encodes none. */
static bool to_bytes(const int16_t alphabet[ALPHABET], const char *text, size_t length, uint8_t *out,
                     size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t code = (uint8_t)text[i];
        if (code >= 0x80) { /* the alphabet ends below U+0800: two bytes at most */
            if ((code & 0xe0) != 0xc0 || i + 1 >= length || ((uint8_t)text[i + 1] & 0xc0) != 0x80)
                return false;
            code = (code & 0x1f) << 6 | ((uint8_t)text[++i] & 0x3f);
        }
        if (code >= ALPHABET || alphabet[code] < 0) return false;
        out[(*count)++] = (uint8_t)alphabet[code];
    }
    return true;
}

/* ---- encoder.json -------------------------------------------------------------------------------- */

static uint32_t hash_bytes(const uint8_t *p, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
    return h ^ h >> 15;
}

/* Id of the token with these bytes, -1: none. */
static int32_t find_token(const tli_bpe *bpe, const uint8_t *p, size_t n)
{
    for (uint32_t slot = hash_bytes(p, n) & bpe->by_bytes_mask;; slot = (slot + 1) & bpe->by_bytes_mask) {
        const uint32_t id = bpe->by_bytes[slot] - 1;
        if (bpe->by_bytes[slot] == 0) return -1;
        if (bpe->lengths[id] == n && memcmp(bpe->arena + bpe->offsets[id], p, n) == 0) return (int32_t)id;
    }
}

static void remember_token(tli_bpe *bpe, uint32_t id)
{
    uint32_t slot = hash_bytes(bpe->arena + bpe->offsets[id], bpe->lengths[id]) & bpe->by_bytes_mask;
    while (bpe->by_bytes[slot] != 0) slot = (slot + 1) & bpe->by_bytes_mask;
    bpe->by_bytes[slot] = id + 1;
}

static tl_status add_token(tli_bpe *bpe, const int16_t alphabet[ALPHABET], const char *path,
                           const cJSON *item, size_t *arena_used, tl_error *err)
{
    char name[48];
    const size_t length = strlen(item->string);
    bpe_quote(item->string, length, name);
    const double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!(value >= 0 && value == floor(value)))
        return tli_fail(err, TL_ERROR_INPUT, "encoder %s: the id of token \"%s\" is not a whole number", path,
                        name);
    if (value >= TLI_BPE_IDS)
        return tli_fail(
            err, TL_ERROR_INPUT,
            "encoder %s: id %.0f of token \"%s\" does not fit token files, whose ids are 16 bits wide "
            "(at most 65535)",
            path, value, name);
    const uint32_t id = (uint32_t)value;
    if (bpe->lengths[id] != 0)
        return tli_fail(err, TL_ERROR_INPUT, "encoder %s: id %u of token \"%s\" is another token's already",
                        path, id, name);
    size_t count = 0;
    uint8_t *at = bpe->arena + *arena_used;
    if (length == 0 || !to_bytes(alphabet, item->string, length, at, &count))
        return tli_fail(err, TL_ERROR_INPUT,
                        "encoder %s: token \"%s\" (id %u) has a character outside GPT-2's alphabet of bytes",
                        path, name, id);
    if (find_token(bpe, at, count) >= 0)
        return tli_fail(err, TL_ERROR_INPUT, "encoder %s: token \"%s\" stands there twice", path, name);
    bpe->offsets[id] = (uint32_t)*arena_used;
    bpe->lengths[id] = (uint32_t)count;
    *arena_used += count;
    remember_token(bpe, id);
    if (id >= bpe->size) bpe->size = id + 1;
    if (strcmp(item->string, end_of_text_name) == 0) bpe->end_of_text = (int32_t)id;
    return TL_OK;
}

static tl_status add_tokens(tli_bpe *bpe, const int16_t alphabet[ALPHABET], const char *path,
                            const cJSON *json, tl_error *err)
{
    if (!cJSON_IsObject(json))
        return tli_fail(err, TL_ERROR_INPUT,
                        "encoder %s is not one JSON object of tokens and ids, such as {\"a\": 64, ...}",
                        path);
    size_t arena_used = 0;
    for (const cJSON *item = json->child; item != NULL; item = item->next)
        TLI_TRY(add_token(bpe, alphabet, path, item, &arena_used, err));
    for (uint32_t b = 0; b < 256; b++) {
        const int32_t id = find_token(bpe, &(uint8_t){(uint8_t)b}, 1);
        if (id < 0)
            return tli_fail(
                err, TL_ERROR_INPUT,
                "encoder %s has no token for the byte 0x%02x: not a byte-level vocabulary, or cut "
                "short",
                path, b);
        bpe->byte_ids[b] = (uint16_t)id;
    }
    return TL_OK;
}

static tl_status load_encoder(tli_bpe *bpe, const int16_t alphabet[ALPHABET], const char *path, tl_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    TLI_TRY(read_file("the encoder", path, &text, &bytes, err));
    const char *end = text;
    cJSON *json = cJSON_ParseWithLengthOpts(text, bytes + 1, &end, true);
    tl_status status = TL_OK;
    bpe->arena = malloc(bytes + 1); /* no token has more bytes than its text in the file */
    if (bpe->arena == NULL) {
        status = out_of_memory(err);
    } else if (json == NULL) {
        unsigned line = 1, column = 1;
        for (const char *p = text; p < end && p < text + bytes; p++) {
            line += *p == '\n';
            column = *p == '\n' ? 1 : column + 1;
        }
        status = tli_fail(err, TL_ERROR_INPUT,
                          "encoder %s is not sound JSON: line %u, column %u%s; fetch it again with "
                          "tools/fetch-data",
                          path, line, column, end >= text + bytes ? " (its end: cut short?)" : "");
    } else {
        status = add_tokens(bpe, alphabet, path, json, err);
    }
    cJSON_Delete(json);
    free(text);
    return status;
}

/* ---- vocab.bpe ----------------------------------------------------------------------------------- */

/* State of parsing vocab.bpe, also needed by the checks after the last line. */
typedef struct reading {
    const char *path;
    const int16_t *alphabet;
    uint8_t *bytes; /* scratch, as long as the file */
    bool *made;     /* [TLI_BPE_IDS]: some merge makes this token */
    uint32_t rank;
} reading;

static tl_status read_merge(tli_bpe *bpe, reading *r, const char *line, size_t length, unsigned number,
                            tl_error *err)
{
    char name[48];
    bpe_quote(line, length, name);
    const char *space = memchr(line, ' ', length);
    const size_t left = space != NULL ? (size_t)(space - line) : 0;
    const size_t right = space != NULL ? length - left - 1 : 0;
    if (left == 0 || right == 0 || memchr(space + 1, ' ', right) != NULL)
        return tli_fail(
            err, TL_ERROR_INPUT,
            "vocabulary %s, line %u: a merge is two tokens with one space between them, not \"%s\"", r->path,
            number, name);
    size_t a = 0, b = 0;
    if (!to_bytes(r->alphabet, line, left, r->bytes, &a) ||
        !to_bytes(r->alphabet, space + 1, right, r->bytes + a, &b))
        return tli_fail(err, TL_ERROR_INPUT,
                        "vocabulary %s, line %u: \"%s\" has a character outside GPT-2's alphabet of bytes",
                        r->path, number, name);
    const int32_t l = find_token(bpe, r->bytes, a), m = find_token(bpe, r->bytes + a, b);
    const int32_t whole = find_token(bpe, r->bytes, a + b);
    if (l < 0 || m < 0 || whole < 0)
        return tli_fail(
            err, TL_ERROR_INPUT,
            "vocabulary %s, line %u: the merge \"%s\" %s a token that the encoder does not have; the "
            "two files do not belong together",
            r->path, number, name, whole < 0 ? "makes" : "takes");
    const uint32_t pair = (uint32_t)l << 16 | (uint32_t)m;
    uint32_t slot = tli_bpe_hash_pair(pair) & bpe->merge_mask;
    for (; bpe->merges[slot].rank != TLI_BPE_NO_RANK; slot = (slot + 1) & bpe->merge_mask)
        if (bpe->merges[slot].pair == pair)
            return tli_fail(err, TL_ERROR_INPUT,
                            "vocabulary %s, line %u: the merge \"%s\" stands on line %u already", r->path,
                            number, name, bpe->merges[slot].rank + 2);
    bpe->merges[slot] = (tli_bpe_merge){pair, r->rank++, (uint32_t)whole};
    r->made[whole] = true;
    return TL_OK;
}

static tl_status read_merges(tli_bpe *bpe, reading *r, const char *text, size_t bytes, tl_error *err)
{
    const char *begin = text +
                        (strncmp(text, TLI_TEXT_BOM, TLI_TEXT_BOM_BYTES) == 0 ? TLI_TEXT_BOM_BYTES : 0);
    if (strncmp(begin, "#version", 8) != 0)
        return tli_fail(err, TL_ERROR_INPUT,
                        "vocabulary %s, line 1: a vocab.bpe file begins with a line like \"#version: 0.2\"",
                        r->path);
    unsigned number = 1;
    for (const char *line = begin, *end = text + bytes; line < end; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        if (newline == NULL)
            return tli_fail(
                err, TL_ERROR_INPUT,
                "vocabulary %s, line %u has no line end: the file is cut short; fetch it again with "
                "tools/fetch-data",
                r->path, number);
        size_t length = (size_t)(newline - line);
        if (length > 0 && line[length - 1] == '\r') length--;
        if (number > 1) TLI_TRY(read_merge(bpe, r, line, length, number, err));
        line = newline + 1;
    }
    /* A token of several bytes that no merge makes can never be produced: lines are missing. Names in <|
     * |> are special tokens and exempt. */
    for (uint32_t id = 0; id < bpe->size; id++) {
        const char *token = (const char *)bpe->arena + bpe->offsets[id];
        const uint32_t n = bpe->lengths[id];
        if (n < 2 || r->made[id]) continue;
        if (n > 4 && memcmp(token, "<|", 2) == 0 && memcmp(token + n - 2, "|>", 2) == 0) continue;
        char name[48];
        return tli_fail(
            err, TL_ERROR_INPUT,
            "vocabulary %s ends at line %u, but no merge makes the encoder's token \"%s\" (id %u): the "
            "file is cut short, or the two do not belong together",
            r->path, number - 1, bpe_quote(token, n, name), id);
    }
    return TL_OK;
}

static tl_status load_merges(tli_bpe *bpe, const int16_t alphabet[ALPHABET], const char *path, tl_error *err)
{
    char *text = NULL;
    size_t bytes = 0, lines = 0;
    TLI_TRY(read_file("the vocabulary", path, &text, &bytes, err));
    for (size_t i = 0; i < bytes; i++) lines += text[i] == '\n';
    uint32_t slots = 1024;
    while (slots < 3 * lines) slots *= 2;
    reading r = {
        .path = path, .alphabet = alphabet, .bytes = malloc(bytes + 1), .made = calloc(TLI_BPE_IDS, 1)};
    bpe->merges = malloc(slots * sizeof *bpe->merges);
    tl_status status = TL_OK;
    if (r.bytes == NULL || r.made == NULL || bpe->merges == NULL) {
        status = out_of_memory(err);
    } else {
        for (uint32_t i = 0; i < slots; i++) bpe->merges[i] = (tli_bpe_merge){.rank = TLI_BPE_NO_RANK};
        bpe->merge_mask = slots - 1;
        status = read_merges(bpe, &r, text, bytes, err);
    }
    free(r.bytes);
    free(r.made);
    free(text);
    return status;
}

/* ---- all together -------------------------------------------------------------------------------- */

static tl_status bpe_load(tli_bpe *bpe, const char *vocab_path, const char *encoder_path, tl_error *err)
{
    int16_t alphabet[ALPHABET];
    make_alphabet(alphabet);
    bpe->end_of_text = -1;
    bpe->by_bytes_mask = 4 * TLI_BPE_IDS - 1;
    bpe->offsets = calloc(TLI_BPE_IDS, sizeof *bpe->offsets);
    bpe->lengths = calloc(TLI_BPE_IDS, sizeof *bpe->lengths);
    bpe->by_bytes = calloc((size_t)bpe->by_bytes_mask + 1, sizeof *bpe->by_bytes);
    if (bpe->offsets == NULL || bpe->lengths == NULL || bpe->by_bytes == NULL) return out_of_memory(err);
    TLI_TRY(load_encoder(bpe, alphabet, encoder_path, err));
    TLI_TRY(load_merges(bpe, alphabet, vocab_path, err));
    return tli_bpe_compile(bpe, err);
}

tl_status tli_bpe_load(const char *vocab_path, const char *encoder_path, tli_bpe **out, tl_error *err)
{
    *out = NULL;
    tli_bpe *bpe = calloc(1, sizeof *bpe);
    if (bpe == NULL) return out_of_memory(err);
    tl_status status = bpe_load(bpe, vocab_path, encoder_path, err);
    if (status == TL_OK)
        *out = bpe;
    else
        tli_bpe_free(bpe);
    return status;
}

void tli_bpe_free(tli_bpe *bpe)
{
    if (bpe == NULL) return;
    pcre2_code_free(bpe->pattern);
    free(bpe->arena);
    free(bpe->offsets);
    free(bpe->lengths);
    free(bpe->by_bytes);
    free(bpe->merges);
    free(bpe);
}

uint32_t tli_bpe_size(const tli_bpe *bpe)
{
    return bpe->size;
}

int32_t tli_bpe_end_of_text(const tli_bpe *bpe)
{
    return bpe->end_of_text;
}

const uint8_t *tli_bpe_token(const tli_bpe *bpe, uint32_t id, size_t *bytes)
{
    if (id >= bpe->size || bpe->lengths[id] == 0) return NULL;
    *bytes = bpe->lengths[id];
    return bpe->arena + bpe->offsets[id];
}
