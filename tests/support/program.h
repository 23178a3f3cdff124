/* Running the program from outside, in a folder of its own: exit codes, messages, the JSON line. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

enum { TEXT = 1 << 17, ARGS = 48 };

typedef struct outcome {
    int code; /* exit code; 1000 + signal when a signal ended it */
    char out[TEXT], err[TEXT];
} outcome;

static char folder[256]; /* a fresh one for the whole program */
static outcome seen;     /* of the last run */

/* ---- running the program ------------------------------------------------------------------------- */

static inline const char *at(const char *name)
{
    static char paths[8][512];
    static int next = 0;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void slurp(const char *path, char *text)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, TEXT - 1, file)] = '\0';
    fclose(file);
}

/* env: "NAME=VALUE" words, then NULL. */
static inline pid_t start(const char *const *env, const char *const *args)
{
    char *argv[ARGS + 2] = {(char *)TL_PROGRAM};
    for (int i = 0; args[i] != NULL; i++) {
        assert_true(i < ARGS);
        argv[i + 1] = (char *)args[i];
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) return pid;
    unsetenv("TRANSLUTION_DEVICE");
    for (; *env != NULL; env++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*env, "="), *env);
        setenv(name, strchr(*env, '=') + 1, 1);
    }
    int out = open(at("stdout"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int err = open(at("stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || chdir(folder) != 0) _exit(99);
    execv(TL_PROGRAM, argv);
    _exit(98);
}

static inline void finish(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    seen.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    slurp(at("stdout"), seen.out);
    slurp(at("stderr"), seen.err);
}

#define ENV(...)      ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ENV        ((const char *const[]){NULL})
#define RUN(env, ...) finish(start(env, (const char *const[]){__VA_ARGS__, NULL}))

static inline void expect(const char *file, int line, int code, const char *const *words)
{
    bool good = seen.code == code;
    for (; good && *words != NULL; words++) good = strstr(seen.err, *words) != NULL;
    if (good) return;
    print_error("%s:%d: exit code %d (expected %d), wanted '%s' in:\n%s%s\n", file, line, seen.code, code,
                *words != NULL ? *words : "", seen.err, seen.out);
    fail();
}

/* The last run left with `code` and stderr holds every word. */
#define EXPECT(code, ...) expect(__FILE__, __LINE__, code, (const char *const[]){__VA_ARGS__, NULL})

/* An error is one line that begins with the program's name, and stdout stays empty. */
static inline void expect_one_sentence(void)
{
    int sentences = 0;
    for (const char *at_line = seen.err; at_line != NULL && *at_line != '\0';) {
        if (strncmp(at_line, "translution: ", 13) == 0) sentences++;
        at_line = strchr(at_line, '\n');
        if (at_line != NULL) at_line++;
    }
    if (sentences != 1 || seen.out[0] != '\0') {
        print_error("not one sentence:\n%s%s", seen.err, seen.out);
        fail();
    }
}

#define FAILS(code, ...) (EXPECT(code, __VA_ARGS__), expect_one_sentence())

/* The last line of stdout as JSON; the caller deletes it. */
static inline cJSON *last_json(void)
{
    size_t length = strlen(seen.out);
    if (length == 0 || seen.out[length - 1] != '\n') {
        print_error("exit code %d, no last line in '%s'; stderr:\n%s\n", seen.code, seen.out, seen.err);
        fail();
    }
    seen.out[length - 1] = '\0';
    const char *newline = strrchr(seen.out, '\n');
    cJSON *json = cJSON_Parse(newline != NULL ? newline + 1 : seen.out);
    if (json == NULL) print_error("not JSON: %s\n", seen.out);
    assert_non_null(json);
    return json;
}

static inline double number(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    if (!cJSON_IsNumber(item)) {
        print_error("no number '%s' in the JSON line\n", key);
        fail();
    }
    return item->valuedouble;
}

static inline const char *string(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

static inline void write_text(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static inline int setup(void **state)
{
    snprintf(folder, sizeof folder, "%s/translution-cli-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static inline int teardown(void **state)
{
    char line[400];
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    return system(line);
}

#endif
