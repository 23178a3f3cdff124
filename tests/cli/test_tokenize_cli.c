/* `translution tokenize` from outside: files, its JSON line, and a sentence and exit code for every mistake.
 */
#include "program.h"
#include "tiny_bpe.h"

#define TOKENIZE(...) tokenize(NULL, (const char *const[]){"tokenize", __VA_ARGS__, NULL})
#define PIPE(...)     tokenize("piped", (const char *const[]){"tokenize", __VA_ARGS__, NULL})
#define TINY          "--vocab", "vocab.bpe", "--encoder", "encoder.json"

/* `input`: the file that is standard input, or NULL. */
static void tokenize(const char *input, const char *const *args)
{
    const int fd = open(input != NULL ? at(input) : "/dev/null", O_RDONLY);
    assert_true(fd >= 0);
    finish(start_from(fd, NO_ENV, args));
    close(fd);
}
#define tokenize(...) FROM_HERE(tokenize(__VA_ARGS__))

/* Exit code, one line on stderr with every word, nothing on stdout. */
#undef FAILS
#define FAILS(wanted, ...)                                                                                   \
    (EXPECT(wanted, __VA_ARGS__), expect_one_sentence(),                                                     \
     assert_ptr_equal(strchr(seen.err, '\n'), seen.err + strlen(seen.err) - 1))

/* The numbers of the JSON line. */
static void expect_result(double documents, double train, double val, double bytes)
{
    if (seen.code != 0) print_error("%s", seen.err);
    assert_int_equal(seen.code, 0);
    assert_ptr_equal(strchr(seen.out, '\n'), seen.out + strlen(seen.out) - 1);
    cJSON *json = cJSON_Parse(seen.out);
    const struct {
        const char *name;
        double value;
    } want[] = {{"documents", documents}, {"train_tokens", train}, {"val_tokens", val}, {"bytes", bytes}};
    for (int i = 0; i < 4; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, want[i].name);
        assert_true(cJSON_IsNumber(item));
        if (item->valuedouble != want[i].value)
            fail_msg("%s is not %g in %s", want[i].name, want[i].value, seen.out);
    }
    cJSON_Delete(json);
}
#define expect_result(...) FROM_HERE(expect_result(__VA_ARGS__))

static void expect_train(const char *name, const uint16_t *ids, size_t count)
{
    char bytes[TEXT];
    struct stat what;
    assert_int_equal(stat(at(name), &what), 0);
    assert_int_equal(what.st_size, 2 * count);
    read_file(name, bytes, TEXT);
    for (size_t i = 0; i < count; i++)
        assert_int_equal((uint8_t)bytes[2 * i] | (uint8_t)bytes[2 * i + 1] << 8, ids[i]);
}
#define expect_train(...) FROM_HERE(expect_train(__VA_ARGS__))

#define TRAIN(name, ...)                                                                                     \
    expect_train(name, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / 2)

static void files_become_tokens(void **state)
{
    write_text("t1.txt", "he\n<|endoftext|>\nq");
    write_text("t2.txt", "a");
    TOKENIZE(TINY, "--out", "o/deep", "--val-fraction", "0", "t1.txt", "t2.txt");
    expect_result(3, 7, 0, 19);
    TRAIN("o/deep/train.bin", TINY_MERGE, '\n', TINY_END, 'q', TINY_END, 'a', TINY_END);
    assert_int_equal(access(at("o/deep/val.bin"), R_OK), 0);
    assert_non_null(strstr(seen.err, "3 documents"));
    TOKENIZE(TINY, "--out", "o", "--val-fraction", "0", "--quiet",
             "t?.txt"); /* a pattern in quotes: sorted */
    expect_result(3, 7, 0, 19);
    assert_string_equal(seen.err, "");
    TOKENIZE(TINY, "--out", "o", "--val-fraction", "0", "--per-file", "t2.txt", "t1.txt");
    expect_result(2, 20, 0, 19);
    TOKENIZE(TINY, "--out", "o", "--val-fraction", "0", "--separator", "q", "t1.txt");
    expect_result(1, 17, 0, 18);
    TOKENIZE(TINY, "--out", "o", "--val-fraction", "1", "--threads", "3", "t1.txt");
    expect_result(2, 0, 5, 18);
    TOKENIZE(TINY, "--out", "o", "t2.txt");
    expect_result(1, 2, 0, 1);
    assert_non_null(strstr(seen.err, "val.bin is empty"));
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
    TOKENIZE("--help");
    assert_int_equal(seen.code, 0);
    assert_non_null(strstr(seen.out, "--separator LINE"));
}

