#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "data/bpe_internal.h"

enum {
    SHORT_PIECE = 48, /* up to this length pieces are merged by scanning, longer ones with a heap */
    CACHE_KEY = 30,   /* longest piece in the cache, in bytes */
    CACHE_IDS = 16,
    CACHE_BITS = 16
};

/* A piece and its ids: 64 bytes, one cache line. */
typedef struct word {
    uint8_t length, count; /* length 0: the entry is empty */
    uint8_t key[CACHE_KEY];
    uint16_t ids[CACHE_IDS];
} word;

/* A position in a long piece: the symbol that begins here, and its neighbours in a linked list. */
typedef struct symbol {
    uint32_t id, previous, next; /* id DEAD: merged into the symbol before it */
} symbol;

enum { NONE = UINT32_MAX, DEAD = UINT32_MAX };

typedef struct places {
    uint64_t *items;
    size_t count, capacity;
} places;

struct tli_bpe_encoder {
    const tli_bpe *bpe;
    pcre2_match_data *match;
    word *cache;     /* [1 << CACHE_BITS] */
    symbol *symbols; /* of a long piece */
    size_t symbol_room;
    places heap, pending;
};

/* ---- the pattern --------------------------------------------------------------------------------- */

/* Unicode white space, as \s in the original. PCRE2's \s also matches U+180E, and without UCP only ASCII,
 * so the class is spelled out. */
#define WHITE                                                                                                \
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

/* GPT-2's pattern. Quantifiers at the end of an alternative are possessive: the same matches without
 * backtracking. */
static const char pattern[] = "'s|'t|'re|'ve|'m|'ll|'d"
                              "| ?\\p{L}++"
                              "| ?\\p{N}++"
                              "| ?[^" WHITE "\\p{L}\\p{N}]++"
                              "|[" WHITE "]+(?![^" WHITE "])"
                              "|[" WHITE "]++";

tl_status tli_bpe_compile(tli_bpe *bpe, tl_error *err)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    /* Every character begins some piece, so matches are adjacent. */
    bpe->pattern = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_ANCHORED,
                                 &code, &offset, NULL);
    if (bpe->pattern == NULL) {
        PCRE2_UCHAR reason[128] = "";
        pcre2_get_error_message(code, reason, sizeof reason);
        return tli_fail(err, TL_ERROR_MEMORY,
                        "PCRE2 cannot compile GPT-2's pattern (%s): it needs Unicode support",
                        (const char *)reason);
    }
    /* without JIT, matching is slower but the same */
    bpe->jit = pcre2_jit_compile(bpe->pattern, PCRE2_JIT_COMPLETE) == 0;
    return TL_OK;
}

/* ---- runs of valid and of invalid UTF-8 ---------------------------------------------------------- */

static size_t valid_run(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        if (n - i >= 8 && (memcpy(&eight, p + i, 8), (eight & 0x8080808080808080u) == 0)) {
            i += 8;
            continue;
        }
        const size_t step = tli_utf8_sequence(p + i, n - i);
        if (step == 0) break;
        i += step;
    }
    return i;
}

static size_t invalid_run(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && tli_utf8_sequence(p + i, n - i) == 0) i++;
    return i;
}

/* ---- where text can be split ------------------------------------------------------------------------ */

typedef enum kind { KIND_WHITE, KIND_LETTER, KIND_DIGIT, KIND_OTHER } kind;

static kind ascii_kind(uint8_t c)
{
    if (c == ' ' || (c >= '\t' && c <= '\r')) return KIND_WHITE;
    if (c >= '0' && c <= '9') return KIND_DIGIT;
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return KIND_LETTER;
    return KIND_OTHER;
}

/* Whether the text ends in white space beyond ASCII. Its first bytes are UTF-8 lead bytes, which occur
 * nowhere else, so scanning backwards is unambiguous even after invalid bytes. */
