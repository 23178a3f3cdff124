#!/bin/sh
# Without the module that knows MPI, processes that were started together are told what to install, and one alone runs as ever. Nor
# is a module of another build called.
#   test_no_mpi.sh PROGRAM OTHER_INTERFACE
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
code=0
env OMPI_COMM_WORLD_SIZE=2 TRANSLUTION_MPI_MODULE="$2" "$program" train mnist --steps 1 >out.txt 2>err.txt || code=$?
[ $code = 2 ] || fail "exit code $code instead of 2 with a module of another interface"
said "translution_mpi.so is of version .* (interface 0), and this program of .* (interface [1-9]): install both anew"
env SLURM_NTASKS=1 "$program" train mnist --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8 --limit-train 8 --limit-test 8 \
    --steps 1 --out run >out.txt 2>err.txt || fail "one task alone"
