/* Image folders as in torchvision's ImageFolder: ROOT/SPLIT/CLASS/..., one class per folder, sorted by
 * name. A class's images are the files below its folder that tli_image_is_name accepts, sorted by path;
 * other files and names that begin with a dot are ignored and counted. */
#ifndef DATA_IMAGE_FOLDER_H
#define DATA_IMAGE_FOLDER_H

#include <stdint.h>

#include "core/status.h"

enum { TLI_IGNORED_TEXT = 200 };

typedef struct tli_image_folder {
    char root[1024];       /* ROOT/SPLIT */
    uint32_t classes;      /* at least 2 */
    char **class_names;    /* [classes], owned, sorted */
    uint32_t count, found; /* images: after and before the limit */
    char **paths;          /* [count], owned, below root; class by class */
    uint32_t *labels;      /* [count], owned */
    uint32_t ignored;      /* other files below the class folders, and images beside them */
    char ignored_kinds
        [TLI_IGNORED_TEXT]; /* their kinds, most frequent first: "7 .gif, 5 .txt, 1 hidden image" */
} tli_image_folder;

/* `limit` keeps so many images, taken round-robin over the classes (0: all). TL_ERROR_INPUT names what is
 * missing, unreadable or empty. */
tl_status tli_image_folder_open(const char *root, const char *split, uint32_t limit, tli_image_folder *folder,
                                tl_error *err);
void tli_image_folder_free(tli_image_folder *folder); /* zeroes it; allowed on an empty one */

/* Size of image `i` in bytes; 0 when unknown. */
uint64_t tli_image_folder_size(const tli_image_folder *folder, uint32_t i);

/* TL_ERROR_INPUT names the first class that is in only one of the two. `owner` is what `names` belongs to. */
tl_status tli_image_folder_match(const tli_image_folder *folder, char *const *names, uint32_t count,
                                 const char *owner, tl_error *err);

#endif
