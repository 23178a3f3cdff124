#!/bin/sh
# tools/gpu_report, with a program, cmake and ctest that only note what they are asked for: every command is one that the program takes,
# precisions have their times and errors, and what fails is said and stops nothing.
#   test_gpu_report.sh PROGRAM SOURCE_DIR
set -eu
. "$(dirname "$0")/../support/program.sh"
mkdir -p tree/tools tree/build/release commands
cp "$2/tools/gpu_report" "$2/tools/help.sh" tree/tools
cat >tree/build/release/translution <<'END'
#!/bin/sh
echo "$*" >>"$WORK/asked"
case "$*" in
"devices --self-test") printf '%s\n' 'gemm             gpu    0.011 right' 'in tf32          gpu    0.252 right' 'in bf16          gpu     3.2 WRONG' ;;
"bench gemm --m 4096 --n 4096 --k 4096"*) printf 'product 4096\nrate                 51234.5 GFLOP/s\n' ;;
"bench step"*tf32x3*) printf 'step                 12.345 ms (fastest 12.000 ms)\n' ;;
"bench memory"*) exit 3 ;;
esac
END
printf '#!/bin/sh\n' >commands/cmake
cp commands/cmake commands/ctest
cat >commands/python3 <<'END'
#!/bin/sh
[ "$1" != -c ] || { [ -e "$WORK/torch" ] || exit 1; exit 0; }
echo "$*" >>"$WORK/pytorch"
echo "attention matmul 256"
END
chmod +x tree/build/release/translution commands/*
WORK=$work PATH="$work/commands:$PATH" tree/tools/gpu_report 7:7 report >out.txt 2>err.txt || fail "it ended with $?"

grep -q 'memory ended with status 3: see .*report/memory.txt' out.txt || fail "a part that failed is not named"
for precision in fp32 tf32x3 tf32 bf16; do
    grep -qx "bench gemm --m 4096 --n 4096 --k 4096 --rounds 10 --precision $precision" asked || fail "no product in $precision"
    for op in attention alpha translution; do
        grep -q "^bench step --task mnist --op $op --batch-size 256 .*--precision $precision" asked || fail "no step of $op in $precision"
        grep -q "^bench step --task gpt --op $op --batch-size 8 .*--precision $precision" asked || fail "no step of GPT's $op in $precision"
    done
done
# The summary: errors of the self-test, and rates beside them.
grep -q 'in tf32 .*0.252 right' out.txt || fail "no error of tf32"
grep -q 'in bf16 .*3.2 WRONG' out.txt || fail "no error of bf16"
[ "$(grep -c '51234.5 GFLOP/s' out.txt)" = 4 ] || fail "not four rates of products"
grep -q 'step-alpha-tf32x3: 12.345 ms' out.txt || fail "no time of a step in tf32x3"
grep -q 'step-gpt-alpha-tf32x3: 12.345 ms' out.txt || fail "no time of GPT's step in tf32x3"
for name in mnist mnist-tf32 gpt gpt-tf32; do
    grep -q "pytorch-$name left out: no PyTorch with CUDA here" out.txt || fail "pytorch-$name is not said to be left out"
done
[ ! -e pytorch ] || fail "PyTorch was run without CUDA"
for op in attention alpha translution; do
    for motion in static dynamic; do
        grep -q "^train mnist --op $op --motion $motion --data synthetic" asked || fail "no run of $op with $motion digits"
    done
done

# With CUDA PyTorch runs four times, and what it prints is shown; small shapes are smaller, and the program knows those commands too.
: >torch
WORK=$work PATH="$work/commands:$PATH" tree/tools/gpu_report --small 7:7 report >small.txt 2>err.txt || fail "--small ended with $?"
for words in "--task mnist --rounds" "--task mnist --tf32" "--task gpt --rounds" "--task gpt --tf32"; do
    grep -q -e "--device cuda --ours-device 7:7 $words" pytorch || fail "PyTorch was not run with $words"
done
[ "$(grep -c '^attention matmul 256' small.txt)" = 4 ] || fail "PyTorch's times are not shown"
grep -q "^bench gemm --m 256 " asked || fail "--small has no small product"

# What has no time left is named and left out; nothing is asked of the program.
mv asked all_asked
WORK=$work PATH="$work/commands:$PATH" tree/tools/gpu_report --seconds 0 7:7 report >none.txt 2>err.txt || fail "--seconds 0 ended with $?"
grep -q 'tune left out: no time' none.txt || fail "a part without time is not named"
[ ! -e asked ] || fail "a part without time was run"
mv all_asked asked
code=0
WORK=$work PATH="$work/commands:$PATH" tree/tools/gpu_report --seconds soon >none.txt 2>err.txt || code=$?
[ "$code" = 2 ] || fail "--seconds soon ended with $code"

# The program knows each command: it gets as far as the device, which is not there.
while read -r command; do
    # shellcheck disable=SC2086 # words
    ! TRANSLUTION_DEVICE=nobody:has "$program" $command >last.txt 2>err.txt </dev/null || fail "$command needs no device"
    grep -q "nobody:has" err.txt || fail "not a command of the program: $command"
done <asked
