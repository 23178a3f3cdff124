#!/bin/sh
# train --tensorboard: event files say what the metrics say, each step once, whatever happens to the run.
#   test_event_files.sh PROGRAM own|tensorboard     who reads them: a few lines of Python, or TensorBoard of this machine
set -eu
reader=$2 here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/program.sh"
. "$here/../support/skip.sh"
flags="--tensorboard --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 8 --limit-train 16 --limit-test 16 --eval-every 3"
# shellcheck disable=SC2086 # a list of flags is meant to split
mnist() { "$program" train mnist $flags "$@" >out.txt 2>err.txt; }

code=0
mnist --steps 1 --out first || code=$?
if grep -q 'built without protobuf-c' err.txt; then
    [ $code = 2 ] && [ ! -e first ] || fail "exit code $code instead of 2, or a folder is left"
    said 'libprotobuf-c-dev protobuf-c-compiler) and build again'
    said 'which --tensorboard writes'
    skip "this build has no protobuf-c" "install libprotobuf-c-dev and protobuf-c-compiler and build again"
fi
[ $code = 0 ] || fail "exit code $code"
command -v python3 >/dev/null || skip "no python3" "install python3"
python=python3
if [ "$reader" = tensorboard ]; then
    python=${PYTHON:-python3}
    "$python" -c 'import tensorboard' 2>/dev/null || skip "no python3 with TensorBoard" "install tensorboard by pip and name its Python by PYTHON"
fi
read_events() { "$python" "$here/read_events.py" "$1" "$reader" "$2" 2>err.txt; }

# same RUN: the event files say what the metrics say
same() { "$program" info --metrics "$1" | read_events compare "$1" || fail "the event files of $1"; }
# has RUN TAG STEP
has() { read_events print "$1" | grep -q "^$2 $3 " || fail "no $2 of step $3 in the event files of $1"; }
count() { find "$1" -maxdepth 1 -name 'events.out.tfevents.*' | wc -l; }

# A whole run of each task. Times are those of the clock, and do not run back.
began=$(date +%s)
mnist --steps 7 --out whole || fail "a run"
same whole
has whole eval/dynamic/top1 7
"$python" "$here/read_events.py" times own whole >times.txt || fail "the events' times"
{ echo "$began"; cat times.txt; date +%s | awk '{ print $1 + 1 }'; } | sort -g -c || fail "the events' times"
"$program" train gpt --tensorboard --dim 16 --depth 1 --heads 2 --head-dim 8 --seq-len 8 --vocab-size 32 --batch-size 4 \
    --steps 3 --limit-test 8 --out text >out.txt 2>err.txt || fail "text"
same text
has text 'eval/.*/perplexity' 3

# Stopped and resumed; prolonged.
mnist --steps 7 --stop-after 4 --out stopped || fail "stopped"
mnist --steps 7 --out stopped --resume || fail "resumed"
mnist --steps 9 --out stopped --resume || fail "prolonged"
same stopped
[ "$(count stopped)" = 3 ] || fail "not a file for each process"

# Resumed from a checkpoint before what the event file has come to, whose last record is cut off.
mnist --steps 12 --checkpoint-every 5 --stop-after 7 --out earlier || fail "stopped after the seventh step"
rm -r earlier/checkpoints/7
truncate -s -3 earlier/events.out.tfevents.*
mnist --steps 12 --out earlier --resume || fail "resumed from step 5"
said "resuming earlier after step 5"
same earlier

# Killed at any moment: what was written by then can be read, and the run goes on.
# shellcheck disable=SC2086
"$program" train mnist $flags --steps 100000 --checkpoint-every 50 --out killed >out.txt 2>err.txt &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -d killed/checkpoints/100 ]; do sleep 0.01; done
kill -9 $pid
wait $pid 2>/dev/null || true
has killed train/loss 100
mnist --steps 100000 --stop-after 5 --out killed --resume || fail "resumed after kill -9"
same killed

# Killed in its last evaluation: that comes again, and stands there once. The rate of the last step is lost.
rm stopped/result.json
mnist --steps 9 --out stopped --resume || fail "resumed before its evaluation"
sed -i '/"step":9,.*"lr"/s/"images_per_second.*/"none":null}/' stopped/metrics.jsonl
same stopped

# Another run in the same folder begins with files of its own.
mnist --steps 2 --out stopped || fail "another run in the same folder"
[ "$(count stopped)" = 1 ] && [ "$(count stopped/earlier-1)" = 4 ] || fail "the earlier run's event files were not moved"
same stopped
mnist --steps 2 --out whole --resume --dry-run || fail "a plan"
[ "$(count whole)" = 1 ] || fail "a plan writes event files"
