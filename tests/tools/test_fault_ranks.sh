#!/bin/sh
# tools/fault_table --ranks, each fault a few times: nothing is lost beyond the last checkpoint. Of ranks that are stopped, which others
# wait for, see tests/cli/test_rank_hangs.sh.
#   test_fault_ranks.sh PROGRAM SOURCE_DIR
set -eu
. "$(dirname "$0")/../support/mpi.sh"
. "$(dirname "$0")/../support/program.sh"
need_mpi "$(dirname "$1")/translution_mpi.so"
PROGRAM=$program "$2/tools/fault_table" --ranks 2 >out.txt 2>err.txt || fail "a try was not good"
[ "$(grep -c '^| ' out.txt)" = 5 ] || fail "not four rows and their head"