static bool ends_in_wide_white(const uint8_t *text, size_t n)
{
    if (n >= 2 && text[n - 2] == 0xc2) return text[n - 1] == 0x85 || text[n - 1] == 0xa0;
    if (n < 3) return false;
    const uint8_t a = text[n - 3], b = text[n - 2], c = text[n - 1];
    if (a == 0xe1) return b == 0x9a && c == 0x80;
    if (a == 0xe3) return b == 0x80 && c == 0x80;
    if (a != 0xe2) return false;
    return (b == 0x80 && ((c >= 0x80 && c <= 0x8a) || c == 0xa8 || c == 0xa9 || c == 0xaf)) ||
           (b == 0x81 && c == 0x9f);
}

/* White space after another character always begins a new piece, and only white-space pieces look ahead,
 * so the text can be split there. Also between ASCII letters, digits and other characters, except after
 * white space (a space joins what follows) and after ' (which may begin 's or 'll). */
size_t tli_bpe_cut(const uint8_t *text, size_t bytes)
{
    for (size_t p = bytes; p-- > 1;) {
        const uint8_t before = text[p - 1], after = text[p];
        if (after >= 0x80) continue;
        if (before >= 0x80) {
            if (ascii_kind(after) == KIND_WHITE && !ends_in_wide_white(text, p)) return p;
        } else if (ascii_kind(before) != KIND_WHITE && before != '\'' &&
                   ascii_kind(before) != ascii_kind(after)) {
            return p;
        }
    }
    return 0;
}

/* ---- merging ------------------------------------------------------------------------------------- */

static uint32_t rank_of(const tli_bpe *bpe, uint32_t left, uint32_t right, uint32_t *id)
{
    const tli_bpe_merge *m = tli_bpe_find_merge(bpe, left, right);
    if (m == NULL) return TLI_BPE_NO_RANK;
    *id = m->id;
    return m->rank;
}

/* As in the original: finds the pair of lowest rank, merges all its occurrences from the left, repeats. */
static size_t merge_short(const tli_bpe *bpe, const uint8_t *piece, size_t n, uint16_t *ids)
{
    uint32_t ranks[SHORT_PIECE], merged[SHORT_PIECE]; /* of the pair (i, i + 1) */
    for (size_t i = 0; i < n; i++) ids[i] = bpe->byte_ids[piece[i]];
    for (size_t i = 0; i + 1 < n; i++) ranks[i] = rank_of(bpe, ids[i], ids[i + 1], &merged[i]);
    while (n > 1) {
        uint32_t lowest = ranks[0];
        for (size_t i = 1; i + 1 < n; i++)
            if (ranks[i] < lowest) lowest = ranks[i];
        if (lowest == TLI_BPE_NO_RANK) break;
        size_t first = 0;
        while (ranks[first] != lowest) first++;
        /* Moves symbols and the ranks of unchanged pairs together; ranks of pairs next to a new symbol are
         * looked up. */
        size_t to = first;
        bool fresh = false; /* the symbol before `to` is new */
        for (size_t from = first; from < n; to++) {
            const bool here = from + 1 < n && ranks[from] == lowest;
            const uint32_t id = here ? merged[from] : ids[from];
            const uint32_t rank = from + 1 < n ? ranks[from] : TLI_BPE_NO_RANK,
                           pair = from + 1 < n ? merged[from] : 0;
            from += here ? 2 : 1;
            ids[to] = (uint16_t)id;
            if (!here) {
                ranks[to] = rank;
                merged[to] = pair;
            }
            if (to > 0 && (here || fresh)) ranks[to - 1] = rank_of(bpe, ids[to - 1], id, &merged[to - 1]);
            fresh = here;
        }
        n = to;
    }
    return n;
}

static tl_status no_memory(tl_error *err)
{
    return tli_fail(err, TL_ERROR_MEMORY,
                    "out of host memory while encoding: a stretch of text without a border "
                    "between words is too long");
}

static bool encode_push(places *list, uint64_t item)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity != 0 ? 2 * list->capacity : 1024;
        uint64_t *items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL) return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return true;
}

/* Heap of rank << 32 | position, smallest on top: ties go to the left, as in the original. */
static bool heap_push(places *heap, uint64_t item)
{
    if (!encode_push(heap, item)) return false;
    size_t i = heap->count - 1;
    for (; i > 0 && heap->items[(i - 1) / 2] > item; i = (i - 1) / 2)
        heap->items[i] = heap->items[(i - 1) / 2];
    heap->items[i] = item;
    return true;
}