/* A number of the JSON line. */
static double result(const char *name)
{
    if (seen.code != 0) fail_msg("exit code %d: %s", seen.code, seen.err);
    cJSON *json = cJSON_Parse(seen.out);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    if (!cJSON_IsNumber(item)) fail_msg("no number %s in %s", name, seen.out);
    const double value = item->valuedouble;
    cJSON_Delete(json);
    return value;
}
#define result(...) VALUE_FROM_HERE(result(__VA_ARGS__))

#define BOM         "\xef\xbb\xbf"

/* A separator is seen however its line and the others end, in files and in pipes. */
static void line_ends_do_not_matter(void **state)
{
    static const char *const texts[] = {
        "a\n<|endoftext|>\nb\n<|endoftext|>\nc",
        "a\r\n<|endoftext|>\r\nb\r\n<|endoftext|>\r\nc",
        "a\r<|endoftext|>\rb\r<|endoftext|>\rc",
        "a\n<|endoftext|> \nb\n<|endoftext|>\t \t\nc",
        "a\n <|endoftext|>\nb\n\t<|endoftext|> \r\nc",
        BOM "a\n<|endoftext|>\nb\n<|endoftext|>\nc\n<|endoftext|>",
        BOM "<|endoftext|>\na\n<|endoftext|>\nb\n<|endoftext|>\nc\r<|endoftext|>\r",
        "\r\n<|endoftext|>\r\n\r\n<|endoftext|>\r\nc\r\n<|endoftext|>\r\n",
        "a\n<|endoftext|> \n b\n<|endoftext|> x\nb\nx <|endoftext|>\nb\n<|endoftext|>\rc<|endoftext|>\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_text("piped", texts[i]);
        for (int way = 0; way < 3; way++) {
            if (way == 0) TOKENIZE(TINY, "--out", "l", "piped");
            if (way == 1) TOKENIZE("--chars", "--out", "l", "piped");
            if (way == 2) PIPE(TINY, "--out", "l", "-");
            if (result("documents") != 3) fail_msg("text %zu, way %d: %s", i, way, seen.out);
        }
        const bool marked = strncmp(texts[i], BOM, 3) == 0;
        if (marked != (strstr(seen.err, "byte-order mark") != NULL)) fail_msg("text %zu: %s", i, seen.err);
    }
    /* The text between separators stays as it is, but for the mark; a separator of blanks needs these blanks. */
    write_text("l.txt", BOM "a\r\n<|endoftext|> \r\n q\r");
    TOKENIZE(TINY, "--out", "l", "--val-fraction", "0", "l.txt");
    expect_result(2, 8, 0, 25);
    TRAIN("l/train.bin", 'a', '\r', '\n', TINY_END, ' ', 'q', '\r', TINY_END);
    write_text("l.txt", "a\n\n \nq\n  \na");
    TOKENIZE(TINY, "--out", "l", "--separator", "  ", "l.txt");
    assert_true(result("documents") == 2);
    /* The vocabulary's own files, too. */
    static char plain[TEXT], marked[TEXT] = BOM;
    size_t used = 3;
    read_file("vocab.bpe", plain, TEXT);
    for (const char *p = plain; *p != '\0'; p++) {
        if (*p == '\n') marked[used++] = '\r';
        marked[used++] = *p;
    }
    write_file("marked.bpe", marked, used);
    write_text("l.txt", "he");
    TOKENIZE("--vocab", "marked.bpe", "--encoder", "encoder.json", "--out", "l", "l.txt");
    assert_true(result("train_tokens") == 2);
}

