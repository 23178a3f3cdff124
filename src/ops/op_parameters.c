#include "ops/op_parameters.h"

#include <assert.h>

tli_op_parameter *tli_op_parameters_add(op_parameters *list, const char *name, const char *field, size_t at,
                                        uint32_t rank, uint64_t s0, uint64_t s1, uint64_t s2)
{
    assert(list->count < OP_MAX_PARAMETERS);
    tli_op_parameter *p = &list->items[list->count++];
    *p = (tli_op_parameter){.name = name,
                            .field = field,
                            .at = at,
                            .rank = rank,
                            .shape = {s0, s1, s2},
                            .fan_in = rank == 3 ? s1 * s2 : s1};
    return p;
}

tl_tensor **tli_op_tensor(tli_op_tensors *weights, const tli_op_parameter *p)
{
    return (tl_tensor **)((char *)weights + p->at);
}
