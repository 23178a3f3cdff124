#include "data/image_decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/text.h"
#include "data/image_exif.h"
#include "data/image_format.h"

enum { FILE_LIMIT = 1 << 30 };

/* ---- buffers ------------------------------------------------------------------------------------- */

void tli_bytes_free(tli_bytes *bytes)
{
    free(bytes->data);
    *bytes = (tli_bytes){0};
}

tl_status tli_bytes_read(tli_bytes *bytes, const char *path, tl_error *err)
{
    struct stat info;
    bytes->count = 0;
    /* Checked first, because opening a pipe would wait for a writer. */
    if (stat(path, &info) != 0) return tli_fail(err, TL_ERROR_INPUT, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return tli_fail(err, TL_ERROR_INPUT, "%s is not a file", path);
    if (info.st_size == 0) return tli_fail(err, TL_ERROR_INPUT, "%s is empty: it has 0 bytes", path);
    if (info.st_size > FILE_LIMIT)
        return tli_fail(err, TL_ERROR_INPUT, "%s is too large for an image: it has more than %d bytes", path,
                        FILE_LIMIT);
    const size_t size = (size_t)info.st_size;
    if (size > bytes->capacity) {
        free(bytes->data);
        bytes->data = malloc(size);
        bytes->capacity = bytes->data != NULL ? size : 0;
        if (bytes->data == NULL) return tli_fail(err, TL_ERROR_MEMORY, "%s: not enough host memory", path);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) return tli_fail(err, TL_ERROR_INPUT, "%s cannot be opened: %s", path, strerror(errno));
    bytes->count = fread(bytes->data, 1, size, file);
    const bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) return tli_fail(err, TL_ERROR_INPUT, "%s cannot be read", path);
    return TL_OK;
}

void tli_image_free(tli_image *image)
{
    free(image->pixels);
    *image = (tli_image){0};
}

tl_status tli_image_reserve(tli_image *image, uint32_t width, uint32_t height, tl_error *err)
{
    const size_t size = (size_t)width * height * 3;
    if (size > image->capacity) {
        free(image->pixels);
        image->pixels = malloc(size);
        image->capacity = image->pixels != NULL ? size : 0;
        if (image->pixels == NULL)
            return tli_fail(err, TL_ERROR_MEMORY, "not enough host memory for an image of %u x %u pixels",
                            width, height);
    }
    image->width = width;
    image->height = height;
    return TL_OK;
}

/* ---- shared by the formats -------------------------------------------------------------------------- */

bool tli_bytes_begin(const tli_bytes *file, const char *magic, size_t count)
{
    return file->count >= count && memcmp(file->data, magic, count) == 0;
}

tl_status tli_image_check_size(const char *name, uint32_t width, uint32_t height, tl_status status,
                               tl_error *err)
{
    if (width == 0 || height == 0) return tli_fail(err, status, "%s has a side of 0 pixels", name);
    if (width > TLI_IMAGE_SIDE_LIMIT || height > TLI_IMAGE_SIDE_LIMIT ||
        (uint64_t)width * height > TLI_IMAGE_PIXEL_LIMIT)
        return tli_fail(err, status, "%s is too large: %u x %u pixels; %u a side and %llu in all can be read",
                        name, width, height, TLI_IMAGE_SIDE_LIMIT, (unsigned long long)TLI_IMAGE_PIXEL_LIMIT);
    return TL_OK;
}

tl_status tli_decoding_check_size(const tli_decoding *d)
{
    return tli_image_check_size(d->name, d->width, d->height, TL_ERROR_INPUT, d->err);
}

tl_status tli_decoding_truncated(const tli_decoding *d)
{
    return tli_fail(d->err, TL_ERROR_INPUT, "%s is truncated after %zu bytes", d->name, d->file->count);
}

tl_status tli_decoding_no_memory(const tli_decoding *d)
{
    return tli_fail(d->err, TL_ERROR_MEMORY, "%s: not enough host memory", d->name);
}

void tli_rgb_from_inks(const uint8_t inks[4], uint8_t rgb[3])
{
    const uint32_t light = 255u - inks[3];
    for (int c = 0; c < 3; c++) {
        const uint32_t product = inks[c] * light + 128;
        rgb[c] = (uint8_t)(light - (product + (product >> 8)) / 256);
    }
}

uint8_t tli_grey_from_deep(uint32_t sample)
{
    return (uint8_t)(sample > 255 ? 255 : sample);
}

/* ---- the formats --------------------------------------------------------------------------------- */

static const tli_image_format *const formats[] = {&tli_image_jpeg, &tli_image_png, &tli_image_webp,
                                                  &tli_image_tiff, &tli_image_bmp, &tli_image_pnm};
enum { FORMATS = sizeof formats / sizeof *formats, SUFFIXES = sizeof formats[0]->suffixes / sizeof(char *) };

bool tli_image_is_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (int f = 0; dot != NULL && f < FORMATS; f++)
        for (int i = 0; i < SUFFIXES && formats[f]->suffixes[i] != NULL; i++)
            if (strcasecmp(dot, formats[f]->suffixes[i]) == 0) return true;
    return false;
}

char *tli_image_suffix_list(char text[TLI_IMAGE_SUFFIX_TEXT])
{
    size_t length = 0;
    text[0] = '\0';
    for (int f = 0; f < FORMATS; f++)
        for (int i = 0; i < SUFFIXES && formats[f]->suffixes[i] != NULL; i++)
            length += (size_t)snprintf(text + length, TLI_IMAGE_SUFFIX_TEXT - length, "%s%s",
                                       length > 0 ? ", " : "", formats[f]->suffixes[i]);
    return text;
}

/* "JPEG, PNG, ... or PNM" */
static tl_status unknown_format(const tli_decoding *d)
{
    const tli_bytes *file = d->file;
    char names[100] = "";
    size_t length = 0;
    if (file->count < 8)
        return tli_fail(d->err, TL_ERROR_INPUT, "%s is no image: it has %zu bytes", d->name, file->count);
    for (int f = 0; f < FORMATS; f++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", f > 0 ? ", " : "",
                                   formats[f]->name);
    tli_text_last_item(names, sizeof names, "or");
    return tli_fail(d->err, TL_ERROR_INPUT, "%s is no %s file: it begins with the bytes %02x %02x %02x %02x",
                    d->name, names, file->data[0], file->data[1], file->data[2], file->data[3]);
}

static tl_status image_decode(tli_decoding *d)
{
    for (int f = 0; f < FORMATS; f++)
        if (formats[f]->matches(d->file)) return formats[f]->decode(d);
    return unknown_format(d);
}

tl_status tli_image_size(const tli_bytes *file, const char *name, uint32_t *width, uint32_t *height,
                         tl_error *err)
{
    tli_decoding d = {.file = file, .name = name, .err = err, .header_only = true, .shrink = 1};
    const tl_status status = image_decode(&d);
    *width = d.width;
    *height = d.height;
    return status;
}

tl_status tli_image_decode(const tli_bytes *file, const char *name, uint32_t shrink, tli_image *image,
                           tl_error *err)
{
    tli_decoding d = {.file = file, .name = name, .err = err, .shrink = shrink, .image = image};
    image->remarks = tli_image_is_oriented(file) ? TLI_IMAGE_ORIENTED : 0;
    return image_decode(&d);
}
