#!/bin/sh
# A run is resumed with the data that it was begun with, wherever they lie; other data are refused with a word on what differs, or,
# with --allow-other-data, are from then on the run's. For every task, and for data that the program draws.
#   test_other_data.sh PROGRAM
set -eu
. "$(dirname "$0")/../support/program.sh"

model="--op attention --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 4"
# shellcheck disable=SC2034 # taken by eval
small_mnist="--image-size 8 --patch-size 4"
# shellcheck disable=SC2034
small_vit="--image-size 8 --patch-size 4 --workers 1"
# shellcheck disable=SC2034
small_gpt="--seq-len 8 --samples-per-epoch 16"

# ---- data: NAME is the same for all tasks

# repeat COUNT TEXT
repeat() { i=0; while [ $i -lt "$1" ]; do printf '%b' "$2"; i=$((i + 1)); done; }
# idx FOLDER TRAIN_IMAGES FIRST_LABELS LAST_PIXEL
idx() {
    mkdir -p "$1"
    for set in "train:$2" "t10k:10"; do
        count=${set#*:} size=$(printf '\\%03o' "${set#*:}")
        { printf '%b' "\\000\\000\\010\\001\\000\\000\\000$size"; printf '%b' "$3"; repeat $((count - 2)) '\002'; } >"$1/${set%:*}-labels-idx1-ubyte"
        { printf '%b' "\\000\\000\\010\\003\\000\\000\\000$size\\000\\000\\000\\010\\000\\000\\000\\010"
            repeat $((count * 64 - 1)) 'p'; printf '%s' "$4"; } >"$1/${set%:*}-images-idx3-ubyte"
    done
}
ppm() { { printf 'P6\n8 8\n255\n'; repeat 192 "$2"; printf '%s' "${3-}"; } >"$1"; }
folders() { # FOLDER TRAIN_IMAGES_OF_A_CLASS
    for class in cat dog; do
        mkdir -p "$1/train/$class" "$1/val/$class"
        for n in $(seq "$2"); do ppm "$1/train/$class/$n.ppm" "$n"; done
        ppm "$1/val/$class/1.ppm" 7
    done
}
text() { # FOLDER TEXT
    printf '%s\n' "$2" >text.txt
    "$program" tokenize --chars --val-fraction 0.2 --out "$1" text.txt >out.txt 2>err.txt || fail "tokenize"
}
words=$(repeat 30 'abcd cab dad\n')
idx mnist-one 20 '\000\001' p
idx mnist-more 24 '\000\001' p
idx mnist-other 20 '\001\000' p
idx mnist-pixel 20 '\000\001' q
cp -r mnist-one mnist-packed && gzip -n mnist-packed/*
folders vit-one 10
folders vit-more 12
cp -r vit-one vit-other && ppm vit-other/train/cat/3.ppm 3 longer
cp -r vit-one vit-pixel && mv vit-pixel/val/dog/1.ppm vit-pixel/val/dog/2.ppm
text gpt-one "$words"
text gpt-more "$words abcd cabaabbccdd"
text gpt-other "$(printf %s "$words" | sed '2s/abcd/dabc/')"
text gpt-pixel "$(printf %s "$words" | sed '$s/dad/add/')"

# ---- runs

tasks=$("$program" train --help | sed -n 's/^usage: translution train \([a-z|]*\).*/\1/p' | tr '|' ' ')
[ -n "$tasks" ] || { echo "FAILED: no tasks in train --help" >&2; exit 1; }
for task in $tasks; do
    eval "flags=\$small_$task"
    # shellcheck disable=SC2086 # lists of flags are meant to split
    train() { "$program" train "$task" $model $flags --steps 6 "$@" >out.txt 2>err.txt; }
    resume() { rm -rf run; cp -r "$from" run; train --out run --resume "$@"; }
    refused() { # DATA WORDS
        code=0
        resume --data "$task-$1" || code=$?
        [ $code -eq 2 ] || fail "$task: other data ($1): exit code $code"
        grep -q "$2.*allow-other-data" err.txt || fail "$task: other data ($1): no '$2'"
        find run -type f ! -name run.lock | sort | while read -r file; do cmp "$file" "$from/${file#run/}"; done ||
            fail "$task: refused, it changed the run"
    }
    from=$task-begun
    train --data "$task-one" --out whole-"$task" || fail "$task: the whole run"
    train --data "$task-one" --out "$from" --stop-after 3 || fail "$task: the first steps"
    cp -r "$task-one" "$task-copy"
    for data in "$task-copy" "$work/$task-one" $([ "$task" != mnist ] || echo mnist-packed); do
        resume --data "$data" || fail "$task: the same data at $data"
        cmp whole-"$task"/model.safetensors run/model.safetensors || fail "$task: the same data at $data"
    done
    samples=$([ "$task" = gpt ] || echo '20 images, .* has 24')
    refused more "training set has ${samples:-[0-9]* tokens, .* has [0-9]}"
    refused other "training set has as many .* other contents"
    refused pixel "other contents"
    resume --data "$task-copy" --limit-test 2 || fail "$task: another --limit-test"

    # From then on the other data are the run's.
    resume --data "$task-more" --allow-other-data --stop-after 1 || fail "$task: --allow-other-data"
    grep -q 'goes on with other data: .*training set has' err.txt || fail "$task: --allow-other-data without a notice"
    train --out run --resume --data "$task-more" || fail "$task: the data that were allowed"
    grep -q 'other data' err.txt && fail "$task: the data that were allowed are other data"
    echo "$task: other data are refused, and allowed when told so"
done

for task in mnist vit gpt; do
    eval "flags=\$small_$task"
    [ $task = gpt ] && flags="$flags --vocab-size 100" || flags="--image-size 32 --patch-size 8 --limit-train 20"
    from=drawn-$task
    train --out "$from" --stop-after 3 || fail "$task: drawn data"
    resume || fail "$task: drawn data again"
done