static uint64_t heap_pop(places *heap)
{
    const uint64_t top = heap->items[0], item = heap->items[--heap->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < heap->count; i = child) {
        if (child + 1 < heap->count && heap->items[child + 1] < heap->items[child]) child++;
        if (heap->items[child] >= item) break;
        heap->items[i] = heap->items[child];
    }
    if (heap->count > 0) heap->items[i] = item;
    return top;
}

static bool heap_push_pair(tli_bpe_encoder *e, uint32_t place)
{
    const symbol *s = &e->symbols[place];
    uint32_t id;
    if (s->id == DEAD || s->next == NONE) return true;
    const uint32_t rank = rank_of(e->bpe, s->id, e->symbols[s->next].id, &id);
    return rank == TLI_BPE_NO_RANK || heap_push(&e->heap, (uint64_t)rank << 32 | place);
}

/* The same for long pieces in O(n log n). One pass merges all pairs of the lowest rank; new pairs are
 * considered after the pass, even if their rank is lower, as in the original. */
static tl_status merge_long(tli_bpe_encoder *e, const uint8_t *piece, size_t n, uint16_t *ids, size_t *count,
                            tl_error *err)
{
    if (n >= UINT32_MAX)
        return tli_fail(err, TL_ERROR_INPUT,
                        "the text has a word of %zu bytes; words must be shorter than 4 GiB", n);
    if (n > e->symbol_room) {
        free(e->symbols);
        e->symbols = malloc(n * sizeof *e->symbols);
        e->symbol_room = e->symbols != NULL ? n : 0;
        if (e->symbols == NULL) return no_memory(err);
    }
    symbol *s = e->symbols;
    for (uint32_t i = 0; i < n; i++)
        s[i] = (symbol){e->bpe->byte_ids[piece[i]], i > 0 ? i - 1 : NONE, i + 1 < n ? i + 1 : NONE};
    e->heap.count = 0;
    for (uint32_t i = 0; i + 1 < n; i++)
        if (!heap_push_pair(e, i)) return no_memory(err);
    while (e->heap.count > 0) {
        const uint32_t lowest = (uint32_t)(e->heap.items[0] >> 32);
        e->pending.count = 0;
        while (e->heap.count > 0 && (uint32_t)(e->heap.items[0] >> 32) == lowest) {
            const uint32_t place = (uint32_t)heap_pop(&e->heap), next = s[place].next;
            uint32_t id = 0;
            /* stale entry: the pair has changed since it was pushed */
            if (s[place].id == DEAD || next == NONE ||
                rank_of(e->bpe, s[place].id, s[next].id, &id) != lowest)
                continue;
            s[place].id = id;
            s[place].next = s[next].next;
            s[next].id = DEAD;
            if (s[place].next != NONE) s[s[place].next].previous = place;
            if (s[place].previous != NONE && !encode_push(&e->pending, s[place].previous))
                return no_memory(err);
            if (!encode_push(&e->pending, place)) return no_memory(err);
        }
        for (size_t i = 0; i < e->pending.count; i++)
            if (!heap_push_pair(e, (uint32_t)e->pending.items[i])) return no_memory(err);
    }
    *count = 0;
    for (uint32_t i = 0; i != NONE; i = s[i].next) ids[(*count)++] = (uint16_t)s[i].id;
    return TL_OK;
}

/* ---- the cache ----------------------------------------------------------------------------------- */

