"""The golden files of tests/golden: what the reference computed."""
import json
import struct
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "golden"
TYPES = {"F32": np.float32, "I64": np.int64, "I32": np.int32}


def read(name):
    """(arrays by name, the `spec` of the file)"""
    data = (FOLDER / f"{name}.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    meta = header.pop("__metadata__")
    arrays = {key: np.frombuffer(body[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(entry["shape"])
              for key, entry in header.items()}
    return arrays, json.loads(meta["spec"])


def assert_close(test, what, got, want, tolerance=1e-5):
    """Every value within `tolerance` of the wanted one, relative to it where it is above 1."""
    test.assertEqual(got.shape, want.shape, what)
    test.assertGreater(float(np.abs(want).max()), 0, f"{what}: nothing to compare")
    error = float((np.abs(got - want) / np.maximum(1, np.abs(want))).max())
    test.assertLessEqual(error, tolerance, what)
