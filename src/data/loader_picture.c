#include "data/loader_picture.h"

#include <stdio.h>
#include <string.h>

#include "data/randaugment.h"

tli_random tli_picture_random(const tli_loader_options *o, const char *stream, uint64_t epoch, uint32_t index)
{
    tli_random r = tli_random_make(o->seed, tli_random_stream(stream));
    r.index = epoch << 40 | (uint64_t)index << 8;
    return r;
}

static tli_resize plan_for(const tli_loader_options *o, uint64_t epoch, uint32_t sample, uint32_t width,
                           uint32_t height)
{
    if (!o->train || (o->augment & TL_AUGMENT_CROP) == 0) return tli_resize_centre(width, height, o->size);
    tli_random r = tli_picture_random(o, "augment/crop", epoch, sample);
    return tli_resize_random(&r, width, height, o->size);
}

static tl_status read_digit(const tli_loader_options *o, tli_picture_maker *maker, uint64_t epoch,
                            uint32_t sample, tl_error *err)
{
    const tli_dataset *set = o->digits;
    const size_t pixels = (size_t)set->height * set->width;
    TLI_TRY(tli_image_reserve(&maker->decoded, set->width, set->height, err));
    for (size_t i = 0; i < pixels; i++)
        memset(maker->decoded.pixels + 3 * i, set->pixels[sample * pixels + i], 3);
    const tli_resize plan = plan_for(o, epoch, sample, set->width, set->height);
    return tli_resample(&maker->decoded, set->width, set->height, &plan, &maker->resampler, &maker->picture,
                        err);
}

static tl_status read_file(const tli_loader_options *o, tli_picture_maker *maker, uint64_t epoch,
                           uint32_t sample, tl_error *err)
{
    char path[8192];
    uint32_t width, height;
    snprintf(path, sizeof path, "%s/%s", o->folder->root, o->folder->paths[sample]);
    TLI_TRY(tli_bytes_read(&maker->bytes, path, err));
    TLI_TRY(tli_image_size(&maker->bytes, path, &width, &height, err));
    const tli_resize plan = plan_for(o, epoch, sample, width, height);
    const bool reduce = o->train && !o->exact_decode;
    TLI_TRY(
        tli_image_decode(&maker->bytes, path, reduce ? tli_resize_shrink(&plan) : 1, &maker->decoded, err));
    return tli_resample(&maker->decoded, width, height, &plan, &maker->resampler, &maker->picture, err);
}

tl_status tli_picture_make(const tli_loader_options *o, tli_picture_maker *maker, uint64_t epoch,
                           uint32_t sample, float *out, tl_error *err)
{
    TLI_TRY(o->folder != NULL ? read_file(o, maker, epoch, sample, err)
                              : read_digit(o, maker, epoch, sample, err));
    if (o->train && (o->augment & TL_AUGMENT_FLIP) != 0) {
        tli_random r = tli_picture_random(o, "augment/flip", epoch, sample);
        if (tli_random_below(&r, 2) == 1) tli_flip(&maker->picture);
    }
    if (o->train && (o->augment & TL_AUGMENT_RANDAUGMENT) != 0) {
        tli_random r = tli_picture_random(o, "augment/randaugment", epoch, sample);
        TLI_TRY(tli_rand_augment(&r, &maker->picture, &maker->spare, err));
    }
    tli_normalise(&maker->picture, out);
    return TL_OK;
}

void tli_picture_maker_free(tli_picture_maker *maker)
{
    tli_bytes_free(&maker->bytes);
    tli_image_free(&maker->decoded);
    tli_image_free(&maker->picture);
    tli_image_free(&maker->spare);
    tli_resampler_free(&maker->resampler);
}
