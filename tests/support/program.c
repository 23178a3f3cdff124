#include "program.h"

outcome seen;

pid_t start_from(int input, const char *const *env, const char *const *args)
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
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || dup2(input, 0) < 0 ||
        chdir(folder) != 0)
        _exit(99);
    execv(TL_PROGRAM, argv);
    _exit(98);
}

pid_t start(const char *const *env, const char *const *args)
{
    return start_from(STDIN_FILENO, env, args);
}

static void note_outcome(int status)
{
    seen.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    read_file("stdout", seen.out, TEXT);
    read_file("stderr", seen.err, TEXT);
}

void finish(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    note_outcome(status);
}

void run_line(const char *arguments)
{
    char line[2000];
    const int length = snprintf(line, sizeof line,
                                "cd '%s' && unset TRANSLUTION_DEVICE; '%s' %s >stdout 2>stderr </dev/null",
                                folder, TL_PROGRAM, arguments);
    assert_true(length < (int)sizeof line);
    note_outcome(system(line));
}

void expect_at(const char *file, int line, int code, const char *const *words)
{
    bool good = seen.code == code;
    for (; good && *words != NULL; words++) good = strstr(seen.err, *words) != NULL;
    if (good) return;
    fail_at(file, line, "exit code %d (expected %d), wanted '%s' in:\n%s%s", seen.code, code,
            *words != NULL ? *words : "", seen.err, seen.out);
}

void expect_one_sentence_at(const char *file, int line)
{
    int sentences = 0;
    for (const char *text = seen.err; text != NULL && *text != '\0';) {
        if (strncmp(text, "translution: ", 13) == 0) sentences++;
        text = strchr(text, '\n');
        if (text != NULL) text++;
    }
    if (sentences != 1 || seen.out[0] != '\0')
        fail_at(file, line, "not one sentence on stderr and nothing on stdout:\n%s%s", seen.err, seen.out);
}

cJSON *last_json_at(const char *file, int line)
{
    size_t length = strlen(seen.out);
    if (length == 0 || seen.out[length - 1] != '\n')
        fail_at(file, line, "exit code %d, no last line in '%s'; stderr:\n%s", seen.code, seen.out, seen.err);
    seen.out[length - 1] = '\0';
    const char *newline = strrchr(seen.out, '\n');
    cJSON *json = cJSON_Parse(newline != NULL ? newline + 1 : seen.out);
    if (json == NULL) fail_at(file, line, "not JSON: %s", seen.out);
    return json;
}
