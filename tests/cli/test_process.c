/* What happens around the program: readers of its output that go away or stop reading, terminals that are closed, signals of
 * sessions and batch systems, descriptors that are closed when it starts. Nothing of that costs a run its work. */
#define _XOPEN_SOURCE 700 /* posix_openpt */
#include <poll.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "program.h"
#include "test.h"

#define MODEL                                                                                                \
    "--op", "attention", "--dim", "16", "--depth", "1", "--heads", "2", "--head-dim", "8", "--batch-size",   \
        "16", "--limit-train", "44", "--limit-test", "16"
/* Until a signal ends it. */
#define ENDLESS(out) "train", "mnist", MODEL, "--steps", "100000000", "--eval-every", "0", "--out", at(out)
#define WORDS(...)   ((const char *const[]){__VA_ARGS__, NULL})

/* How a run of the program is set off; zero: its output goes to the files stdout and stderr of the folder. */
typedef struct setting {
    int out, err;    /* descriptors for standard output and error, 0: a file */
    unsigned closed; /* bit n: descriptor n is closed */
    int ignored;     /* a signal that is ignored, as by nohup */
    bool leader;     /* of a new process group */
    const char *tty; /* a terminal that becomes that of a new session, its input, output and error */
    rlim_t cpu_seconds, file_bytes; /* 0: no limit */
} setting;

static void take_file(const char *name, int descriptor)
{
    const int file = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, descriptor) < 0) _exit(99);
    close(file);
}

static void set_off(const setting *s)
{
    if (s->tty != NULL && setsid() < 0) _exit(97);
    if (s->leader && setpgid(0, 0) != 0) _exit(97);
    for (int number = 1; number < 32; number++) /* whatever the tests run under, such as nohup */
        signal(number, number == s->ignored ? SIG_IGN : SIG_DFL);
    const struct rlimit time = {.rlim_cur = s->cpu_seconds, .rlim_max = RLIM_INFINITY},
                        size = {.rlim_cur = s->file_bytes, .rlim_max = RLIM_INFINITY};
    if (s->cpu_seconds > 0 && setrlimit(RLIMIT_CPU, &time) != 0) _exit(97);
    if (s->file_bytes > 0 && setrlimit(RLIMIT_FSIZE, &size) != 0) _exit(97);
    if (s->out > 0 && dup2(s->out, 1) < 0) _exit(99);
    if (s->err > 0 && dup2(s->err, 2) < 0) _exit(99);
    if (s->out == 0) take_file("stdout", 1);
    if (s->err == 0) take_file("stderr", 2);
    const int tty = s->tty != NULL ? open(s->tty, O_RDWR) : -1; /* the first one opened is the session's */
    if (s->tty != NULL && (tty < 0 || dup2(tty, 0) < 0 || dup2(tty, 1) < 0 || dup2(tty, 2) < 0)) _exit(99);
    for (int i = 3; i < 64; i++) close(i);
    for (int i = 0; i < 3; i++)
        if ((s->closed >> i & 1) != 0) close(i);
}

static pid_t launched; /* the latest */

static pid_t launch(setting s, const char *const *words)
{
    char *argv[ARGS + 2] = {(char *)TL_PROGRAM};
    for (int i = 0; words[i] != NULL; i++) argv[i + 1] = (char *)words[i];
    fclose(fopen(at("stdout"), "w"));
    fclose(fopen(at("stderr"), "w"));
    const pid_t pid = fork();
    assert_true(pid >= 0);
    launched = pid;
    if (pid > 0) return pid;
    unsetenv("TRANSLUTION_DEVICE");
    if (chdir(folder) != 0) _exit(99);
    set_off(&s);
    execv(TL_PROGRAM, argv);
    _exit(98);
}
#define launch(...) VALUE_FROM_HERE(launch(__VA_ARGS__))

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* The last step in the metrics of a run, 0: none yet. */
static long last_step(const char *out)
{
    static char text[1 << 22];
    char path[600];
    snprintf(path, sizeof path, "%s/metrics.jsonl", at(out));
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    const size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    while (true) { /* the last whole line */
        char *end = strrchr(text, '\n');
        if (end == NULL) return 0;
        *end = '\0';
        const char *line = strrchr(text, '\n');
        line = line != NULL ? line + 1 : text;
        if (strncmp(line, "{\"step\":", 8) == 0) return atol(line + 8);
    }
}

