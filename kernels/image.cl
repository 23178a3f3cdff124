// images [batch][channels][depth][height][width] -> patches [token][batch][patch values], elements in the order (slice,
// row and column in the patch, channel), overwritten. Sizes are (width, height, depth) of the image and of a patch. A row
// is one patch of one image; a work-group has `rows_per_group` rows, TL_ROWS at a time.
__kernel void patches_forward(__global const float *images, __global float *patches, const patches_sizes s)
{
    const ulong rows = s.rows;
    const uint batch = s.batch, channels = s.channels, width = s.width, height = s.height, depth = s.depth,
               patch_width = s.patch_width, patch_height = s.patch_height, patch_depth = s.patch_depth,
               rows_per_group = s.rows_per_group;
    const ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    const ulong slice = (ulong)height * width, volume = slice * depth;
    const uint across = width / patch_width, down = height / patch_height, line = patch_width * channels;
    const uint length = patch_depth * patch_height * line;
    for (ulong row = first + TL_SUBROW; row < last; row += TL_ROWS) {
        const uint token = (uint)(row / batch), sample = (uint)(row % batch);
        __global const float *corner = images + s.images_at + sample * channels * volume +
                                       (ulong)(token / across / down) * patch_depth * slice +
                                       (ulong)(token / across % down) * patch_height * width +
                                       token % across * patch_width;
        __global float *target = patches + s.patches_at + row * length;
#if TL_GROUP == 1
        for (uint zy = 0; zy < patch_depth * patch_height; zy++)
            for (uint channel = 0; channel < channels; channel++) {
                __global const float *from = corner + channel * volume + zy / patch_height * slice +
                                             (ulong)(zy % patch_height) * width;
                __global float *to = target + zy * line + channel;
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
