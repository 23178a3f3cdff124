#!/bin/sh
# Runs that several ranks share, by mpirun: the same weights to the last bit as one process makes, one voice, one end.
#   test_ranks.sh PROGRAM RANK_MEMORY
set -eu
. "$(dirname "$0")/../support/mpi.sh"
. "$(dirname "$0")/../support/program.sh"
need_mpi "$(dirname "$1")/translution_mpi.so"

small="--dim 16 --depth 1 --heads 2 --head-dim 8"
digits="mnist $small --batch-size 8 --limit-train 20 --limit-test 12 --steps 7" # the last batch of an epoch has 4 samples
# ranks N ARGUMENTS...
# shellcheck disable=SC2086,SC2048 # lists of arguments are meant to split
ranks() {
    count=$1
    shift
    mpirun -n "$count" "$program" train $* >out.txt 2>err.txt
}
same_state() { cmp "$(state "$1")" "$(state "$2")" || fail "the optimizer's states of $1 and $2 differ"; }

# Every task, operations of all kinds; clipping and evaluations in between; more slices than samples in the last batch.
text="gpt $small --seq-len 8 --vocab-size 32 --batch-size 8 --samples-per-epoch 20 --limit-test 8 --steps 4"
pictures="vit $small --image-size 32 --batch-size 8 --limit-train 12 --limit-test 8 --steps 3"
try() { # NAME ARGUMENTS
    name=$1
    shift
    alone "$@" --grad-slices 8 --out "$name-1" || fail "$name alone"
    for n in $counts; do
        ranks $n "$@" --grad-slices 8 --out "$name-$n" || fail "$name with $n ranks"
        same "$name-1" "$name-$n"
        same_state "$name-1" "$name-$n"
        [ "$(grep -c '^{' out.txt)" = 1 ] || fail "not one result"
        [ "$(grep -c '^device ' err.txt)" = 1 ] || fail "not one voice"
        [ "$(grep -c '"lr"' "$name-$n/metrics.jsonl")" = "$(grep -c '"lr"' "$name-1/metrics.jsonl")" ] || fail "other lines of metrics"
    done
}
counts="2 4 8"
try attention "$digits" --grad-clip 0.05 --eval-every 3
counts="2 4"
try translution "$digits" --op translution --optimizer lion # whose tables are cut
try skipped "$digits" --op translution --skip-nonfinite --lr 1000 --weight-decay 1000 --schedule constant --grad-clip 1 --eval-every 3
said "is left out"
counts=2
# With --kernel-path gpu as on a device with a memory of its own; these kernels no other test has optimized, and they compute little.
export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable
try copied "$digits" --kernel-path gpu
unset POCL_EXTRA_BUILD_FLAGS
counts="2 4"
# Exchanged block by block while the device computes the rest, as ranks of several machines do.
wide="mnist --op translution --dim 32 --depth 3 --heads 2 --head-dim 16 --batch-size 8 --limit-train 20 --limit-test 8 --steps 4 --profile"
sums() { awk '/^sums of gradients /{print int($4)}' err.txt; } # messages a step
compile "$wide" --grad-slices 8
export TRANSLUTION_OVERLAP=off
ranks 2 "$wide" --out at-once --grad-slices 8 || fail "not overlapped"
at_once=$(sums)
export TRANSLUTION_OVERLAP=on
try overlapped "$wide" --grad-clip 0.5 # the last ranks have no sample of an epoch's last batch
ranks 2 "$wide" --out block-by-block --grad-slices 8 || fail "overlapped"
[ "$(sums)" -ge $((at_once + 2)) ] || fail "$(sums) messages block by block, $at_once at once"
sent_as_planned 2 "$wide" --grad-slices 8
unset TRANSLUTION_OVERLAP
same at-once block-by-block
try text "$text" --op alpha
try pictures "$pictures" --op alpha
ranks 4 "$digits" --out default --checkpoint-minutes 0.0001 || fail "without a number of slices"
alone "$digits" --grad-slices 4 --out four || fail "of four slices"
same default four

# Event files for TensorBoard are the first rank's, where the program can write them.
if ranks 2 "$digits" --out board --tensorboard; then
    [ "$(find board -name 'events.out.tfevents.*' | wc -l)" = 1 ] || fail "not one event file"
else
    said "built without protobuf-c"
fi

# Of several devices of a machine each rank takes another one, from the first again where there are fewer.
devices() { # ARGUMENTS: `found`, what the four ranks say
    rm -rf devices
    mpirun -n 4 env OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd POCL_DEVICES="pthread pthread" \
        "$program" train "$@" --verbose --out devices >out.txt 2>err.txt || fail "two devices"
    found=$(sed -n 's/^device \([0-9:]*\).*/0 \1/p; s/^rank \([0-9]*\): device \([0-9:]*\).*/\1 \2/p' err.txt | sort -n | cut -d ' ' -f 2 | xargs)
}
if [ -r /etc/OpenCL/vendors/pocl.icd ]; then
    # shellcheck disable=SC2086
    devices $digits
    case $found in
    "0:0 0:1 0:0 0:1" | "0:1 0:0 0:1 0:0") ;;
    *) fail "four ranks are on $found" ;;
    esac
    same default devices
    # shellcheck disable=SC2086
    devices $digits --device 0:1
    [ "$found" = "0:1 0:1 0:1 0:1" ] || fail "four ranks are on $found instead of 0:1"
