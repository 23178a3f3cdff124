#!/bin/sh
# A program that has called MPI_Init itself gives the communicator of the processes that are ranks.
#   test_rank_communicator.sh MODULE PROGRAM      translution_mpi.so and rank_communicator, which is there where that is
set -eu
. "$(dirname "$0")/../support/mpi.sh"
need_mpi "$1"
. "$(dirname "$0")/../support/program.sh"
export TRANSLUTION_MPI_MODULE="$1"
mpirun -n 4 "$2" >out.txt 2>err.txt || fail "four processes, two by two"
for last in 2 3; do
    [ "$(grep -c "of 2, the last is $last" out.txt)" = 2 ] || fail "not two ranks whose last is $last"
done