/* A pipe may bring a byte at a time: marks, separators and their line ends are put together again. */
static void pieces_of_a_pipe_are_joined(void **state)
{
    static const char text[] = BOM "a\r\n <|endoftext|> \t\r\nb\r<|endoftext|>\r\xc3\xa9";
    const char *const args[] = {"tokenize", TINY, "--out", "w", "--val-fraction", "0", "-", NULL};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_not_equal(fcntl(ends[1], F_SETFD, FD_CLOEXEC), -1);
    const pid_t pid = start_from(ends[0], NO_ENV, args);
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        assert_int_equal(write(ends[1], text + i, 1), 1);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    close(ends[1]);
    finish(pid);
    close(ends[0]);
    expect_result(3, 3 + 1 + 2 + 1 + 1 + 1, 0,
                  sizeof text - 1); /* of the last character tiny's BPE makes one token */
    assert_true(result("not_utf8_bytes") == 0);
}

/* What is no UTF-8 text is refused with what to do, from a file before anything is read, and from a pipe. */
static void what_is_no_text_is_refused(void **state)
{
    static uint8_t wide[400], noise[400];
    static const char *const names[] = {"UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"};
    static const struct {
        const char *bytes;
        size_t count;
        const char *word, *advice;
    } magics[] = {
        {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10, "gzip", "zcat"},
        {"\x28\xb5\x2f\xfd\x04\x00", 6, "zstd", "zstdcat"},
        {"\xfd\x37zXZ\x00\x00", 7, "xz", "xzcat"},
        {"BZh91AY&SY", 10, "bzip2", "bzcat"},
        {"PK\x03\x04\x14\x00", 6, "zip", "unzip"},
        {"PAR1\x15\x04", 6, "Parquet", "text"},
        {"%PDF-1.4\n", 9, "PDF", "pdftotext"},
        {"\xff\xfe\x61\x00", 4, "UTF-16", "iconv -f UTF-16 -t UTF-8"},
        {"\xfe\xff\x00\x61", 4, "UTF-16", "iconv -f UTF-16 -t UTF-8"},
        {"\xff\xfe\x00\x00\x61\x00\x00\x00", 8, "UTF-32", "iconv -f UTF-32 -t UTF-8"},
        {"\x00\x00\xfe\xff\x00\x00\x00\x61", 8, "UTF-32", "iconv -f UTF-32 -t UTF-8"},
    };
    write_text("good.txt", "he");
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        write_file("piped", magics[i].bytes, magics[i].count);
        TOKENIZE(TINY, "--out", "f", "good.txt", "piped");
        FAILS(2, "text file piped", magics[i].word, magics[i].advice);
        PIPE("--chars", "--out", "f", "-");
        FAILS(2, "standard input", magics[i].word, magics[i].advice);
    }
    for (int i = 0; i < 4; i++) { /* without a mark */
        const size_t bytes = i < 2 ? 2 : 4, place = i % 2 == 0 ? 0 : bytes - 1;
        memset(wide, 0, sizeof wide);
        for (size_t k = 0; k < sizeof wide / bytes; k++) wide[k * bytes + place] = (uint8_t) "text "[k % 5];
        write_file("piped", wide, sizeof wide);
        TOKENIZE(TINY, "--out", "f", "piped");
        FAILS(2, "text file piped", names[i], "iconv -f");
    }
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)(i * 167 + i / 7);
    write_file("piped", noise, sizeof noise);
    TOKENIZE(TINY, "--out", "f", "piped");
    FAILS(2, "text file piped", "binary");
    assert_int_not_equal(access(at("f/train.bin"), F_OK), 0);
}

