#!/bin/sh
# tools/convert_checkpoint.py: a model to a PyTorch state dict and back, bit for bit, evaluated alike. Skipped without PyTorch.
#   test_convert.sh PROGRAM SOURCE
set -eu
program=$1 source=$2 python=""
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import torch' >/dev/null 2>&1 && { python=$candidate; break; }
done
[ -n "$python" ] || { echo "no PyTorch: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*" >&2; exit 1; }
convert() { "$python" "$source/tools/convert_checkpoint.py" "$@"; }
"$program" train mnist --op alpha --dim 16 --depth 1 --heads 2 --head-dim 8 --batch-size 16 --limit-train 32 --limit-test 16 \
    --steps 2 --out run --quiet >/dev/null 2>&1
convert run/model.safetensors model.pt
convert model.pt back.safetensors --like run/model.safetensors
"$program" info --diff run/model.safetensors back.safetensors | grep -q '^0 settings and 0 tensors differ' || fail "the round trip"
"$program" eval back.safetensors --limit-test 16 >/dev/null 2>&1 || fail "eval of the converted model"
"$python" -c 'import torch; s = torch.load("model.pt"); s["mlp_head.bias"] = torch.zeros(3); torch.save(s, "wrong.pt")'
convert wrong.pt wrong.safetensors --like run/model.safetensors 2>err && fail "a wrong shape was taken"
grep -q 'mlp_head.bias' err || fail "the wrong tensor is not named"
echo "convert: all good"
