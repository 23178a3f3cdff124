/* JPEG, by libjpeg. */
#include "data/image_format.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* State of libjpeg's callbacks: libjpeg passes its jpeg_error_mgr, which must therefore be the first
 * member. It belongs to the caller of the function that calls setjmp, so that no part of it is in a
 * register when the library jumps back. */
typedef struct jpeg_state {
    struct jpeg_error_mgr manager;
    tli_decoding *d;
    tl_status status;
    jmp_buf back;
    uint8_t *row; /* owned: one row of CMYK */
} jpeg_state;

static bool jpeg_matches(const tli_bytes *file)
{
    return tli_bytes_begin(file, "\xff\xd8\xff", 3);
}

static void jpeg_fail(j_common_ptr info)
{
    jpeg_state *s = (jpeg_state *)info->err;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    s->status = tli_fail(s->d->err,
                         info->err->msg_code == JERR_OUT_OF_MEMORY ? TL_ERROR_MEMORY : TL_ERROR_INPUT,
                         "%s is not a valid JPEG file: %s", s->d->name, text);
    longjmp(s->back, 1);
}

/* Warnings that mean lost pixels are errors; others (stray bytes between markers, odd version numbers) are
 * common and harmless. */
static void jpeg_warn(j_common_ptr info, int level)
{
    if (level >= 0) return;
    switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL: jpeg_fail(info);
    }
}

static void jpeg_print_nothing(j_common_ptr info) {}

static void jpeg_source_begin(j_decompress_ptr info) {}
static void jpeg_source_end(j_decompress_ptr info) {}

static boolean jpeg_source_more(j_decompress_ptr info)
{
    jpeg_state *s = (jpeg_state *)info->err;
    s->status = tli_decoding_truncated(s->d);
    longjmp(s->back, 1);
    return FALSE;
}

static void jpeg_source_skip(j_decompress_ptr info, long count)
{
    if (count <= 0) return;
    if ((size_t)count > info->src->bytes_in_buffer) jpeg_source_more(info);
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= (size_t)count;
}

/* CMYK files store inverted values, as Adobe's programs do: 255 is no ink. */
static void jpeg_row_from_inks(const uint8_t *inverted, uint8_t *rgb, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++, inverted += 4, rgb += 3) {
        const uint8_t inks[4] = {(uint8_t)~inverted[0], (uint8_t)~inverted[1], (uint8_t)~inverted[2],
                                 (uint8_t)~inverted[3]};
        tli_rgb_from_inks(inks, rgb);
    }
}

static tl_status jpeg_run(struct jpeg_decompress_struct *info, jpeg_state *s, struct jpeg_source_mgr *source)
{
    tli_decoding *d = s->d;
    if (setjmp(s->back) != 0) return s->status;
    jpeg_create_decompress(info);
    *source = (struct jpeg_source_mgr){.next_input_byte = d->file->data,
                                       .bytes_in_buffer = d->file->count,
                                       .init_source = jpeg_source_begin,
                                       .fill_input_buffer = jpeg_source_more,
                                       .skip_input_data = jpeg_source_skip,
                                       .resync_to_restart = jpeg_resync_to_restart,
                                       .term_source = jpeg_source_end};
    info->src = source;
    jpeg_read_header(info, TRUE);
    d->width = info->image_width;
    d->height = info->image_height;
    TLI_TRY(tli_decoding_check_size(d));
    if (d->header_only) return TL_OK;
    const bool inks = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
    info->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    info->scale_num = 1;
    info->scale_denom = d->shrink;
    jpeg_start_decompress(info);
    TLI_TRY(tli_image_reserve(d->image, info->output_width, info->output_height, d->err));
    if (inks) {
        s->row = malloc((size_t)info->output_width * 4);
        if (s->row == NULL) return tli_decoding_no_memory(d);
    }
    while (info->output_scanline < info->output_height) {
        uint8_t *target = d->image->pixels + (size_t)info->output_scanline * info->output_width * 3;
        JSAMPROW row = inks ? s->row : target;
        if (jpeg_read_scanlines(info, &row, 1) == 1 && inks)
            jpeg_row_from_inks(s->row, target, info->output_width);
    }
    return TL_OK;
}

static tl_status jpeg_decode(tli_decoding *d)
{
    struct jpeg_decompress_struct info;
    struct jpeg_source_mgr source;
    jpeg_state state = {.d = d};
    memset(&info, 0, sizeof info); /* so that it can be destroyed even if creation failed */
    info.err = jpeg_std_error(&state.manager);
    state.manager.error_exit = jpeg_fail;
    state.manager.emit_message = jpeg_warn;
    state.manager.output_message = jpeg_print_nothing;
    const tl_status status = jpeg_run(&info, &state, &source);
    jpeg_destroy_decompress(&info);
    free(state.row);
    return status;
}

const tli_image_format tli_image_jpeg = {"JPEG", {".jpg", ".jpeg"}, jpeg_matches, jpeg_decode};
