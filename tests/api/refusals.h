/* For the tests that give each function of the public header each of its arguments wrong in turn: it returns, says the right
 * status, and one sentence that names the argument. tests/tree/check_tried.sh reads the header: a function that nobody
 * tries fails it. */
#ifndef TESTS_REFUSALS_H
#define TESTS_REFUSALS_H

#include "values.h"

static tl_context *other; /* only owns what is foreign to the first, ctx */
static tl_error said;

static void begin(void)
{
    memset(&said, 0, sizeof said);
    memset(tl_context_error(ctx), 0, sizeof(tl_error));
}

/* `word` NULL: the call has no place for a sentence. */
static void check_refusal(int line, const char *call, tl_status got, tl_status want, const char *word)
{
    const char *text = said.text[0] != '\0' ? said.text : tl_context_error(ctx)->text;
    if (got != want) fail_msg("line %d: %s is %d, not %d: %s", line, call, got, want, text);
    if (word == NULL) return;
    if (strstr(text, word) == NULL || strchr(text, '\n') != NULL || strlen(text) < 20)
        fail_msg("line %d: %s says no sentence with '%s': '%s'", line, call, word, text);
}

/* Before a function that returns nothing. */
#define TRIES(function) begin()
#define FAILS(want, function, word, ...)                                                                     \
    (begin(), check_refusal(__LINE__, #function "(" #__VA_ARGS__ ")", function(__VA_ARGS__), want, word))
#define WRONG(function, word, ...) FAILS(TL_ERROR_USAGE, function, word, __VA_ARGS__)
/* A function without a status: `claim` holds of what it returns. */
#define GIVES(function, claim)                                                                               \
    do {                                                                                                     \
        begin();                                                                                             \
        assert_true(claim);                                                                                  \
    } while (0)

static inline tl_tensor *make(tl_context *owner, const char *name, uint64_t count)
{
    tl_tensor *t = NULL;
    OK(tl_tensor_create(owner, name, TL_MEMORY_DATA, 1, count, &t));
    return t;
}
#define make(...) VALUE_FROM_HERE(make(__VA_ARGS__))

/* A member of a struct set to a wrong value, and what its refusal must say. */
typedef struct wrong_value {
    size_t at, size;
    uint64_t value;
    const char *word;
} wrong_value;
#define VALUE(type, member, value, word)                                                                     \
    {                                                                                                        \
        offsetof(type, member), sizeof((type *)0)->member, (uint64_t)(value), word                           \
    }
#define COUNT(list) (sizeof(list) / sizeof *(list))

static inline void set(void *target, const wrong_value *w)
{
    const uint32_t small = (uint32_t)w->value;
    assert_true(w->size == sizeof small || w->size == sizeof w->value || w->size == 1);
    if (w->size == 1)
        ((unsigned char *)target)[w->at] = (unsigned char)w->value;
    else
        memcpy((char *)target + w->at,
               w->size == sizeof small ? (const void *)&small : (const void *)&w->value, w->size);
}
#define set(...) FROM_HERE(set(__VA_ARGS__))

/* Set-up and tear-down of a group: the folder, and both contexts. */
static int setup(void **state)
{
    tl_error err = {0};
    if (set_up_context_and_folder(state) != 0) return -1;
    if (tl_context_create(NULL, &other, &err) == TL_OK) return 0;
    print_error("%s\n", err.text);
    return -1;
}

static int teardown(void **state)
{
    tl_context_destroy(other);
    return tear_down_context_and_folder(state);
}

#endif
