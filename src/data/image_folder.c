#include "data/image_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/image_decode.h"

enum { PATH_ROOM = 4096, DEPTH_LIMIT = 8 }; /* deeper folders are most likely a loop of links */

/* A growing list of owned strings. */
typedef struct names {
    char **items;
    uint32_t count, room;
} names;

static void names_free(names *n)
{
    for (uint32_t i = 0; i < n->count; i++) free(n->items[i]);
    free(n->items);
    *n = (names){0};
}

static tl_status names_add(names *n, const char *text, tl_error *err)
{
    if (n->count == n->room) {
        const uint32_t room = n->room < UINT32_MAX / 2 ? 2 * n->room + 64 : UINT32_MAX;
        char **grown = n->count < UINT32_MAX ? realloc(n->items, room * sizeof *grown) : NULL;
        if (grown == NULL) return tl_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
        n->items = grown;
        n->room = room;
    }
    n->items[n->count] = strdup(text);
    if (n->items[n->count] == NULL)
        return tl_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
    n->count++;
    return TL_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "folder/name"; one of them may be empty. */
static tl_status join(char *out, const char *folder, const char *name, tl_error *err)
{
    const bool both = folder[0] != '\0' && name[0] != '\0';
    const int length = snprintf(out, PATH_ROOM, "%s%s%s", folder, both ? "/" : "", name);
    if (length < 0 || length >= PATH_ROOM)
        return tl_fail(err, TL_ERROR_INPUT, "the path %.200s... is too long", folder);
    return TL_OK;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Adds what is in root/below: with depth 0 its folders, with more its images and those of its folders. Names
 * are relative to root. Images are taken by name, without a look at each. */
static tl_status walk(const char *root, const char *below, int depth, names *found, tl_error *err)
{
    char path[PATH_ROOM], inner[PATH_ROOM], whole[PATH_ROOM];
    TL_TRY(join(path, root, below, err));
    if (depth > DEPTH_LIMIT)
        return tl_fail(err, TL_ERROR_INPUT, "%s lies more than %d folders deep: is it a loop of links?", path,
                       DEPTH_LIMIT);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return tl_fail(err, TL_ERROR_INPUT, "the folder %s cannot be read: %s", path, strerror(errno));
    tl_status status = TL_OK;
    const struct dirent *entry;
    while (status == TL_OK && (errno = 0, entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        status = join(inner, below, entry->d_name, err);
        if (status == TL_OK) status = join(whole, root, inner, err);
        if (status != TL_OK) break;
        if (depth > 0 && tl_image_is_name(entry->d_name))
            status = names_add(found, inner, err);
        else if (is_folder(whole))
            status = depth == 0 ? names_add(found, inner, err) : walk(root, inner, depth + 1, found, err);
    }
    if (status == TL_OK && errno != 0)
        status = tl_fail(err, TL_ERROR_INPUT, "the folder %s cannot be read: %s", path, strerror(errno));
    closedir(folder);
    return status;
}

/* How many images each class keeps when `limit` are taken one a class in turns. */
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

/* Drops what is past the limit and labels the rest. `counts`: images a class; `kept`: room for as many. */
static tl_status label(tl_image_folder *f, const uint32_t *counts, uint32_t *kept, uint32_t limit,
                       tl_error *err)
{
    share_out(counts, f->classes, limit > 0 ? limit : f->count, kept);
    f->labels = malloc(f->count * sizeof *f->labels);
    if (f->labels == NULL) return tl_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
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

static tl_status list_classes(tl_image_folder *f, names *images, uint32_t *counts, tl_error *err)
{
    char suffixes[TL_IMAGE_SUFFIX_TEXT];
    for (uint32_t c = 0; c < f->classes; c++) {
        const uint32_t before = images->count;
        TL_TRY(walk(f->root, f->class_names[c], 1, images, err));
        counts[c] = images->count - before;
        if (counts[c] == 0)
            return tl_fail(err, TL_ERROR_INPUT,
                           "the class folder %s/%s holds no image (%s); fill or remove it", f->root,
                           f->class_names[c], tl_image_suffix_list(suffixes));
        qsort(images->items + before, counts[c], sizeof *images->items, by_bytes);
    }
    return TL_OK;
}

static tl_status open_root(tl_image_folder *f, const char *root, const char *split, tl_error *err)
{
    if (!is_folder(root))
        return tl_fail(err, TL_ERROR_INPUT,
                       "there is no folder %s; give a folder with train/CLASS/... and val/CLASS/...", root);
    const int length = snprintf(f->root, sizeof f->root, "%s/%s", root, split);
    if (length < 0 || (size_t)length >= sizeof f->root)
        return tl_fail(err, TL_ERROR_INPUT, "the path of the folder %.80s... is too long", root);
    if (!is_folder(f->root))
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s has no folder %s; images are read from train/CLASS/... and val/CLASS/...", root,
                       split);
    names classes = {0};
    const tl_status status = walk(f->root, "", 0, &classes, err);
    f->class_names = classes.items;
    f->classes = classes.count;
    if (status != TL_OK) return status;
    if (f->classes == 0)
        return tl_fail(err, TL_ERROR_INPUT, "%s has no class folders; images are read from %s/CLASS/...",
                       f->root, f->root);
    if (f->classes == 1)
        return tl_fail(err, TL_ERROR_INPUT, "%s has only one class, %s: there is nothing to tell apart",
                       f->root, f->class_names[0]);
    qsort(f->class_names, f->classes, sizeof *f->class_names, by_bytes);
    return TL_OK;
}

tl_status tl_image_folder_open(const char *root, const char *split, uint32_t limit, tl_image_folder *folder,
                               tl_error *err)
{
    memset(folder, 0, sizeof *folder);
    uint32_t *counts = NULL;
    tl_status status = open_root(folder, root, split, err);
    if (status == TL_OK) {
        counts = calloc(2 * (size_t)folder->classes, sizeof *counts);
        if (counts == NULL)
            status = tl_fail(err, TL_ERROR_MEMORY, "not enough host memory for a list of files");
    }
    names images = {0};
    if (status == TL_OK) status = list_classes(folder, &images, counts, err);
    folder->paths = images.items;
    folder->count = images.count;
    if (status == TL_OK) status = label(folder, counts, counts + folder->classes, limit, err);
    free(counts);
    if (status != TL_OK) tl_image_folder_free(folder);
    return status;
}

void tl_image_folder_free(tl_image_folder *folder)
{
    names_free(&(names){folder->class_names, folder->classes, 0});
    names_free(&(names){folder->paths, folder->count, 0});
    free(folder->labels);
    memset(folder, 0, sizeof *folder);
}

tl_status tl_image_folder_match(const tl_image_folder *folder, char *const *others, uint32_t count,
                                const char *owner, tl_error *err)
{
    uint32_t i = 0;
    while (i < folder->classes && i < count && strcmp(folder->class_names[i], others[i]) == 0) i++;
    if (i == folder->classes && i == count) return TL_OK;
    /* Both are sorted: the smaller of the two names at the first difference is missing on the other side. */
    const bool extra = i < folder->classes && (i == count || strcmp(folder->class_names[i], others[i]) < 0);
    if (extra)
        return tl_fail(err, TL_ERROR_INPUT,
                       "%s has the class %s, which %s has not: the classes must be the same", folder->root,
                       folder->class_names[i], owner);
    return tl_fail(err, TL_ERROR_INPUT, "%s lacks the class %s, which %s has: the classes must be the same",
                   folder->root, others[i], owner);
}
