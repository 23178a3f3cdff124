#!/usr/bin/env python3
"""Turns checkpoints into state dicts of the reference's PyTorch code and back, parameter by parameter.

  tools/convert_checkpoint.py MODEL.safetensors OUT.pt
  tools/convert_checkpoint.py IN.pt OUT.safetensors --like MODEL.safetensors

Names and layouts are the same on both sides. --like is any checkpoint of the same model (train it for --steps 1): it gives
the run settings, without which `translution eval` does not know the model, and every name and shape is held against it. What a state dict holds besides parameters (the
reference's buffers: causal, cos_cached, sin_cached) is left out, saying so; load_state_dict(..., strict=False) makes it anew.
--swap-qk exchanges the tables of q and k: the layout of the paper's first code. Needs torch, and nothing else.
"""
import argparse
import json
import os
import struct
import sys

DTYPES = {"F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2), "F64": ("float64", 8)}
BUFFERS = ("causal", "cos_cached", "sin_cached")
SWAPS = (("to_q.unique_params", "to_k.unique_params"), ("to_q2.unique_params", "to_k2.unique_params"))
MOST_HEADER = 100 << 20


def fail(text):
    sys.exit("convert_checkpoint: " + text)


def read_safetensors(path, torch):
    """Tensors by name, in the file's order, and the metadata."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
            if not 2 <= length <= min(MOST_HEADER, size - 8):
                fail("%s is no safetensors file: its header does not fit it" % path)
            header = json.loads(file.read(length))
            data = file.read()
    except (OSError, ValueError) as error:
        fail("cannot read %s: %s" % (path, error))
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
        begin, end = entry["data_offsets"]
        if entry["dtype"] not in DTYPES:
            fail("%s has the type %s for %s, which no parameter has" % (path, entry["dtype"], name))
        dtype, width = DTYPES[entry["dtype"]]
        count = 1
        for extent in entry["shape"]:
            count *= extent
        if not 0 <= begin <= end <= len(data) or end - begin != count * width:
            fail("%s is damaged: the bytes of %s are not where its header says" % (path, name))
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=getattr(torch, dtype))
        tensors[name] = flat.reshape(entry["shape"]).float()
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    """As the program lays files out; without its checksum, which it takes as a file of another program."""
    header, at = {"__metadata__": metadata}, 0
    for name, tensor in tensors.items():
        size = 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = path + ".tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for tensor in tensors.values():
                file.write(tensor.contiguous().numpy().astype("<f4").tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        fail("cannot write %s: %s" % (path, error))


def read_pytorch(path, torch):
    try:
        state = torch.load(path, map_location="cpu")
    except Exception as error:  # torch raises its own, pickle's and zipfile's
        fail("cannot read %s as a PyTorch file: %s" % (path, error))
    for key in ("state_dict", "model", "model_state_dict"):  # a training script's wrapping
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        fail("%s holds no state dict: a dictionary of tensors by name" % path)
    return {name[7:] if name.startswith("module.") else name: value for name, value in state.items()}


def swap_qk(tensors):
    for name in list(tensors):
        for first, second in SWAPS:
            other = name.replace(first, second)
            if name.endswith(first) and other in tensors:
                tensors[name], tensors[other] = tensors[other], tensors[name]


def to_pytorch(options, torch):
    tensors, _ = read_safetensors(options.source, torch)
    if options.swap_qk:
        swap_qk(tensors)
    try:
        torch.save(tensors, options.target)
    except (OSError, RuntimeError) as error:
        fail("cannot write %s: %s" % (options.target, error))
    return len(tensors)


def from_pytorch(options, torch):
    if options.like is None:
        fail("to read %s needs --like: a checkpoint of the same model, for its settings" % options.source)
    wanted, metadata = read_safetensors(options.like, torch)
    state = read_pytorch(options.source, torch)
    if options.swap_qk:
        swap_qk(state)
    for name in list(state):
        if name not in wanted and name.split(".")[-1] in BUFFERS:
            print("left out %s: a buffer, not a parameter" % name, file=sys.stderr)
            del state[name]
    for name in wanted:
        if name not in state:
            fail("%s has no %s, which the model of %s has" % (options.source, name, options.like))
        if state[name].shape != wanted[name].shape:
            fail("%s in %s is %s, but %s in the model of %s"
                 % (name, options.source, list(state[name].shape), list(wanted[name].shape), options.like))
    for name in state:
        if name not in wanted:
            fail("%s has %s, which the model of %s has not" % (options.source, name, options.like))
    metadata = {key: value for key, value in metadata.items() if key != "checksum"}
    if "step" in metadata:
        metadata["step"] = "0"
    write_safetensors(options.target, {name: state[name].detach().float() for name in wanted}, metadata)
    return len(wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--like", metavar="MODEL.safetensors", help="a checkpoint of the same model")
    parser.add_argument("--swap-qk", action="store_true", help="exchange the tables of q and k")
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        fail("needs torch: pip install torch, or Debian's python3-torch")
    count = (to_pytorch if options.source.endswith(".safetensors") else from_pytorch)(options, torch)
    print("%s: %d tensors" % (options.target, count))


if __name__ == "__main__":
    main()
