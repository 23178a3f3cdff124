/* `translution tokenize` from outside: files, its JSON line, and a sentence and exit code for every mistake.
 */
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

#include "tiny_bpe.h"

enum { TEXT = 1 << 14, ARGS = 24 };

static char folder[256];
static int code; /* of the last run; 1000 + signal when a signal ended it */
static char out_text[TEXT], err_text[TEXT];

static const char *at(const char *name)
{
    static char paths[8][512];
    static int next = 0;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void slurp(const char *path, char *text)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, TEXT - 1, file)] = '\0';
    fclose(file);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* input: a descriptor for standard input. */
static pid_t start(int input, const char *const *args)
{
    char *argv[ARGS + 3] = {(char *)TL_PROGRAM, (char *)"tokenize"};
    for (int i = 0; args[i] != NULL; i++) {
        assert_true(i < ARGS);
        argv[i + 2] = (char *)args[i];
    }
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) return pid;
    const int out = open(at("stdout"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err = open(at("stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || dup2(input, 0) < 0 ||
        chdir(folder) != 0)
        _exit(99);
    execv(TL_PROGRAM, argv);
    _exit(98);
}

static void finish(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    slurp(at("stdout"), out_text);
    slurp(at("stderr"), err_text);
}

static void run(const char *input, const char *const *args)
{
    const int fd = open(input != NULL ? at(input) : "/dev/null", O_RDONLY);
    assert_true(fd >= 0);
    finish(start(fd, args));
    close(fd);
}

#define RUN(...)  run(NULL, (const char *const[]){__VA_ARGS__, NULL})
#define PIPE(...) run("piped", (const char *const[]){__VA_ARGS__, NULL})
#define TINY      "--vocab", "vocab.bpe", "--encoder", "encoder.json"

/* Exit code, one sentence on stderr with every word, nothing on stdout. */
static void fails(const char *file, int line, int wanted, const char *const *words)
{
    bool good = code == wanted && out_text[0] == '\0' && strncmp(err_text, "translution: ", 13) == 0 &&
                strchr(err_text, '\n') == err_text + strlen(err_text) - 1;
    for (; good && *words != NULL; words++) good = strstr(err_text, *words) != NULL;
    if (good) return;
    print_error("%s:%d: exit code %d (expected %d), wanted '%s' in one sentence:\n%s%s\n", file, line, code,
                wanted, *words != NULL ? *words : "", err_text, out_text);
    fail();
}

#define FAILS(wanted, ...) fails(__FILE__, __LINE__, wanted, (const char *const[]){__VA_ARGS__, NULL})

/* The numbers of the JSON line. */
static void expect_result(double documents, double train, double val, double bytes)
{
    if (code != 0) print_error("%s", err_text);
    assert_int_equal(code, 0);
    assert_ptr_equal(strchr(out_text, '\n'), out_text + strlen(out_text) - 1);
    cJSON *json = cJSON_Parse(out_text);
    const struct {
        const char *name;
        double value;
    } want[] = {{"documents", documents}, {"train_tokens", train}, {"val_tokens", val}, {"bytes", bytes}};
    for (int i = 0; i < 4; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, want[i].name);
        assert_true(cJSON_IsNumber(item));
        if (item->valuedouble != want[i].value)
            fail_msg("%s is not %g in %s", want[i].name, want[i].value, out_text);
    }
    cJSON_Delete(json);
}

static void expect_train(const char *name, const uint16_t *ids, size_t count)
{
    char bytes[TEXT];
    struct stat what;
    assert_int_equal(stat(at(name), &what), 0);
    assert_int_equal(what.st_size, 2 * count);
    slurp(at(name), bytes);
    for (size_t i = 0; i < count; i++)
        assert_int_equal((uint8_t)bytes[2 * i] | (uint8_t)bytes[2 * i + 1] << 8, ids[i]);
}

#define TRAIN(name, ...)                                                                                     \
    expect_train(name, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / 2)

static void test_files(void **state)
{
    write_text("t1.txt", "he\n<|endoftext|>\nq");
    write_text("t2.txt", "a");
    RUN(TINY, "--out", "o/deep", "--val-fraction", "0", "t1.txt", "t2.txt");
    expect_result(3, 7, 0, 19);
    TRAIN("o/deep/train.bin", TINY_MERGE, '\n', TINY_END, 'q', TINY_END, 'a', TINY_END);
    assert_int_equal(access(at("o/deep/val.bin"), R_OK), 0);
    assert_non_null(strstr(err_text, "3 documents"));
    RUN(TINY, "--out", "o", "--val-fraction", "0", "--quiet", "t?.txt"); /* a pattern in quotes: sorted */
    expect_result(3, 7, 0, 19);
    assert_string_equal(err_text, "");
    RUN(TINY, "--out", "o", "--val-fraction", "0", "--per-file", "t2.txt", "t1.txt");
    expect_result(2, 20, 0, 19);
    RUN(TINY, "--out", "o", "--val-fraction", "0", "--separator", "q", "t1.txt");
    expect_result(1, 17, 0, 18);
    RUN(TINY, "--out", "o", "--val-fraction", "1", "--threads", "3", "t1.txt");
    expect_result(2, 0, 5, 18);
    RUN(TINY, "--out", "o", "t2.txt");
    expect_result(1, 2, 0, 1);
    assert_non_null(strstr(err_text, "val.bin is empty"));
    write_text("piped", "hello world");
    PIPE(TINY, "--out", "p", "-");
    expect_result(1, 3, 0, 11);
    TRAIN("p/train.bin", TINY_MERGE + 3, TINY_MERGE + 11, TINY_END);
    PIPE("--chars", "--out", "p", "--val-fraction", "0.5", "-");
    expect_result(1, 5, 6, 11);
    TRAIN("p/train.bin", 3, 2, 4, 4, 5); /* of " dehlorw" */
    assert_int_equal(access(at("p/chars.json"), R_OK), 0);
    PIPE(TINY, "--out", "p", "-"); /* chars.json would no longer belong to the token files */
    expect_result(1, 3, 0, 11);
    assert_int_not_equal(access(at("p/chars.json"), R_OK), 0);
    RUN("--help");
    assert_int_equal(code, 0);
    assert_non_null(strstr(out_text, "--separator LINE"));
}

static void test_usage(void **state)
{
    RUN("t1.txt");
    FAILS(2, "--vocab", "--encoder", "--chars");
    RUN("--vocab", "vocab.bpe", "--out", "u", "t1.txt");
    FAILS(2, "--encoder");
    RUN(TINY, "--chars", "--out", "u", "t1.txt");
    FAILS(2, "--chars");
    RUN(TINY, "t1.txt");
    FAILS(2, "--out");
    RUN(TINY, "--out", "u");
    FAILS(2, "needs text files");
    RUN(TINY, "--out", "u", "--val-fraction", "1.5", "t1.txt");
    FAILS(2, "--val-fraction", "from 0 to 1");
    RUN(TINY, "--out", "u", "--threads", "0", "t1.txt");
    FAILS(2, "--threads");
    RUN(TINY, "--out", "u", "--separator", "", "t1.txt");
    FAILS(2, "--separator");
    RUN(TINY, "--out", "u", "--separator", "a\nb", "t1.txt");
    FAILS(2, "--separator", "one line");
    RUN(TINY, "--out", "u", "--separator", "a", "--per-file", "t1.txt");
    FAILS(2, "--per-file", "--separator");
    RUN(TINY, "--out", "u", "--epochs", "3", "t1.txt");
    FAILS(2, "unknown flag --epochs", "tokenize --help");
    assert_int_not_equal(access(at("u"), F_OK), 0);
}

static void test_input(void **state)
{
    RUN("--vocab", "none.bpe", "--encoder", "encoder.json", "--out", "i", "t1.txt");
    FAILS(2, "none.bpe", "No such file");
    RUN("--vocab", "vocab.bpe", "--encoder", "none.json", "--out", "i", "t1.txt");
    FAILS(2, "none.json", "No such file");
    RUN("--vocab", "vocab.bpe", "--encoder", ".", "--out", "i", "t1.txt");
    FAILS(2, "encoder .");
    write_text("bad.bpe", "#version: 0.2\nh e\nhe\n");
    RUN("--vocab", "bad.bpe", "--encoder", "encoder.json", "--out", "i", "t1.txt");
    FAILS(2, "bad.bpe", "line 3");
    write_text("bad.json", "{\"a\": 0,\n\"b\": 65536}\n");
    RUN("--vocab", "vocab.bpe", "--encoder", "bad.json", "--out", "i", "t1.txt");
    FAILS(2, "bad.json", "65536", "16 bits");
    write_text("bad.json", "{\"a\": 0,\n\"b\" 1}\n");
    RUN("--vocab", "vocab.bpe", "--encoder", "bad.json", "--out", "i", "t1.txt");
    FAILS(2, "bad.json", "line 2");
    RUN(TINY, "--out", "i", "none.txt");
    FAILS(2, "none.txt", "No such file");
    RUN(TINY, "--out", "i", "none*.txt");
    FAILS(2, "no file matches none*.txt");
    RUN(TINY, "--out", "i", "t1.txt", folder);
    FAILS(2, "is a folder");
    write_text("empty.txt", "");
    RUN(TINY, "--out", "i", "empty.txt");
    FAILS(2, "empty.txt", "no text");
    write_text("empty.txt", "<|endoftext|>\n<|endoftext|>");
    RUN(TINY, "--out", "i", "empty.txt");
    FAILS(2, "empty.txt", "no text");
    RUN(TINY, "--out", "i", "-");
    FAILS(2, "no text");
    RUN("--chars", "--out", "i", "empty.txt");
    FAILS(2, "no text");
    RUN(TINY, "--out", "t1.txt/x", "t1.txt");
    FAILS(2, "t1.txt", "--out");
    assert_int_equal(mkdir(at("taken"), 0700) | mkdir(at("taken/train.bin"), 0700), 0);
    RUN(TINY, "--out", "taken", "t1.txt");
    FAILS(1, "taken/train.bin");
}

/* A silent pipe: a signal still stops the program, which leaves nothing behind. */
static void test_stop(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = start(ends[0], (const char *const[]){TINY, "--out", "s", "--quiet", "-", NULL});
    for (int i = 0; i < 300; i++) { /* until its temporary files are there */
        char line[400];
        snprintf(line, sizeof line, "ls -A '%s' 2>/dev/null | grep -q tmp-", at("s"));
        if (system(line) == 0) break;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    kill(pid, SIGINT);
    finish(pid);
    close(ends[0]);
    close(ends[1]);
    FAILS(130, "stopped", "nothing was written");
    assert_int_equal(rmdir(at("s")), 0); /* it is empty */
}

static int setup(void **state)
{
    snprintf(folder, sizeof folder, "%s/translution-tokenize-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(folder) == NULL) return -1;
    return tiny_write(at("vocab.bpe"), at("encoder.json"));
}

static int teardown(void **state)
{
    char line[400];
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    return system(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
