/* What the cache of compiled kernels on disk keeps, mends and does without. */
#include "kernel_folders.h"

/* ---- the cache
 * ---------------------------------------------------------------------------------------------- */

static void cache_keeps(void **state)
{
    bench *b = *state;
    struct stat before, after;
    char path[400];
    assert_true(scaled(b, "") == 4);
    assert_int_equal(b->built, 1);
    assert_int_equal(entries(b, path), 1);
    assert_int_equal(stat(path, &before), 0);
    assert_true(scaled(b, "") == 4);
    assert_int_equal(b->built, 1); /* from the cache */
    assert_int_equal(entries(b, path), 1);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_true(before.st_size == after.st_size); /* and not written anew */

    assert_true(scaled(b, "-DOTHER=1") == 4); /* other options are another entry */
    assert_int_equal(b->built, 2);
    assert_int_equal(entries(b, NULL), 2);
    write_kernel(b, "scale", "__kernel void scale(__global float *x, float by, uint n) { x[1] = 10 * by; }");
    assert_true(scaled(b, "") == 20); /* a changed source never meets the old binary */
    assert_int_equal(b->built, 3);
    assert_int_equal(entries(b, NULL), 3);
    assert_int_equal(b->notices, 0);
}

/* The key in an entry's name. */
static tli_cache_key key_of(const bench *b, const char *path)
{
    unsigned long long high = 0, low = 0;
    assert_int_equal(sscanf(path + strlen(b->cache), "/scale-%16llx%16llx.bin", &high, &low), 2);
    return (tli_cache_key){.low = low, .high = high};
}
#define key_of(...) VALUE_FROM_HERE(key_of(__VA_ARGS__))

/* Every damage is noticed; what is not taken from the cache is built and kept again, whatever was wrong with it. */
static void cache_mends(void **state)
{
    bench *b = *state;
    char path[400];
    size_t size = 0, loaded_size;
    unsigned char *loaded;
    assert_true(scaled(b, "") == 4);
    assert_int_equal(entries(b, path), 1);
    const char *name = path + strlen(b->cache) + 1;
    const tli_cache cache = {.folder = b->cache};
    const tli_cache_key key = key_of(b, path);
    assert_true(tli_cache_load(&cache, "scale", key, &loaded, &loaded_size));
    free(loaded);
    unsigned char *sound = (unsigned char *)read_all(path, &size);
    assert_true(size > 100);
    enum { EMPTY, SHORT_HEADER, CUT, LONGER, MAGIC, FORMAT, KEY, HUGE_SIZE, FIRST_BYTE, LAST_BYTE, WAYS };
    for (int way = 0; way < WAYS; way++) {
        unsigned char *damaged = malloc(size + 1);
        size_t length = size;
        assert_non_null(damaged);
        memcpy(damaged, sound, size);
        damaged[size] = 0;
        switch (way) {
        case EMPTY: length = 0; break;
        case SHORT_HEADER: length = 20; break;
        case CUT: length = size - 1; break;
        case LONGER: length = size + 1; break;
        case MAGIC: damaged[0] ^= 1; break;
        case FORMAT: damaged[8] ^= 1; break;
        case KEY: damaged[16] ^= 1; break;
        case HUGE_SIZE: memset(damaged + 32, 0xff, 8); break;
        case FIRST_BYTE: damaged[48] ^= 1; break;
        case LAST_BYTE: damaged[size - 1] ^= 1; break;
        }
        write_file(inside(b->cache, name), damaged, length);
        free(damaged);
        if (tli_cache_load(&cache, "scale", key, &loaded, &loaded_size))
            fail_msg("damage %d was not noticed", way);
        free(loaded);
    }
    free(sound);
    b->built = 0;
    assert_true(scaled(b, "") == 4);
    assert_int_equal(b->built, 1);
    assert_true(scaled(b, "") == 4); /* the entry is sound again */
    assert_int_equal(b->built, 1);
    assert_int_equal(entries(b, NULL), 1);
}

/* An entry that is sound as a file but that the driver does not take, as after a driver's silent change. */
static void cache_survives_the_driver(void **state)
{
    bench *b = *state;
    char path[400];
    assert_true(scaled(b, "") == 4);
    assert_int_equal(entries(b, path), 1);
    tli_cache cache = {.folder = b->cache};
    tli_cache_save(&cache, NULL, "scale", key_of(b, path), (const unsigned char *)"this is no program", 18);
    assert_true(scaled(b, "") == 4);
    assert_int_equal(b->refused, 1);
    assert_int_equal(b->built, 2);
    assert_true(scaled(b, "") == 4);
    assert_int_equal(b->built, 2);
}

