#!/bin/sh
# The tests of ranks with MPICH: its module and its launcher. What offset_ranks does beside these is made of the same exchanges.
#   test_mpich.sh MODULE PROGRAM RANK_WAITS RANK_MEMORY
set -eu
tests=$(dirname "$0")/..
export TRANSLUTION_MPI_MODULE="$1" MPIRUN=mpiexec.mpich
"$tests/comm/test_rank_waits.sh" "$3" "$1"
"$tests/cli/test_ranks.sh" "$2" "$4"
