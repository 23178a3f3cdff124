/* Output folders. */
#ifndef CORE_FOLDER_H
#define CORE_FOLDER_H

#include "core/status.h"

enum { TLI_FOLDER_CAPACITY = 1024 };

typedef struct tli_folder {
    char path[TLI_FOLDER_CAPACITY]; /* "": not made */
    size_t found;                   /* length of the part of `path` that was there before */
} tli_folder;

/* Creates the folder and its parents. TL_ERROR_INPUT names a path that cannot be written; then what was
 * created is removed again. */
tl_status tli_folder_make(tli_folder *folder, const char *path, tl_error *err);

/* Removes the folders that tli_folder_make created, as far as they are empty: for work that was refused. */
void tli_folder_unmake(const tli_folder *folder);

/* The sentence for a folder that cannot be written, of an errno. */
tl_status tli_folder_unwritable(const char *path, int code, tl_error *err);

#endif
