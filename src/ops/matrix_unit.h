/* The matrix units of GPUs, NVIDIA's tensor cores, AMD's matrix cores and Intel's XMX, and the precision in which a context has products
 * computed by them (kernels/mma.cl, kernels/mfma.cl, kernels/dpas.cl). */
#ifndef OPS_MATRIX_UNIT_H
#define OPS_MATRIX_UNIT_H

#include "device/device.h"

typedef enum tli_matrix_unit {
    TLI_UNIT_NONE,
    TLI_UNIT_MMA,    /* NVIDIA's tensor cores, from compute capability 8.0 on: tf32 and bf16 */
    TLI_UNIT_MFMA,   /* AMD's matrix cores from CDNA2 on: fp32 and bf16 */
    TLI_UNIT_DPAS8,  /* Intel's XMX of sub-groups of 8 work-items (Arc A): bf16 */
    TLI_UNIT_DPAS16, /* of 16 (Data Center GPU Max, Arc B): bf16 */
} tli_matrix_unit;

bool tli_matrix_unit_has(tli_matrix_unit unit, tl_precision precision);

/* What the context's device may have, with kernels in the form for GPUs: NVIDIA's, whose compiler takes PTX, those of AMD's that are known by
 * name, and those that have Intel's extension. Others are not asked: their compilers may end the program at an instruction that they do not know. */
tli_matrix_unit tli_matrix_unit_of(tl_context *ctx);
/* What a device may have, by what it says of itself; dpas_group: as of tli_limits. */
tli_matrix_unit tli_matrix_unit_of_device(const tl_device_info *device, uint32_t dpas_group);
/* Whether that unit has this precision. */
bool tli_matrix_unit_may(tl_context *ctx, tl_precision precision);

/* Products from now on have this precision and run on matrix units where those serve, without a check. */
tl_status tli_matrix_unit_use(tl_context *ctx, tl_precision precision);
/* Products from now on are fp32, without matrix units. */
void tli_matrix_unit_stop(tl_context *ctx);
bool tli_matrix_unit_is_on(tl_context *ctx);
tl_precision tli_matrix_unit_precision(tl_context *ctx);

/* Stops matrix units until tli_matrix_unit_resume gets what this returns. */
typedef struct tli_matrix_unit_pause {
    bool on;
    tl_precision precision;
} tli_matrix_unit_pause;
tli_matrix_unit_pause tli_matrix_unit_stop_for_now(tl_context *ctx);
void tli_matrix_unit_resume(tl_context *ctx, tli_matrix_unit_pause before);

/* Half of the distance between neighbouring numbers of which the larger is 1, where products round their operands; 0 where sums of fp32 are
 * all that rounds. */
double tli_precision_unit(tl_precision precision);

/* Appends the build options of kernels that multiply in this precision by this unit. */
void tli_matrix_unit_add_options(tl_context *ctx, tli_matrix_unit unit, tl_precision precision, char *options,
                                 size_t capacity);

/* For tests on other devices: from now on kernels emulate this unit, which tli_matrix_unit_of returns. */
tl_status tli_matrix_unit_emulate(tl_context *ctx, tli_matrix_unit unit);
bool tli_matrix_unit_is_emulated(tl_context *ctx);

#endif
