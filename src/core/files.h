/* Whole files and folders; messages are the caller's, who knows what the file is. */
#ifndef CORE_FILES_H
#define CORE_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* The first `most` bytes of a file, or all of a shorter one, and a terminating 0; freed by the caller. NULL: errno says why. */
char *tli_read_file(const char *path, size_t most, size_t *bytes);
/* Whether a file can be written at `path`: call it before long work whose result goes there. Changes nothing: a file that exists stays as it is, and
 * a file that was not there is not there afterwards. Returns 0 or an errno. */
int tli_check_writable(const char *path);
/* Makes these bytes the whole of a file, which was there before or not: writes them to the disk beside it and renames, so that
 * the file is there as it was or as it shall be. Returns 0 or an errno; *created: whether a file could be made there at all. */
int tli_replace_file(const char *path, const void *data, size_t bytes, bool *created);

/* Copies a file's contents to a new file, and onto the disk. Returns 0 or an errno. */
int tli_copy_file(const char *from, const char *to);

/* Lengths of parts of a path. */
typedef struct tli_folders {
    size_t found; /* of the deepest folder that was there before */
    size_t
        reached; /* of the last folder that was asked for: after a failure, the one that could not be made */
} tli_folders;
/* mkdir -p: makes the folders of `path` that are missing. Returns 0 or an errno. */
int tli_make_folders(const char *path, tli_folders *folders);

#endif
