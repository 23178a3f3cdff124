#include "data/synthetic_text.h"

#include <stdlib.h>
#include <string.h>

#include "core/random.h"

enum { WORDS = 256, MAX_LETTERS = 9, TRAIN_IDS = 1 << 20, TEST_IDS = 1 << 16 };
enum { LINE_FEED, SPACE, COMMA, FULL_STOP, LETTERS };

typedef struct word {
    uint8_t id[MAX_LETTERS];
    uint32_t length;
} word;

static uint8_t synthetic_letter(tli_random *r, const char *among)
{
    return (uint8_t)(LETTERS + among[tli_random_below(r, (uint32_t)strlen(among))] - 'a');
}

/* One to three syllables. */
static word draw_word(tli_random *r)
{
    word w = {.length = 0};
    for (uint32_t syllables = 1 + tli_random_below(r, 3); syllables > 0; syllables--) {
        w.id[w.length++] = synthetic_letter(r, "bdfghklmnprstvwz");
        w.id[w.length++] = synthetic_letter(r, "aeiou");
        if (tli_random_below(r, 3) == 0) w.id[w.length++] = synthetic_letter(r, "lmnrst");
    }
    return w;
}

static uint32_t next_word(tli_random *r, uint32_t before)
{
    if (tli_random_below(r, 2) == 0) return (5 * before + 7 + tli_random_below(r, 3)) % WORDS;
    const float u = tli_random_uniform(r);
    return (uint32_t)((float)WORDS * u * u * u); /* the first words are the most frequent */
}

typedef struct writer {
    uint8_t *bytes;
    uint64_t count, capacity;
} writer;

static void synthetic_put(writer *w, uint8_t id)
{
    if (w->count == w->capacity) return;
    w->bytes[2 * w->count++] = id; /* the high byte stays 0 */
}

static void put_sentence(writer *w, tli_random *r, const word *words, uint32_t *last)
{
    for (uint32_t left = 4 + tli_random_below(r, 8); left > 0; left--) {
        *last = next_word(r, *last);
        for (uint32_t i = 0; i < words[*last].length; i++) synthetic_put(w, words[*last].id[i]);
        if (left == 1) break;
        if (tli_random_below(r, 8) == 0) synthetic_put(w, COMMA);
        synthetic_put(w, SPACE);
    }
    synthetic_put(w, FULL_STOP);
    synthetic_put(w, tli_random_below(r, 5) == 0 ? LINE_FEED : SPACE);
}

tl_status tli_text_draw(uint64_t seed, bool train, tli_tokens *tokens, tl_error *err)
{
    memset(tokens, 0, sizeof *tokens);
    writer w = {.capacity = train ? TRAIN_IDS : TEST_IDS};
    w.bytes = calloc(w.capacity, 2);
    if (w.bytes == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the synthetic text");
    word words[WORDS];
    tli_random r = tli_random_make(seed, tli_random_stream("text/words"));
    for (uint32_t i = 0; i < WORDS; i++) words[i] = draw_word(&r);
    r = tli_random_make(seed, tli_random_stream(train ? "text/train" : "text/test"));
    for (uint32_t last = 0; w.count < w.capacity;) put_sentence(&w, &r, words, &last);
    tokens->bytes = tokens->owned = w.bytes;
    tokens->count = w.count;
    strcpy(tokens->path, "synthetic");
    return TL_OK;
}

tl_status tli_text_chars(tli_chars *chars, tl_error *err)
{
    static const char symbols[] = "\n ,.abcdefghijklmnopqrstuvwxyz";
    tli_ids ids = {0};
    TLI_TRY(tli_chars_create(chars, err));
    const tl_status status = tli_chars_learn(chars, (const uint8_t *)symbols, TLI_TEXT_SYMBOLS, &ids, err);
    tli_ids_free(&ids);
    if (status != TL_OK) tli_chars_free(chars);
    return status;
}
