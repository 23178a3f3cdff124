#!/bin/sh
# A rank that is stopped, as by a driver that hangs, does not leave the others waiting: they name it and end, and the run goes on from
# the last checkpoint.
#   test_rank_hangs.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/mpi.sh"
. "$(dirname "$0")/../support/program.sh"
need_mpi "$(dirname "$1")/translution_mpi.so"
model="--dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8 --limit-train 20 --limit-test 12 --steps 100000 --schedule constant --grad-slices 4"

# stop RANK N OUT: rank RANK of N, once the run has a checkpoint
stop() {
    # shellcheck disable=SC2086
    started "$2" "$program" train mnist $model --checkpoint-every 2 --keep 2 --rank-timeout 20 --out "$3" >out.txt 2>err.txt &
    launcher=$!
    turns=0
    until [ -n "$(ls "$3/checkpoints" 2>/dev/null)" ]; do
        turns=$((turns + 1))
        [ $turns -lt 1200 ] || fail "no checkpoint in $3 after two minutes"
        sleep 0.1
    done
    kill -STOP "$(cat "pid-$1")"
    begun=$(date +%s)
    code=0
    wait $launcher || code=$?
    gave 1 || fail "exit code $code instead of 1"
    [ $(($(date +%s) - begun)) -le 60 ] || fail "the others waited for more than a minute"
    said "waited 20 s to .*, and nothing is heard of rank $1: it was stopped, hangs, or needs longer (--rank-timeout)"
    [ "$(grep -c 'nothing is heard' err.txt)" = 1 ] || fail "several ranks say the same"
    rank=0
    while [ $rank -lt "$2" ]; do
        turns=0
        until ended $rank; do
            turns=$((turns + 1))
            [ $turns -lt 100 ] || fail "rank $rank goes on for 10 s"
            sleep 0.1
        done
        rank=$((rank + 1))
    done
    saved=$(find "$3/checkpoints" -mindepth 1 -maxdepth 1 -name '[1-9]*' -printf '%f\n' | sort -n | tail -n 1)
    # shellcheck disable=SC2086
    "$program" train mnist $model --out "$3" --resume --stop-after 1 >out.txt 2>err.txt || fail "resumed after rank $1 was stopped"
    said "resuming $3 after step $saved"
}
stop 1 2 second-of-two
stop 0 2 first-of-two
stop 2 4 third-of-four

code=0
"$program" train mnist --rank-timeout 0 >out.txt 2>err.txt || code=$?
[ $code = 2 ] || fail "exit code $code instead of 2"
said "rank-timeout"
