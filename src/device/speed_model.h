/* Predicts how long a launch takes on another GPU: arithmetic on what the launch tells of its work and a few figures of the
 * device. The longest of what has to be done counts, as if all else ran beside it; caches, clocks and latencies are not modelled. */
#ifndef DEVICE_SPEED_MODEL_H
#define DEVICE_SPEED_MODEL_H

#include "device/device.h"

/* A device in figures, as a file of devices/ holds them. */
typedef struct tli_speed_device {
    char name[64];
    double units;         /* compute units */
    double fma;           /* multiply-adds that a unit begins in a cycle */
    double clock_ghz;     /* 1e9 cycles a second */
    double local_bytes;   /* that a unit's local memory gives in a cycle */
    double cache_gbytes;  /* 1e9 bytes a second that the last cache gives to all units together */
    double memory_gbytes; /* and the global memory */
    double memory_gib;    /* size of the global memory */
    double launch_us;     /* microseconds from the end of a kernel to the work of the next */
} tli_speed_device;

/* Reads lines `key = value`; TL_ERROR_INPUT names the file, the line and the key. */
tl_status tli_speed_device_read(const char *path, tli_speed_device *device, tl_error *err);

/* Flops a second of all units together. */
double tli_speed_peak(const tli_speed_device *d);

/* What takes the time of a launch. */
typedef enum tli_speed_limit {
    TLI_LIMIT_INSTRUCTIONS, /* of a product's tile, the multiply-adds among them */
    TLI_LIMIT_LOCAL,        /* local memory */
    TLI_LIMIT_CACHE,
    TLI_LIMIT_MEMORY, /* global memory */
    TLI_LIMIT_LAUNCH,
    TLI_LIMITS
} tli_speed_limit;

typedef struct tli_speed_estimate {
    double seconds; /* with the launch */
    tli_speed_limit limit;
} tli_speed_estimate;

tli_speed_estimate tli_speed_of(const tli_speed_device *d, const char *kernel, const tli_launch *launch);

/* Percent of multiply-adds among the instructions of a kernel's loop over a tile of `side` rows and columns. */
double tli_speed_fma_percent(const char *kernel, uint32_t side);

/* Name of a limit, for tables. */
const char *tli_speed_limit_name(tli_speed_limit limit);

#endif
