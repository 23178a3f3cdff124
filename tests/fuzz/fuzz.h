/* What the fuzz targets share. A target is a file fuzz_<name>.c with LLVMFuzzerTestOneInput; built with -DTL_FUZZ=ON by
 * clang it is a libFuzzer program, in every other build a program that replays the files in tests/fuzz/corpus/<name>. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sanitizers' and libFuzzer's sign that something is wrong. */
#define FUZZ_CHECK(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                    \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A failed call says why in one sentence, without control characters of the input; one that did not fail says nothing. */
#define FUZZ_CHECK_MESSAGE(status, err) FUZZ_CHECK(((status) == TL_OK) == ((err).text[0] == '\0'))

/* A folder of this process, on a file system in memory where there is one. */
static inline const char *fuzz_folder(void)
{
    static char folder[64];
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "%s/tl-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        FUZZ_CHECK(mkdtemp(folder) != NULL);
    }
    return folder;
}

/* Writes a file of that folder; its path belongs to the caller's `path`. */
static inline const char *fuzz_write(char path[160], const char *name, const uint8_t *data, size_t size)
{
    snprintf(path, 160, "%s/%s", fuzz_folder(), name);
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL);
    FUZZ_CHECK(fwrite(data, 1, size, file) == size);
    FUZZ_CHECK(fclose(file) == 0);
    return path;
}

/* Splits off what stands before the next zero byte: several files in one input. */
static inline size_t fuzz_part(const uint8_t **data, size_t *size, const uint8_t **part)
{
    const uint8_t *end = *size > 0 ? memchr(*data, 0, *size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - *data) : *size;
    *part = *data;
    *data += end != NULL ? length + 1 : length;
    *size -= end != NULL ? length + 1 : length;
    return length;
}

#endif
