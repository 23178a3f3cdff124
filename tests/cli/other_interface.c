/* A module of this version, built with another backend.h: it must not be called. */
#include "comm/backend.h"

extern const tli_comm_backend tli_comm_mpi;
const tli_comm_backend tli_comm_mpi = {.version = TL_VERSION " (interface 0)"};
