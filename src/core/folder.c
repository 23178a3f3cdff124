#include "core/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/files.h"

tl_status tli_folder_unwritable(const char *path, int code, tl_error *err)
{
    return tli_fail(err, TL_ERROR_INPUT, "cannot write the output folder %s: %s; choose another `out`", path,
                    strerror(code));
}

/* With the folders above it; after a failure folder->path is what could not be made. */
static tl_status make_all(tli_folder *folder, const char *path, tl_error *err)
{
    tli_folders folders;
    if (strlen(path) >= sizeof folder->path) return tli_folder_unwritable(path, ENAMETOOLONG, err);
    const int code = tli_make_folders(path, &folders);
    snprintf(folder->path, sizeof folder->path, "%.*s", (int)folders.reached, path);
    folder->found = folders.found;
    if (code != 0) return tli_folder_unwritable(folder->path, code, err);
    return access(path, W_OK | X_OK) == 0 ? TL_OK : tli_folder_unwritable(path, errno, err);
}

tl_status tli_folder_make(tli_folder *folder, const char *path, tl_error *err)
{
    *folder = (tli_folder){.path = ""};
    const tl_status status = make_all(folder, path, err);
    if (status != TL_OK) tli_folder_unmake(folder);
    return status;
}

void tli_folder_unmake(const tli_folder *folder)
{
    char path[TLI_FOLDER_CAPACITY];
    memcpy(path, folder->path, sizeof path);
    for (size_t i = strlen(path); i > folder->found; i--) {
        if (path[i] != '/' && path[i] != '\0') continue;
        path[i] = '\0';
        (void)rmdir(path); /* fails for one that is not empty, and then for its parents, too */
    }
}
