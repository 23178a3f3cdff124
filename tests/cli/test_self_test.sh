#!/bin/sh
# The kernels' self-test from outside: kernels as they are, all families spoiled, the form for CPUs alone spoiled.
#   test_self_test.sh PROGRAM SOURCE_FOLDER
set -eu
program=$1
kernels=$2/kernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*" >&2; cat out err >&2; exit 1; }
export TRANSLUTION_DEVICE=0:0
unset TRANSLUTION_SELF_TEST TRANSLUTION_VECTOR_WIDTH TRANSLUTION_KERNEL_DIR
export TRANSLUTION_CACHE_DIR="$work/cache"
train() {
    "$program" train mnist --op translution --dim 8 --depth 1 --heads 1 --head-dim 8 --mlp-dim 8 --patch-size 42 --batch-size 2 \
        --steps 1 --limit-train 2 --limit-test 1 "$@" >out 2>err
}
# spoil FOLDER FILE EXPRESSION: a copy of kernels/FILE, changed by sed
spoil() {
    mkdir -p "$1"
    sed "$3" "$kernels/$2" >"$1/$2"
    ! cmp -s "$kernels/$2" "$1/$2" || fail "kernels/$2 has no more what $3 changes"
}

: >out
"$program" devices --self-test >out 2>err || fail "the kernels as they are"
! grep WRONG out || fail "a kernel is called wrong"
[ "$(grep -c ' cpu .* right$' out)" -eq 10 ] || fail "not all families were checked"
gpu=$(grep -c ' gpu .* right$' out || true) # none where groups are small

spoil all layernorm.cl 's/1e-5f/1e-2f/'
spoil all softmax.cl 's|share = 1.0f /|share = 1.001f /|'
spoil all loss.cl 's|share = scale / total|share = 1.001f * scale / total|'
spoil all gelu.cl 's/p = p \* s + 0.5f/p = p * s + 0.501f/'
spoil all optimizer.cl 's/k.fresh1 \* g/1.001f * k.fresh1 * g/'
spoil all clip.cl 's/0x1p8f/0x1.01p8f/'
spoil all columns.cl 's/uint r = head; r < count/uint r = head + 4; r < count/'
spoil all add.cl 's/a\[a_at + i\] + b/a[a_at + i] - b/'
spoil all gemm.cl 's/alpha \* acc/1.001f * alpha * acc/'
spoil all gemm_gpu.cl 's/alpha \* acc/1.001f * alpha * acc/'
spoil all translution.cl 's/scale \* tl_sumV/1.001f * scale * tl_sumV/'
spoil all translution_gpu.cl 's/= scale \* sum/= 1.001f * scale * sum/'
code=0
TRANSLUTION_KERNEL_DIR=all "$program" devices --self-test >out 2>err || code=$?
[ $code -eq 1 ] || fail "exit code $code with every kernel spoiled"
[ "$(grep -c ' WRONG$' out)" -eq $((10 + gpu)) ] || fail "a spoiled kernel was not caught"

code=0
TRANSLUTION_KERNEL_DIR=all train || code=$?
[ $code -eq 1 ] || fail "a run on wrong kernels ended with $code"
grep -q 'kernels/layernorm.cl .* fails its self-test' err || fail "the message does not name the kernels"
TRANSLUTION_SELF_TEST=off TRANSLUTION_KERNEL_DIR=all train || fail "a run without the self-test"

if [ "$gpu" -gt 0 ]; then
    spoil half gemm.cl 's/alpha \* acc/1.001f * alpha * acc/'
    for start in first second; do # the second knows it from the cache
        TRANSLUTION_KERNEL_DIR=half train || fail "$start run with the other form"
        grep -q 'the form for GPUs serves' err || fail "$start run: no notice of the other form"
    done
    code=0
    TRANSLUTION_KERNEL_DIR=half train --kernel-path cpu || code=$?
    [ $code -eq 1 ] || fail "a form that was asked for was not refused: $code"
fi
train || fail "a run on the kernels as they are"
! grep -q 'self-test' err || fail "a notice where all is well"
