#!/bin/sh
# The cache of compiled kernels from outside: several processes at once on an empty one, no HOME, one that cannot be written,
# damaged entries, off. The results are always the same.
#   test_cache.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/program.sh"
export TRANSLUTION_SELF_TEST=off # whose kernels would be compiled, too
export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable # in a fifth of the time, for all runs alike
export POCL_CACHE_DIR="${POCL_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-$work}/.cache}/pocl/kcache}" # its own, whatever HOME says here

run() { # NAME: trains two steps into NAME
    "$program" train mnist --op attention --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 16 --limit-train 32 --limit-test 16 \
        --steps 2 --out "$1" >/dev/null 2>"err-$1"
}
same() { cmp "$1/model.safetensors" one/model.safetensors || fail "$1 differs"; }

TRANSLUTION_CACHE_DIR=off run one || fail "without a cache"
export TRANSLUTION_CACHE_DIR="$work/shared" POCL_KERNEL_CACHE=0 # PoCL keeps kernels itself, unless told not to
pids=""
for i in 1 2; do
    run "together$i" &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid" || fail "one of several processes"; done
for i in 1 2; do same "together$i"; done
[ -n "$(ls shared/*.bin)" ] || fail "nothing was cached"
[ -z "$(find shared -name '*.bin.*')" ] || fail "temporary files are left in the cache"

for file in shared/*.bin; do truncate -s 100 "$file"; done
run damaged || fail "with damaged entries"
same damaged
[ "$(find shared -name '*.bin' -size -2 | wc -l)" -eq 0 ] || fail "damaged entries were not replaced"

# Where nothing can be kept, a notice says so once, and the program works. PoCL has these kernels, optimized, as bench measures their speed.
product() { env -u POCL_EXTRA_BUILD_FLAGS POCL_KERNEL_CACHE=1 "$program" bench gemm --m 16 --n 16 --k 16 --rounds 1 --json >out 2>"err-$1" && grep -q gflops out; }
TRANSLUTION_CACHE_DIR=/dev/null/folder product unwritable || fail "with a cache that cannot be written"
[ "$(grep -c 'cannot be written' err-unwritable)" -eq 1 ] || fail "no notice about the cache that cannot be written"
unset TRANSLUTION_CACHE_DIR
(unset HOME XDG_CACHE_HOME; product homeless) || fail "without HOME"
[ "$(grep -c 'no HOME' err-homeless)" -eq 1 ] || fail "no notice without HOME"
(unset XDG_CACHE_HOME; HOME=/proc product proc_home) || fail "with a HOME that cannot be written"
[ "$(grep -c 'cannot be written' err-proc_home)" -eq 1 ] || fail "no notice with a HOME that cannot be written"
echo "cache: all good"