/* Waits until the run has gone `more` steps further. */
static void wait_for_steps(const char *out, long more)
{
    const long wanted = last_step(out) + more;
    for (int i = 0; i < 4000 && last_step(out) < wanted; i++) pause_ms(50); /* some machines are busy */
    if (last_step(out) >= wanted) return;
    kill(launched, SIGKILL); /* it is endless */
    fail_msg("%s does not get on: step %ld", out, last_step(out));
}
#define wait_for_steps(...) FROM_HERE(wait_for_steps(__VA_ARGS__))

/* The run was saved after the last step that it tells of. */
static void assert_saved(const char *out)
{
    char path[700];
    snprintf(path, sizeof path, "%s/checkpoints/%ld/state.safetensors", at(out), last_step(out));
    if (last_step(out) == 0 || access(path, F_OK) != 0)
        fail_msg("exit code %d, nothing was saved after step %ld of %s; stderr:\n%s", seen.code,
                 last_step(out), out, seen.err);
}
#define assert_saved(...) FROM_HERE(assert_saved(__VA_ARGS__))

static void assert_has(const char *out, const char *name, bool there)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", at(out), name);
    assert_int_equal(access(path, F_OK) == 0, there);
}
#define assert_has(...) FROM_HERE(assert_has(__VA_ARGS__))

/* A pipe whose reading end is `*reader`, the other this function's value. */
static int pipe_to(int *reader)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *reader = ends[0];
    return ends[1];
}
#define pipe_to(...) VALUE_FROM_HERE(pipe_to(__VA_ARGS__))

/* ---- readers --------------------------------------------------------------------------------------- */

/* `2>&1 | tee log`, where tee dies in the middle of it; the run goes on, and is stopped a while later. */
static void reader_dies(void **state)
{
    int reader;
    const int writer = pipe_to(&reader);
    const pid_t pid = launch((setting){.out = writer, .err = writer}, WORDS(ENDLESS("tee")));
    close(writer);
    wait_for_steps("tee", 1);
    close(reader);
    wait_for_steps("tee", 1);
    pause_ms(200);
    kill(pid, SIGTERM); /* the notice of which nobody reads */
    finish(pid);
    EXPECT(143, "");
    assert_saved("tee");
}

/* Ctrl-C at a pipeline: the whole process group gets the signal, and `tee` is gone at once. */
static void whole_group(void **state)
{
    int reader;
    const int writer = pipe_to(&reader);
    const pid_t pid = launch((setting){.out = writer, .err = writer, .leader = true},
                             WORDS(ENDLESS("group")));
    const pid_t tee = fork();
    assert_true(tee >= 0);
    if (tee == 0) {
        close(writer);
        setpgid(0, pid);
        dup2(reader, 0);
        take_file("tee.log", 1);
        execlp("tee", "tee", (char *)NULL);
        _exit(98);
    }
    setpgid(tee, pid);
    close(writer);
    close(reader);
    wait_for_steps("group", 1);
    kill(-pid, SIGINT);
    finish(pid);
    EXPECT(130, "");
    assert_saved("group");
    assert_int_equal(waitpid(tee, NULL, 0), tee);
}

/* Runs six steps with these outputs to a reader that has gone before; the work is done and kept. */
static void run_unread(const char *out, bool no_stdout, bool no_stderr, int code)
{
    int reader;
    const int writer = pipe_to(&reader);
    close(reader);
    const setting s = {.out = no_stdout ? writer : 0, .err = no_stderr ? writer : 0};
    finish(launch(s, WORDS("train", "mnist", MODEL, "--steps", "6", "--eval-every", "2", "--out", at(out))));
    close(writer);
    EXPECT(code, "");
    assert_int_equal(last_step(out), 6);
    assert_has(out, "model.safetensors", true);
}
#define run_unread(...) FROM_HERE(run_unread(__VA_ARGS__))

