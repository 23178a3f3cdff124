#!/bin/sh
# `translution kernels`: what a run builds is among the programs that it writes, in both forms and without a launch.
#   test_kernel_sources.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/program.sh"
export TRANSLUTION_CACHE_DIR=off TRANSLUTION_SELF_TEST=off
export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable # what is built is looked at, not what it computes

shape="-DINNER=192 -DHEADS=3 -DHEAD_DIM=64" # of --size tiny
small="--size tiny --depth 1 --image-size 112 --batch-size 5 --limit-train 5 --limit-test 1 --steps 1"
for form in cpu gpu; do
    "$program" kernels --dump "programs/$form" --for $form >out.txt 2>err.txt || fail "kernels --for $form"
    count=$(find "programs/$form" -name '*.cl' | wc -l)
    grep -q "^$count programs, in the form for ${form}s, in programs/$form\$" out.txt || fail "$count files of $form"
    [ "$(head -qn 1 "programs/$form"/*.cl | grep -c '^// options: -cl-std=CL1.2 ')" -eq "$count" ] || fail "no options"
    [ "$(cat "programs/$form"/*.cl | cksum)" != "$(cat programs/cpu/*.cl | cksum)" ] || [ $form = cpu ] || fail "one form"
    [ "$(md5sum "programs/$form"/*.cl | cut -d' ' -f1 | sort | uniq -d | wc -l)" -eq 0 ] || fail "a program twice"
    # shellcheck disable=SC2086 # a word an argument
    "$program" train vit $small --op alpha --relative qk --kernel-path $form --gemm own --verbose >out.txt 2>err.txt ||
        fail "train --kernel-path $form"
    sed -n 's,^building kernels/\([^ ]*\)\.cl *\(.*\),\1 \2,p' err.txt >built
    [ "$(wc -l <built)" -ge 3 ] || fail "few programs built" # vectors of 8 floats need one less
    grep -q -- "-DHEAD_DIM" built || fail "no products by offset"
    while read -r files options; do # a program's file has the options, and a #line of each of the files
        found=no
        for file in "programs/$form"/*.cl; do
            head -n 1 "$file" | grep -qE -- " -DTL_GROUP=[0-9]+${options:+ }$options\$" || continue
            [ "$(sed -n 's,^#line 1 "kernels/\(.*\)\.cl"$,\1,p' "$file" | paste -sd+)" = "common+$files" ] && found=yes
        done
        [ $found = yes ] || fail "kernels --for $form leaves out $files $options"
    done <built
done
grep -lq -- "$shape" programs/gpu/offset_gemm_gpu-*.cl || fail "no products of --size tiny"
grep -q -- "-DTL_CPU=0 -DTL_VW=4 -DTL_GROUP=64" programs/gpu/gemm_gpu-*.cl || fail "the form for GPUs has other options"
! head -qn 1 programs/gpu/*.cl | grep -q -- "-DTL_CPU=1" || fail "a program for CPUs among those for GPUs"
"$program" kernels --dump programs/this >out.txt 2>err.txt || fail "kernels without --for"

refused() { # CODE WORDS ARGUMENTS
    code=0
    wanted=$1 words=$2
    shift 2
    "$program" kernels "$@" >out.txt 2>err.txt || code=$?
    [ "$code" -eq "$wanted" ] || fail "kernels $*: exit code $code"
    said "$words"
}
refused 2 "needs --dump DIR"
refused 2 "takes no word like 'gpu'" gpu --dump x
refused 2 "cannot write the folder /proc/none" --dump /proc/none
refused 2 "takes this|cpu|gpu, not 'dsp'" --dump x --for dsp
refused 2 "abacus" --dump x --device abacus
echo "kernel sources: all good"
