#include "core/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads on into memory that doubles. NULL: out of host memory. */
static char *read_all(FILE *file, size_t most, size_t *bytes)
{
    size_t capacity = 1 << 14;
    char *text = malloc(capacity + 1);
    *bytes = 0;
    while (text != NULL) {
        const size_t room = capacity < most ? capacity : most;
        *bytes += fread(text + *bytes, 1, room - *bytes, file);
        if (*bytes < room || room == most) break;
        capacity *= 2;
        char *more = realloc(text, capacity + 1);
        if (more == NULL) free(text);
        text = more;
    }
    if (text != NULL) text[*bytes] = '\0';
    return text;
}

char *tli_read_file(const char *path, size_t most, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    errno = 0;
    char *text = read_all(file, most, bytes);
    const int code = text == NULL ? ENOMEM : ferror(file) != 0 ? errno : 0;
    fclose(file);
    if (code == 0) return text;
    free(text);
    errno = code;
    return NULL;
}

/* What was written is on the disk then, where `written`. Returns 0 or an errno; the file is closed in either case. EINVAL: the file
 * system has no fsync for it. */
static int finish_file(FILE *file, bool written)
{
    const bool done = written && fflush(file) == 0 && (fsync(fileno(file)) == 0 || errno == EINVAL);
    const int code = done ? 0 : errno != 0 ? errno : EIO;
    return fclose(file) == 0 || code != 0 ? code : errno;
}

static int write_out(FILE *file, const void *data, size_t bytes)
{
    errno = 0;
    return finish_file(file, fwrite(data, 1, bytes, file) == bytes);
}

int tli_check_writable(const char *path)
{
    const bool is_new = access(path, F_OK) != 0;
    FILE *file = fopen(path, "a");
    if (file == NULL) return errno;
    fclose(file);
    if (is_new) unlink(path);
    return 0;
}

int tli_replace_file(const char *path, const void *data, size_t bytes, bool *created)
{
    const size_t room = strlen(path) + 32;
    char *temporary = malloc(room);
    *created = false;
    if (temporary == NULL) return ENOMEM;
    snprintf(temporary, room, "%s.%ld.tmp", path, (long)getpid());
    FILE *file = fopen(temporary, "wb");
    *created = file != NULL;
    int code = file != NULL ? write_out(file, data, bytes) : errno;
    if (code == 0 && rename(temporary, path) != 0) code = errno;
    if (code != 0 && *created) (void)unlink(temporary);
    free(temporary);
    return code;
}

static bool copy_contents(FILE *from, FILE *to)
{
    enum { PIECE = 1 << 16 };
    char piece[PIECE];
    size_t bytes;
    while ((bytes = fread(piece, 1, PIECE, from)) > 0)
        if (fwrite(piece, 1, bytes, to) != bytes) return false;
    return ferror(from) == 0;
}

int tli_copy_file(const char *from, const char *to)
{
    FILE *source = fopen(from, "rb");
    if (source == NULL) return errno;
    FILE *target = fopen(to, "wb");
    int code = errno;
    if (target != NULL) {
        errno = 0;
        code = finish_file(target, copy_contents(source, target));
    }
    fclose(source);
    return code;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* `part` is cut at each of its slashes for a while. */
static int make_parts(char *part, tli_folders *folders)
{
    bool found = true;
    const size_t length = strlen(part);
    for (size_t i = 1; i <= length; i++) {
        const char end = part[i];
        if (end != '/' && end != '\0') continue;
        part[i] = '\0';
        folders->reached = i;
        const int code = mkdir(part, 0777) != 0 ? errno : 0;
        /* Of a parent that exists some systems say that it may not be written to. */
        if (code != 0 && code != EEXIST && !is_folder(part)) return code;
        found &= code != 0;
        if (found) folders->found = i;
        part[i] = end;
    }
    return is_folder(part) ? 0 : ENOTDIR;
}

int tli_make_folders(const char *path, tli_folders *folders)
{
    *folders = (tli_folders){0};
    char *part = strdup(path);
    if (part == NULL) return ENOMEM;
    const int code = make_parts(part, folders);
    free(part);
    return code;
}
