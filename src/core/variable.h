/* Environment variables of this program that choose among words. Another word is refused, so that a typing error does not
 * count as a choice. */
#ifndef CORE_VARIABLE_H
#define CORE_VARIABLE_H

#include "core/choices.h"

typedef enum tli_variable {
    TLI_VARIABLE_VECTOR_WIDTH, /* floats */
    TLI_VARIABLE_TILE,         /* rows and columns */
    TLI_VARIABLE_FORM,         /* a tl_kernel_path */
    TLI_VARIABLE_SELF_TEST,    /* 1, 0: on, off; also of those below */
    TLI_VARIABLE_TUNING,
    TLI_VARIABLE_OVERLAP,
    TLI_VARIABLES
} tli_variable;

/* TL_ERROR_USAGE, naming variable and words, where one of them has another word. */
tl_status tli_variables_check(tl_error *err);
/* The value of the variable's word; `unset` where it has none, or another. */
int tli_variable_value(tli_variable variable, int unset);

#endif
