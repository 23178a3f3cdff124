#!/usr/bin/env python3
"""Converts between the reference implementation's PyTorch state dicts (.pt, .pth) and safetensors, parameter by parameter.

    tools/convert_checkpoint.py IN.pt OUT.safetensors [--like MODEL.safetensors]
    tools/convert_checkpoint.py IN.safetensors OUT.pt

The names are the same on both sides. --like takes the run settings from a checkpoint of a model of the same shape, without
which `translution eval` does not know what model it is, and refuses other names or shapes. Needs PyTorch; reads and writes
safetensors by itself.
"""
import argparse, json, struct, sys

import torch


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if entry["dtype"] != "F32":
            sys.exit(f"{path}: {name} is {entry['dtype']}, not F32")
        begin, end = entry["data_offsets"]
        raw = bytearray(data[8 + length + begin : 8 + length + end])
        flat = torch.frombuffer(raw, dtype=torch.float32).clone() if raw else torch.empty(0)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    metadata = {key: value for key, value in metadata.items() if key != "checksum"}  # it would no longer be right
    header, at = ({"__metadata__": metadata} if metadata else {}), 0
    for name, tensor in tensors.items():
        size = 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.contiguous().numpy().astype("<f4").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--like", help="a checkpoint whose settings, names and shapes the result has")
    args = parser.parse_args()
    if args.source.endswith(".safetensors"):
        tensors, _ = read_safetensors(args.source)
        torch.save(tensors, args.target)
    else:
        state = torch.load(args.source, map_location="cpu")
        for key in ("state_dict", "model"):  # training scripts wrap it
            state = state[key] if isinstance(state.get(key), dict) else state
        tensors = {name.removeprefix("module."): value.detach().float() for name, value in state.items()}
        metadata = {}
        if args.like:
            wanted, metadata = read_safetensors(args.like)
            for name in sorted(set(wanted) | set(tensors)):
                if name not in tensors or name not in wanted or tensors[name].shape != wanted[name].shape:
                    sys.exit(f"{name}: {list(tensors[name].shape) if name in tensors else 'absent'} in {args.source}, "
                             f"{list(wanted[name].shape) if name in wanted else 'absent'} in {args.like}")
            tensors = {name: tensors[name] for name in wanted}
        write_safetensors(args.target, tensors, metadata)
    print(f"{len(tensors)} tensors, {sum(t.numel() for t in tensors.values())} parameters -> {args.target}")


main()
