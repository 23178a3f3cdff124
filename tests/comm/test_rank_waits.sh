#!/bin/sh
# Ranks wait for one that says that it is at work, for longer than their time limit, and no longer for one that says nothing.
#   test_rank_waits.sh PROGRAM MODULE      rank_waits and translution_mpi.so
set -eu
. "$(dirname "$0")/../support/mpi.sh"
. "$(dirname "$0")/../support/program.sh"
need_module "$2"
for n in 2 4; do
    mpirun -n $n "$program" at-work >out.txt 2>err.txt || fail "$n ranks, the first at work"
    [ "$(grep -c "of $n met, the last is $((n - 1))" out.txt)" = $n ] || fail "not all $n met"
    code=0
    mpirun -n $n "$program" silent >out.txt 2>err.txt || code=$?
    gave 3 || fail "exit code $code instead of 3"
    [ "$(grep -c begins out.txt)" = $n ] || fail "not all $n began before one was late"
    said "waited 4 s to agree with the others, and nothing is heard of rank 0:"
done
