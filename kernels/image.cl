// images [batch][channels][height][width] -> patches [token][batch][patch * patch * channels], elements in
// the order (row in patch, column in patch, channel), overwritten. A row is one patch of one image; a
// work-group has `rows_per_group` rows, TL_ROWS at a time.
__kernel void patches_forward(__global const float *images, ulong images_at, __global float *patches,
                              ulong patches_at, ulong rows, uint batch, uint channels, uint height,
                              uint width, uint patch, uint rows_per_group)
{
    ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    ulong plane = (ulong)height * width;
    uint across = width / patch, line = patch * channels, length = patch * line;
    for (ulong row = first + TL_SUBROW; row < last; row += TL_ROWS) {
        uint token = (uint)(row / batch), sample = (uint)(row % batch);
        __global const float *corner = images + images_at + sample * channels * plane +
                                       (ulong)(token / across) * patch * width + token % across * patch;
        __global float *target = patches + patches_at + row * length;
#if TL_GROUP == 1
        for (uint y = 0; y < patch; y++)
            for (uint channel = 0; channel < channels; channel++) {
                __global const float *from = corner + channel * plane + (ulong)y * width;
                __global float *to = target + y * line + channel;
                for (uint x = 0; x < patch; x++) to[x * channels] = from[x];
            }
#else
        for (uint e = TL_LANE; e < length; e += TL_LANES) {
            uint y = e / line, x = e % line / channels, channel = e % channels;
            target[e] = corner[channel * plane + (ulong)y * width + x];
        }
#endif
    }
}
