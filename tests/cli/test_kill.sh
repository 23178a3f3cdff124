#!/bin/sh
# 20 steps are 20 steps: a run that is killed (kill -9) after its tenth step and resumed writes the same weights as one that
# nothing happened to, and so does one that is told to stop in between. For every task that the program trains.
#   test_kill.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/program.sh"

model="--op translution --dim 16 --depth 1 --heads 2 --head-dim 8 --steps 20 --limit-test 16 --quiet --seed 3"
small_mnist="--batch-size 16 --limit-train 44 --motion dynamic"
small_vit="--batch-size 8 --limit-train 20 --image-size 32 --patch-size 8"
small_gpt="--batch-size 4 --seq-len 16 --vocab-size 300"

tasks=$("$program" train --help | sed -n 's/^usage: translution train \([a-z|]*\).*/\1/p' | tr '|' ' ')
[ -n "$tasks" ] || { echo "FAILED: no tasks in train --help" >&2; exit 1; }
for task in $tasks; do
    eval "flags=\$small_$task"
    # shellcheck disable=SC2086 # lists of flags are meant to split
    train() { "$program" train "$task" $model $flags "$@" >out.txt 2>err.txt; }
    train --out "$task-whole" --checkpoint-every 5 || fail "$task: the whole run"

    train --out "$task-stopped" --stop-after 10 || fail "$task: the first ten steps"
    train --out "$task-stopped" --resume || fail "$task: the last ten steps"
    cmp "$task-whole/model.safetensors" "$task-stopped/model.safetensors" || fail "$task: 10 + stop + 10 differs"

    # shellcheck disable=SC2086
    "$program" train "$task" $model $flags --out "$task-killed" --checkpoint-every 5 >out.txt 2>err.txt &
    pid=$!
    while kill -0 $pid 2>/dev/null && [ ! -d "$task-killed/checkpoints/10" ]; do sleep 0.01; done
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    [ -d "$task-killed/checkpoints/10" ] || fail "$task: no checkpoint of step 10"
    rm -rf "$task-killed/checkpoints/15" "$task-killed/checkpoints/20" # a fast machine may have got that far
    train --out "$task-killed" --resume --checkpoint-every 5 || fail "$task: resumed after kill -9"
    cmp "$task-whole/model.safetensors" "$task-killed/model.safetensors" || fail "$task: 10 + kill -9 + 10 differs"
    cmp "$task-whole/checkpoints/20/state.safetensors" "$task-killed/checkpoints/20/state.safetensors" ||
        fail "$task: the optimizer's state differs"
    echo "$task: 20 steps = 10 + stop + 10 = 10 + kill -9 + 10, byte for byte"
done
