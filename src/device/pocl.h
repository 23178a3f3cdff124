/* PoCL, the OpenCL implementation for CPUs: which it is, and what it is kept from. */
#ifndef DEVICE_POCL_H
#define DEVICE_POCL_H

#include "translution/translution.h"

/* Major version of the PoCL that the device belongs to; 0: another implementation, or a PoCL before 3, which wrote its name otherwise. */
int tli_pocl_version(const tl_device_info *device);

/* Keeps PoCL from what it is known to compile wrongly on this device, by environment variables of this process, which it reads whenever
 * it compiles or launches. */
void tli_pocl_prepare(const tl_device_info *device);

#endif
