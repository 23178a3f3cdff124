"""The shared library: where it is, its functions with the types of the header, its errors as exceptions."""
from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from . import _header as header


class Error(Exception):
    """What a function of the library refused or failed at: the library's own sentence, and its status."""

    status: header.Status = header.Status.OK


class UsageError(Error, ValueError):
    """An option, a shape or a value is wrong: the call has to change."""


class InputError(Error, ValueError):
    """A file is missing, malformed, truncated, or does not fit the call."""


class NoDeviceError(Error, RuntimeError):
    """There is no usable OpenCL device at all."""


class OutOfMemoryError(Error, MemoryError):
    """The plan or an allocation does not fit the device or the host."""


class DeviceError(Error, RuntimeError):
    """An OpenCL call failed."""


class WriteError(Error, OSError):
    """A result could not be written."""


class Interrupted(Error):
    """The run was stopped by a callback, after saving."""


_ERRORS: dict[int, type[Error]] = {
    header.Status.ERROR_USAGE: UsageError,
    header.Status.ERROR_INPUT: InputError,
    header.Status.ERROR_NO_DEVICE: NoDeviceError,
    header.Status.ERROR_MEMORY: OutOfMemoryError,
    header.Status.ERROR_DEVICE: DeviceError,
    header.Status.ERROR_IO: WriteError,
    header.Status.INTERRUPTED: Interrupted,
}


def _paths() -> list[str]:
    """The library by the environment; or else beside these sources, the newest build first; or else the system's."""
    named = os.environ.get("TRANSLUTION_LIBRARY")
    if named:
        return [named]
    soname = "libtranslution.so." + ".".join(header.VERSION.split(".")[:2])
    root = Path(__file__).resolve().parents[2]
    built = root.glob(f"build/*/{soname}") if (root / "include/translution/translution.h").exists() else []
    return [str(path) for path in sorted(built, key=lambda path: -path.stat().st_mtime)] + [soname]


def _load() -> ctypes.CDLL:
    problems = []
    for path in _paths():
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            problems.append(str(error))
            continue
        for name, (result, arguments) in header.FUNCTIONS.items():
            try:
                function = getattr(library, name)
            except AttributeError:
                raise ImportError(f"{path} has no {name}: it is older than this package, which is of version "
                                  f"{header.VERSION}: install the two from one version") from None
            function.restype, function.argtypes = result, arguments
        return library
    raise ImportError("libtranslution was not found (" + "; ".join(problems) + "): install it, or name the file "
                      "libtranslution.so by TRANSLUTION_LIBRARY")


lib = _load()


def check(status: int, error: header.Error) -> None:
    """Raises the exception of a status, with the sentence that the library left in `error`."""
    if status != header.Status.OK:
        exception = _ERRORS.get(status, Error)(error.text)
        exception.status = header.Status(status)
        raise exception


def path_bytes(path: str | os.PathLike[str]) -> bytes:
    return os.fsencode(path)
