"""The base of the structs in _header.py: it converts members between C and Python, and does nothing else."""
from __future__ import annotations

import ctypes
import os
from enum import IntEnum
from typing import Any


class Struct(ctypes.Structure):
    """A struct of translution.h. Members are given by name; those that are not given are 0, which means their
    default. A struct's size is filled in. Enumerators may be given by name ("translution", "alpha_pure" or
    "alpha-pure"), texts and paths are str, and a member that the struct does not have is an AttributeError."""

    _enums_: dict[str, type[IntEnum]] = {}

    def __init__(self, **members: Any) -> None:
        super().__init__()
        self._fill_sizes()
        for name, value in members.items():
            setattr(self, name, value)

    def _fill_sizes(self) -> None:
        for name, kind in self._fields_:
            if name == "size":
                self.size = ctypes.sizeof(self)
            elif issubclass(kind, Struct):
                getattr(self, name)._fill_sizes()

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__} has no member {name}")
        if name in self._enums_ and isinstance(value, str):
            enum = self._enums_[name]
            member = value.upper().replace("-", "_")
            if member not in enum.__members__:
                names = ", ".join(enum.__members__).lower()
                raise ValueError(f"{type(self).__name__}.{name} is {value!r}: it is one of {names}")
            value = enum[member]
        elif isinstance(value, (str, os.PathLike)):
            value = os.fsencode(value)
        try:
            super().__setattr__(name, value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{type(self).__name__}.{name}: {error}") from None

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if type(value) is bytes:
            return value.decode(errors="replace")
        if type(value) is int and name in type(self)._enums_:
            enum = type(self)._enums_[name]
            return enum(value) if value in enum._value2member_map_ else value
        return value

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name, _ in self._fields_ if name not in ("size", "reserved")]
        told = ", ".join(f"{n}={v.name.lower() if isinstance(v, IntEnum) else repr(v)}" for n, v in values if v)
        return f"{type(self).__name__}({told})"
