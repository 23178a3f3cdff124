#!/bin/sh
# tools/convert_checkpoint.py: golden models and a trained one to PyTorch and back, and what it refuses.
#   test_convert.sh PROGRAM SOURCE-DIR
set -eu
program=$1 source=$2
. "$source/tests/support/skip.sh"
for python in python3 /usr/bin/python3; do
    "$python" -c 'import torch' 2>/dev/null && break
    python=""
done
[ -n "$python" ] || skip "no python3 with torch" "install python3-torch"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
convert() { "$python" "$source/tools/convert_checkpoint.py" "$@"; }
refuses() { # WORDS ARGUMENTS...
    words=$1
    shift
    if convert "$@" 2>refused; then echo "convert_checkpoint $* did not fail"; exit 1; fi
    grep -q -- "$words" refused || { echo "wanted '$words' in:"; cat refused; exit 1; }
}

# The golden models' parameters as a state dict with a buffer; there and back every bit is the same.
cat >golden.py <<'PYTHON'
import importlib.util, sys, torch
spec = importlib.util.spec_from_file_location("convert", sys.argv[1] + "/tools/convert_checkpoint.py")
convert = importlib.util.module_from_spec(spec)
spec.loader.exec_module(convert)
convert.DTYPES["I64"] = ("int64", 8)
if sys.argv[2] == "make":
    tensors, _ = convert.read_safetensors(sys.argv[3], torch)
    others = ("data", "target", "logits", "loss", "losses", "grad_norm")
    state = {k: v for k, v in tensors.items() if k not in others and not k.startswith(("grad.", "step3."))}
    convert.write_safetensors("like.safetensors", {k: torch.zeros_like(v) for k, v in state.items()}, {"op": "x", "step": "7"})
    torch.save({**state, "translution.layers.0.0.causal": torch.zeros(3)}, "in.pt")
else:
    a, b = torch.load("in.pt"), torch.load("out.pt")
    a.pop("translution.layers.0.0.causal")
    assert list(a) == list(b) and all(torch.equal(a[k], b[k]) for k in a), "the round trip changed something"
    if sys.argv[2] == "swapped":
        q, k = "translution.layers.0.0.to_q.unique_params", "translution.layers.0.0.to_k.unique_params"
        swapped = torch.load("swapped.pt")
        assert torch.equal(swapped[q], a[k]) and torch.equal(swapped[k], a[q]) and not torch.equal(a[q], a[k])
PYTHON
for model in vit_attn vit_qkv vit_lor_qkv gpt_attn gpt_qkv gpt_lor_qkv; do
    "$python" golden.py "$source" make "$source/tests/golden/$model.safetensors"
    convert in.pt out.safetensors --like like.safetensors 2>notices
    grep -q 'left out translution.layers.0.0.causal' notices
    convert out.safetensors out.pt
    "$python" golden.py "$source" same
    if [ "$model" = vit_qkv ]; then
        convert out.safetensors swapped.pt --swap-qk
        "$python" golden.py "$source" swapped
    fi
done

# A model of the program scores the same behind a trip through PyTorch.
small="--limit-train 64 --limit-test 32 --batch-size 16 --dim 16 --depth 1 --heads 2 --head-dim 8"
# shellcheck disable=SC2086
"$program" train mnist --quiet --op alpha $small --steps 2 --out run >/dev/null 2>&1
convert run/model.safetensors model.pt
convert model.pt back.safetensors --like run/model.safetensors
"$program" eval run --quiet --limit-test 32 2>/dev/null | sed 's/"steps":[0-9]*//' >before
"$program" eval back.safetensors --quiet --limit-test 32 2>/dev/null | sed 's/"steps":[0-9]*//' >after
cmp before after

# And begins a run: no step changes what came from there.
# shellcheck disable=SC2086
"$program" train mnist --quiet --op alpha $small --steps 1 --lr 0 --init back.safetensors --out again >again.out 2>&1
"$program" eval again --quiet --limit-test 32 2>/dev/null | sed 's/"steps":[0-9]*//' >again.eval
cmp before again.eval

refuses 'needs --like' model.pt x.safetensors
refuses 'has no' in.pt x.safetensors --like run/model.safetensors
refuses 'cannot read nothing.pt' nothing.pt x.safetensors --like run/model.safetensors
head -c 100 run/model.safetensors >cut.safetensors
refuses 'header does not fit' cut.safetensors x.pt
echo "checkpoints pass through PyTorch unchanged"
