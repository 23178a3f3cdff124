/* The checksum of records in TensorBoard's event files: CRC-32C (Castagnoli), as in iSCSI and RFC 3720. */
#ifndef CORE_CRC32C_H
#define CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t tli_crc32c(const void *data, size_t bytes);

#endif
