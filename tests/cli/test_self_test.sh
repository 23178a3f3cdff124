#!/bin/sh
# The kernels' self-test from outside: kernels as they are; every family spoiled in one form, then the run goes on in the other;
# spoiled in both, then the run is refused.
#   test_self_test.sh PROGRAM SOURCE_FOLDER
set -eu
program=$1
kernels=$2/kernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*" >&2; cat out err >&2; exit 1; }
export TRANSLUTION_DEVICE=0:0
unset TRANSLUTION_SELF_TEST TRANSLUTION_VECTOR_WIDTH TRANSLUTION_KERNEL_DIR TRANSLUTION_FORM
export TRANSLUTION_CACHE_DIR="$work/cache"
export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable # what is spoiled is so without optimization, too, in a fifth of the time
train() {
    "$program" train mnist --op attention --dim 8 --depth 1 --heads 1 --head-dim 8 --mlp-dim 8 --patch-size 42 --batch-size 2 \
        --steps 1 --limit-train 2 --limit-test 1 "$@" >out 2>err
}
self_test() { "$program" devices --self-test >out 2>err; }
rows() { grep -c " $1 .* $2\$" out || true; } # rows FORM right|WRONG

# spoil FOLDER FILE RIGHT WRONG [FORM]: a copy of kernels/FILE in which one RIGHT has become WRONG, in the form alone
spoil() {
    mkdir -p "$1"
    case ${5:-} in
    cpu) wrong="(TL_CPU ? ($4) : ($3))" ;;
    gpu) wrong="(TL_CPU ? ($3) : ($4))" ;;
    *) wrong=$4 ;;
    esac
    right=$3 wrong=$wrong awk '!done && (at = index($0, ENVIRON["right"])) {
            $0 = substr($0, 1, at - 1) ENVIRON["wrong"] substr($0, at + length(ENVIRON["right"])); done = 1 }
        { print } END { exit !done }' "$kernels/$2" >"$1/$2" || fail "kernels/$2 has no more what was to be spoiled: $3"
}
# spoil_families FOLDER FORM: all families, in this form alone
spoil_families() {
    spoil "$1" add.cl 'a[a_at + i] + b[b_at + i]' 'a[a_at + i] - b[b_at + i]' "$2"
    spoil "$1" clip.cl 0x1p8f 0x1.01p8f "$2"
    spoil "$1" column_sum.cl 'count % 4' '3 & ~count' "$2"
    spoil "$1" embedding.cl '(ulong)ids[ids_at + row]' '(ulong)ids[ids_at]' "$2"
    spoil "$1" convit.cl 'exp(-x)' 'exp(-1.001f * x)' "$2"
    spoil "$1" decode_attention.cl s.output_scale '1.001f * s.output_scale' "$2"
    spoil "$1" gelu.cl 'tl_gelu(tl_load(x + i), &unused)' '1.001f * tl_gelu(tl_load(x + i), &unused)' "$2"
    spoil "$1" gemv.cl s.alpha '1.001f * s.alpha' "$2"
    spoil "$1" image.cl 'row / s->batch' 'row / s->batch / 2' "$2"
    spoil "$1" layernorm.cl 1e-5f 1e-2f "$2"
    spoil "$1" loss.cl 'scale / total' '1.001f * scale / total' "$2"
    spoil "$1" optimizer.cl 'k.one_minus_beta1 * g' '1.001f * k.one_minus_beta1 * g' "$2"
    spoil "$1" init.cl 'convert_float4(as_int4(words >> 8) - 8388608)' 'convert_float4(as_int4(words >> 8) - 8388007)' "$2"
    spoil "$1" rope.cl 'direction * sines[c]' '1.001f * direction * sines[c]' "$2"
    spoil "$1" softmax.cl 'tl_load(a + c) * share' '1.001f * tl_load(a + c) * share' "$2"
    case $2 in
    cpu)
        spoil "$1" pair_table.cl 'v[q] += vload8' 'v[q] += 1.001f * vload8'
        spoil "$1" gemm.cl 'alpha = s.alpha' 'alpha = 1.001f * s.alpha'
        spoil "$1" offset_gemm.cl 'scale * tl_sumV' '1.001f * scale * tl_sumV'
        ;;
    gpu)
        spoil "$1" pair_table.cl '*target + source[b]' 'source[b]'
        spoil "$1" gemm_gpu.cl 'alpha * acc' '1.001f * alpha * acc'
        spoil "$1" offset_gemm_gpu.cl 'scale * tile_row_sums' '1.001f * scale * tile_row_sums'
        ;;
    esac
}

