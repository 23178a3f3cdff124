#include "files.h"

#include <dirent.h>
#include <sys/inotify.h>

char folder[200];

int make_folder(void **state)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/translution-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
    /* 0755: some tests drop privileges and must still find it */
    return mkdtemp(folder) != NULL && chmod(folder, 0755) == 0 ? 0 : -1;
}

int remove_folder(void **state)
{
    remove_tree(folder);
    return 0;
}

int remove_empty_folder(void **state)
{
    return rmdir(folder);
}

const char *inside(const char *parent, const char *name)
{
    static char paths[16][1400];
    static int next = 0;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", parent, name);
    return path;
}

const char *at(const char *name)
{
    return name[0] == '/' ? name : inside(folder, name);
}

bool exists(const char *name)
{
    struct stat info;
    return stat(at(name), &info) == 0;
}

void remove_tree(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", at(name));
    struct stat info;
    DIR *opened = lstat(path, &info) == 0 && S_ISDIR(info.st_mode) ? opendir(path) : NULL;
    if (opened != NULL) {
        const struct dirent *entry;
        while ((entry = readdir(opened)) != NULL) {
            char inner[4096];
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) continue;
            remove_tree(inner);
        }
        closedir(opened);
    }
    remove(path);
}

static FILE *open_at(const char *file, int line, const char *path, const char *mode)
{
    FILE *opened = fopen(path, mode);
    if (opened == NULL) fail_at(file, line, "%s cannot be opened", path);
    return opened;
}

void write_file_at(const char *file, int line, const char *name, const void *data, size_t bytes)
{
    FILE *opened = open_at(file, line, at(name), "wb");
    const size_t written = fwrite(data, 1, bytes, opened);
    if (fclose(opened) != 0 || written != bytes) fail_at(file, line, "%s cannot be written", at(name));
}

void write_text_at(const char *file, int line, const char *name, const char *text)
{
    write_file_at(file, line, name, text, strlen(text));
}

size_t read_file_at(const char *file, int line, const char *name, void *data, size_t capacity)
{
    FILE *opened = open_at(file, line, at(name), "rb");
    const size_t bytes = fread(data, 1, capacity, opened);
    fclose(opened);
    if (bytes >= capacity) fail_at(file, line, "%s has more than %zu bytes", at(name), capacity - 1);
    ((char *)data)[bytes] = '\0';
    return bytes;
}

char *read_all_at(const char *file, int line, const char *name, size_t *bytes)
{
    struct stat info;
    if (stat(at(name), &info) != 0) fail_at(file, line, "no %s", at(name));
    char *data = malloc((size_t)info.st_size + 1);
    assert_non_null(data);
    const size_t got = read_file_at(file, line, name, data, (size_t)info.st_size + 1);
    if (bytes != NULL) *bytes = got;
    return data;
}

void assert_same_file_at(const char *file, int line, const char *a, const char *b)
{
    size_t n, m;
    char *x = read_all_at(file, line, a, &n), *y = read_all_at(file, line, b, &m);
    if (n != m || memcmp(x, y, n) != 0) fail_at(file, line, "%s and %s differ", at(a), at(b));
    free(x), free(y);
}

int watch_opens_at(const char *file, int line, const char *name)
{
    const int watch = inotify_init1(IN_NONBLOCK);
    if (watch < 0 || inotify_add_watch(watch, at(name), IN_OPEN | IN_CLOSE) < 0)
        fail_at(file, line, "%s cannot be watched", at(name));
    return watch;
}

int opens_seen(int watch)
{
    struct inotify_event event; /* without a name, as a file is watched and no folder */
    int opens = 0;
    while (read(watch, &event, sizeof event) == (ssize_t)sizeof event) opens += (event.mask & IN_OPEN) != 0;
    close(watch);
    return opens;
}
