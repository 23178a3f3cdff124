#!/bin/sh
# Ranks compute in one precision: where one of them has no tensor cores, none uses its own, and the notice names that rank.
#   test_rank_precision.sh PROGRAM MODULE      rank_precision and translution_mpi.so
set -eu
. "$(dirname "$0")/../support/mpi.sh"
. "$(dirname "$0")/../support/program.sh"
need_module "$2"
export TRANSLUTION_SELF_TEST=off # of the emulated instruction, which gemm_tensor tests

# with N RANK...: N ranks, of which these have no tensor cores
with() {
    count=$1
    shift
    mpirun -n "$count" "$program" "$@" >out.txt 2>err.txt || fail "$count ranks, without tensor cores: $*"
}
# all_have N PRECISION; all_say N WORDS
all_have() { [ "$(grep -c "has $2\$" out.txt)" = "$1" ] || fail "not $1 ranks in $2"; }
all_say() { [ "$(grep -c "says: .*$2" out.txt)" = "$1" ] || fail "not $1 ranks say '$2'"; }

"$program" >out.txt 2>err.txt || fail "alone"
all_have 1 tf32
with 4
all_have 4 tf32
all_say 4 'in tf32, by tensor cores'
for lacks in 0 2; do
    with 4 $lacks
    all_have 4 fp32
    all_say 4 "rank $lacks: .* no tensor cores .*fp32 instead of tf32"
    all_say 0 'by tensor cores'
done
with 4 3 1 # the first of them is named
all_have 4 fp32
all_say 4 'rank 1: .* no tensor cores'
