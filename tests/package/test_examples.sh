#!/bin/sh
# The examples are shorter than 120 lines, and those that use a saved model say what the program says of it.
#   test_examples.sh PROGRAM CLASSIFY GENERATE IMAGE
set -eu
program=$1 classify=$2 generate=$3 image=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $1"; exit 1; }
for example in "$(dirname "$0")"/../../examples/*.c; do
    [ "$(wc -l <"$example")" -lt 120 ] || fail "$example is no short program any more"
done
small='--dim 16 --depth 1 --heads 2 --head-dim 8 --steps 4 --batch-size 8 --quiet'

# shellcheck disable=SC2086 # a list of flags
"$program" train mnist $small --limit-train 32 --limit-test 8 --out digits >/dev/null
"$classify" digits >stroke.txt || fail "classify, of a picture in memory"
grep -qE '^a stroke:( [0-9] [0-9]+\.[0-9] %,?){5}$' stroke.txt || fail "classify printed: $(cat stroke.txt)"
"$classify" digits "$image" >ours.txt || fail "classify, of a file"
"$program" predict digits "$image" --quiet 2>/dev/null >theirs.txt
first=$(sed 's/^.*: \([0-9]*\) [0-9.]* %, .*/\1/; s/, .*//' ours.txt | cut -d ' ' -f 1)
[ "$first" = "$(cut -f 2 theirs.txt | cut -d ' ' -f 1)" ] || fail "classify says $(cat ours.txt), predict $(cat theirs.txt)"
"$classify" nowhere 2>error.txt && fail "classify takes a run that is not there"
grep -q nowhere error.txt || fail "classify says: $(cat error.txt)"

# shellcheck disable=SC2086
"$program" train gpt $small --seq-len 16 --vocab-size 40 --samples-per-epoch 16 --limit-test 2 --out text >/dev/null
"$generate" text abc >ours.txt || fail "generate"
"$program" generate text --prompt abc --tokens 100 --temperature 0.8 --quiet 2>/dev/null >theirs.txt
grep -q '^(100 tokens were drawn; prompt and text are 103)$' ours.txt || fail "generate printed: $(cat ours.txt)"
sed '$d' ours.txt | cmp - theirs.txt || fail "generate and the program write different texts"
