/* What every test includes: CMocka and the headers that it needs, and failures that name the caller's line. A helper that can
 * fail is a macro NAME(...) for NAME_at(HERE, ...), so that what CTest shows is the line of the test that called it. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HERE __FILE__, __LINE__

/* Fails the test at the caller's place with a message. */
_Noreturn void fail_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A local function that can fail is followed by
 *     #define check_pairs(...) FROM_HERE(check_pairs(__VA_ARGS__))
 * or, where it returns something, by
 *     #define make_pairs(...) VALUE_FROM_HERE(make_pairs(__VA_ARGS__))
 * A failure in it then also names the lines that called it. */
#define FROM_HERE(call)                  (call_begins(HERE), (call), call_ends())
#define VALUE_FROM_HERE(call)            VALUE_FROM_HERE_AS(call, __COUNTER__)
#define VALUE_FROM_HERE_AS(call, number) VALUE_FROM_HERE_IN(call, number)
#define VALUE_FROM_HERE_IN(call, number)                                                                     \
    __extension__({                                                                                          \
        call_begins(HERE);                                                                                   \
        __auto_type value_##number = (call);                                                                 \
        call_ends();                                                                                         \
        value_##number;                                                                                      \
    })
void call_begins(const char *file, int line);
void call_ends(void);
/* Around each test: forgets the calls of a test that was left in the middle, and prints those of one that failed. */
int forget_calls(void **state);
int print_calls(void **state);
#undef cmocka_unit_test
#define cmocka_unit_test(test)                                                                               \
    {                                                                                                        \
#test, test, forget_calls, print_calls, NULL                                                         \
    }

/* For numbers of any type. cmocka's own ranges have other names in each of its versions. */
#define assert_between(value, least, most)                                                                   \
    assert_between_at(HERE, #value, (double)(value), (double)(least), (double)(most))
void assert_between_at(const char *file, int line, const char *what, double value, double least, double most);

/* `text` holds `words`. */
#define assert_says(text, words) assert_says_at(HERE, text, words)
void assert_says_at(const char *file, int line, const char *text, const char *words);

/* A test that cannot run here says why and what it needs; tools/test collects these lines. */
#define skip_because(why, what)                                                                              \
    do {                                                                                                     \
        print_message("skip: %s; to run it: %s\n", (why), (what));                                           \
        skip();                                                                                              \
    } while (0)

#endif
