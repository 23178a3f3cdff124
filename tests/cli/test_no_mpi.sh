#!/bin/sh
# Without the module that knows MPI, processes that were started together are told what to install, and one alone runs as ever.
#   test_no_mpi.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/program.sh"
export TRANSLUTION_MPI_MODULE=/nonexistent/translution_mpi.so
for variable in OMPI_COMM_WORLD_SIZE PMI_SIZE SLURM_NTASKS; do
    code=0
    env $variable=2 "$program" train mnist --steps 1 >out.txt 2>err.txt || code=$?
    [ $code = 2 ] || fail "exit code $code instead of 2"
    said "$variable says that 2 processes were started together, but translution_mpi.so cannot be loaded"
    said "install an MPI (Debian: libopenmpi-dev and openmpi-bin)"
    [ ! -e runs ] || fail "a refused run wrote"
done
env SLURM_NTASKS=1 "$program" train mnist --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8 --limit-train 8 --limit-test 8 \
    --steps 1 --out run >out.txt 2>err.txt || fail "one task alone"