/* The result that nobody can read is a failure, as any that cannot be written; messages are not worth one. */
static void nobody_reads(void **state)
{
    run_unread("no-stderr", false, true, 0);
    cJSON *json = last_json();
    assert_true(number(json, "steps") == 6);
    cJSON_Delete(json);
    run_unread("no-stdout", true, false, 1);
    FAILS(1, "cannot write the result to standard output");
    run_unread("neither", true, true, 1);
}

/* Whoever reads is there, but does not: a pager that waits for a key, a terminal that was stopped with Ctrl-S. */
static void reader_sleeps(void **state)
{
    int reader;
    const int writer = pipe_to(&reader);
    char block[4096];
    memset(block, 'x', sizeof block);
    fcntl(writer, F_SETFL, O_NONBLOCK);
    while (write(writer, block, sizeof block) > 0) {}
    fcntl(writer, F_SETFL, 0);
    const pid_t pid = launch((setting){.err = writer}, WORDS(ENDLESS("pager"), "--verbose"));
    close(writer);
    wait_for_steps("pager", 2);
    kill(pid, SIGTERM);
    finish(pid);
    close(reader);
    EXPECT(143, "");
    assert_saved("pager");
}

/* Where the output is all that there is, a reader that goes ends it quietly, as of every filter. */
static void filters_end(void **state)
{
    int reader;
    const int writer = pipe_to(&reader);
    close(reader);
    finish(launch((setting){.out = writer}, WORDS("info", at("no-stderr"))));
    EXPECT(1000 + SIGPIPE, "");
    finish(launch((setting){.out = writer}, WORDS("devices")));
    EXPECT(1000 + SIGPIPE, "");
    close(writer);
}

/* The other commands whose work is worth more than their messages. */
static void other_commands(void **state)
{
    int reader;
    const int writer = pipe_to(&reader);
    close(reader);
    finish(launch((setting){.err = writer}, WORDS("eval", at("no-stderr"))));
    EXPECT(0, "");
    cJSON_Delete(last_json());
    finish(launch((setting){.out = writer}, WORDS("eval", at("no-stderr"))));
    EXPECT(1, "cannot write the result to standard output");
    write_text("text.txt", "A text.\n\nAnd another one.\n");
    finish(launch((setting){.out = writer, .err = writer},
                  WORDS("tokenize", "--chars", "--out", at("chars"), at("text.txt"))));
    EXPECT(1, "");
    assert_has("chars", "train.bin", true);
    close(writer);
}

/* ---- terminals ------------------------------------------------------------------------------------- */

static int open_terminal(char name[64])
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        skip_because("no pseudo-terminal", "mount devpts on /dev/pts");
    snprintf(name, 64, "%s", ptsname(master));
    return master;
}

/* Reads what is there, so that the terminal's other side does not fill up. */
static void drain(int master)
{
    char text[4096];
    struct pollfd ready = {.fd = master, .events = POLLIN};
    while (poll(&ready, 1, 100) > 0 && (ready.revents & POLLIN) != 0 && read(master, text, sizeof text) > 0) {
    }
}

/* The window is closed, or ssh lost: SIGHUP, and from then on a terminal that takes nothing. */
static void terminal_closes(void **state)
{
    char name[64];
    const int master = open_terminal(name);
    const pid_t pid = launch((setting){.tty = name}, WORDS(ENDLESS("window")));
    wait_for_steps("window", 1);
    drain(master);
    close(master);
    finish(pid);
    EXPECT(128 + SIGHUP, "");
    assert_saved("window");
}

/* The same under nohup: the run goes on, though every message fails (EIO). */
static void nohup(void **state)
{
    char name[64];
    const int master = open_terminal(name);
    const pid_t pid = launch((setting){.tty = name, .ignored = SIGHUP}, WORDS(ENDLESS("nohup")));
    wait_for_steps("nohup", 1);
    drain(master);
    close(master);
    wait_for_steps("nohup", 2);
    pause_ms(300);
    kill(pid, SIGTERM);
    finish(pid);
    EXPECT(143, "");
    assert_saved("nohup");
}

