"""Devices, contexts and tensors."""
from __future__ import annotations

import ctypes
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import _header as header
from ._library import UsageError, check, lib

Array = np.ndarray


def floats(values: Any, shape: Sequence[int] | None = None) -> Array:
    """`values` as 32-bit floats in C order, a copy only where they are not; of `shape`, if one is given."""
    array = np.ascontiguousarray(values, dtype=np.float32)
    if shape is not None and array.shape != tuple(shape):
        raise UsageError(f"the array has shape {array.shape}: {tuple(shape)} is needed")
    return array


def devices() -> list[header.DeviceInfo]:
    """All OpenCL devices, those that cannot be used among them (`usable`, `reason`)."""
    listed, count, error = ctypes.POINTER(header.DeviceInfo)(), ctypes.c_int(), header.Error()
    check(lib.tl_device_list(ctypes.byref(listed), ctypes.byref(count), ctypes.byref(error)), error)
    found = [header.DeviceInfo.from_buffer_copy(listed[i]) for i in range(count.value)]
    free(listed)
    return found


free = ctypes.CDLL(None).free  # of arrays that the library gave away
free.restype, free.argtypes = None, [ctypes.c_void_p]


class Context:
    """A device with a queue; everything else lives in one. It may be used by one thread at a time; two contexts, by
    two threads side by side. At its end (`close`, `with`, or when nobody holds it any more) all that is in it is freed.

    device: "P:D", "gpu", "cpu", "acc", a part of a device's name, an index of `devices()`; None: the best there is.
    log: is called with (level, line) for every message.
    options: the other members of `ContextOptions`."""

    def __init__(self, device: str | None = None, log: Callable[[header.LogLevel, str], None] | None = None,
                 **options: Any) -> None:
        self._create(header.ContextOptions(device=device, **options), log,
                     lambda given, out, error: lib.tl_context_create(given, out, error))

    @classmethod
    def adopt(cls, cl_context: int, queue: int, log: Callable[[header.LogLevel, str], None] | None = None,
              **options: Any) -> Context:
        """A context on your own cl_context and in-order cl_command_queue (of PyOpenCL: their `int_ptr`), which it
        retains. Its tensors can be your own buffers: see `Tensor.adopt`."""
        self = cls.__new__(cls)
        self._create(header.ContextOptions(**options), log,
                     lambda given, out, error: lib.tl_context_adopt(cl_context, queue, given, out, error))
        return self

    def _create(self, options: header.ContextOptions, log: Callable[[header.LogLevel, str], None] | None,
                create: Callable[[Any, Any, Any], int]) -> None:
        self._handle: int | None = None
        self._abandoned: deque[tuple[Any, int]] = deque()
        if log is not None:
            def write(_user: Any, level: int, line: bytes) -> None:
                log(header.LogLevel(level), line.decode(errors="replace"))
            callback = dict(header.Log._fields_)["write"](write)
            self._log = header.Log(level=header.LogLevel.DETAIL, write=callback), callback
            options.log = ctypes.pointer(self._log[0])
        handle, error = ctypes.c_void_p(), header.Error()
        check(create(ctypes.byref(options), ctypes.byref(handle), ctypes.byref(error)), error)
        self._handle = handle.value

    @property
    def handle(self) -> int:
        """The tl_context *."""
        if self._handle is None:
            raise UsageError("the context is closed")
        return self._handle

    def call(self, function: Callable[..., int], *arguments: Any) -> None:
        """A function of the library that takes this context and returns a status: an exception where that is none of OK.
        Frees first what nobody holds any more."""
        handle = self.handle
        while self._abandoned:
            destroy, object_ = self._abandoned.popleft()
            destroy(handle, object_)
        status = function(handle, *arguments)
        if status != header.Status.OK:
            check(status, lib.tl_context_error(handle).contents)

    def abandon(self, destroy: Callable[[int, int], None], object_: int | None) -> None:
        """To be destroyed by the next call: Python's collector may run in any thread."""
        if self._handle is not None and object_:
            self._abandoned.append((destroy, object_))

    @property
    def device(self) -> header.DeviceInfo:
        return header.DeviceInfo.from_buffer_copy(lib.tl_context_device(self.handle).contents)

    def finish(self) -> None:
        """Waits for all enqueued work."""
        self.call(lib.tl_finish)

    def memory_used(self, kind: header.MemoryKind | None = None) -> int:
        """Bytes of the device in use by tensors of a kind, or of all."""
        kinds = [kind] if kind is not None else [k for k in header.MemoryKind if k != header.MemoryKind.KINDS]
        return sum(lib.tl_memory_used(self.handle, k) for k in kinds)

    @property
    def memory_peak(self) -> int:
        """The most bytes that were in use at once."""
        return lib.tl_memory_peak(self.handle)

    def tensor(self, values: Any = None, *, shape: Sequence[int] | None = None, name: str = "tensor",
               kind: header.MemoryKind = header.MemoryKind.DATA, lead: int = 1) -> Tensor:
        """A new tensor with a copy of `values`, or one of `shape` with zeros."""
        array = None if values is None else floats(values, shape)
        if array is None and shape is None:
            raise UsageError("a tensor needs values or a shape")
        size = tuple(shape) if array is None else array.shape
        handle = ctypes.c_void_p()
        self.call(lib.tl_tensor_create, name.encode(), kind, lead, math.prod(size) // lead, ctypes.byref(handle))
        tensor = Tensor(self, handle.value, size, owner=None)
        if array is not None:
            tensor.write(array)
        return tensor

    def close(self) -> None:
        """Frees the context and all that is in it; its tensors, layers and models are of no use afterwards."""
        if self._handle is not None:
            lib.tl_context_destroy(self._handle)
            self._handle = None
            self._abandoned.clear()

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()


class Owned:
    """What the library makes in a context: freed by `close`, by `with`, or when nobody holds it any more."""

    _destroy: str
    _handle: int | None = None

    def __init__(self, context: Context, create: Callable[..., int], *arguments: Any) -> None:
        self.context = context
        handle = ctypes.c_void_p()
        context.call(create, *arguments, ctypes.byref(handle))
        self._handle = handle.value

    @property
    def handle(self) -> int:
        if self._handle is None:
            raise UsageError(f"the {type(self).__name__.lower()} is closed")
        return self._handle

    def close(self) -> None:
        if self._handle is not None:
            getattr(lib, self._destroy)(self.context.handle, self._handle)
            self._handle = None

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._handle is not None:
            self.context.abandon(getattr(lib, self._destroy), self._handle)


class Tensor:
    """32-bit floats on the device, of `shape`. `numpy()` (or `numpy.asarray(tensor)`) and `write()` copy, and wait for
    what is enqueued. A tensor on memory of your own, which no call copies: `Tensor.adopt`."""

    def __init__(self, context: Context, handle: int | None, shape: Sequence[int], owner: Any) -> None:
        """owner: the object that the tensor is a part of, which is kept alive; None: the tensor is its own."""
        self.context, self.handle, self.shape, self._owner = context, handle, tuple(shape), owner

    @classmethod
    def adopt(cls, context: Context, cl_mem: int, shape: Sequence[int], name: str = "tensor") -> Tensor:
        """A tensor on your own cl_mem (of PyOpenCL: `int_ptr`), made in the cl_context that `context` adopted; it is
        retained. A buffer made with CL_MEM_USE_HOST_PTR on a NumPy array (of 128-byte alignment, say) shares the
        array's memory on devices that share memory with the host: then nothing is copied."""
        handle = ctypes.c_void_p()
        context.call(lib.tl_tensor_adopt, name.encode(), cl_mem, 1, math.prod(shape), ctypes.byref(handle))
        return cls(context, handle.value, shape, owner=None)

    def numpy(self, out: Array | None = None) -> Array:
        """The values, in a new array or in `out` (32-bit floats in C order)."""
        if out is None:
            out = np.empty(self.shape, np.float32)
        elif out.dtype != np.float32 or not out.flags.c_contiguous or out.shape != self.shape:
            raise UsageError(f"out is {out.dtype} of shape {out.shape}: float32 of shape {self.shape} in C order is needed")
        self.context.call(lib.tl_tensor_read, self.handle, 0, out.size, out.ctypes.data)
        return out

    def write(self, values: Any) -> None:
        """Overwrites all values."""
        array = floats(values, self.shape)
        self.context.call(lib.tl_tensor_write, self.handle, 0, array.size, array.ctypes.data)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.numpy().astype(dtype or np.float32, copy=False)

    def __repr__(self) -> str:
        return f"Tensor(shape={self.shape})"

    def __del__(self) -> None:
        if getattr(self, "_owner", self) is None:
            self.context.abandon(lib.tl_tensor_destroy, self.handle)


class Parameter:
    """A parameter of a layer or a model: `value` and `gradient` are its tensors (write values, read gradients),
    `decay` says whether weight decay applies. `gradient` is None in what was made for inference."""

    def __init__(self, context: Context, raw: header.Parameter, owner: Any) -> None:
        self.name: str = raw.name
        self.shape = tuple(raw.shape[: raw.rank])
        self.decay: bool = raw.decay
        self.raw = raw
        self.value = Tensor(context, raw.value, self.shape, owner)
        self.gradient = Tensor(context, raw.gradient, self.shape, owner) if raw.gradient else None

    def __repr__(self) -> str:
        return f"Parameter({self.name!r}, shape={self.shape}, decay={self.decay})"


class Parameters(Mapping[str, Parameter]):
    """Parameters by name, in the library's order."""

    def __init__(self, context: Context, parameter_at: Callable[[int, Any], bool], owner: Any) -> None:
        self._all: dict[str, Parameter] = {}
        raw = header.Parameter()
        while parameter_at(len(self._all), ctypes.byref(raw)):
            self._all[raw.name] = Parameter(context, header.Parameter.from_buffer_copy(raw), owner)

    def __getitem__(self, name: str) -> Parameter:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)
