#!/bin/sh
# A run owns its folder: a second process is refused while the first lives, disturbs nothing, and may go on as soon as the first
# is gone, however it went.
#   test_owner.sh PROGRAM [NO_LOCKS]   NO_LOCKS: the library of no_locks.c
set -eu
. "$(dirname "$0")/../support/program.sh"
no_locks=${2-}
pid=
at_exit() { test -z "$pid" || kill -9 "$pid" 2>/dev/null || true; }

model="--op attention --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 16 --limit-train 44 --limit-test 16"
# shellcheck disable=SC2086 # a list of flags is meant to split
train() { "$program" train mnist $model "$@" >out.txt 2>err.txt; }
listing() { (cd "$1" && find . | sort); }

# The first run stops in the middle of its work (SIGSTOP), so that what comes meanwhile comes at a known moment.
train --out whole --steps 400 || fail "the undisturbed run"
# shellcheck disable=SC2086
"$program" train mnist $model --out shared --steps 400 --checkpoint-every 0 --metrics shared.jsonl >/dev/null 2>&1 &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -s shared.jsonl ]; do sleep 0.01; done
kill -STOP $pid || fail "the first run ended before anything could disturb it"
listing shared >before.txt
for flags in "" --resume "--resume --steps 500" "--batch-size 8"; do
    code=0
    # shellcheck disable=SC2086
    train --out shared --steps 400 $flags || code=$?
    [ $code -eq 2 ] || fail "a second run with '$flags': exit code $code"
    [ "$(grep -c '^translution: ' err.txt)" -eq 1 ] || fail "'$flags': more than one sentence"
    grep -q "process $pid on host $(uname -n) .*shared" err.txt || fail "'$flags': no host and process ID"
    listing shared | cmp -s - before.txt || fail "'$flags' made or moved something"
done
if [ -n "$no_locks" ]; then # by the locks of older systems
    code=0
    # shellcheck disable=SC2086
    ONLY_POSIX_LOCKS=1 LD_PRELOAD=$no_locks "$program" train mnist $model --out shared --steps 2 >out.txt 2>err.txt || code=$?
    { [ $code -eq 2 ] && grep -q "process $pid on host" err.txt; } || fail "with POSIX locks alone: exit code $code"
fi
train --out other --steps 2 || fail "a run in a folder of its own"
listing other >before.txt
code=0
train --out other --steps 2 --metrics shared.jsonl || code=$?
listing other | cmp -s - before.txt || fail "a run that was refused for its --metrics moved an earlier one"
{ [ $code -eq 2 ] && grep -q "shared.jsonl" err.txt; } || fail "a second run with the same --metrics: exit code $code"
"$program" info shared >out.txt 2>err.txt || true # reading asks nobody
train --out elsewhere --steps 2 || fail "another folder"
kill -CONT $pid
wait $pid || fail "the first run was disturbed"
pid=
cmp whole/model.safetensors shared/model.safetensors || fail "the first run ended with other weights"
[ "$(grep -c '"lr"' shared.jsonl)" -eq 400 ] || fail "the first run's metrics are not its own"

# A lock dies with its owner, and names nobody afterwards.
# shellcheck disable=SC2086
"$program" train mnist $model --out killed --steps 400 --checkpoint-every 1 >/dev/null 2>&1 &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -d killed/checkpoints/2 ]; do sleep 0.01; done
kill -STOP $pid || fail "the run ended before it was stopped"
cp -r killed copied # while its owner lives
kill -9 $pid || fail "the run ended before it was killed"
wait $pid 2>/dev/null || true
train --out killed --steps 400 --resume || fail "resumed at once after kill -9"
pid=
cmp whole/model.safetensors killed/model.safetensors || fail "resumed after kill -9, it ended with other weights"
train --out copied --steps 400 --resume || fail "a copied folder"
cmp whole/model.safetensors copied/model.safetensors || fail "a copied folder ended with other weights"
{ [ -e killed/run.lock ] && [ ! -s killed/run.lock ]; } || fail "run.lock names an owner that is gone"
train --out killed --steps 2 || fail "a new run in the folder of one that has ended"

# A file system without locks costs a notice. The library put before the program's own takes their place.
if [ -n "$no_locks" ]; then
    # shellcheck disable=SC2086
    train_unlocked() { LD_PRELOAD=$no_locks "$program" train mnist $model "$@" >out.txt 2>err.txt; }
    ONLY_POSIX_LOCKS=1 train_unlocked --out posix --steps 2 || fail "POSIX locks alone"
    grep -q 'cannot be locked' err.txt && fail "POSIX locks alone are taken for none"
    for run in unlocked unlocked; do
        train_unlocked --out $run --steps 2 --metrics $run.jsonl || fail "a file system without locks"
        grep -q 'run.lock cannot be locked (No locks available)' err.txt || fail "no word of locks that are missing"
    done
fi
echo "a second process is refused, the first undisturbed; after kill -9 and copying the run goes on"
