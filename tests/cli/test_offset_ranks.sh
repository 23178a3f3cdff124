#!/bin/sh
# Runs whose ranks share the matrices by offset out: the weights of one process to rounding, the same bits again, less memory.
#   test_offset_ranks.sh PROGRAM RANK_MEMORY NEAR_TENSORS
set -eu
. "$(dirname "$0")/../support/mpi.sh"
. "$(dirname "$0")/../support/program.sh"
need_mpi "$(dirname "$1")/translution_mpi.so"

small="--dim 16 --depth 2 --heads 2 --head-dim 8"
digits="mnist $small --batch-size 8 --limit-train 20 --limit-test 12" # the last batch of an epoch has 4 samples
text="gpt $small --seq-len 8 --vocab-size 32 --batch-size 8 --samples-per-epoch 20 --limit-test 8"
tensors=$3
# ranks N SHARING ARGUMENTS...
# shellcheck disable=SC2086,SC2048 # lists of arguments are meant to split
ranks() {
    count=$1
    sharing=$2
    shift 2
    mpirun -n "$count" "$program" train $* --offset-ranks "$sharing" >out.txt 2>err.txt </dev/null
}
near() { "$tensors" "$1/model.safetensors" "$2/model.safetensors" || fail "the weights of $1 and $2 differ"; }
near_state() { # after the first step
    "$tensors" "$1/checkpoints/1/state.safetensors" "$2/checkpoints/1/state.safetensors" || fail "the gradients of $1 and $2 differ"
}

# Every kind of operation: the state after one step has its gradients; the weights after some have moved by them, as AdamW with a
# large eps does, while with a small one the sign of a gradient that is nearly 0 moves them as far as any other.
rounding="--eps 1 --lr 0.5"
# shellcheck disable=SC2086
try() { # NAME COUNTS ARGUMENTS
    name=$1
    counts=$2
    shift 2
    set -- "$@" $rounding --steps 4 --checkpoint-every 1
    alone "$@" --out "$name-1" || fail "$name alone"
    for n in $counts; do
        ranks "$n" "$n" "$@" --out "$name-$n" || fail "$name with $n ranks"
        near_state "$name-1" "$name-$n"
        near "$name-1" "$name-$n"
        [ "$(grep -c '^{' out.txt)" = 1 ] || fail "not one result"
        [ "$(grep -c '^device ' err.txt)" = 1 ] || fail "not one voice"
        [ "$(grep -c . "$name-$n/metrics.jsonl")" = "$(grep -c . "$name-1/metrics.jsonl")" ] || fail "other lines of metrics"
    done
}
try translution "2 4" "$digits" --op translution --grad-clip 0.05 --eval-every 3
try alpha "2 4" "$digits" --op alpha --relenc-dim 4 --grad-clip 0.05
try absolute 2 "$digits" --op absolute
try keys 2 "$digits" --op translution --relative k --pool mean
try values 2 "$digits" --op translution --relative v --window 2
try queries 2 "$digits" --op translution --relative q --offset-sharing log:2 --translution-layers 1
try low 2 "$digits" --op alpha-pure --relenc-dim 4
try conv 2 "$digits" --op conv --window 3
try text "2 4" "$text" --op translution
try text_alpha 2 "$text" --op alpha --relative kv

# The same bits again; beside slices that other ranks compute; saved by 4, resumed by 2, then by one.
run="$digits $rounding --op translution --grad-clip 0.05 --eval-every 3 --steps 6 --grad-slices 2"
ranks 2 2 "$run" --out once || fail "once"
ranks 2 2 "$run" --out again || fail "again"
same once again
ranks 4 2 "$run" --out both || fail "ranks of both kinds"
same once both
cmp "$(state once)" "$(state both)" || fail "the optimizer's states of once and both differ"
[ -e both/best.safetensors ] || fail "no best weights"
"$tensors" once/best.safetensors both/best.safetensors || fail "the best weights differ"
ranks 4 4 "$run" --stop-after 2 --out resumed || fail "stopped with 4"
ranks 2 2 "$run" --stop-after 2 --out resumed --resume || fail "resumed with 2"
said "resuming resumed after step 2"
alone "$run" --out resumed --resume || fail "resumed alone"
near once resumed
ranks 2 2 "$run" --out again --resume || fail "resumed when it was finished"
said "this is its result"
"$program" eval both --limit-test 12 >out.txt 2>err.txt || fail "evaluated by one process"