: >out
self_test || fail "the kernels as they are"
! grep WRONG out || fail "a kernel is called wrong"
families=$(rows cpu right)
[ "$families" -ge 18 ] || fail "only $families families were checked"
gpu_families=$(rows gpu right)
(unset POCL_EXTRA_BUILD_FLAGS; train) || fail "a run on the kernels as they are"
! grep -q 'self-test' err || fail "a notice where all is well"
if [ "$gpu_families" -eq 0 ]; then # groups are small: there are no forms for GPUs to be taken instead
    spoil_families cpu cpu
    code=0
    TRANSLUTION_KERNEL_DIR=cpu train || code=$?
    [ $code -eq 1 ] || fail "a run on wrong kernels ended with $code"
    exit 0
fi

export TRANSLUTION_TILE=16 # of the sizes that are checked; a third of what is to be compiled
# Each family is found wrong in the form in which it is, and right in the other; runs take the other, also from the cache.
for form in cpu gpu; do
    other=$([ $form = cpu ] && echo gpu || echo cpu)
    spoil_families $form $form
    TRANSLUTION_KERNEL_DIR=$form self_test || fail "a device on which every family has a right form"
    [ "$(rows $form WRONG)" -eq "$families" ] || fail "spoiled for $form: not all families were found"
    [ "$(rows $other right)" -eq "$families" ] || fail "spoiled for $form: the form for $other is called wrong, too"
    for start in first second; do
        TRANSLUTION_FORM=$form TRANSLUTION_KERNEL_DIR=$form train || fail "$start run with the forms for $other"
        [ "$(grep -ci "fails its self-test on .* the form for ${other}s serves" err)" -ge 10 ] ||
            fail "$start run: no notices of the forms for $other"
    done
    code=0
    TRANSLUTION_KERNEL_DIR=$form train --kernel-path $form || code=$?
    [ $code -eq 1 ] || fail "a form that was asked for was not refused: $code"
    grep -qi "in the form for ${form}s that was asked for, fails its self-test" err || fail "the refusal does not say why"
done

# The tiles stand in front of two families each; what does not build is as wrong as what computes wrongly, and no other.
spoil tiles tile.cl 'scalar * vector[v]' '1.001f * scalar * vector[v]'
spoil tiles tile_fma.cl 'a[h].s3 * b[g]' '1.001f * a[h].s3 * b[g]'
spoil tiles rope.cl 'direction * sines[c]' 'no_such_name'
spoil tiles clip.cl '|| !isfinite(loss[loss_at])' '' # a loss that is not finite is not seen
code=0
TRANSLUTION_KERNEL_DIR=tiles self_test || code=$?
[ $code -eq 1 ] || fail "exit code $code though no form of rope builds"
wrong=$(grep ' WRONG$' out | tr -s ' ' | cut -d' ' -f1,2 | LC_ALL=C sort | xargs)
[ "$wrong" = "clip cpu clip gpu convit cpu convit gpu gemm cpu gemm_gpu gpu offset_gemm cpu offset_gemm_gpu gpu rope cpu rope gpu" ] ||
    fail "spoiled tiles: not clip, gemm, offset_gemm, rope and convit (which multiplies) alone are wrong"

# Narrow rows have kernels of their own, and products sums beside them, on CPUs alone; steps that must be skipped are part of the check.
spoil some narrow_offset_gemm.cl '*= s.scale' '*= 1.001f * s.scale'
spoil some offset_gemm_block.cl 'factor * tile_fetch' '1.001f * factor * tile_fetch'
spoil some gemm.cl 'sums[i] = sum' 'sums[i] = 1.001f * sum'
spoil some clip.cl '!isfinite(p)' '!isfinite(p) && false'
spoil some optimizer.cl 'left_out && !begin' 'left_out && !begin && false'
code=0
TRANSLUTION_KERNEL_DIR=some self_test || code=$?
[ $code -eq 1 ] || fail "exit code $code though steps are not skipped"
[ "$(grep ' WRONG$' out | tr -s ' ' | cut -d' ' -f1,2 | sort | xargs)" = "clip cpu clip gpu gemm cpu offset_gemm cpu offset_gemm_gpu gpu optimizer cpu optimizer gpu" ] ||
    fail "not narrow rows, blocks of tokens, sums beside products, clip and optimizer alone are wrong, the latter two in both forms"
code=0
TRANSLUTION_KERNEL_DIR=nowhere self_test || code=$?
[ $code -eq 2 ] || fail "exit code $code for a folder of kernels that is not there"
grep -q 'TRANSLUTION_KERNEL_DIR is nowhere: No such file' err || fail "the folder is not named"

# No form is right: the run is refused, unless it is to run in spite of it.
code=0
TRANSLUTION_KERNEL_DIR=tiles train || code=$?
[ $code -eq 1 ] || fail "a run on wrong kernels ended with $code"
grep -q 'kernels/[a-z]*.cl, in the form for CPUs, fails its self-test on .* times the error' err ||
    fail "the message does not name the kernels and their error"
TRANSLUTION_SELF_TEST=off TRANSLUTION_KERNEL_DIR=tiles train || fail "a run without the self-test"