fi

# Stopped on 4, resumed on 2, then alone, with the slices of the checkpoint.
ranks 4 "$digits" --stop-after 2 --out resumed --grad-slices 8 --grad-clip 0.05 || fail "stopped on 4"
ranks 2 "$digits" --stop-after 2 --out resumed --resume --grad-clip 0.05 || fail "resumed on 2"
said "resuming resumed after step 2"
alone "$digits" --out resumed --resume --grad-clip 0.05 || fail "resumed alone"
same attention-1 resumed

# What a rank's device holds.
module=${TRANSLUTION_MPI_MODULE:-$(dirname "$program")/translution_mpi.so}
for n in 2 4; do
    mpirun -n $n env TRANSLUTION_MPI_MODULE="$module" "$2" memory >out.txt 2>err.txt || fail "memory of $n ranks"
done
memory="env TRANSLUTION_MPI_MODULE=$module $2 memory"
# shellcheck disable=SC2086
apart $memory : $memory 1200000 >out.txt 2>err.txt && fail "ranks of devices that split tensors at other places"
said "the device of rank 1 has a smaller or larger largest buffer"

# A signal to one rank stops all after the same step.
long="mnist $small --batch-size 8 --limit-train 20 --limit-test 12 --steps 100000 --schedule constant --grad-slices 2"
# shellcheck disable=SC2086
started 2 "$program" train $long --out signal >out.txt 2>err.txt &
launcher=$!
wait_until 120 "no step in signal after two minutes" has_step 5 signal
kill -TERM "$(cat pid-1)"
code=0
wait $launcher || code=$?
[ $code = 143 ] || fail "exit code $code instead of 143"
said "stopped by signal 15 after step"
done=$(ls signal/checkpoints)
alone "$long" --out alike --stop-after "$done" || fail "as many steps alone"
same signal alike

# What a step spends with other ranks: as many bytes as planned; and waiting for one that comes late is in it.
copies() { awk '$1 == "(copy)" {n = $2} END {print n + 0}' err.txt; } # of the device, by --profile
profiled="mnist --dim 128 --depth 1 --heads 2 --head-dim 64 --batch-size 8 --limit-train 16 --limit-test 8 --steps 6 --grad-clip 1"
export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable
compile "$profiled" --kernel-path gpu
ranks 4 "$profiled" --profile --kernel-path gpu --out profiled-copied || fail "with --profile and copies"
unset POCL_EXTRA_BUILD_FLAGS
sent_as_planned 4 "$profiled"
[ "$(copies)" -gt 200 ] || fail "no copies: $(copies)"
compile "$profiled"
ranks 4 "$profiled" --profile --out profiled || fail "with --profile"
sent_as_planned 4 "$profiled"
[ "$(copies)" -le 50 ] || fail "a CPU copies what ranks exchange: $(copies) times"
grep -q '"communication":' out.txt || fail "the result does not say what it spent on communication"
alone "$profiled" --profile --out profiled-alone || fail "with --profile alone"
if grep -q '^rank 0 with others\|"communication"' err.txt out.txt profiled-alone/metrics.jsonl; then fail "alone with others"; fi
# shellcheck disable=SC2086
started 2 "$program" train $long --profile --out paused >out.txt 2>err.txt &
launcher=$!
wait_until 120 "no step in paused after two minutes" has_step 5 paused
kill -STOP "$(cat pid-1)"
sleep 3
kill -CONT "$(cat pid-1)"
kill -TERM "$(cat pid-1)"
wait $launcher || [ $? = 143 ] || fail "a paused run"
awk '/^all of it /{each = $(NF - 2)} /^\(of /{exit !(each * $2 > 2500)}' err.txt || fail "a pause of 3 s is not counted"
awk -F '"communication":' 'NF > 1 && $2 + 0 > 0.5 {found = 1} END {exit !found}' paused/metrics.jsonl ||
    fail "a pause is not in the metrics"

# A rank that dies ends the others.
# shellcheck disable=SC2086
started 2 "$program" train $long --checkpoint-every 2 --keep 2 --out killed >out.txt 2>err.txt &
launcher=$!
wait_until 120 "no step in killed after two minutes" has_step 5 killed
kill -KILL "$(cat pid-1)"
begun=$(date +%s)
code=0
wait $launcher || code=$?
[ $code != 0 ] || fail "exit code 0 after a rank was killed"
until ended 0; do
    [ $(($(date +%s) - begun)) -le 10 ] || fail "the other rank goes on for more than 10 s"
    sleep 0.1
done
alone "$long" --out killed --resume --stop-after 1 || fail "resumed after a rank was killed"