/* ---- signals --------------------------------------------------------------------------------------- */

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGINT, "INT"},   {SIGTERM, "TERM"}, {SIGHUP, "HUP"},
               {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGXCPU, "XCPU"}};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

static void each_signal(void **state)
{
    for (int i = 0; i < SIGNALS; i++) {
        const pid_t pid = launch((setting){0}, WORDS(ENDLESS(signals[i].name)));
        wait_for_steps(signals[i].name, 1);
        kill(pid, signals[i].number);
        finish(pid);
        EXPECT(128 + signals[i].number, "saved in");
        assert_saved(signals[i].name);
    }
}

/* What was ignored when the program was started is none of its business: nohup, `trap '' INT`, background jobs. */
static void ignored_signals(void **state)
{
    for (int i = 0; i < SIGNALS; i++) {
        char out[32];
        snprintf(out, sizeof out, "ignored-%s", signals[i].name);
        const pid_t pid = launch((setting){.ignored = signals[i].number}, WORDS(ENDLESS(out)));
        wait_for_steps(out, 1);
        kill(pid, signals[i].number);
        wait_for_steps(out, 2);
        const int other = signals[i].number == SIGTERM ? SIGINT : SIGTERM;
        kill(pid, other);
        finish(pid);
        EXPECT(128 + other, "saved in");
        assert_saved(out);
    }
}

/* Whether a signal to the process waits for a thread that takes it. */
static bool is_pending(pid_t pid, int number)
{
    char path[40], text[4096] = "";
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) return false; /* a system without it, or the process has ended */
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *mask = strstr(text, "ShdPnd:");
    return mask != NULL && (strtoull(mask + strlen("ShdPnd:"), NULL, 16) >> (number - 1) & 1) != 0;
}

/* Sends the signal and waits until it is taken: of several that wait, the one with the lowest number comes first. */
static void kill_and_wait(pid_t pid, int number)
{
    kill(pid, number);
    for (int i = 0; i < 500 && is_pending(pid, number); i++) pause_ms(10);
    pause_ms(20);
}

/* Sent again before the run has come to save: warnings that systems repeat (SIGXCPU each second, SIGHUP by the kernel and by
 * the shell), SIGTERM behind a warning, and one that `timeout` sends to the process and to its group. */
static void repeated_signals(void **state)
{
    static const int pairs[][2] = {{SIGXCPU, SIGXCPU}, {SIGHUP, SIGHUP},  {SIGUSR1, SIGUSR1},
                                   {SIGUSR1, SIGTERM}, {SIGTERM, SIGHUP}, {SIGTERM, SIGTERM},
                                   {SIGINT, SIGINT}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char out[32];
        snprintf(out, sizeof out, "again-%zu", i);
        /* a step takes long enough that both come within one */
        const pid_t pid = launch((setting){0},
                                 WORDS("train", "mnist", MODEL, "--batch-size", "2000", "--limit-train",
                                       "8000", "--depth", "3", "--steps", "100000", "--out", at(out)));
        wait_for_steps(out, 1);
        kill_and_wait(pid, pairs[i][0]);
        kill(pid, pairs[i][1]);
        finish(pid);
        EXPECT(128 + pairs[i][0], "saved in");
        assert_saved(out);
    }
}

/* Evaluations may take longer than the time that a batch system leaves: they are broken off, and the weights saved. */
static void in_an_evaluation(void **state)
{
    finish(launch((setting){0}, WORDS("train", "mnist", MODEL, "--steps", "2", "--out", at("for-eval"))));
    EXPECT(0, "");
    pid_t pid = launch((setting){0}, WORDS("eval", at("for-eval"), "--limit-test", "10000"));
    for (int i = 0; i < 600; i++) {
        read_file("stderr", seen.err, TEXT);
        if (strstr(seen.err, "evaluating") != NULL) break;
        pause_ms(20);
    }
    kill(pid, SIGHUP);
    finish(pid);
    FAILS(129, "stopped by signal 1");

    /* of a step of 16 images and an evaluation of 10,000 */
    pid = launch((setting){0}, WORDS("train", "mnist", MODEL, "--limit-test", "10000", "--eval-every", "2",
                                     "--steps", "100000", "--out", at("scored")));
    wait_for_steps("scored", 2);
    pause_ms(30);
    kill(pid, SIGTERM);
    finish(pid);
    EXPECT(143, "saved in", "the evaluation after step");
    assert_saved("scored");

    pid = launch((setting){0}, WORDS("train", "mnist", MODEL, "--limit-test", "10000", "--steps", "2",
                                     "--out", at("last")));
    wait_for_steps("last", 2);
    pause_ms(30);
    kill(pid, SIGTERM);
    finish(pid);
    EXPECT(143, "the weights after step 2 are saved in", "go on with --resume");
    assert_has("last", "model.safetensors", true);
}

