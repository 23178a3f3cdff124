#!/bin/sh
# A rank that is stopped, as by a driver that hangs, does not leave the others waiting: they name it and end, and the run goes on from
# the last checkpoint. Three such runs at the same time, as most of it is waiting.
#   test_rank_hangs.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/mpi.sh"
. "$(dirname "$0")/../support/program.sh"
need_mpi "$(dirname "$1")/translution_mpi.so"
model="--op alpha --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8 --limit-train 20 --limit-test 12 --steps 100000 --schedule constant --grad-slices 4"

has_checkpoint() { [ -n "$(ls "$1/checkpoints" 2>/dev/null)" ]; }
# shellcheck disable=SC2086 # a word an argument
# stop RANK N SHARING: rank RANK of N, of which SHARING share the matrices by offset out, once the run has a checkpoint
stop() {
    victim=$1 count=$2
    started "$count" "$program" train mnist $model --offset-ranks "$3" --checkpoint-every 2 --keep 2 --rank-timeout 20 --out run >out.txt 2>err.txt &
    launcher=$!
    wait_until 120 "no checkpoint after two minutes" has_checkpoint run
    kill -STOP "$(cat "pid-$victim")"
    begun=$(date +%s)
    code=0
    wait $launcher || code=$?
    gave 1 || fail "exit code $code instead of 1"
    [ $(($(date +%s) - begun)) -le 60 ] || fail "the others waited for more than a minute"
    said "waited 20 s to .*, and nothing is heard of rank $victim: it was stopped, hangs, or needs longer (--rank-timeout)"
    [ "$(grep -c 'nothing is heard' err.txt)" = 1 ] || fail "several ranks say the same"
    rank=0
    while [ $rank -lt "$count" ]; do
        wait_until 10 "rank $rank goes on for 10 s" ended $rank
        rank=$((rank + 1))
    done
    saved=$(find run/checkpoints -mindepth 1 -maxdepth 1 -name '[1-9]*' -printf '%f\n' | sort -n | tail -n 1)
    "$program" train mnist $model --out run --resume --stop-after 1 >out.txt 2>err.txt || fail "resumed after rank $victim was stopped"
    said "resuming run after step $saved"
}
compile "mnist $model"
stops=""
# in_background FOLDER ARGUMENTS...: stop, in a folder of its own
in_background() {
    mkdir "$1"
    (cd "$1" && shift && stop "$@") &
    stops="$stops $!"
}
in_background second-of-two 1 2 1
in_background first-of-two 0 2 1
in_background third-of-four 2 4 2 # which rank 3 waits for alone
failed=""
for process in $stops; do wait "$process" || failed=yes; done
[ -z "$failed" ] || exit 1

code=0
"$program" train mnist --rank-timeout 0 >out.txt 2>err.txt || code=$?
[ $code = 2 ] || fail "exit code $code instead of 2"
said "rank-timeout"
