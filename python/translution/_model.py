"""Models: forward, backward, save, load."""
from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np

from . import _header as header
from ._batch import fill_batch
from ._context import Array, Context, Owned, Parameters, Tensor, floats
from ._library import lib, path_bytes


class Model(Owned):
    """A Vision Transformer or a GPT.

    config: a `ModelConfig`, or its members by name:

        Model(context, op="translution", image_height=28, image_width=28, patch_height=4, patch_width=4, channels=1, classes=10,
              dim=192, depth=6, heads=3, head_dim=64, mlp_dim=768, batch=64, training=True)

    batch: the largest number of samples in a batch. training: with gradients. seed: of the parameters' random values.
    `parameters` gives them by name, which are PyTorch's of the reference."""

    _destroy = "tl_model_destroy"

    def __init__(self, context: Context, config: header.ModelConfig | None = None, *, batch: int = 1, training: bool = False,
                 kv_cache: bool = False, seed: int = 0, **members: Any) -> None:
        config = header.ModelConfig(**members) if config is None else config
        options = header.ModelOptions(batch=batch, training=training, kv_cache=kv_cache, seed=seed)
        super().__init__(context, lib.tl_model_create, ctypes.byref(config), ctypes.byref(options))
        self._shape: tuple[int, ...] = ()  # of the logits

    @classmethod
    def open(cls, context: Context, path: str | os.PathLike[str], *, batch: int = 1, training: bool = False,
             kv_cache: bool = False) -> Model:
        """The model of a .safetensors file or a run folder, with its configuration and its values."""
        options = header.ModelOptions(batch=batch, training=training, kv_cache=kv_cache)
        self = cls.__new__(cls)
        Owned.__init__(self, context, lib.tl_model_open, path_bytes(path), ctypes.byref(options))
        self._shape = ()
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes configuration and values to a .safetensors file."""
        self.context.call(lib.tl_model_save, self.handle, path_bytes(path))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Copies the values of such a file into this model: names and shapes have to be the same."""
        self.context.call(lib.tl_model_load, self.handle, path_bytes(path))

    @property
    def config(self) -> header.ModelConfig:
        """With default positions replaced by the operation's own."""
        return header.ModelConfig.from_buffer_copy(lib.tl_model_configuration(self.handle).contents)

    @property
    def parameters(self) -> Parameters:
        return Parameters(self.context, lambda at, out: lib.tl_model_parameter_at(self.handle, at, out), self)

    def forward(self, inputs: Any, targets: Any = None, *, first: int = 0) -> None:
        """Enqueues the model on a batch; the arrays are copied before it returns.

        inputs: a ViT's images [count][channels][height][width] ([count][channels][depth][height][width] of volumes), or a `Tensor` of
            that shape on the device; a GPT's tokens [count][length].
        targets: a ViT's classes [count], or their weights [count][classes]; a GPT's next tokens [count][length]; None: no loss.
        first: with `kv_cache`, the number of earlier tokens that the cache holds."""
        batch, config = header.Batch(first=first), self.config
        arrays = fill_batch(batch, config, inputs, targets)
        self.context.call(lib.tl_model_forward, self.handle, ctypes.byref(batch))
        del arrays
        self._shape = (batch.count, batch.length, config.vocab_size) if batch.length else (batch.count, config.classes)

    def logits(self) -> Array:
        """Of the last batch: [count][classes] of a ViT, [count][length][vocab_size] of a GPT."""
        logits = np.empty(lib.tl_model_logits_count(self.handle), np.float32)
        self.context.call(lib.tl_model_read_logits, self.handle, logits.ctypes.data_as(ctypes.POINTER(ctypes.c_float)))
        return logits.reshape(self._shape)

    def logits_tensor(self) -> Tensor | None:
        """A ViT's logits on the device, which belong to the model; None of a GPT."""
        handle = lib.tl_model_logits(self.handle)
        return Tensor(self.context, handle, self._shape, self) if handle else None

    def loss(self) -> float:
        """The mean cross-entropy with the targets of the last batch."""
        loss = ctypes.c_float()
        self.context.call(lib.tl_model_loss, self.handle, ctypes.byref(loss))
        return loss.value

    def backward(self, d_logits: Any = None) -> None:
        """Enqueues the gradients of all parameters: of the built-in loss of the last batch's targets, or from your own loss's
        gradient by the logits (an array in their shape; of a ViT a `Tensor`, too)."""
        if d_logits is None:
            self.context.call(lib.tl_model_loss, self.handle, None)
            self.context.call(lib.tl_model_backward, self.handle)
        elif isinstance(d_logits, Tensor):
            self.context.call(lib.tl_model_backward_from_tensor, self.handle, d_logits.handle)
        else:
            given = floats(d_logits, self._shape)
            self.context.call(lib.tl_model_backward_from, self.handle, given.ctypes.data_as(ctypes.POINTER(ctypes.c_float)))
