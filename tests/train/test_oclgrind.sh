#!/bin/sh
# Every kernel on oclgrind's simulated device: no access outside of a buffer, no race, no read of what nobody wrote. Skipped,
# saying so, where oclgrind is not installed.
#   test_oclgrind.sh TEST_PROGRAM KERNELS cpu|gpu
set -eu
program=$1 kernels=$2 path=$3
. "$kernels/../tests/support/skip.sh"
command -v oclgrind >/dev/null 2>&1 ||
    skip "no oclgrind, which simulates devices" "install oclgrind (Debian 12)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$kernels" "$work/kernels"
# The self-test of kernels is left out: the simulator would take minutes for it, and runs each kernel anyway.
export TRANSLUTION_KERNEL_DIR="$work/kernels" TRANSLUTION_CACHE_DIR=off TRANSLUTION_SELF_TEST=off
# A tile of 64 x 64 takes some 256 work-items, of 16 x 16 only 16.
export TRANSLUTION_TILE=16
# Optimised kernels for CPUs are computed wrongly by the simulator (docs/portability.md).
# The search for unwritten values does not know all instructions that kernels are optimised to, and without optimisation
# the kernels for GPUs take too long.
options="--data-races"
[ "$path" = gpu ] || options="--build-options -cl-opt-disable --data-races --uninitialized"
findings='Invalid |uninitialized|race|FATAL|divergence|Misaligned'
simulate() { # [TEST]: only this test
    # Findings go to standard error: every new context would empty a log file. Emulated tensor cores need local memory of their own.
    # shellcheck disable=SC2086 # several words
    oclgrind $options --local-mem-size 65536 --max-errors 20 "$program" "$path" "$@" >"$work/out" 2>&1
}
if ! simulate || grep -qE "$findings" "$work/out"; then
    grep -vE '^[0-9]+ warnings? generated|^$' "$work/out" | head -n 60
    echo "FAILED: oclgrind on the kernels for $path" >&2
    exit 1
fi
# What is there must be found: this kernel does not wait for all work-items before it writes over what they read ...
if [ "$path" = gpu ]; then
    sed -i '/tl_global_barrier();/d' "$work/kernels/loss.cl"
    simulate loss_in_place || true
    grep -q 'race' "$work/out" || { echo "FAILED: oclgrind does not see a race" >&2; exit 1; }
    # ... these products read what lies behind their operands, and write none of it ...
    sed -i 's/min(\(word_i(.*)\), count - 1);/\1;/' "$work/kernels/gemm_tensor.cl"
    simulate tensor_core_products || true
    grep -q 'Invalid read' "$work/out" || { echo "FAILED: oclgrind does not see a read outside of a buffer" >&2; exit 1; }
fi
# ... and writes behind the end of its buffer.
sed -i "s/losses\[s.losses_at + row\] =/losses[s.losses_at + row + 100000000] =/" "$work/kernels/loss.cl"
! cmp -s "$work/kernels/loss.cl" "$kernels/loss.cl" || { echo "FAILED: kernels/loss.cl could not be spoiled" >&2; exit 1; }
options=""
simulate loss_in_place || true
grep -q 'Invalid write' "$work/out" || { echo "FAILED: oclgrind does not see a write outside of a buffer" >&2; exit 1; }
echo "oclgrind finds nothing in the kernels for $path"
