/* How much of a step's pairs or logits a device computes at a time, where all of them would take too much memory. */
#include "device/internal.h"

/* In the form for GPUs. The largest number of bytes is 2^27 floats, which 32 bits count. */
enum { SMALLEST = 64 << 20, LARGEST = 512 << 20, SHARE = 32 };

uint64_t tli_chunk_bytes(uint64_t choice, uint64_t least)
{
    if (choice == 0) return least;
    return choice < LARGEST ? choice : LARGEST;
}

uint64_t tl_device_chunk_bytes(const tl_device_info *device, tl_kernel_path path, uint64_t memory_limit)
{
    if (device == NULL || tli_device_prefers_cpu(device, path)) return 0;
    const uint64_t share = (memory_limit > 0 ? memory_limit : device->global_bytes) / SHARE;
    uint64_t bytes = SMALLEST;
    while (bytes < LARGEST && 2 * bytes <= share) bytes *= 2;
    return bytes;
}
