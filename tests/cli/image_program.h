/* Running the program on folders of images, in a folder of its own that has a sound set called "good" in it. */
#ifndef TESTS_IMAGE_PROGRAM_H
#define TESTS_IMAGE_PROGRAM_H

#include "image_tree.h"

#include <sys/wait.h>

#include <cjson/cJSON.h>

enum { TEXT = 1 << 16 };
#define MODEL "--image-size 24 --patch-size 8 --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8"

static char folder[] = "/tmp/translution-images-XXXXXX"; /* a fresh one for the whole program */
static char out[TEXT], errors[TEXT];

static inline char *below(const char *name)
{
    static char paths[8][512];
    static int next = 0;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void slurp(const char *name, char *text)
{
    FILE *file = fopen(below(name), "rb");
    assert_non_null(file);
    text[fread(text, 1, TEXT - 1, file)] = '\0';
    fclose(file);
}

/* Runs the program in the folder; its output is in `out` and `errors`. */
static inline int run(const char *arguments)
{
    char line[2000];
    snprintf(line, sizeof line, "cd '%s' && unset TRANSLUTION_DEVICE; '%s' %s >out 2>err </dev/null", folder,
             TL_PROGRAM, arguments);
    const int status = system(line);
    slurp("out", out);
    slurp("err", errors);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

/* One sentence of the program on stderr, with both words; nothing on stdout. */
static inline void fails(int code, const char *arguments, const char *words, const char *also)
{
    const int got = run(arguments);
    const char *first = strstr(errors, "translution: ");
    if (got == code && first != NULL && strstr(first + 1, "translution: ") == NULL && out[0] == '\0' &&
        strstr(first, words) != NULL && strstr(first, also) != NULL)
        return;
    fail_msg("'%s': exit code %d (expected %d), wanted '%s' and '%s' in:\n%s%s", arguments, got, code, words,
             also, errors, out);
}

static inline void succeeds(const char *arguments)
{
    const int got = run(arguments);
    if (got != 0) fail_msg("'%s': exit code %d:\n%s", arguments, got, errors);
}

/* The last line of stdout. */
static inline cJSON *json_of(const char *arguments)
{
    succeeds(arguments);
    char *end = out + strlen(out) - 1;
    assert_true(end > out && *end == '\n');
    *end = '\0';
    const char *newline = strrchr(out, '\n');
    cJSON *json = cJSON_Parse(newline != NULL ? newline + 1 : out);
    if (json == NULL) fail_msg("'%s': not JSON: %s", arguments, out);
    return json;
}

static inline double number(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    if (!cJSON_IsNumber(item)) fail_msg("no number %s in %s", key, out);
    return item->valuedouble;
}

static int make_folder(void **state)
{
    if (mkdtemp(folder) == NULL) return -1;
    chmod(folder, 0755);
    mkdir(below("good"), 0755);
    put_tree(below("good"), 3, 8, 3);
    return 0;
}

static int remove_folder(void **state)
{
    remove_tree(folder);
    return 0;
}

#endif
