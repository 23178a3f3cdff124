/* Runs of the program that differ in a flag alone, and the small models and texts that they begin from. */
#ifndef TESTS_FLAG_RUNS_H
#define TESTS_FLAG_RUNS_H

#include "program.h"

#include "tiny_bpe.h"

#define TINY  "--dim 16 --depth 1 --heads 2 --head-dim 8 "
#define TRAIN "train mnist " TINY "--batch-size 8 --limit-train 16 --limit-test 8 --steps 2 --out run"
#define OTHER "train mnist " TINY "--batch-size 8 --limit-train 16 --limit-test 8 --out run"
#define VIT                                                                                                  \
    "train vit " TINY "--image-size 32 --batch-size 8 --limit-train 16 --limit-test 8 --steps 2 --out run"
#define GPT     "train gpt " TINY "--seq-len 8 --vocab-size 32 --batch-size 4 --limit-test 8 --out run --epochs 1"
#define PIXELS  "bench memory --json " TINY
#define LOADER  "bench loader --json --limit-train 16" /* which draws all that it reads before it begins */
#define CHARS   "tokenize --chars --out run text.txt more.txt"
#define KERNELS "kernels --dump run"
#define BPE     "tokenize --vocab vocab.bpe --encoder encoder.json --out run text.txt more.txt"

/* What stays of a run: exit code, result without times and names of files, messages without numbers, files. */
typedef struct trace {
    int code;
    char out[TEXT], err[TEXT], files[TEXT];
} trace;

/* Copies a text without numbers that are times, or, with `all`, without any. */
static inline void strip(const char *text, bool all, char *out)
{
    static const char *const times[] = {
        "ms\":",       "ms_median\":",       "ms_min\":", "gflops\":",  "_before\":", "_after\":",
        "fraction\":", "fraction_median\":", "second\":", "seconds\":", "wait\":",    "bytes\":",
        NULL};
    bool skipping = false;
    for (const char *p = text; *p != '\0'; p++) {
        const bool digit = strchr("0123456789.e+-", *p) != NULL;
        bool is_time = all;
        for (int i = 0; times[i] != NULL && !is_time && p > text; i++) {
            const size_t n = strlen(times[i]);
            is_time = (size_t)(p - text) >= n && strncmp(p - n, times[i], n) == 0;
        }
        skipping = digit && (skipping || is_time);
        if (!skipping) *out++ = *p;
    }
    *out = '\0';
}

static inline int command_line(const char *line)
{
    return WEXITSTATUS(system(line));
}

/* Their kernels compute next to nothing and are compiled without optimization, in a fifth of the time, but for those of bench, which
 * measures how fast products are. */
static inline void observe(const char *arguments, trace *t)
{
    static char text[TEXT];
    char line[2000];
    snprintf(
        line, sizeof line,
        "cd '%s' && rm -rf run run2 run.* && unset TRANSLUTION_DEVICE && %s '%s' %s >out 2>all "
        "</dev/null; code=$?; grep -v 'step .*loss\\|plain products reached' all >err; "
        "sed -i 's/\"steady\":[a-z]*,//' out; exit $code", /* progress, and notices of a busy machine, come by the clock */
        folder, strncmp(arguments, "bench", 5) == 0 ? "" : "POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable",
        TL_PROGRAM, arguments);
    t->code = command_line(line);
    read_file(at("out"), text, TEXT);
    strip(text, false, t->out);
    read_file(at("err"), text, TEXT);
    strip(text, true, t->err);
    snprintf(line, sizeof line,
             "cd '%s' && find . -path './run*' -type f | sort | while read f; do case $f in *.jsonl) echo $f "
             "$(wc -l <$f) ;; *result.json) echo $f ;; " /* of the same numbers as out, times among them */
             "*) cksum $f ;; esac; done >files 2>&1",
             folder);
    assert_int_equal(command_line(line), 0);
    read_file("files", t->files, sizeof t->files);
}
#define observe(...) FROM_HERE(observe(__VA_ARGS__))

/* What stays of a base, which must succeed; each is run once. */
static inline const trace *trace_of_base(const char *base)
{
    enum { BASES = 80 };
    static struct {
        const char *line;
        trace *trace;
    } known[BASES];
    int i = 0;
    while (i < BASES && known[i].line != NULL && strcmp(known[i].line, base) != 0) i++;
    assert_true(i < BASES);
    if (known[i].line == NULL) {
        trace *t = malloc(sizeof *t);
        assert_non_null(t);
        observe(base, t);
        if (t->code != 0 && strncmp(base, "info", 4) != 0)
            fail_msg("`%s`: exit code %d\n%s", base, t->code, t->err);
        known[i].line = base;
        known[i].trace = t;
    }
    return known[i].trace;
}
#define trace_of_base(...) VALUE_FROM_HERE(trace_of_base(__VA_ARGS__))

/* Runs both and says whether anything differs. */
static inline bool differs(const char *base, const char *flags)
{
    static trace with;
    char line[1000];
    const trace *plain = trace_of_base(base);
    snprintf(line, sizeof line, "%s %s", base, flags);
    observe(line, &with);
    if (with.code != plain->code && with.code != 0 && with.code != 2)
        fail_msg("`%s`: exit code %d\n%s", line, with.code, with.err);
    return with.code != plain->code || strcmp(with.out, plain->out) != 0 ||
           strcmp(with.err, plain->err) != 0 || strcmp(with.files, plain->files) != 0;
}
#define differs(...) VALUE_FROM_HERE(differs(__VA_ARGS__))

static inline void check_run(const char *base, const char *flags)
{
    if (!differs(base, flags)) fail_msg("`%s %s` neither changes anything nor is refused", base, flags);
}
#define check_run(...) FROM_HERE(check_run(__VA_ARGS__))

static inline int prepare(void **state)
{
    trace *t = calloc(1, sizeof *t);
    if (make_folder(state) != 0 || t == NULL) return -1;
    write_text("text.txt", "ab\n<|endoftext|>\nba\n<|endoftext|>\nabba\n");
    write_text("more.txt", "a\nb\n");
    write_text("seed.conf", "seed = 3\n");
    int code = tiny_write(at("vocab.bpe"), at("encoder.json"));
    observe("train mnist " TINY "--batch-size 8 --limit-train 16 --limit-test 8 --steps 1 --out mnist", t);
    code |= t->code;
    observe("train gpt " TINY "--seq-len 8 --vocab-size 32 --batch-size 4 --limit-test 8 --steps 1 --out gpt",
            t);
    code |= t->code;
    free(t);
    return code;
}

#endif
