/* A folder of kernels, a folder for the cache of compiled ones, and what the log says of both. */
#ifndef TESTS_KERNEL_FOLDERS_H
#define TESTS_KERNEL_FOLDERS_H

#include "context.h"
#include "files.h"

#include <dirent.h>

#include "device/internal.h"

typedef struct bench {
    char folder[64], kernels[80], cache[80];
    int built, notices, refused; /* lines of the log */
    tl_log log;
} bench;

static inline void count_line(void *user, tl_log_level level, const char *line)
{
    bench *b = user;
    b->built += strncmp(line, "building ", 9) == 0;
    b->refused += strstr(line, "refuses the cached binary") != NULL;
    b->notices += level == TL_LOG_NOTICE;
}

static inline void write_kernel(const bench *b, const char *family, const char *source)
{
    char name[80];
    snprintf(name, sizeof name, "%s.cl", family);
    write_text(inside(b->kernels, name), source);
}

static const char SCALE[] =
    "__kernel void scale(__global float *x, float by, uint n)\n"
    "{\n"
    "    for (uint i = get_global_id(0); i < n; i += get_global_size(0)) x[i] *= by;\n"
    "}\n";

static inline int setup(void **state)
{
    bench *b = calloc(1, sizeof *b);
    if (b == NULL) return -1;
    snprintf(b->folder, sizeof b->folder, "/tmp/tl_program_XXXXXX");
    if (mkdtemp(b->folder) == NULL) return -1;
    snprintf(b->kernels, sizeof b->kernels, "%s/kernels", b->folder);
    snprintf(b->cache, sizeof b->cache, "%s/a/b/cache", b->folder); /* to be made, with those above it */
    if (mkdir(b->kernels, 0777) != 0) return -1;
    b->log = (tl_log){.level = TL_LOG_DETAIL, .write = count_line, .user = b};
    setenv("TRANSLUTION_KERNEL_DIR", b->kernels, 1);
    setenv("TRANSLUTION_CACHE_DIR", b->cache, 1);
    write_kernel(b, "scale", SCALE);
    *state = b;
    return 0;
}

static inline int teardown(void **state)
{
    bench *b = *state;
    remove_tree(b->folder);
    free(b);
    return 0;
}

static inline tl_context *make_context(bench *b, bool profile)
{
    const tl_context_options options = {.size = sizeof options, .log = &b->log, .profile = profile};
    tl_context *ctx = NULL;
    tl_error err = {0};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    return ctx;
}
#define make_context(...) VALUE_FROM_HERE(make_context(__VA_ARGS__))

/* How many entries the cache holds; the path of one in *path, which may be NULL. */
static inline int entries(const bench *b, char path[400])
{
    int count = 0;
    DIR *opened = opendir(b->cache);
    struct dirent *entry;
    while (opened != NULL && (entry = readdir(opened)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        const size_t length = strlen(entry->d_name);
        assert_true(length > 4);
        assert_true(strcmp(entry->d_name + length - 4, ".bin") == 0); /* nothing temporary left */
        if (path != NULL) snprintf(path, 400, "%s/%s", b->cache, entry->d_name);
        count++;
    }
    if (opened != NULL) closedir(opened);
    return count;
}
#define entries(...) VALUE_FROM_HERE(entries(__VA_ARGS__))

/* Multiplies {1, 2, 3} by 2 in a context of its own and returns the second element. */
static inline float scaled(bench *b, const char *options)
{
    tl_context *ctx = make_context(b, false);
    tl_tensor *x = NULL;
    tli_kernel *kernel = NULL;
    float values[3] = {1, 2, 3};
    MUST(ctx, tl_tensor_create(ctx, "x", TL_MEMORY_DATA, 1, 3, &x));
    MUST(ctx, tl_tensor_write(ctx, x, 0, 3, values));
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", options, &kernel));
    MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch1(1, 1), TLI_ARG_MEM(tli_at(x, 0).mem), TLI_ARG_F32(2),
                         TLI_ARG_U32(3)));
    MUST(ctx, tl_tensor_read(ctx, x, 0, 3, values));
    tl_context_destroy(ctx);
    return values[1];
}
#define scaled(...) VALUE_FROM_HERE(scaled(__VA_ARGS__))

#define TEST(f)     cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
