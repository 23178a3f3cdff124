#!/bin/sh
# `translution devices` says of a GPU, here a simulated one, that the kernels for GPUs were never run on one, and of a CPU nothing of it.
# Skipped, saying so, where oclgrind is not installed.
#   test_gpu_device.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/skip.sh"
program=$1
command -v oclgrind >/dev/null 2>&1 || skip "no oclgrind, which simulates a GPU" "install oclgrind (Debian 12)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
oclgrind "$program" devices >"$work/gpu" 2>"$work/err" || { cat "$work/err"; exit 1; }
"$program" devices >"$work/cpu"
grep -q 'never run on one' "$work/gpu" || { echo "FAILED: nothing is said of the kernels of a GPU"; cat "$work/gpu"; exit 1; }
grep -q ' gpu ' "$work/cpu" || ! grep -q 'never run on one' "$work/cpu" || { echo "FAILED: said of a CPU"; cat "$work/cpu"; exit 1; }
