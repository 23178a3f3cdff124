// The first pixel of a row's patch, in the image's first channel.
static inline __global const float *patch_corner(__global const float *images, const patches_sizes *s,
                                                 ulong row)
{
    const uint token = (uint)(row / s->batch), sample = (uint)(row % s->batch),
               across = s->width / s->patch_width, down = s->height / s->patch_height;
    const ulong slice = (ulong)s->height * s->width, volume = slice * s->depth;
    return images + s->images_at + sample * s->channels * volume +
           (ulong)(token / across / down) * s->patch_depth * slice +
           (ulong)(token / across % down) * s->patch_height * s->width + token % across * s->patch_width;
}

// images [batch][channels][depth][height][width] -> patches [token][batch][patch values], elements in the order (slice,
// row and column in the patch, channel), overwritten. Sizes are (width, height, depth) of the image and of a patch. A row
// is one patch of one image; a work-group has `rows_per_group` rows, TL_ROWS at a time.
__kernel void patches_forward(__global const float *images, __global float *patches, const patches_sizes s)
{
    const ulong rows = s.rows;
    const uint channels = s.channels, width = s.width, patch_width = s.patch_width,
               patch_height = s.patch_height, patch_depth = s.patch_depth, rows_per_group = s.rows_per_group;
    const ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    const ulong slice = (ulong)s.height * width, volume = slice * s.depth;
    const uint line = patch_width * channels, length = patch_depth * patch_height * line;
    for (ulong row = first + TL_SUBROW; row < last; row += TL_ROWS) {
        __global const float *corner = patch_corner(images, &s, row);
        __global float *target = patches + s.patches_at + row * length;
#if TL_GROUP == 1
        // The next patch is of another image: its lines are far from these.
        __global const float *next = patch_corner(images, &s, min(row + 1, last - 1));
        for (uint zy = 0; zy < patch_depth * patch_height; zy++)
            for (uint channel = 0; channel < channels; channel++) {
                const ulong at = channel * volume + zy / patch_height * slice +
                                 (ulong)(zy % patch_height) * width;
                __global const float *from = corner + at;
                __global float *to = target + zy * line + channel;
                PREFETCH(next + at);
                PREFETCH(next + at + patch_width - 1);
                for (uint x = 0; x < patch_width; x++) to[x * channels] = from[x];
            }
#else
        for (uint e = TL_LANE; e < length; e += TL_LANES) {
            const uint zy = e / line, x = e % line / channels, channel = e % channels;
            target[e] =
                corner[channel * volume + zy / patch_height * slice + (ulong)(zy % patch_height) * width + x];
        }
#endif
    }
}
