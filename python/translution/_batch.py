"""Batches of NumPy arrays as tl_batch."""
from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from . import _header as header
from ._context import Array, Tensor, floats
from ._library import UsageError

_FLOATS, _IDS = ctypes.POINTER(ctypes.c_float), ctypes.POINTER(ctypes.c_int32)


def _ids(values: Any) -> Array:
    return np.ascontiguousarray(values, dtype=np.int32)


def fill_batch(batch: header.Batch, model: header.ModelConfig, inputs: Any, targets: Any = None) -> list[Array]:
    """Points `batch` at arrays for `model`, and returns them: the caller keeps them alive.

    inputs: images (an array, or a `Tensor`) [count][channels][height][width] (with depth: [count][channels][depth][height][width]) of a ViT,
    tokens [count][length] of a GPT. targets: classes [count] or weights of the classes [count][classes] of a ViT, next tokens
    [count][length] of a GPT; None: no loss."""
    if model.arch == header.Arch.GPT:
        arrays = [_ids(inputs)]
        if arrays[0].ndim != 2:
            raise UsageError(f"the tokens have shape {arrays[0].shape}: (count, length) is needed")
        batch.tokens = arrays[0].ctypes.data_as(_IDS)
        batch.length = arrays[0].shape[1]
        wanted: tuple[int, ...] = arrays[0].shape
    else:
        depth = (model.image_depth,) if model.image_depth > 1 else ()
        wanted = (inputs.shape if isinstance(inputs, Tensor) else np.shape(inputs))[:1]
        shape = (*wanted, model.channels, *depth, model.image_height, model.image_width)
        if isinstance(inputs, Tensor):
            if inputs.shape != shape:
                raise UsageError(f"the tensor has shape {inputs.shape}: {shape} is needed")
            arrays = []
            batch.image_tensor = inputs.handle
        else:
            arrays = [floats(inputs, shape)]
            batch.images = arrays[0].ctypes.data_as(_FLOATS)
    batch.count = wanted[0] if wanted else 0
    if targets is not None:
        soft = model.arch == header.Arch.VIT and np.ndim(targets) == 2
        arrays.append(floats(targets, (*wanted, model.classes)) if soft else _ids(targets))
        if not soft and arrays[-1].shape != wanted:
            raise UsageError(f"the targets have shape {arrays[-1].shape}: {wanted} is needed")
        setattr(batch, "soft_targets" if soft else "targets", arrays[-1].ctypes.data_as(_FLOATS if soft else _IDS))
    return arrays