# A rank that cannot write its part of a checkpoint ends all with its sentence, and the one before stays.
large="mnist --op translution --dim 128 --depth 1 --heads 2 --head-dim 64 --batch-size 2 --limit-train 4 --limit-test 2 --steps 2 --offset-ranks 2"
large="$large --checkpoint-every 1 --keep 9"
ranks 2 "$large" --stop-after 1 --out part || fail "a run of 35 MB"
# shellcheck disable=SC2016 # the limit, 40 MB, stands in for a full disk: rank 1 writes to the end of a file of 70 MB
limited='trap "" XFSZ; ulimit -f 80000; exec "$@"'
code=0
# shellcheck disable=SC2086
apart "$program" train $large --out part --resume : sh -c "$limited" sh "$program" train $large --out part --resume >out.txt 2>err.txt || code=$?
gave 1 || fail "exit code $code instead of 1"
said "rank 0 of 2: rank 1: part/checkpoints/.2.tmp/state.safetensors could not be written: File too large"
[ "$(grep -c '^translution: ' err.txt)" = 1 ] || fail "not one sentence"
[ "$(find part/checkpoints -mindepth 1 -maxdepth 1)" = part/checkpoints/1 ] || fail "not the last checkpoint alone"
ranks 2 "$large" --out part --resume || fail "resumed when there is room"
rm -r part

# What does not fit together is refused by name.
# refused WORDS: the last mpirun
refused() {
    gave 2 || fail "exit code $code instead of 2"
    said "$1"
    [ ! -e refused/metrics.jsonl ] || fail "a refused run wrote"
}
two() { # DIFFERENT...: two ranks, the second with other arguments
    code=0
    # shellcheck disable=SC2086
    apart "$program" train $digits --out refused : "$program" train $digits --out refused "$@" >out.txt 2>err.txt || code=$?
}
two --lr 0.5
refused "rank 1 of 2: --lr is 0.5 in rank 1 and 0.0003 in rank 0: start all ranks alike"
two --stop-after 3
refused "rank 1 of 2: --stop-after is 3 in rank 1 and 0 in rank 0"
two --resume
refused "rank 1 of 2: --resume is given in rank 1 and not given in rank 0"
printf '%s\n' 'format = 1' 'program = 1' 'device = Abacus' 'platform = Wood' 'driver = 7' 'form = cpu' 'vector_width = 8' \
    'compute_units = 4' 'products = 0' >tiles.txt
tiles="env TRANSLUTION_CACHE_DIR=$PWD/tiles TRANSLUTION_VECTOR_WIDTH=8"
$tiles "$program" tune --import tiles.txt --device cpu 2>err.txt || fail "a table of tiles"
code=0
# shellcheck disable=SC2086
apart $tiles "$program" train $digits --out refused : \
    $tiles TRANSLUTION_TUNING=off "$program" train $digits --out refused >out.txt 2>err.txt || code=$?
refused "rank 1 of 2: the table of tuned tiles (\`translution tune\`) is no table in rank 1 and that of Abacus"
for letters in abcd abdc; do
    i=0
    while [ $i -lt 60 ]; do printf '%s\n' $letters; i=$((i + 1)); done >$letters.txt
    "$program" tokenize --chars --val-fraction 0.2 --out $letters $letters.txt >out.txt 2>err.txt || fail "tokens"
done
text="gpt --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 4 --seq-len 12 --steps 4 --out refused"
code=0
# shellcheck disable=SC2086
apart "$program" train $text --data abcd : "$program" train $text --data abdc >out.txt 2>err.txt || code=$?
refused "rank 1 of 2: the data are not those of rank 0: its training set has as many tokens"
mkdir elsewhere
code=0 # as on a machine with a disk of its own
# shellcheck disable=SC2086
apart "$program" train $digits --out unshared : env -C elsewhere "$program" train $digits --out unshared >out.txt 2>err.txt || code=$?
refused "rank 0 of 2: rank 1: the file unshared/.shared-.*, which rank 0 has made, is not there (No such file or directory): --out must be a folder that all ranks share"
[ ! -e unshared ] && [ ! -e elsewhere/unshared ] || fail "a folder stays"
code=0
# shellcheck disable=SC2086
apart "$program" train $digits --out resumed --resume : env -C elsewhere "$program" train $digits --out resumed --resume >out.txt 2>err.txt || code=$?
refused "rank 0 of 2: rank 1: the checkpoint after step 7, which rank 0 has found, is not there: --out must be a folder that all ranks share"
code=0
ranks 4 "$digits" --grad-slices 2 --out refused || code=$?
refused "4 ranks cannot share the 2 slices of a batch"
code=0
ranks 3 "$digits" --out refused || code=$?
refused "a run takes 2, 4, 8, ... ranks, not 3"
code=0
ranks 2 "$digits" --grad-slices 4 --accumulate 4 --out refused || code=$?
refused "--accumulate 4 asks for more parts than each of 2 ranks has"

# Another mpirun than the module's starts processes that MPI knows nothing of.
code=0
env PMI_SIZE=4 "$program" train mnist --steps 1 >out.txt 2>err.txt || code=$?
[ $code = 2 ] || fail "exit code $code instead of 2"
said "PMI_SIZE says that 4 processes were started together, and MPI knows 1"
