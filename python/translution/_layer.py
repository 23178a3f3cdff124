"""A single layer of attention, Translution or alpha-Translution."""
from __future__ import annotations

import ctypes
import os
from typing import Any, overload

from . import _header as header
from ._context import Array, Context, Owned, Parameters, Tensor, floats
from ._library import UsageError, lib, path_bytes


class Layer(Owned):
    """A layer between x and o, without LayerNorm before it and output projection behind it.

        x, dx   [tokens][batch][dim]
        o, d_o  [tokens][batch][heads * head_dim]

    config: a `LayerConfig`, or its members by name:

        Layer(context, op="translution", height=7, width=7, batch=32, dim=192, heads=3, head_dim=64)

    seed: of the parameters' random values. `parameters` gives them by name ("q", "k", "v", "qkv", ...)."""

    _destroy = "tl_layer_destroy"

    def __init__(self, context: Context, config: header.LayerConfig | None = None, seed: int = 0, **members: Any) -> None:
        self.config = header.LayerConfig(**members) if config is None else config
        super().__init__(context, lib.tl_layer_create, ctypes.byref(self.config), seed)
        self._rows = self.tokens, self.config.batch  # of x and o
        self._x: Tensor | None = None  # of the last forward

    @property
    def tokens(self) -> int:
        """Tokens of the grid, the class token among them, or of the longest sequence."""
        return lib.tl_layer_tokens(ctypes.byref(self.config))

    @property
    def parameters(self) -> Parameters:
        return Parameters(self.context, lambda at, out: lib.tl_layer_parameter_at(self.handle, at, out), self)

    def set_batch(self, batch: int | None = None, tokens: int | None = None, first: int = 0) -> None:
        """The size of the calls that follow: `batch` samples of `tokens` tokens, at most those of the configuration (None: these).

        first: with `kv_cache`, tokens that earlier calls with this batch were given: x and o hold the rows of tokens [first, tokens)."""
        batch = self.config.batch if batch is None else batch
        tokens = self.tokens if tokens is None else tokens
        self.context.call(lib.tl_layer_set_batch, self.handle, batch, first, tokens)
        self._rows, self._x = (tokens - first, batch), None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all parameters to a .safetensors file."""
        self.context.call(lib.tl_layer_save, self.handle, path_bytes(path))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Reads such a file: names and shapes have to be the same."""
        self.context.call(lib.tl_layer_load, self.handle, path_bytes(path))

    def _tensor(self, values: Any, width: int) -> Tensor:
        if isinstance(values, Tensor):
            return values
        return self.context.tensor(floats(values, (*self._rows, width)))

    @overload
    def forward(self, x: Tensor, out: Tensor | None = None) -> Tensor: ...
    @overload
    def forward(self, x: Array, out: None = None) -> Array: ...

    def forward(self, x: Any, out: Tensor | None = None) -> Any:
        """o of x: an array of an array; a tensor (`out`, or a new one) of a tensor, without waiting for it."""
        width = self.config.heads * self.config.head_dim
        self._x = self._tensor(x, self.config.dim)
        if out is None:
            out = self.context.tensor(shape=(*self._rows, width))
        self.context.call(lib.tl_layer_forward, self.handle, self._x.handle, out.handle)
        return out if isinstance(x, Tensor) else out.numpy()

    @overload
    def backward(self, d_o: Tensor, out: Tensor | None = None) -> Tensor: ...
    @overload
    def backward(self, d_o: Array, out: None = None) -> Array: ...

    def backward(self, d_o: Any, out: Tensor | None = None) -> Any:
        """dx of the gradient of o, after `forward`; overwrites the gradients of all parameters."""
        if self._x is None:
            raise UsageError("backward comes after forward")
        given = self._tensor(d_o, self.config.heads * self.config.head_dim)
        if out is None:
            out = self.context.tensor(shape=(*self._rows, self.config.dim))
        self.context.call(lib.tl_layer_backward, self.handle, self._x.handle, given.handle, out.handle)
        return out if isinstance(d_o, Tensor) else out.numpy()
