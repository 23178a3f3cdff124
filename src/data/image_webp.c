/* WebP, by libwebp; the first frame of an animation. */
#include "data/image_format.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static bool webp_matches(const tli_bytes *file)
{
    return tli_bytes_begin(file, "RIFF", 4) && file->count >= 12 && memcmp(file->data + 8, "WEBP", 4) == 0;
}

static tl_status webp_failed(const tli_decoding *d, VP8StatusCode code)
{
    if (code == VP8_STATUS_NOT_ENOUGH_DATA) return tli_decoding_truncated(d);
    /* also for lack of memory: libwebp 1.5 reports some damaged files so */
    return tli_fail(d->err, TL_ERROR_INPUT, "%s is not a valid WebP file", d->name);
}

static tl_status webp_decode_still(tli_decoding *d, WebPDecoderConfig *config)
{
    config->output.colorspace = MODE_RGB; /* drops transparency */
    config->output.is_external_memory = 1;
    config->output.u.RGBA.rgba = d->image->pixels;
    config->output.u.RGBA.stride = (int)(d->width * 3);
    config->output.u.RGBA.size = (size_t)d->width * d->height * 3;
    const VP8StatusCode code = WebPDecode(d->file->data, d->file->count, config);
    WebPFreeDecBuffer(&config->output);
    return code == VP8_STATUS_OK ? TL_OK : webp_failed(d, code);
}

/* The first frame on a black canvas. */
static tl_status webp_decode_animation(tli_decoding *d)
{
    const WebPData data = {d->file->data, d->file->count};
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, NULL);
    uint8_t *canvas = NULL; /* [height][width][4], owned by the decoder */
    int time;
    if (decoder == NULL) return webp_failed(d, VP8_STATUS_BITSTREAM_ERROR);
    const bool good = WebPAnimDecoderGetNext(decoder, &canvas, &time) != 0;
    for (size_t i = 0; good && i < (size_t)d->width * d->height; i++)
        memcpy(d->image->pixels + 3 * i, canvas + 4 * i, 3);
    WebPAnimDecoderDelete(decoder);
    return good ? TL_OK : webp_failed(d, VP8_STATUS_BITSTREAM_ERROR);
}

static tl_status webp_decode(tli_decoding *d)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return tli_decoding_no_memory(d);
    const VP8StatusCode code = WebPGetFeatures(d->file->data, d->file->count, &config.input);
    if (code != VP8_STATUS_OK) return webp_failed(d, code);
    d->width = (uint32_t)config.input.width;
    d->height = (uint32_t)config.input.height;
    TLI_TRY(tli_decoding_check_size(d));
    if (d->header_only) return TL_OK;
    TLI_TRY(tli_image_reserve(d->image, d->width, d->height, d->err));
    return config.input.has_animation ? webp_decode_animation(d) : webp_decode_still(d, &config);
}

const tli_image_format tli_image_webp = {"WebP", {".webp"}, webp_matches, webp_decode};
