#!/bin/sh
# Messages of all sizes between ranks arrive whole: small ones, large ones, and those that only one of two partners sends.
#   test_rank_exchange.sh PROGRAM MODULE      rank_exchange and translution_mpi.so
set -eu
. "$(dirname "$0")/../support/mpi.sh"
. "$(dirname "$0")/../support/program.sh"
need_module "$2"
for n in 2 4; do
    mpirun -n $n "$program" 3 1 2048 2049 300000 5000000 >out.txt 2>err.txt || fail "$n ranks"
    [ "$(grep -c "^$n [0-9]* 0\\.[0-9]* 0\\.[0-9]*\$" out.txt)" = 5 ] || fail "not five sizes of $n ranks"
done
