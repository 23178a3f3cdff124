#!/bin/sh
# tools/compare_pytorch.py takes turns and reports the median of the rounds' ratios with their spread, also where the machine
# becomes slower on the way: with a program and with PyTorch forms that only say what they were asked and "take" known times.
#   test_compare.sh SOURCE_DIR
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each call is a line of $work/calls; the times of a side are its answers, one a call, and the last again when there are no more.
cat >"$work/answer" <<'END'
name=$1; shift
echo "$name" >>"$WORK/calls"
n=$(grep -c "^$name\$" "$WORK/calls")
set -- $*
while [ "$n" -gt 1 ] && [ $# -gt 1 ]; do shift; n=$((n - 1)); done
echo "$1"
END
cat >"$work/program" <<'END'
#!/bin/sh
echo "program $*" >>"$WORK/words"
ms=$(sh "$WORK/answer" ours 100 200 100)
[ "$2" != gemm ] || { echo "{\"gflops\": $ms}"; exit 0; }
echo "{\"ms_median\": $ms, \"limit_fraction\": 0.5, \"peak_process_bytes\": 1048576}"
END
cat >"$work/pytorch_forms.py" <<'END'
import os, subprocess, sys
with open(os.environ['WORK'] + '/words', 'a') as file:
    print('forms', *sys.argv[1:], file=file)
if 'gemm' in sys.argv:
    rate = '1000' if '512' in sys.argv else subprocess.run(['sh', os.environ['WORK'] + '/answer', 'eager', '80', '400', '50'],
                                                           stdout=subprocess.PIPE, text=True).stdout.strip()
    print('{"gflops": %s}' % rate)
elif 'naive' in sys.argv:
    sys.exit(3)  # out of memory
else:
    side = 'compiled 150 180 400' if '--compile' in sys.argv else 'eager 160 600 150'
    ms = subprocess.run(['sh', os.environ['WORK'] + '/answer', *side.split()], stdout=subprocess.PIPE, text=True).stdout.strip()
    print('{"ms_median": %s, "peak_bytes": 2097152}' % ms)
END
chmod +x "$work/program"
WORK=$work python3 tools/compare_pytorch.py --program "$work/program" --forms "$work" --rounds 3 --only 'attention matmul' --json >"$work/told"
python3 - "$work/told" "$work/calls" <<'END'
import json, sys
row, = json.load(open(sys.argv[1]))
# The better of PyTorch's by round: 150, 180 and 150, against 100, 200 and 100.
assert (row['ratio'], row['ratio_least'], row['ratio_most']) == (1.5, 0.9, 1.5), row
assert (row['ours_ms_median'], row['eager_ms_median'], row['compiled_ms_median']) == (100, 160, 180), row
assert open(sys.argv[2]).read().split() == 3 * ['ours', 'eager', 'compiled'], 'the sides do not take turns'
END
: >"$work/calls"
WORK=$work python3 tools/compare_pytorch.py --program "$work/program" --forms "$work" --rounds 2 --only naive >"$work/told"
grep -q '^alpha  *naive .*no memory' "$work/told" || { echo "a form without memory is not told of"; cat "$work/told"; exit 1; }
[ "$(grep -c . "$work/calls")" -eq 4 ] || { echo "two rounds of two cases asked our side $(grep -c . "$work/calls") times"; exit 1; }
WORK=$work python3 tools/compare_pytorch.py --program "$work/program" --forms "$work" --rounds 1 --only 'attention matmul' --no-compile >"$work/told"
grep -qE '^attention .*1\.[0-9]+ \(' "$work/told" || { echo "no ratio with its spread"; cat "$work/told"; exit 1; }
# TF32 is asked of both sides.
: >"$work/calls"
! grep -q -e tf32 "$work/words" || { echo "TF32 without being asked for"; exit 1; }
WORK=$work python3 tools/compare_pytorch.py --program "$work/program" --forms "$work" --rounds 1 --only 'attention matmul' --no-compile --tf32 >"$work/told"
grep -q '^program bench step .*--precision tf32' "$work/words" || { echo "our side is not asked for TF32"; exit 1; }
grep -q '^forms .*--tf32 .*step attention matmul' "$work/words" || { echo "PyTorch is not asked for TF32"; exit 1; }
# Products: the median of the rounds' ratios, 100 to 80, 200 to 400 and 100 to 50, not the ratio of the best.
: >"$work/calls"
WORK=$work python3 tools/compare_pytorch.py --program "$work/program" --forms "$work" --rounds 3 --gemm --only '1024 x' --json >"$work/told"
python3 - "$work/told" "$work/calls" <<'END'
import json, sys
row, = json.load(open(sys.argv[1]))
assert (row['ratio'], row['ratio_least'], row['ratio_most']) == (1.25, 0.5, 2.0), row
assert open(sys.argv[2]).read().split() == 3 * ['ours', 'eager'], 'the sides do not take turns'
END