/* The soft limit of processor time, which the kernel says again each second. */
static void processor_time(void **state)
{
    finish(launch((setting){.cpu_seconds = 4}, WORDS(ENDLESS("limit"))));
    EXPECT(128 + SIGXCPU, "saved in");
    assert_saved("limit");
}

/* The limit of a file's size is an error of writing, with a sentence, and not the end of the process. */
static void file_size(void **state)
{
    static char text[60001];
    for (size_t i = 0; i + 1 < sizeof text; i++) text[i] = i % 60 == 59 ? '\n' : (char)('a' + i % 23);
    write_text("long.txt", text);
    finish(launch((setting){.file_bytes = 20000},
                  WORDS("tokenize", "--chars", "--out", at("large"), at("long.txt"))));
    FAILS(1, "File too large");
}

/* ---- descriptors ----------------------------------------------------------------------------------- */

/* Every line of the metrics is JSON: no message has got between them. */
static void assert_clean_metrics(const char *out)
{
    static char text[TEXT];
    char path[600];
    snprintf(path, sizeof path, "%s/metrics.jsonl", at(out));
    read_file(path, text, TEXT);
    int lines = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        cJSON *json = cJSON_Parse(line);
        if (json == NULL) fail_msg("a line of the metrics is not JSON: %s", line);
        cJSON_Delete(json);
    }
    assert_true(lines >= 6);
}
#define assert_clean_metrics(...) FROM_HERE(assert_clean_metrics(__VA_ARGS__))

static void closed_descriptors(void **state)
{
    for (unsigned closed = 1; closed < 8; closed++) {
        char out[32];
        snprintf(out, sizeof out, "closed-%u", closed);
        finish(launch((setting){.closed = closed},
                      WORDS("train", "mnist", MODEL, "--steps", "6", "--eval-every", "2",
                            "--checkpoint-every", "2", "--verbose", "--out", at(out))));
        if ((closed & 2) != 0 && (closed & 4) == 0)
            FAILS(1, "cannot write the result to standard output");
        else
            EXPECT((closed & 2) != 0 ? 1 : 0, "");
        assert_int_equal(last_step(out), 6);
        assert_clean_metrics(out);
        RUN(NO_ENV, "eval", at(out));
        EXPECT(0, "");
    }
    finish(launch((setting){.closed = 2}, WORDS("info", at("closed-1"))));
    FAILS(1, "cannot write to standard output");
    finish(launch((setting){.closed = 2}, WORDS("--version")));
    FAILS(1, "cannot write to standard output");
    finish(launch((setting){.closed = 1}, WORDS("tokenize", "--chars", "--out", at("no-input"), "-")));
    FAILS(2, "standard input");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_dies),        cmocka_unit_test(whole_group),
        cmocka_unit_test(nobody_reads),       cmocka_unit_test(reader_sleeps),
        cmocka_unit_test(filters_end),        cmocka_unit_test(other_commands),
        cmocka_unit_test(terminal_closes),    cmocka_unit_test(nohup),
        cmocka_unit_test(each_signal),        cmocka_unit_test(ignored_signals),
        cmocka_unit_test(repeated_signals),   cmocka_unit_test(in_an_evaluation),
        cmocka_unit_test(processor_time),     cmocka_unit_test(file_size),
        cmocka_unit_test(closed_descriptors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