static uint64_t encode_load8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static uint32_t encode_load4(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* Overlapping loads read every byte of a piece of 2 to CACHE_KEY bytes. */
static uint32_t slot_of(const uint8_t *p, size_t n)
{
    uint64_t a, b;
    if (n >= 8) {
        a = encode_load8(p);
        b = encode_load8(p + n - 8);
        if (n > 16)
            a ^= encode_load8(p + 8) * 0x9E3779B97F4A7C15u,
                b ^= encode_load8(p + n - 16) * 0xC2B2AE3D27D4EB4Fu;
    } else if (n >= 4) {
        a = encode_load4(p);
        b = encode_load4(p + n - 4);
    } else {
        a = p[0] | (uint64_t)p[n / 2] << 8;
        b = p[n - 1];
    }
    a = (a ^ n) * 0x9E3779B97F4A7C15u;
    a = (a ^ a >> 32 ^ b) * 0xC2B2AE3D27D4EB4Fu;
    return (uint32_t)(a >> (64 - CACHE_BITS));
}

static tl_status encode_piece(tli_bpe_encoder *e, const uint8_t *piece, size_t n, tli_ids *ids, tl_error *err)
{
    TLI_TRY(tli_ids_reserve(ids, n, err));
    uint16_t *out = ids->items + ids->count;
    if (n == 1) {
        out[0] = e->bpe->byte_ids[piece[0]];
        ids->count++;
        return TL_OK;
    }
    size_t count = 0;
    if (n > SHORT_PIECE) {
        TLI_TRY(merge_long(e, piece, n, out, &count, err));
        ids->count += count;
        return TL_OK;
    }
    word *w = n <= CACHE_KEY ? &e->cache[slot_of(piece, n)] : NULL;
    if (w != NULL && w->length == n && memcmp(w->key, piece, n) == 0) {
        for (size_t i = 0; i < w->count; i++) out[i] = w->ids[i];
        ids->count += w->count;
        return TL_OK;
    }
    count = merge_short(e->bpe, piece, n, out);
    if (w != NULL && count <= CACHE_IDS) {
        w->length = (uint8_t)n;
        w->count = (uint8_t)count;
        memcpy(w->key, piece, n);
        memcpy(w->ids, out, count * sizeof *out);
    }
    ids->count += count;
    return TL_OK;
}

/* ---- text ---------------------------------------------------------------------------------------- */

/* End of the piece that begins at `from`. */
static tl_status next_piece(tli_bpe_encoder *e, const uint8_t *text, size_t n, size_t from, size_t *end,
                            tl_error *err)
{
    const int code = e->bpe->jit
                         ? pcre2_jit_match(e->bpe->pattern, text, n, from, 0, e->match, NULL)
                         : pcre2_match(e->bpe->pattern, text, n, from, PCRE2_NO_UTF_CHECK, e->match, NULL);
    *end = code > 0 ? pcre2_get_ovector_pointer(e->match)[1] : from;
    if (*end > from) return TL_OK;
    PCRE2_UCHAR reason[128] = "no match";
    if (code < 0) pcre2_get_error_message(code, reason, sizeof reason);
    return tli_fail(err, TL_ERROR_MEMORY, "PCRE2 failed to cut the text at byte %zu into words: %s", from,
                    (const char *)reason);
}

tl_status tli_bpe_encode(tli_bpe_encoder *e, const uint8_t *text, size_t bytes, tli_ids *ids, tl_error *err)
{
    while (bytes > 0) {
        const size_t valid = valid_run(text, bytes);
        for (size_t from = 0, end = 0; from < valid; from = end) {
            TLI_TRY(next_piece(e, text, valid, from, &end, err));
            TLI_TRY(encode_piece(e, text + from, end - from, ids, err));
        }
        const size_t invalid = invalid_run(text + valid, bytes - valid);
        TLI_TRY(tli_ids_reserve(ids, invalid, err));
        for (size_t i = 0; i < invalid; i++) ids->items[ids->count++] = e->bpe->byte_ids[text[valid + i]];
        text += valid + invalid;
        bytes -= valid + invalid;
    }
    return TL_OK;
}

tl_status tli_bpe_encoder_create(const tli_bpe *bpe, tli_bpe_encoder **out, tl_error *err)
{
    tli_bpe_encoder *e = calloc(1, sizeof *e);
    *out = e;
    if (e != NULL) {
        e->bpe = bpe;
        e->match = pcre2_match_data_create(1, NULL);
        e->cache = calloc((size_t)1 << CACHE_BITS, sizeof *e->cache);
    }
    if (e != NULL && e->match != NULL && e->cache != NULL) return TL_OK;
    tli_bpe_encoder_free(e);
    *out = NULL;
    return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for an encoder of text");
}

void tli_bpe_encoder_free(tli_bpe_encoder *e)
{
    if (e == NULL) return;
    pcre2_match_data_free(e->match);
    free(e->cache);
    free(e->symbols);
    free(e->heap.items);
    free(e->pending.items);
    free(e);
}
