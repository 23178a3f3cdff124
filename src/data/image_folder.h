/* Folders of images as torchvision's ImageFolder reads them: ROOT/SPLIT/CLASS/..., a class a folder, classes
 * in the order of their names. A class's images are the files below its folder whose names tli_image_is_name takes, in
 * the order of their paths; names that begin with a dot and all other files are ignored, and counted. */
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
        [TLI_IGNORED_TEXT]; /* "7 .gif, 5 .txt, 1 hidden image": what they are, most frequent first */
} tli_image_folder;

/* `limit` keeps the first so many images, taken round-robin over the classes (0: all). TL_ERROR_INPUT names
 * what is missing, unreadable or empty. */
tl_status tli_image_folder_open(const char *root, const char *split, uint32_t limit, tli_image_folder *folder,
                                tl_error *err);
void tli_image_folder_free(tli_image_folder *folder); /* zeroes it; fine on an empty one */

/* Bytes of image `i`; 0 when that cannot be known. */
uint64_t tli_image_folder_size(const tli_image_folder *folder, uint32_t i);

/* TL_ERROR_INPUT names the first class that only one of the two has. `owner` says whose classes `names` are.
 */
tl_status tli_image_folder_match(const tli_image_folder *folder, char *const *names, uint32_t count,
                                 const char *owner, tl_error *err);

#endif
