/* Running the program from outside, in `folder`: exit codes, messages, the JSON line. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include "files.h"
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { TEXT = 1 << 17, ARGS = 48 };

typedef struct outcome {
    int code; /* exit code; 1000 + signal when a signal ended it */
    char out[TEXT], err[TEXT];
} outcome;

extern outcome seen; /* of the last run */

/* Runs in three ways, in `folder`, without TRANSLUTION_DEVICE:
 *   RUN(ENV("NAME=value"), "train", "mnist")   with words of the environment; NO_ENV: none
 *   run_line("train mnist")                     as a shell would, without standard input
 *   start(...), then finish(pid)                while the test does something else; start_from: with a standard input
 * Their outcome is in `seen`. */
#define ENV(...)      ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ENV        ((const char *const[]){NULL})
#define NO_PLATFORM   "OCL_ICD_VENDORS=/nonexistent" /* no device at all */
#define RUN(env, ...) finish(start(env, (const char *const[]){__VA_ARGS__, NULL}))
pid_t start(const char *const *env, const char *const *args);
pid_t start_from(int input, const char *const *env, const char *const *args);
void finish(pid_t pid);
void run_line(const char *arguments);

/* The last run left with `code` and stderr holds every word. FAILS: and an error is one sentence that begins with the program's
 * name, and stdout stays empty. */
#define EXPECT(code, ...)     expect_at(HERE, code, (const char *const[]){__VA_ARGS__, NULL})
#define FAILS(code, ...)      (EXPECT(code, __VA_ARGS__), expect_one_sentence_at(HERE))
#define expect_one_sentence() expect_one_sentence_at(HERE)
void expect_at(const char *file, int line, int code, const char *const *words);
void expect_one_sentence_at(const char *file, int line);

/* A line of arguments that fails with words, or that succeeds. */
#define fails(code, arguments, ...) (run_line(arguments), FAILS(code, __VA_ARGS__))
#define succeeds(arguments)         (run_line(arguments), EXPECT(0, ""))

/* The last line of stdout as JSON; the caller deletes it. json_of: after a run that succeeds. */
#define last_json()        last_json_at(HERE)
#define json_of(arguments) (succeeds(arguments), last_json())
cJSON *last_json_at(const char *file, int line);

#endif
