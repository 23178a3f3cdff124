#!/bin/sh
# The tests of ranks with MPICH: its module and its launcher.
#   test_mpich.sh MODULE PROGRAM RANK_WAITS RANK_MEMORY NEAR_TENSORS
set -eu
tests=$(dirname "$0")/..
export TRANSLUTION_MPI_MODULE="$1" MPIRUN=mpiexec.mpich
"$tests/comm/test_rank_waits.sh" "$3" "$1"
"$tests/cli/test_ranks.sh" "$2" "$4"
"$tests/cli/test_offset_ranks.sh" "$2" "$4" "$5"