/* Bytes that are not UTF-8 are text, but they are counted; so are NULs. */
static void bytes_that_are_not_utf8_are_counted(void **state)
{
    static const char text[] = "caf\xe9 \xc3\xa9t\xc3\xa9 \xe2\x82\n<|endoftext|>\n\xac\0he";
    write_file("piped", text, sizeof text - 1);
    for (int way = 0; way < 2; way++) {
        if (way == 0) PIPE(TINY, "--out", "n", "-");
        if (way == 1) PIPE("--chars", "--out", "n", "-");
        assert_true(result("documents") == 2);
        assert_non_null(strstr(seen.err, "2 documents,"));
        assert_true(result("not_utf8_bytes") == 4); /* e9, e2, 82, ac */
        assert_true(result("nul_bytes") == 1);
        assert_non_null(strstr(seen.err, "4 bytes are not UTF-8"));
        assert_non_null(strstr(seen.err, "1 byte is NUL"));
    }
    write_text("piped", "\xc3\xa9t\xc3\xa9");
    PIPE(TINY, "--out", "n", "-");
    assert_non_null(strstr(seen.err, "1 document,"));
    assert_true(result("not_utf8_bytes") == 0);
    assert_true(result("nul_bytes") == 0);
    assert_null(strstr(seen.err, "UTF-8"));
}

/* --val-fraction is a share: that many of the documents, or of one document's tokens, rounded. */
static void the_share_is_that_of_documents(void **state)
{
    static const struct {
        int documents;
        const char *share;
        double val;
    } cases[] = {{20, "0.1", 2},   {10, "0.25", 3},    {10, "0.24", 2},  {3, "0.01", 1},
                 {3, "0.99", 2},   {2, "0.5", 1},      {3, "0", 0},      {3, "1", 3},
                 {200, "0.1", 20}, {1000, "0.003", 3}, {200, "0.9", 180}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int seed = 0; seed < 3; seed++) {
            static char text[20000];
            size_t used = 0;
            char word[12];
            snprintf(word, sizeof word, "%d", seed);
            for (int k = 0; k < cases[i].documents; k++)
                used += (size_t)snprintf(text + used, sizeof text - used, "%s%s\n",
                                         k > 0 ? "<|endoftext|>\n" : "", &"aqqqqqqq"[k % 8]);
            write_text("piped", text);
            PIPE(TINY, "--out", "v", "--val-fraction", cases[i].share, "--seed", word, "-");
            if (result("val_documents") != cases[i].val)
                fail_msg("%d documents, %s: %s", cases[i].documents, cases[i].share, seen.out);
        }
    static const struct {
        const char *text, *share;
        double train, val;
    } one[] = {
        {"aaaaaaaaaaaaaaaaaazz", "0.1", 18, 2}, {"aaaaaaaaaa", "0.3", 7, 3},   {"aaaaaaaaaa", "0.7", 3, 7},
        {"aaaaaaaaaa", "0.001", 9, 1},          {"aaaaaaaaaa", "0.999", 1, 9}, {"a", "0.5", 1, 0}};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        write_text("piped", one[i].text);
        PIPE("--chars", "--out", "v", "--val-fraction", one[i].share, "-");
        expect_result(1, one[i].train, one[i].val, (double)strlen(one[i].text));
    }
}

static void wrong_usage_is_refused(void **state)
{
    TOKENIZE("t1.txt");
    FAILS(2, "--vocab", "--encoder", "--chars");
    TOKENIZE("--vocab", "vocab.bpe", "--out", "u", "t1.txt");
    FAILS(2, "--encoder");
    TOKENIZE(TINY, "--chars", "--out", "u", "t1.txt");
    FAILS(2, "--chars");
    TOKENIZE(TINY, "t1.txt");
    FAILS(2, "--out");
    TOKENIZE(TINY, "--out", "u");
    FAILS(2, "needs text files");
    TOKENIZE(TINY, "--out", "u", "--val-fraction", "1.5", "t1.txt");
    FAILS(2, "--val-fraction", "from 0 to 1");
    TOKENIZE(TINY, "--out", "u", "--threads", "0", "t1.txt");
    FAILS(2, "--threads");
    TOKENIZE(TINY, "--out", "u", "--separator", "", "t1.txt");
    FAILS(2, "--separator");
    TOKENIZE(TINY, "--out", "u", "--separator", "a\nb", "t1.txt");
    FAILS(2, "--separator", "one line");
    TOKENIZE(TINY, "--out", "u", "--separator", "a", "--per-file", "t1.txt");
    FAILS(2, "--per-file", "--separator");
    TOKENIZE(TINY, "--out", "u", "--epochs", "3", "t1.txt");
    FAILS(2, "unknown flag --epochs", "tokenize --help");
    assert_int_not_equal(access(at("u"), F_OK), 0);
}

