#!/bin/sh
# --resume from outside: of a run that is done, of one that was killed with nothing but defaults, and of one that is to be longer.
#   test_resume.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/program.sh"
flags="--dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8 --limit-train 16 --limit-test 16"
# shellcheck disable=SC2086 # a list of flags is meant to split
mnist() { "$program" train mnist $flags "$@" >out.txt 2>err.txt; }

mnist --steps 4 --out run || fail "the run"
cp out.txt first.txt
cp -r run/checkpoints checkpoints
mnist --steps 4 --out run --resume || fail "resumed when done: exit code $?"
cmp first.txt out.txt || fail "another JSON object"
said "has done all of its 4 steps"
diff -r run/checkpoints checkpoints || fail "checkpoints changed"
rm run/result.json # killed while it was evaluated
mnist --steps 4 --out run --resume || fail "resumed before its evaluation"
[ "$(sed 's/.*"test_loss":\([^,]*\).*/\1/' out.txt)" = "$(sed 's/.*"test_loss":\([^,]*\).*/\1/' first.txt)" ] ||
    fail "another test loss"

# Done, and asked for another test: its own numbers, which do not take the place of the run's.
mnist --steps 4 --out run --resume || fail "resumed when done, after its evaluation"
cp out.txt first.txt
mnist --steps 4 --out run --resume --limit-test 5 || fail "resumed when done, with another test"
said "was tested by other settings"
! cmp -s first.txt out.txt || fail "the same numbers on another test set"
mnist --steps 4 --out run --resume || fail "resumed when done, with its own test again"
cmp first.txt out.txt || fail "another JSON object after another test"

# Killed at a random moment with checkpoints by time.
mnist --steps 30 --out whole || fail "the undisturbed run"
for pause in 0.1 0.2 0.3 0.4 0.5; do
    # shellcheck disable=SC2086
    "$program" train mnist $flags --steps 30 --checkpoint-minutes 1e-6 --resume --out killed >out.txt 2>err.txt &
    pid=$!
    sleep $pause
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
done
mnist --steps 30 --checkpoint-minutes 1e-6 --resume --out killed || fail "resumed after kill -9"
cmp whole/model.safetensors killed/model.safetensors || fail "the killed run differs"
[ "$(ls killed/checkpoints | wc -l)" -le 2 ] || fail "more than two checkpoints stay"

# Longer than it was to be, twice; and not shorter.
mnist --steps 6 --out run --resume || fail "prolonged"
said "of 6 steps instead of 4"
grep -q '"steps":6,' out.txt || fail "not 6 steps"
mnist --steps 6 --out run --resume || fail "resumed when done, for the second time"
said "has done all of its 6 steps"
mnist --steps 9 --stop-after 1 --out run --resume || fail "prolonged again, and stopped"
mnist --steps 9 --out run --resume || fail "the prolonged run, resumed"
grep -q '"steps":9,' out.txt || fail "not 9 steps"
code=0
mnist --steps 5 --out run --resume || code=$?
[ $code = 2 ] || fail "exit code $code instead of 2"
said "--steps is 9 in the checkpoint of step 9 and 5 now"
code=0
mnist --epochs 3 --out run --resume || code=$?
[ $code = 2 ] || fail "exit code $code instead of 2"
said "--steps is 9 in the checkpoint of step 9 and not given now"

# Without a length, that of the run; by epochs, at the rates of the longer run.
mnist --out run --resume || fail "resumed without a length"
said "has done all of its 9 steps"
mnist --epochs 2 --out epochs || fail "two epochs"
mnist --out epochs --resume || fail "two epochs, resumed without a length"
said "has done all of its 4 steps"
mnist --epochs 3 --out epochs --resume || fail "a third epoch"
said "of 3 epochs instead of 2"
mnist --epochs 3 --out three || fail "three epochs"
rate() { grep "^{\"step\":$1," "$2/metrics.jsonl" | sed 's/.*"lr":\([^,]*\),.*/\1/' | tail -n 1; }
[ -n "$(rate 5 three)" ] && [ "$(rate 5 epochs)" = "$(rate 5 three)" ] || fail "step 5 has another rate than in a run of three epochs"