profiled="mnist --op translution --dim 64 --depth 2 --heads 2 --head-dim 32 --batch-size 8 --limit-train 16 --limit-test 8 --steps 4 --grad-clip 1"
compile "$profiled"
ranks 4 2 "$profiled" --profile --out profiled || fail "with --profile"
sent_as_planned 4 "$profiled" --offset-ranks 2
awk '/^logits and outputs /{exit !($(NF - 2) > 0 && $(NF - 1) > 0.1)}' err.txt || fail "no time for logits and outputs"
copies() { awk '$1 == "(copy)" {n = $2} END {print n + 0}' err.txt; } # of the device
small_profiled="$digits --op translution --steps 4 --profile"
ranks 2 2 "$small_profiled" --out profiled-mapped || fail "with --profile"
mapped=$(copies)
export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable # no other test has these kernels optimized, and they compute little
compile "$small_profiled" --kernel-path gpu
ranks 2 2 "$small_profiled" --kernel-path gpu --out profiled-copied || fail "with --profile and copies"
unset POCL_EXTRA_BUILD_FLAGS
[ "$(copies)" -ge $((mapped + 60)) ] || fail "a CPU copies what ranks sum: $mapped copies, and $(copies) where the device has them"

# Evaluated by ranks that share the matrices out: the numbers of one process, said once.
number() { sed -n "s/.*\"$1\":\([-+.e0-9]*\).*/\1/p" "$2"; }
evaluated() { # RUN RANKS
    "$program" eval "$1" --batch-size 2 --confusion alone.tsv >alone.txt 2>err.txt || fail "$1 evaluated by one process"
    mpirun -n "$2" "$program" eval "$1" --batch-size 2 --offset-ranks "$2" --rank-timeout 100 --confusion shared.tsv >out.txt 2>err.txt ||
        fail "$1 evaluated by $2 ranks"
    [ "$(grep -c . out.txt)" = 1 ] || fail "not one result"
    [ "$(grep -c '^device ' err.txt)" = 1 ] || fail "not one voice"
    cmp alone.tsv shared.tsv || fail "other classes are found in $1"
    [ "$(number params out.txt)" = "$(number params alone.txt)" ] || fail "not the whole model's parameters"
    awk -v a="$(number loss alone.txt)" -v b="$(number loss out.txt)" \
        'BEGIN {exit !(a > 0 && (a - b) ^ 2 < (1e-5 * a) ^ 2)}' || fail "another loss of $1"
    awk -v a="$(number peak_device_bytes alone.txt)" -v b="$(number peak_device_bytes out.txt)" 'BEGIN {exit !(b < 0.8 * a)}' ||
        fail "no less memory than one process"
}
# shellcheck disable=SC2086
alone $profiled --out evaluated || fail "a run to be evaluated"
evaluated evaluated 2
evaluated evaluated 4

# Classes of pictures and text: what one process prints, printed once. Of JSON the text, as the rest is times.
words_of() { if grep -q '^{' "$1"; then sed -n 's/.*"text":"\([^"]*\)".*/\1/p' "$1"; else cat "$1"; fi; }
alike() { # RANKS COMMAND...
    n=$1
    shift
    "$program" "$@" >alone.txt 2>err.txt || fail "$1 by one process"
    mpirun -n "$n" "$program" "$@" --offset-ranks "$n" --rank-timeout 100 >out.txt 2>err.txt || fail "$1 by $n ranks"
    [ -n "$(words_of alone.txt)" ] || fail "$1 prints nothing"
    [ "$(words_of alone.txt)" = "$(words_of out.txt)" ] || fail "$n ranks print something else than one process"
    [ "$(grep -c '^device ' err.txt)" = 1 ] || fail "not one voice"
}
pictures=$(dirname "$0")/../golden/images
alike 2 predict evaluated "$pictures/bitmap.png" "$pictures/bitmap.bmp"
alike 4 predict evaluated "$pictures/bitmap.png"
# What tokens attend to, of the blocks computed anew by all ranks: of pictures, where the next is not taken for it, and of a test set.
"$program" predict evaluated "$pictures/bitmap.png" "$pictures/bitmap.bmp" --layer 0 --attention alone.png >alone.txt 2>err.txt || fail "attention by one process"
mpirun -n 2 "$program" predict evaluated "$pictures/bitmap.png" "$pictures/bitmap.bmp" --layer 0 --attention shared.png --offset-ranks 2 \
    --rank-timeout 100 >out.txt 2>err.txt || fail "attention by 2 ranks"