static void wrong_input_is_refused(void **state)
{
    TOKENIZE("--vocab", "none.bpe", "--encoder", "encoder.json", "--out", "i", "t1.txt");
    FAILS(2, "none.bpe", "No such file");
    TOKENIZE("--vocab", "vocab.bpe", "--encoder", "none.json", "--out", "i", "t1.txt");
    FAILS(2, "none.json", "No such file");
    TOKENIZE("--vocab", "vocab.bpe", "--encoder", ".", "--out", "i", "t1.txt");
    FAILS(2, "encoder .");
    write_text("bad.bpe", "#version: 0.2\nh e\nhe\n");
    TOKENIZE("--vocab", "bad.bpe", "--encoder", "encoder.json", "--out", "i", "t1.txt");
    FAILS(2, "bad.bpe", "line 3");
    write_text("bad.json", "{\"a\": 0,\n\"b\": 65536}\n");
    TOKENIZE("--vocab", "vocab.bpe", "--encoder", "bad.json", "--out", "i", "t1.txt");
    FAILS(2, "bad.json", "65536", "16 bits");
    write_text("bad.json", "{\"a\": 0,\n\"b\" 1}\n");
    TOKENIZE("--vocab", "vocab.bpe", "--encoder", "bad.json", "--out", "i", "t1.txt");
    FAILS(2, "bad.json", "line 2");
    TOKENIZE(TINY, "--out", "i", "none.txt");
    FAILS(2, "none.txt", "No such file");
    TOKENIZE(TINY, "--out", "i", "none*.txt");
    FAILS(2, "no file matches none*.txt");
    TOKENIZE(TINY, "--out", "i", "t1.txt", folder);
    FAILS(2, "is a folder");
    write_text("empty.txt", "");
    TOKENIZE(TINY, "--out", "i", "empty.txt");
    FAILS(2, "empty.txt", "no text");
    write_text("empty.txt", "<|endoftext|>\n<|endoftext|>");
    TOKENIZE(TINY, "--out", "i", "empty.txt");
    FAILS(2, "empty.txt", "no text");
    TOKENIZE(TINY, "--out", "i", "-");
    FAILS(2, "no text");
    TOKENIZE("--chars", "--out", "i", "empty.txt");
    FAILS(2, "no text");
    assert_false(exists("i"));
    TOKENIZE(TINY, "--out", "t1.txt/x", "t1.txt");
    FAILS(2, "t1.txt", "--out");
    assert_int_equal(mkdir(at("taken"), 0700) | mkdir(at("taken/train.bin"), 0700), 0);
    TOKENIZE(TINY, "--out", "taken", "t1.txt");
    FAILS(1, "taken/train.bin");
}

/* A silent pipe: a signal still stops the program, which leaves nothing behind. */
static void a_signal_stops_a_silent_pipe(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = start_from(ends[0], NO_ENV,
                                 (const char *const[]){"tokenize", TINY, "--out", "s", "--quiet", "-", NULL});
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
    assert_false(exists("s"));
}

static int setup(void **state)
{
    return make_folder(state) != 0 || tiny_write(at("vocab.bpe"), at("encoder.json")) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_become_tokens),
        cmocka_unit_test(line_ends_do_not_matter),
        cmocka_unit_test(pieces_of_a_pipe_are_joined),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(bytes_that_are_not_utf8_are_counted),
        cmocka_unit_test(the_share_is_that_of_documents),
        cmocka_unit_test(wrong_usage_is_refused),
        cmocka_unit_test(wrong_input_is_refused),
        cmocka_unit_test(a_signal_stops_a_silent_pipe),
    };
    return cmocka_run_group_tests(tests, setup, remove_folder);
}
