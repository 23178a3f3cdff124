#include "data/image_folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/image_decode.h"

enum { PATH_CAPACITY = 4096, DEPTH_LIMIT = 8 }; /* deeper nesting is most likely a loop of links */

/* A growing list of owned strings. */
typedef struct names {
    char **items;
    uint32_t count, capacity;
} names;

static void names_free(names *n)
{
    for (uint32_t i = 0; i < n->count; i++) free(n->items[i]);
    free(n->items);
    *n = (names){0};
}

static tl_status names_add(names *n, const char *text, tl_error *err)
{
    if (n->count == n->capacity) {
        const uint32_t capacity = n->capacity < UINT32_MAX / 2 ? 2 * n->capacity + 64 : UINT32_MAX;
        char **grown = n->count < UINT32_MAX ? realloc(n->items, capacity * sizeof *grown) : NULL;
        if (grown == NULL)
            return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
        n->items = grown;
        n->capacity = capacity;
    }
    n->items[n->count] = strdup(text);
    if (n->items[n->count] == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
    n->count++;
    return TL_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "folder/name"; one of them may be empty. */
static tl_status folder_join(char *out, const char *folder, const char *name, tl_error *err)
{
    const bool both = folder[0] != '\0' && name[0] != '\0';
    const int length = snprintf(out, PATH_CAPACITY, "%s%s%s", folder, both ? "/" : "", name);
    if (length < 0 || length >= PATH_CAPACITY)
        return tli_fail(err, TL_ERROR_INPUT, "the path %.200s... is too long", folder);
    return TL_OK;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* ---- ignored files ---------------------------------------------------------------------------------- */

enum { KIND_TEXT = 16, MAX_KINDS = 64 };

/* Number of ignored files by suffix. When the table is full, further kinds count as the last one. */
typedef struct ignored_kind {
    char name[KIND_TEXT];
    uint32_t count;
} ignored_kind;

typedef struct ignored_files {
    ignored_kind kinds[MAX_KINDS];
    int count;
} ignored_files;

static void ignored_add(ignored_files *ignored, const char *kind)
{
    int i = 0;
    while (i < ignored->count && strcmp(ignored->kinds[i].name, kind) != 0) i++;
    if (i == MAX_KINDS) i--;
    if (i == ignored->count) snprintf(ignored->kinds[ignored->count++].name, KIND_TEXT, "%s", kind);
    ignored->kinds[i].count++;
}

/* Counts an ignored file: by its lower-case suffix, or as "hidden image" if its name begins with a dot.
 * Other hidden files do not count. */
static void ignored_add_file(ignored_files *ignored, const char *name)
{
    char kind[KIND_TEXT] = "without suffix";
    const char *dot = strrchr(name, '.');
    if (name[0] == '.') {
        if (tli_image_is_name(name)) ignored_add(ignored, "hidden image");
        return;
    }
    if (dot != NULL && strlen(dot) < sizeof kind) {
        size_t i = 0;
        for (; dot[i] != '\0'; i++)
            kind[i] = isgraph((unsigned char)dot[i]) ? (char)tolower((unsigned char)dot[i]) : '?';
        kind[i] = '\0';
    } else if (dot != NULL) {
        strcpy(kind, "other");
    }
    ignored_add(ignored, kind);
}

static int by_frequency(const void *a, const void *b)
{
    const ignored_kind *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->name, y->name);
}

/* "7 .gif, 5 .txt"; rare kinds that do not fit are omitted. */
static void ignored_describe(ignored_files *ignored, tli_image_folder *f)
{
    size_t length = 0;
    qsort(ignored->kinds, (size_t)ignored->count, sizeof *ignored->kinds, by_frequency);
    for (int i = 0; i < ignored->count; i++) {
        const ignored_kind *k = &ignored->kinds[i];
        char one[KIND_TEXT + 16];
        const size_t n = (size_t)snprintf(one, sizeof one, "%s%u %s", i > 0 ? ", " : "", k->count, k->name);
        f->ignored += k->count;
        if (length + n >= sizeof f->ignored_kinds) continue;
        memcpy(f->ignored_kinds + length, one, n + 1);
        length += n;
    }
}

/* ---- walking the tree ------------------------------------------------------------------------------- */

/* State of a walk through root: files found, with names relative to root, and files ignored. */
typedef struct walker {
    const char *root;
    names found;
    ignored_files ignored;
} walker;

static tl_status folder_walk(walker *w, const char *below, int depth, tl_error *err);

/* Handles one entry of root/below: at depth 0 only folders; deeper, images and the contents of folders.
 * Images are accepted by name, without a stat of each. */
static tl_status walk_entry(walker *w, const char *below, const char *name, int depth, tl_error *err)
{
    char inner[PATH_CAPACITY], whole[PATH_CAPACITY];
    TLI_TRY(folder_join(inner, below, name, err));
    TLI_TRY(folder_join(whole, w->root, inner, err));
    if (depth > 0 && name[0] != '.' && tli_image_is_name(name)) return names_add(&w->found, inner, err);
    const bool folder = is_folder(whole);
    if (!folder && depth > 0) ignored_add_file(&w->ignored, name);
    if (!folder && depth == 0 && tli_image_is_name(name)) ignored_add(&w->ignored, "outside a class");
    if (!folder || name[0] == '.') return TL_OK;
    return depth == 0 ? names_add(&w->found, inner, err) : folder_walk(w, inner, depth + 1, err);
}

static tl_status folder_walk(walker *w, const char *below, int depth, tl_error *err)
{
    char path[PATH_CAPACITY];
    TLI_TRY(folder_join(path, w->root, below, err));
    if (depth > DEPTH_LIMIT)
        return tli_fail(err, TL_ERROR_INPUT, "%s lies more than %d folders deep: is it a loop of links?",
                        path, DEPTH_LIMIT);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "the folder %s cannot be read: %s", path, strerror(errno));
    tl_status status = TL_OK;
    const struct dirent *entry;
    while (status == TL_OK && (errno = 0, entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = walk_entry(w, below, entry->d_name, depth, err);
    if (status == TL_OK && errno != 0)
        status = tli_fail(err, TL_ERROR_INPUT, "the folder %s cannot be read: %s", path, strerror(errno));
    closedir(folder);
    return status;
}

/* ---- a split ------------------------------------------------------------------------------------- */

/* How many images each class keeps when `limit` are taken round-robin. */
static void share_out(const uint32_t *counts, uint32_t classes, uint32_t limit, uint32_t *kept)
{
    memset(kept, 0, classes * sizeof *kept);
    for (bool more = true; more && limit > 0;) {
        more = false;
        for (uint32_t c = 0; c < classes && limit > 0; c++) {
            if (kept[c] == counts[c]) continue;
            kept[c]++;
            limit--;
            more = true;
        }
    }
}

/* Drops images beyond the limit and labels the rest. `counts`: images per class; `kept`: array of the same
 * length. */
static tl_status folder_label(tli_image_folder *f, const uint32_t *counts, uint32_t *kept, uint32_t limit,
                              tl_error *err)
{
    share_out(counts, f->classes, limit > 0 ? limit : f->count, kept);
    f->labels = malloc(f->count * sizeof *f->labels);
    if (f->labels == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
    uint32_t from = 0, to = 0;
    for (uint32_t c = 0; c < f->classes; from += counts[c++]) {
        for (uint32_t i = 0; i < counts[c]; i++) {
            if (i >= kept[c]) {
                free(f->paths[from + i]);
                continue;
            }
            f->paths[to] = f->paths[from + i];
            f->labels[to++] = c;
        }
    }
    f->count = to;
    return TL_OK;
}

static tl_status list_classes(tli_image_folder *f, walker *w, uint32_t *counts, tl_error *err)
{
    const names *images = &w->found;
    char suffixes[TLI_IMAGE_SUFFIX_TEXT];
    for (uint32_t c = 0; c < f->classes; c++) {
        const uint32_t before = images->count;
        TLI_TRY(folder_walk(w, f->class_names[c], 1, err));
        counts[c] = images->count - before;
        if (counts[c] == 0)
            return tli_fail(err, TL_ERROR_INPUT,
                            "the class folder %s/%s holds no image (%s); fill or remove it", f->root,
                            f->class_names[c], tli_image_suffix_list(suffixes));
        qsort(images->items + before, counts[c], sizeof *images->items, by_bytes);
    }
    return TL_OK;
}

static tl_status open_root(tli_image_folder *f, const char *root, const char *split, walker *w, tl_error *err)
{
    if (!is_folder(root))
        return tli_fail(err, TL_ERROR_INPUT,
                        "there is no folder %s; give a folder with train/CLASS/... and val/CLASS/...", root);
    const int length = snprintf(f->root, sizeof f->root, "%s/%s", root, split);
    if (length < 0 || (size_t)length >= sizeof f->root)
        return tli_fail(err, TL_ERROR_INPUT, "the path of the folder %.80s... is too long", root);
    if (!is_folder(f->root))
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s has no folder %s; images are read from train/CLASS/... and val/CLASS/...", root,
                        split);
    const tl_status status = folder_walk(w, "", 0, err);
    f->class_names = w->found.items;
    f->classes = w->found.count;
    w->found = (names){0};
    if (status != TL_OK) return status;
    if (f->classes == 0)
        return tli_fail(err, TL_ERROR_INPUT, "%s has no class folders; images are read from %s/CLASS/...",
                        f->root, f->root);
    if (f->classes == 1)
        return tli_fail(err, TL_ERROR_INPUT, "%s has only one class, %s: there is nothing to tell apart",
                        f->root, f->class_names[0]);
    qsort(f->class_names, f->classes, sizeof *f->class_names, by_bytes);
    return TL_OK;
}

tl_status tli_image_folder_open(const char *root, const char *split, uint32_t limit, tli_image_folder *folder,
                                tl_error *err)
{
    memset(folder, 0, sizeof *folder);
    uint32_t *counts = NULL;
    walker w = {.root = folder->root};
    tl_status status = open_root(folder, root, split, &w, err);
    if (status == TL_OK) {
        counts = calloc(2 * (size_t)folder->classes, sizeof *counts);
        if (counts == NULL)
            status = tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
    }
    if (status == TL_OK) status = list_classes(folder, &w, counts, err);
    folder->paths = w.found.items;
    folder->count = folder->found = w.found.count;
    ignored_describe(&w.ignored, folder);
    if (status == TL_OK) status = folder_label(folder, counts, counts + folder->classes, limit, err);
    free(counts);
    if (status != TL_OK) tli_image_folder_free(folder);
    return status;
}

void tli_image_folder_free(tli_image_folder *folder)
{
    names_free(&(names){folder->class_names, folder->classes, 0});
    names_free(&(names){folder->paths, folder->count, 0});
    free(folder->labels);
    memset(folder, 0, sizeof *folder);
}

tl_status tli_image_folder_match(const tli_image_folder *folder, char *const *others, uint32_t count,
                                 const char *owner, tl_error *err)
{
    uint32_t i = 0;
    while (i < folder->classes && i < count && strcmp(folder->class_names[i], others[i]) == 0) i++;
    if (i == folder->classes && i == count) return TL_OK;
    /* Both are sorted: the smaller name at the first difference is missing on the other side. */
    const bool extra = i < folder->classes && (i == count || strcmp(folder->class_names[i], others[i]) < 0);
    if (extra)
        return tli_fail(err, TL_ERROR_INPUT,
                        "%s has the class %s, which %s has not: the classes must be the same", folder->root,
                        folder->class_names[i], owner);
    return tli_fail(err, TL_ERROR_INPUT, "%s lacks the class %s, which %s has: the classes must be the same",
                    folder->root, others[i], owner);
}

uint64_t tli_image_folder_size(const tli_image_folder *folder, uint32_t i)
{
    char path[PATH_CAPACITY + sizeof folder->root];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder->root, folder->paths[i]);
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}