cmp alone.txt out.txt || fail "other classes with the attention"
cmp alone.png shared.png || fail "other attention by 2 ranks"
"$program" eval evaluated --attention-maps alone.safetensors >out.txt 2>err.txt || fail "maps by one process"
for n in 2 4; do
    mpirun -n $n "$program" eval evaluated --offset-ranks $n --rank-timeout 100 --attention-maps shared.safetensors >out.txt 2>err.txt || fail "maps by $n ranks"
    "$tensors" alone.safetensors shared.safetensors || fail "other maps by $n ranks"
done
awk 'BEGIN {for (i = 0; i < 200; i++) print "to be or not to be, that is the question"}' >words.txt
"$program" tokenize --chars --val-fraction 0.2 --out words words.txt 2>err.txt || fail "tokens"
alone gpt $small --op translution --seq-len 16 --batch-size 8 --samples-per-epoch 80 --limit-test 8 --data words --steps 40 --lr 0.01 --out speaks || fail "a text model"
alike 2 generate speaks --prompt "to be" --tokens 30 --temperature 0.5 --json # mpirun of Open MPI 5 can mix outputs that come in pieces
grep -q "to be" out.txt || fail "no text"
alike 4 generate speaks --tokens 5 --no-cache --json
code=0
mpirun -n 2 "$program" generate speaks >out.txt 2>err.txt || code=$?
gave 2 || fail "exit code $code instead of 2"
said "--offset-ranks is 1 and the number of ranks 2"
code=0
mpirun -n 2 "$program" eval evaluated >out.txt 2>err.txt || code=$?
gave 2 || fail "exit code $code instead of 2"
said "--offset-ranks is 1 and the number of ranks 2: both must be the same"

# A run that begins from another's weights.
ranks 2 2 "$digits" --op translution --init once --steps 1 --lr 0 --out begun || fail "with --init"
near once begun

# What a rank's device holds, of the matrices, their gradients and the optimizer's state a share.
module=${TRANSLUTION_MPI_MODULE:-$(dirname "$program")/translution_mpi.so}
for n in 2 4; do
    mpirun -n $n env TRANSLUTION_MPI_MODULE="$module" "$2" memory 0 $n >out.txt 2>err.txt || fail "memory of $n ranks"
done
mpirun -n 4 env TRANSLUTION_MPI_MODULE="$module" "$2" memory 0 2 >out.txt 2>err.txt || fail "memory of ranks of both kinds"

# A signal to a rank that computes with rank 0 stops all.
# shellcheck disable=SC2086
started 2 "$program" train $digits --op translution --steps 100000 --schedule constant --offset-ranks 2 --out signal >out.txt 2>err.txt &
launcher=$!
wait_until 120 "no step after two minutes" has_step 5 signal
kill -TERM "$(cat pid-1)"
code=0
wait $launcher || code=$?
[ $code = 143 ] || fail "exit code $code instead of 143"
said "stopped by signal 15 after step"

cp "$pictures/bitmap.png" x
rm -f pid-* out.txt
# shellcheck disable=SC2046 # an argument a picture
started 2 "$program" predict evaluated $(yes x | head -n 10000) --offset-ranks 2 >out.txt 2>err.txt &
launcher=$!
wait_until 120 "no prediction after two minutes" [ -s out.txt ]
kill -TERM "$(cat pid-1)"
code=0
wait $launcher || code=$?
gave 143 || fail "exit code $code instead of 143"
said "rank 1 of 2: stopped by signal 15 before x"

# What ranks cannot share is refused before a device is opened.
# refused WORDS
refused() {
    gave 2 || fail "exit code $code instead of 2"
    said "$1"
    if grep -q '^device ' err.txt; then fail "a device was opened"; fi
    [ ! -e refused ] || fail "a refused run made a folder"
}
code=0
ranks 2 4 "$digits" --op translution --steps 1 --out refused || code=$?
refused "--offset-ranks is 4, which must be 1, 2, 4, 8, ... and divide the number of ranks, 2"
code=0
ranks 2 2 "$digits" --op attention --steps 1 --out refused || code=$?
refused "--offset-ranks is 2, but attention has no matrices by offset"
code=0
"$program" train mnist --op alpha --offset-ranks 2 --steps 1 --out refused >out.txt 2>err.txt || code=$?
refused "divide the number of ranks, 1"