static void cache_keys(void **state)
{
    tl_device_info a = {.name = "dev"}, changed[6];
    const tli_cache_key key = tli_cache_key_make(&a, "-DX", "source"),
                        same = tli_cache_key_make(&a, "-DX", "source");
    assert_true(key.low == same.low);
    assert_true(key.high == same.high);
    for (int i = 0; i < 6; i++) changed[i] = a;
    strcpy(changed[0].platform_name, "x");
    strcpy(changed[1].platform_version, "x");
    strcpy(changed[2].name, "x");
    strcpy(changed[3].version, "x");
    strcpy(changed[4].driver, "x");
    strcpy(changed[5].c_version, "x");
    enum { OTHERS = 10 };
    tli_cache_key others[OTHERS];
    for (int i = 0; i < 6; i++) others[i] = tli_cache_key_make(&changed[i], "-DX", "source");
    others[6] = tli_cache_key_make(&a, "-DY", "source");
    others[7] = tli_cache_key_make(&a, "-DX", "Source");
    others[8] = tli_cache_key_make(&a, "-DXsource", "");
    char *flags = getenv("POCL_EXTRA_BUILD_FLAGS") != NULL ? strdup(getenv("POCL_EXTRA_BUILD_FLAGS")) : NULL;
    setenv("POCL_EXTRA_BUILD_FLAGS", "-DX=2", 1);
    others[9] = tli_cache_key_make(&a, "-DX", "source");
    if (flags != NULL)
        setenv("POCL_EXTRA_BUILD_FLAGS", flags, 1);
    else
        unsetenv("POCL_EXTRA_BUILD_FLAGS");
    free(flags);
    for (int i = 0; i < OTHERS; i++) {
        assert_true(others[i].low != key.low);
        assert_true(others[i].high != key.high);
        for (int j = 0; j < i; j++) assert_true(others[i].low != others[j].low);
    }
}

static void cache_off(void **state)
{
    bench *b = *state;
    setenv("TRANSLUTION_CACHE_DIR", "off", 1);
    assert_true(scaled(b, "") == 4);
    assert_true(scaled(b, "") == 4);
    assert_int_equal(b->built, 2);
    assert_int_equal(b->notices, 0); /* as asked: nothing to say */
    assert_int_equal(entries(b, NULL), 0);
}

/* Where the cache goes, and that a folder that cannot be is one notice and no failure. */
static void cache_folders(void **state)
{
    bench *b = *state;
    char *home = getenv("HOME") != NULL ? strdup(getenv("HOME")) : NULL;
    char *xdg = getenv("XDG_CACHE_HOME") != NULL ? strdup(getenv("XDG_CACHE_HOME")) : NULL;
    char found[6][160];
    tli_cache cache;

    snprintf(found[0], sizeof found[0], "%s/home", b->folder);
    snprintf(found[1], sizeof found[1], "%s/xdg", b->folder);
    unsetenv("TRANSLUTION_CACHE_DIR");
    setenv("HOME", found[0], 1);
    setenv("XDG_CACHE_HOME", found[1], 1);
    snprintf(found[2], sizeof found[2], "%.60s/xdg/translution", b->folder);
    snprintf(found[3], sizeof found[3], "%.60s/home/.cache/translution", b->folder);
    tli_cache_open(&cache, &b->log);
    assert_string_equal(cache.folder, found[2]);
    tli_cache_close(&cache);
    setenv("XDG_CACHE_HOME", "relative", 1); /* invalid by XDG's rules */
    tli_cache_open(&cache, &b->log);
    assert_string_equal(cache.folder, found[3]);
    tli_cache_close(&cache);
    unsetenv("XDG_CACHE_HOME");
    tli_cache_open(&cache, &b->log);
    assert_string_equal(cache.folder, found[3]);
    tli_cache_close(&cache);
    setenv("TRANSLUTION_CACHE_DIR", b->cache, 1);
    tli_cache_open(&cache, &b->log);
    assert_string_equal(cache.folder, b->cache);
    tli_cache_close(&cache);
    assert_int_equal(b->notices, 0);

    unsetenv("TRANSLUTION_CACHE_DIR");
    unsetenv("HOME");
    assert_true(scaled(b, "") == 4);
    assert_int_equal(b->notices, 1);
    write_text(inside(b->folder, "file"), ""); /* a file where the folder should be */
    snprintf(found[4], sizeof found[4], "%s/file/cache", b->folder);
    setenv("TRANSLUTION_CACHE_DIR", found[4], 1);
    assert_true(scaled(b, "") == 4);
    assert_int_equal(b->notices, 2);

    /* the folder vanishes between start and use: one notice, however many programs follow */
    snprintf(found[5], sizeof found[5], "%s/vanishing", b->folder);
    setenv("TRANSLUTION_CACHE_DIR", found[5], 1);
    tl_context *ctx = make_context(b, false);
    tli_kernel *kernel = NULL;
    assert_int_equal(rmdir(found[5]), 0);
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", "", &kernel));
    MUST(ctx, tli_kernel_get(ctx, "scale", "scale", "-DMORE", &kernel));
    assert_int_equal(b->notices, 3);
    tl_context_destroy(ctx);

    if (home != NULL) setenv("HOME", home, 1);
    if (xdg != NULL) setenv("XDG_CACHE_HOME", xdg, 1);
    free(home);
    free(xdg);
}

int main(void)
{
    setenv("POCL_KERNEL_CACHE", "0", 1); /* PoCL keeps kernels itself, unless told not to */
    const struct CMUnitTest tests[] = {
        TEST(cache_keeps), TEST(cache_mends), TEST(cache_survives_the_driver),
        TEST(cache_keys),  TEST(cache_off),   TEST(cache_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
